"""What a loudspeaker must not forget: numbers it has seen, what became of each airing, and what is stopped.

A value: every method gives a new one. It is stored before anything sounds (`save`), so that a power cut between
storing and playing can cost an airing, and never plays one twice. Its size is bounded everywhere.
"""

from bisect import insort
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

from broadcaster import files
from broadcaster.domain.bulletin import canonical
from broadcaster.errors import BroadcasterError
from broadcaster.orders import strict_json
from broadcaster.orders.payload import PACK
from broadcaster.orders.strict_json import BIGGEST, Fields

WINDOW = 1024
"""So many numbers are remembered of each key, so many airings, and so many stops of single airings."""
EVERYTHING = "*"
CLOCK_TOLERANCE = timedelta(seconds=120)


class State(StrEnum):
    """What became of an airing at this loudspeaker."""

    ACCEPTED = "accepted"
    READY = "ready"
    STARTED = "started"
    FINISHED = "finished"
    STOPPED = "stopped"
    CANCELLED = "cancelled"
    REFUSED = "refused"

    @property
    def is_final(self) -> bool:
        """Something was heard, or somebody stopped it: no order plays this airing again."""
        return self in {State.STARTED, State.FINISHED, State.STOPPED}


_ENDINGS = {(State.STARTED, State.FINISHED), (State.STARTED, State.STOPPED)}


class Replay(StrEnum):
    SEEN = "seen"
    OLDER = "older"


class DamagedMemoryError(BroadcasterError):
    """What a loudspeaker remembers cannot be read."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of an airing: the number of the newest order about it, its state, how long it must be kept."""

    seq: int
    state: State
    until: datetime


@dataclass(frozen=True, slots=True)
class Latch:
    """A stop in force: its number, and when it was signed."""

    seq: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Volume:
    """The loudest that was allowed last, in percent, and by which order's number."""

    seq: int
    percent: int


@dataclass(frozen=True, slots=True)
class Memory:
    """`seen`: key id -> numbers, ascending. `known`: by airing. `latches`: by airing, and "*" for everything.

    Nothing that was signed up to `floor` is played: what is known of that time is not complete.
    """

    seen: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    known: Mapping[str, Known] = field(default_factory=dict)
    latches: Mapping[str, Latch] = field(default_factory=dict)
    volume: Volume | None = None
    floor: datetime | None = None

    @classmethod
    def lost(cls, now: datetime) -> "Memory":
        """The memory of a loudspeaker that lost its own: what was signed before now is not obeyed any more."""
        return cls(floor=strict_json.whole(now) + timedelta(milliseconds=1))

    def replay(self, key: str, seq: int) -> Replay | None:
        """Whether a number was seen before, or is older than all that are remembered."""
        window = self.seen.get(key, ())
        if seq in window:
            return Replay.SEEN
        return Replay.OLDER if len(window) >= WINDOW and seq < window[0] else None

    def is_stopped(self, airing: str | None) -> bool:
        """Whether a stop of everything or of this airing is in force."""
        return EVERYTHING in self.latches or airing in self.latches

    def heard(self, key: str, seq: int, pinned: Iterable[str]) -> "Memory":
        """With one more number seen; keys that are not pinned any more are forgotten: their orders fail anyway."""
        keys = {*pinned, key}
        numbers = list(self.seen.get(key, ()))
        if seq not in numbers:
            insort(numbers, seq)
        kept = {name: window for name, window in self.seen.items() if name in keys}
        return replace(self, seen=kept | {key: tuple(numbers[-WINDOW:])})

    def with_known(self, airing: str, known: Known, now: datetime) -> "Memory | None":
        """With an airing's state; None where there is no room, because too many that are known may still be ordered."""
        kept = dict(self.known) | {airing: known}
        if len(kept) > WINDOW:
            oldest = min(kept, key=lambda name: (kept[name].until, name))
            if kept[oldest].until + CLOCK_TOLERANCE >= now:
                return None
            del kept[oldest]
        return replace(self, known=kept)

    def noted(self, airing: str, state: State) -> "Memory":
        """With the next state of an airing that is known; after a final one only what follows from it is taken."""
        before = self.known.get(airing)
        if before is None or (before.state.is_final and (before.state, state) not in _ENDINGS):
            return self
        return replace(self, known=dict(self.known) | {airing: replace(before, state=state)})

    def unknown_before(self, at: datetime) -> "Memory":
        """With nothing played any more that was signed up to a moment."""
        return replace(self, floor=at if self.floor is None else max(self.floor, at))

    def latched(self, scope: str, latch: Latch) -> "Memory":
        """With a stop in force; of more than 1,024 the first signed is dropped, and all that was signed up to it."""
        before = self.latches.get(scope)
        newest = latch if before is None or before.seq < latch.seq else before
        kept = {
            name: other
            for name, other in self.latches.items()
            if name == EVERYTHING or other.at + PACK + CLOCK_TOLERANCE >= latch.at
        } | {scope: newest}
        if len(kept) <= WINDOW:
            return replace(self, latches=kept)
        first = min(kept.keys() - {EVERYTHING}, key=lambda name: (kept[name].at, name))
        dropped = kept.pop(first)
        return replace(self, latches=kept).unknown_before(dropped.at)

    def released(self, scope: str) -> "Memory":
        return replace(self, latches={name: latch for name, latch in self.latches.items() if name != scope})

    def as_bytes(self) -> bytes:
        return canonical(
            {
                "v": 1,
                "seen": self.seen,
                "known": {
                    airing: {"seq": known.seq, "state": known.state, "until": strict_json.moment(known.until)}
                    for airing, known in self.known.items()
                },
                "latches": {
                    scope: {"seq": latch.seq, "at": strict_json.moment(latch.at)}
                    for scope, latch in self.latches.items()
                },
                "volume": self.volume and {"seq": self.volume.seq, "percent": self.volume.percent},
                "floor": self.floor and strict_json.moment(self.floor),
            }
        )


