"""A campaign: bulletins that a source asks many communes to air, what each answers, and the target."""

import hashlib
from collections.abc import Mapping
from enum import StrEnum

from broadcaster.errors import InputError


class Answer(StrEnum):
    """What became of one bulletin of a campaign in one commune."""

    ASKED = "asked"
    ADOPTED = "adopted"
    """It airs as the source wished."""
    MOVED = "moved"
    """It airs, when the commune wants it."""
    DECLINED = "declined"
    LANDED = "landed"
    """It came into the queue by itself: a priority bulletin, as the law wants it."""


TRANSITIONS: Mapping[Answer, frozenset[Answer]] = {
    Answer.ASKED: frozenset({Answer.ADOPTED, Answer.MOVED, Answer.DECLINED, Answer.LANDED}),
    Answer.ADOPTED: frozenset({Answer.MOVED, Answer.DECLINED}),
    Answer.MOVED: frozenset({Answer.MOVED, Answer.DECLINED}),
    Answer.DECLINED: frozenset({Answer.ADOPTED, Answer.MOVED}),
    # The commune has to air it; when, is its own choice.
    Answer.LANDED: frozenset({Answer.MOVED}),
}

OPEN = frozenset({Answer.ASKED, Answer.LANDED})
"""Where nobody in the commune has answered yet."""

NO_SLOTS = "no_slots"
"""The reason for which a priority bulletin could not land: the commune has no slot to put it into."""


def check_answer(bulletin: str, before: Answer, after: Answer) -> None:
    """Raise InputError unless an answer may change so."""
    if after not in TRANSITIONS[before]:
        raise InputError(
            "{bulletin} is {before} in this commune and cannot become {after}.",
            bulletin=bulletin, before=before, after=after,
        )  # fmt: skip


def schedule_id(campaign: str, bulletin: str, commune: str) -> str:
    """The id of the schedule that airs a bulletin of a campaign in a commune: 64 characters at most, and no other's."""
    whole = hashlib.sha256("\n".join((campaign, bulletin, commune)).encode()).hexdigest()
    return f"{campaign}-{bulletin}-{commune}"[:53] + f"-{whole[:10]}"


def communes_needed(percent: int, communes: int) -> int:
    """How many of so many communes have to reach a target."""
    return -(-communes * percent // 100)
