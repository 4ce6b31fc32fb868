"""A bulletin, its revisions, the states it goes through, and the hash of what is approved."""

import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum

from broadcaster.errors import InputError


class Priority(StrEnum):
    """The three classes of Circular 39/2020/TT-BTTTT, most urgent first."""

    EMERGENCY = "emergency"
    PRIORITY = "priority"
    NORMAL = "normal"

    @property
    def rank(self) -> int:
        """0 is most urgent."""
        return _RANKS[self]


_RANKS = {priority: rank for rank, priority in enumerate(Priority)}  # asked for at every comparison of a plan


class Field(StrEnum):
    """The field of content (LoaiLinhVuc of the source systems, in words)."""

    GENERAL = "general"
    AD_HOC = "ad_hoc"
    POLICY_LAW = "policy_law"
    DIRECTION = "direction"
    KNOWLEDGE = "knowledge"
    GOOD_EXAMPLES = "good_examples"


class Late(StrEnum):
    """What becomes of an airing whose time has passed: it starts late within the grace, waits for a slot, or ends."""

    START = "start"
    NEXT_SLOT = "next_slot"
    SKIP = "skip"


class BulletinState(StrEnum):
    DRAFT = "draft"
    SUBMITTED = "submitted"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


_REVISED = BulletinState.DRAFT  # a new revision always starts over
_ENDINGS = {BulletinState.WITHDRAWN, BulletinState.EXPIRED}
TRANSITIONS: Mapping[BulletinState, frozenset[BulletinState]] = {
    BulletinState.DRAFT: frozenset({BulletinState.SUBMITTED, _REVISED} | _ENDINGS),
    BulletinState.SUBMITTED: frozenset(
        {BulletinState.SUBMITTED, BulletinState.APPROVED, BulletinState.REJECTED, _REVISED} | _ENDINGS
    ),
    BulletinState.APPROVED: frozenset({_REVISED} | _ENDINGS),
    BulletinState.REJECTED: frozenset({BulletinState.SUBMITTED, BulletinState.WITHDRAWN, _REVISED}),
    BulletinState.WITHDRAWN: frozenset({_REVISED}),
    BulletinState.EXPIRED: frozenset({_REVISED}),
}


def check_transition(bulletin: str, before: BulletinState, after: BulletinState) -> None:
    """Raise InputError unless a bulletin may go from `before` to `after`."""
    if after not in TRANSITIONS[before]:
        raise InputError(
            "Bulletin {bulletin} is {before} and cannot become {after}.", bulletin=bulletin, before=before, after=after
        )


@dataclass(frozen=True, slots=True)
class RevisionText:
    """The content of one revision; two revisions with equal content are the same revision."""

    title: str
    language: str
    field: Field
    priority: Priority
    source: str
    text: str
    expires_at: datetime | None = None
    template: str | None = None
    voice: str | None = None
    late: Late = Late.START
    grace_s: float | None = None

    @property
    def sha256(self) -> str:
        """What came later is left out where it says nothing, so that older revisions keep their hash."""
        values = asdict(self)
        if self.late is Late.START and self.grace_s is None:
            del values["late"], values["grace_s"]
        return digest(values)


class Placeholder(StrEnum):
    """The fixed list of what may stand in braces in a text."""

    COMMUNE = "commune"
    HOTLINE = "hotline"


_BRACES = re.compile(r"\{([^{}]*)\}")


def placeholders(text: str) -> frozenset[Placeholder]:
    """The placeholders in a text. Raises InputError for a name that is not on the list."""
    names = {match[1] for match in _BRACES.finditer(text)}
    unknown = sorted(names - set(Placeholder))
    if unknown:
        raise InputError(
            "Unknown placeholder {placeholder}. Known: {known}.",
            placeholder="{" + unknown[0] + "}",
            known=", ".join("{" + name + "}" for name in Placeholder),
        )
    return frozenset(map(Placeholder, names))


def resolve(text: str, values: Mapping[Placeholder, str]) -> str:
    """The text with its placeholders replaced in one pass: a value is never searched for placeholders again."""
    return _BRACES.sub(lambda match: values[Placeholder(match[1])], text)


def normalised(text: str) -> str:
    """NFC with unix line ends and no blank edges: what is stored, hashed and read."""
    return unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n")).strip()


@dataclass(frozen=True, slots=True)
class Approvable:
    """Exactly what an approver approves. Any difference gives another hash, so nothing can be swapped afterwards.

    `readings` maps each clip's key to the words that are said in it, `clips` maps the key to the SHA-256 of the
    finished file, `voices` maps it to the voice that spoke, `communes` maps each permitted commune to its clip's key.
    """

    bulletin: str
    revision: int
    revision_sha256: str
    readings: Mapping[str, str]
    clips: Mapping[str, str]
    voices: Mapping[str, str]
    template: str
    template_sha256: str
    communes: Mapping[str, str]
    zones: tuple[str, ...]
    valid_from: datetime
    valid_until: datetime

    @property
    def sha256(self) -> str:
        return digest(asdict(self))


def digest(value: object) -> str:
    """SHA-256 of a value as canonical JSON, in hex."""
    return hashlib.sha256(canonical(value)).hexdigest()


def canonical(value: object) -> bytes:
    """JSON with sorted keys and no spaces: equal values give equal bytes."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=_plain).encode()


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value)