def parse(data: bytes) -> Memory:
    """A memory from its bytes. Raises DamagedMemoryError."""
    try:
        fields = strict_json.read(data)
        fields.integer("v", 1, 1)
        found = Memory(
            seen={key: _numbers(value) for key, value in fields.items("seen")},
            known={airing: _known(Fields(value, "known")) for airing, value in fields.items("known")},
            latches={scope: _latch(Fields(value, "latches")) for scope, value in fields.items("latches")},
            volume=None if fields.is_null("volume") else _volume(fields.inner("volume")),
            floor=None if fields.is_null("floor") else fields.moment("floor"),
        )
        fields.end()
    except strict_json.MalformedError as error:
        raise DamagedMemoryError("What the loudspeaker remembers is damaged: {error}", error=error) from error
    return found


def load(path: Path) -> Memory:
    """What was saved; an empty memory where nothing was yet. Raises DamagedMemoryError, OSError.

    Whoever goes on without it begins with `Memory.lost`, which obeys nothing that was signed before.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return Memory()
    return parse(data)


def save(path: Path, memory: Memory) -> None:
    """Store it whole, and only return when a power cut cannot undo it. Raises OSError: then nothing may sound."""
    files.write(path, memory.as_bytes())
    files.settle(path.parent)


def _numbers(value: object) -> tuple[int, ...]:
    wrapped = Fields({"seen": value})
    if not isinstance(value, list) or any(type(number) is not int for number in value) or len(value) > WINDOW:
        wrapped.refuse("seen")
    return tuple(sorted(set(value)))


def _known(fields: Fields) -> Known:
    found = Known(fields.integer("seq", 0, BIGGEST), fields.member("state", State), fields.moment("until"))
    fields.end()
    return found


def _latch(fields: Fields) -> Latch:
    found = Latch(fields.integer("seq", 0, BIGGEST), fields.moment("at"))
    fields.end()
    return found


def _volume(fields: Fields) -> Volume:
    found = Volume(fields.integer("seq", 0, BIGGEST), fields.integer("percent", 0, 100))
    fields.end()
    return found
