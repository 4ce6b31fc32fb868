"""The one verifier of server and loudspeaker: whether an order is obeyed here and now, and if not, why.

Pure: what the loudspeaker remembers comes in as a value and goes out as a new one, which is stored before anything
sounds. Never raises, whatever the bytes are. The order of the checks is that of `docs/orders.md`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from broadcaster.domain.place import Mode
from broadcaster.domain.timetable import Interval, Window, beside
from broadcaster.orders import envelope as envelopes
from broadcaster.orders import payload
from broadcaster.orders.envelope import SignatureError, TooLargeError
from broadcaster.orders.keys import PublicKey, Purpose
from broadcaster.orders.memory import CLOCK_TOLERANCE, EVERYTHING, Known, Latch, Memory, Replay, State, Volume
from broadcaster.orders.payload import HELD, PACK, Audio, Command, LatePolicy, Payload, VersionError
from broadcaster.orders.strict_json import MalformedError

PUNCTUAL = timedelta(seconds=2)
"""Later than this is late: a loudspeaker that starts on time starts some milliseconds after it."""


class Refusal(StrEnum):
    """Why an order is not obeyed; reported as `refused:<code>`. Silence is all that a listener notices."""

    TOO_LARGE = "too_large"
    ENVELOPE = "envelope"
    SIGNATURE = "signature"
    SCOPE = "scope"
    TYPE = "type"
    VERSION = "version"
    MALFORMED = "malformed"
    PURPOSE = "purpose"
    KEY_TIME = "key_time"
    MODE = "mode"
    TARGET = "target"
    TOO_LONG = "too_long"
    EARLY = "early"
    EXPIRED = "expired"
    REPLAYED = "replayed"
    TOO_OLD = "too_old"
    CANCELLED = "cancelled"
    STOPPED = "stopped"
    SUPERSEDED = "superseded"
    QUIET_HOURS = "quiet_hours"
    FULL = "full"
    LATE = "late"
    CLIP_MISSING = "clip_missing"
    CLIP_DAMAGED = "clip_damaged"


@dataclass(frozen=True, slots=True)
class Listener:
    """What a loudspeaker is and trusts. `ids`: its own id, and that of the station it belongs to.

    `held` is PACK where a station without a network gets its orders on a stick.
    """

    commune: str
    ids: frozenset[str]
    mode: Mode
    keys: Sequence[PublicKey]
    zone: ZoneInfo
    quiet_hours: Sequence[Window] = ()
    held: timedelta = HELD

    def is_quiet(self, interval: Interval) -> bool:
        """Whether any moment of the interval, at most a day long, lies in quiet hours."""
        start, end = interval
        days = beside(start.astimezone(self.zone).date())
        quiet = (window.on(day, self.zone) for window in self.quiet_hours for day in days)
        return any(start < until and since < end for since, until in quiet)


@dataclass(frozen=True, slots=True)
class Accepted:
    """To be obeyed, once `memory` is stored."""

    order: Payload
    key: str
    memory: Memory


@dataclass(frozen=True, slots=True)
class Duplicate:
    """Obeyed before, or overtaken: answered with what became of it, and nothing else happens."""

    order: Payload
    state: State


@dataclass(frozen=True, slots=True)
class Refused:
    """Not obeyed. `order` is there where a known key signed it, so that the report can name its airing."""

    code: Refusal
    order: Payload | None = None

    @property
    def report(self) -> str:
        return f"refused:{self.code}"


Verdict = Accepted | Duplicate | Refused


def examine(envelope: bytes, listener: Listener, memory: Memory, now: datetime) -> Verdict:
    """Whether these bytes are obeyed by this loudspeaker at this moment of its own clock."""
    try:
        opened = envelopes.opened(envelope, listener.keys)
    except TooLargeError:
        return Refused(Refusal.TOO_LARGE)
    except MalformedError:
        return Refused(Refusal.ENVELOPE)
    except SignatureError:
        return Refused(Refusal.SIGNATURE)
    if listener.commune not in opened.key.communes:
        return Refused(Refusal.SCOPE)
    if opened.type != payload.TYPE:
        return Refused(Refusal.TYPE)
    try:
        order = payload.parse(opened.payload)
    except VersionError:
        return Refused(Refusal.VERSION)
    except MalformedError:
        return Refused(Refusal.MALFORMED)
    refusal = _not_mine(order, opened.key, listener) or _not_now(order, listener, now)
    if refusal is not None:
        return Refused(refusal, order)
    return _obeyed(order, opened.key.id, listener, memory, now)


def may_start(order: Payload, listener: Listener, memory: Memory, now: datetime) -> Refusal | None:
    """What keeps an accepted order from sounding at this very moment; asked again right before it would.

    Between the order and its time, it can have been cancelled, stopped, replaced, or become late.
    """
    known = memory.known.get(order.airing or "")
    if memory.is_stopped(order.airing):
        return Refusal.STOPPED
    if known is None or known.seq != order.seq or known.state not in {State.ACCEPTED, State.READY}:
        return Refusal.CANCELLED if known is not None and known.state is State.CANCELLED else Refusal.SUPERSEDED
    if listener.mode is not order.mode:
        return Refusal.MODE
    if now < order.start:
        return Refusal.EARLY
    if now > order.exp:
        return Refusal.EXPIRED
    if now > order.start + _allowed_lateness(order):
        return Refusal.LATE
    return _disturbs(order, listener, now)


def clip_fault(audio: Audio, length_bytes: int | None, sha256: str) -> Refusal | None:
    """What is wrong with a downloaded clip of so many bytes (None: nothing could be downloaded)."""
    if length_bytes is None:
        return Refusal.CLIP_MISSING
    return None if (length_bytes, sha256) == (audio.bytes, audio.sha256) else Refusal.CLIP_DAMAGED


def _not_mine(order: Payload, key: PublicKey, listener: Listener) -> Refusal | None:
    if key.purpose is not order.cmd.purpose:
        return Refusal.PURPOSE
    if not key.is_valid(order.nbf):
        return Refusal.KEY_TIME
    # Silence is silence in either mode: a loudspeaker that was switched over while it played must still stop.
    if order.mode is not listener.mode and order.cmd.purpose is not Purpose.STOP:
        return Refusal.MODE
    return Refusal.TARGET if listener.ids.isdisjoint(order.targets) else None


def _not_now(order: Payload, listener: Listener, now: datetime) -> Refusal | None:
    if order.exp - order.nbf > order.longest_validity(listener.held):
        return Refusal.TOO_LONG
    if now < order.nbf - CLOCK_TOLERANCE:
        return Refusal.EARLY
    return Refusal.EXPIRED if now > order.exp else None


def _obeyed(order: Payload, key: str, listener: Listener, memory: Memory, now: datetime) -> Verdict:
    replay = memory.replay(key, order.seq)
    heard = memory.heard(key, order.seq, (known.id for known in listener.keys))
    outcome: Memory | Duplicate | Refused
    if order.cmd is Command.STOP:
        outcome = _stop(order, replay, heard)
    elif order.cmd is Command.RELEASE:
        outcome = _release(order, replay, heard)
    elif order.cmd is Command.CANCEL:
        outcome = _cancel(order, heard, now)
    else:
        outcome = _play(order, replay, heard, listener, now)
    return Accepted(order, key, outcome) if isinstance(outcome, Memory) else outcome


def _stop(order: Payload, replay: Replay | None, heard: Memory) -> Memory | Duplicate:
    """A stop that was not seen before is obeyed whatever its number is."""
    if replay is Replay.SEEN:
        return Duplicate(order, State.STOPPED if heard.is_stopped(order.airing) else State.FINISHED)
    memory = heard.latched(order.airing or EVERYTHING, Latch(order.seq, order.nbf))
    known = heard.known.get(order.airing or "")
    if order.airing is None or known is None or known.state is State.STARTED:
        return memory  # what sounds is noted as stopped with its silence
    return memory.noted(order.airing, State.STOPPED)


def _release(order: Payload, replay: Replay | None, heard: Memory) -> Memory | Refused:
    scope = order.airing or EVERYTHING
    if replay is not None:
        return Refused(_REPLAYS[replay], order)
    latch = heard.latches.get(scope)
    if latch is not None and order.seq <= latch.seq:
        return Refused(Refusal.SUPERSEDED, order)
    return heard.released(scope)


def _cancel(order: Payload, heard: Memory, now: datetime) -> Memory | Duplicate:
    """It takes back every order for the airing with a lower number, also one that arrives after it."""
    assert order.airing is not None
    known = heard.known.get(order.airing)
    if known is not None and order.seq <= known.seq:
        return Duplicate(order, known.state)
    state = known.state if known is not None and known.state.is_final else State.CANCELLED
    until = max(order.nbf + PACK, order.exp if known is None else known.until)
    memory = heard.with_known(order.airing, Known(order.seq, state, until), now)
    return heard.unknown_before(order.nbf) if memory is None else memory


def _play(
    order: Payload, replay: Replay | None, heard: Memory, listener: Listener, now: datetime
) -> Memory | Duplicate | Refused:
    assert order.airing is not None
    known = heard.known.get(order.airing)
    if known is not None and _is_handled(order, known):
        return Duplicate(order, known.state)
    refusal = _not_new(order, replay, known, heard) or _not_allowed(order, heard, listener, now)
    if refusal is not None:
        return Refused(refusal, order)
    state = State.ACCEPTED if order.cmd.sounds else State.FINISHED
    memory = heard.with_known(order.airing, Known(order.seq, state, order.exp), now)
    if memory is None:
        return Refused(Refusal.FULL, order)
    if order.cmd is Command.VOLUME and (memory.volume is None or memory.volume.seq < order.seq):
        memory = replace(memory, volume=Volume(order.seq, order.volume_max))
    return memory


def _not_new(order: Payload, replay: Replay | None, known: Known | None, heard: Memory) -> Refusal | None:
    if replay is not None:
        return _REPLAYS[replay]
    if heard.floor is not None and order.nbf <= heard.floor:
        return Refusal.TOO_OLD
    return Refusal.CANCELLED if known is not None and order.seq <= known.seq else None


def _not_allowed(order: Payload, heard: Memory, listener: Listener, now: datetime) -> Refusal | None:
    if not order.cmd.sounds:
        return None
    if heard.is_stopped(order.airing):
        return Refusal.STOPPED
    return _disturbs(order, listener, max(now, order.start))


def _is_handled(order: Payload, known: Known) -> bool:
    """Whether the airing needs nothing more: heard or stopped once, or this order or a newer one was taken already."""
    return known.state.is_final or (known.state is not State.CANCELLED and order.seq <= known.seq)


def _disturbs(order: Payload, listener: Listener, start: datetime) -> Refusal | None:
    """Quiet hours, unless an emergency overrides them, or nobody hears it: then order and loudspeaker are in test."""
    if order.quiet_override or order.mode is listener.mode is Mode.TEST:
        return None
    interval = start, start + timedelta(seconds=order.max_s)
    return Refusal.QUIET_HOURS if listener.is_quiet(interval) else None


def _allowed_lateness(order: Payload) -> timedelta:
    if order.late is None or order.late.policy is LatePolicy.SKIP:
        return PUNCTUAL
    return max(PUNCTUAL, timedelta(seconds=order.late.grace_s))


_REPLAYS = {Replay.SEEN: Refusal.REPLAYED, Replay.OLDER: Refusal.TOO_OLD}
