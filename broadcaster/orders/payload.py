"""The order itself: what a loudspeaker is told, as a value, from bytes and to bytes. `docs/orders.md` lists each field.

Every field stands in every order; one that a command does not use has its neutral value, so that nothing can be meant
in two ways. The names are those of the JSON.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from broadcaster.domain.bulletin import Priority, canonical
from broadcaster.domain.place import Mode
from broadcaster.orders import envelope as envelopes
from broadcaster.orders import strict_json
from broadcaster.orders.keys import Purpose
from broadcaster.orders.strict_json import BIGGEST, ID, SHA256, ULID, Fields, MalformedError

TYPE = "application/vnd.broadcaster.order.v1+json"
VERSION = 1
HELD = timedelta(hours=24)
"""How long an order may be good for that is kept until its time, and the cancel that takes it back."""
PACK = timedelta(days=8)
"""The same for a station without a network, whose orders come on a USB stick."""
IMMEDIATE = timedelta(minutes=10)
MAX_TARGETS = 64
MAX_APPROVALS = 8
MAX_LATE_S = 3600
MAX_LENGTH_S = 14_400
MAX_CLIP_BYTES = 200_000_000
AUDIO_TYPES = re.compile(r"audio/mpeg|audio/wav")

_REF = re.compile(r"[A-Za-z0-9-]{0,64}")
_URL = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9-]{1,63}\.(?:mp3|wav)"  # beside the order
    r"|https?://(?:[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~%!$&'()*+,;=:@/?-]*)?"
)
_LONGEST_URL = 500


class Command(StrEnum):
    PLAY = "play"
    CANCEL = "cancel"
    STOP = "stop"
    RELEASE = "release"
    VOLUME = "volume"
    TEST = "test"

    @property
    def purpose(self) -> Purpose:
        """Which key signs it."""
        return Purpose.STOP if self in {Command.STOP, Command.RELEASE} else Purpose.ORDER

    @property
    def sounds(self) -> bool:
        return self in {Command.PLAY, Command.TEST}


class LatePolicy(StrEnum):
    START = "start"
    SKIP = "skip"


class VersionError(MalformedError):
    """The order is of a version that this verifier does not know."""


@dataclass(frozen=True, slots=True)
class Lateness:
    """Whether an order whose time has passed may still start, from the beginning, and how long after its time."""

    policy: LatePolicy
    grace_s: float


@dataclass(frozen=True, slots=True)
class Audio:
    """The clip: its hash binds it, `url` only says where to look for it: an address, or a name beside the order."""

    sha256: str
    bytes: int
    type: str
    url: str


@dataclass(frozen=True, slots=True)
class Approval:
    """Who said yes, when, and to what: the hash of the submission."""

    user: str
    at: datetime
    sha256: str


@dataclass(frozen=True, slots=True)
class Payload:
    """One order. `airing` is None only for a stop or release of everything; `nbf` is the moment of signing."""

    cmd: Command
    mode: Mode
    airing: str | None
    ref: str
    targets: tuple[str, ...]
    seq: int
    nbf: datetime
    start: datetime
    exp: datetime
    max_s: float = 0
    volume_max: int = 0
    priority: Priority = Priority.NORMAL
    quiet_override: bool = False
    repeats: int = 1
    gap_s: float = 0
    late: Lateness | None = None
    audio: Audio | None = None
    approvals: tuple[Approval, ...] = ()

    @property
    def is_immediate(self) -> bool:
        """Whether it sounds as soon as it has come, not at a time of day."""
        return self.start <= self.nbf

    @property
    def longest_end(self) -> datetime:
        """When it is silent at the latest, if it starts on time."""
        return self.start + timedelta(seconds=self.max_s)

    def longest_validity(self, held: timedelta = HELD) -> timedelta:
        """How far `exp` may lie behind `nbf`; `held` is PACK for a station without a network.

        A cancel is good as long as what it takes back: one that had lapsed in a queue would let the order play.
        """
        waits = self.cmd is Command.CANCEL or (self.cmd is Command.PLAY and not self.is_immediate)
        return held if waits else IMMEDIATE

    def as_bytes(self) -> bytes:
        """The bytes to sign: JSON with sorted keys and no spaces. Parts of a millisecond are cut off."""
        return canonical(_plain(self))


def next_seq(last: int, now: datetime) -> int:
    """The next order's number: unix milliseconds, and always more than the last one.

    So a server whose backup was restored does not fall behind what its loudspeakers have seen.
    """
    return max(last + 1, int(now.timestamp() * 1000))


def unverified(envelope: bytes) -> Payload:
    """The order in an envelope that was signed here, or that its reader verifies. Raises MalformedError."""
    return parse(envelopes.unverified_payload(envelope, limit_bytes=envelopes.ORDER_LIMIT_BYTES))


def parse(data: bytes) -> Payload:
    """An order from the bytes that were signed. Raises VersionError, MalformedError, and nothing else."""
    fields = strict_json.read(data)
    if fields.integer("v", 0, BIGGEST) != VERSION:
        raise VersionError("This order is of another version than {version}.", version=VERSION)
    cmd = fields.member("cmd", Command)
    order = Payload(
        cmd=cmd,
        mode=fields.member("mode", Mode),
        airing=_airing(fields, cmd),
        ref=fields.text("ref", _REF),
        targets=fields.texts("targets", ID, 1, MAX_TARGETS),
        seq=fields.integer("seq", 1, BIGGEST),
        nbf=fields.moment("nbf"),
        start=fields.moment("start"),
        exp=fields.moment("exp"),
        max_s=fields.number("max_s", 0, MAX_LENGTH_S),
        volume_max=fields.integer("volume_max", 0, 100),
        priority=fields.member("priority", Priority),
        quiet_override=fields.flag("quiet_override"),
        repeats=fields.integer("repeats", 1, 20),
        gap_s=fields.number("gap_s", 0, MAX_LATE_S),
        late=_late(fields, cmd),
        audio=_audio(fields, cmd),
        approvals=tuple(map(_approval, fields.objects("approvals", 0, MAX_APPROVALS))),
    )
    fields.end()
    _check_together(order, fields)
    return order


def _airing(fields: Fields, cmd: Command) -> str | None:
    if cmd.purpose is Purpose.STOP and fields.is_null("airing"):
        return None
    return fields.text("airing", ULID)


def _late(fields: Fields, cmd: Command) -> Lateness | None:
    if _is_left_out(fields, "late", cmd):
        return None
    inner = fields.inner("late")
    found = Lateness(inner.member("policy", LatePolicy), inner.number("grace_s", 0, MAX_LATE_S))
    inner.end()
    return found


def _audio(fields: Fields, cmd: Command) -> Audio | None:
    if _is_left_out(fields, "audio", cmd):
        return None
    inner = fields.inner("audio")
    found = Audio(
        inner.text("sha256", SHA256),
        inner.integer("bytes", 1, MAX_CLIP_BYTES),
        inner.text("type", AUDIO_TYPES),
        inner.text("url", _URL),
    )
    inner.require(len(found.url) <= _LONGEST_URL, "url")
    inner.end()
    return found


def _is_left_out(fields: Fields, name: str, cmd: Command) -> bool:
    """Whether this is null, as it is in every command but play."""
    is_null = fields.is_null(name)
    fields.require(is_null is (cmd is not Command.PLAY), name)
    return is_null


def _approval(fields: Fields) -> Approval:
    found = Approval(fields.text("user", ID), fields.moment("at"), fields.text("sha256", SHA256))
    fields.end()
    return found


def _check_together(order: Payload, fields: Fields) -> None:
    """What each field allows by itself may still contradict another one."""
    fields.require(order.nbf < order.exp, "exp")
    fields.require(order.nbf - timedelta(seconds=MAX_LATE_S) <= order.start <= order.exp, "start")
    fields.require((order.max_s > 0) is order.cmd.sounds, "max_s")
    fields.require((len(order.approvals) > 0) is (order.cmd is Command.PLAY), "approvals")
    is_urgent = order.cmd is Command.PLAY and order.priority is Priority.EMERGENCY
    fields.require(is_urgent or not order.quiet_override, "quiet_override")
    if order.cmd is not Command.PLAY:
        fields.require(order.repeats == 1, "repeats")
        fields.require(order.gap_s == 0, "gap_s")
    if not order.cmd.sounds and order.cmd is not Command.VOLUME:
        fields.require(order.volume_max == 0, "volume_max")


def _plain(order: Payload) -> Mapping[str, object]:
    late, audio = order.late, order.audio
    return {
        "v": VERSION,
        "cmd": order.cmd,
        "mode": order.mode,
        "airing": order.airing,
        "ref": order.ref,
        "targets": order.targets,
        "seq": order.seq,
        "nbf": strict_json.moment(order.nbf),
        "start": strict_json.moment(order.start),
        "exp": strict_json.moment(order.exp),
        "max_s": strict_json.number(order.max_s),
        "volume_max": order.volume_max,
        "priority": order.priority,
        "quiet_override": order.quiet_override,
        "repeats": order.repeats,
        "gap_s": strict_json.number(order.gap_s),
        "late": late and {"policy": late.policy, "grace_s": strict_json.number(late.grace_s)},
        "audio": audio and {"sha256": audio.sha256, "bytes": audio.bytes, "type": audio.type, "url": audio.url},
        "approvals": [
            {"user": approval.user, "at": strict_json.moment(approval.at), "sha256": approval.sha256}
            for approval in order.approvals
        ],
    }
