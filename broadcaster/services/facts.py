"""Facts that a bulletin may state, and which numbers and sites of a text are among the verified ones."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from broadcaster.reading.mentions import Kind, Mention, mentions, normal
from broadcaster.reading.phones import EMERGENCY
from broadcaster.store.tables import FactRow

PREMIUM_PREFIX = "1900"

MESSAGES = {
    "unverified": "{written} is not among the verified facts. Check it with its owner before anyone approves it.",
    "premium": (
        "{written} is a premium-rate number that nobody has verified: whoever calls pays for every minute. "
        "Check it with its owner before anyone approves it."
    ),
    "sample": "{written} is a sample that only stations in test mode may speak. Have its owner verify it.",
}


class Standing(StrEnum):
    """What is known of a number, site or account in a text."""

    VERIFIED = "verified"
    SAMPLE = "sample"
    UNVERIFIED = "unverified"
    PREMIUM = "premium"


@dataclass(frozen=True, slots=True)
class Claim:
    """A mention of a text and its standing; `owner` is whose it is, where that is known."""

    mention: Mention
    standing: Standing
    owner: str = ""

    @property
    def message(self) -> str:
        """The warning as an English template with the field `written`; empty for what is verified."""
        return MESSAGES.get(self.standing, "")


def claims(session: Session | None, text: str) -> list[Claim]:
    """Every telephone number, site and account in a text of any language; without a database no fact is verified."""
    facts = list(session.scalars(select(FactRow).order_by(FactRow.key, FactRow.value))) if session is not None else []
    return [_claim(mention, facts) for mention in mentions(text)]


def _claim(mention: Mention, facts: Iterable[FactRow]) -> Claim:
    known = [fact for fact in facts if normal(mention.kind, fact.value) == mention.value]
    verified = next((fact for fact in known if fact.verified_on is not None and not fact.sample), None)
    if verified is not None:
        return Claim(mention, Standing.VERIFIED, verified.owner)
    if mention.kind is Kind.PHONE and mention.value in EMERGENCY:
        return Claim(mention, Standing.VERIFIED)
    if known and known[0].sample:
        return Claim(mention, Standing.SAMPLE, known[0].owner)
    is_premium = mention.kind is Kind.PHONE and mention.value.startswith(PREMIUM_PREFIX)
    return Claim(mention, Standing.PREMIUM if is_premium else Standing.UNVERIFIED)
