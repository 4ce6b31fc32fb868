"""The commune Kép with its keys, its loudspeaker, and orders for it."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from broadcaster.domain.place import Mode
from broadcaster.domain.timetable import Window
from broadcaster.orders import envelope, payload
from broadcaster.orders.keys import PrivateKey, Purpose, new_key
from broadcaster.orders.memory import WINDOW, Known, Memory, State
from broadcaster.orders.payload import Approval, Audio, Command, Lateness, LatePolicy, Payload
from broadcaster.orders.verify import Accepted, Duplicate, Listener, Refusal, Refused, Verdict, examine

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
"""16:00 in Kép."""
MILLISECOND, SECOND = timedelta(milliseconds=1), timedelta(seconds=1)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
QUIET = Window(time(21), time(5))
AIRINGS = tuple(f"01KAR0000000000000000000{number:02d}" for number in range(16))
ORDER_KEY = new_key(Purpose.ORDER, "kep", NOW - timedelta(days=1))
STOP_KEY = new_key(Purpose.STOP, "kep", NOW - timedelta(days=1))
LISTENER = Listener(
    commune="kep",
    ids=frozenset({"kep-01", "kep-loa"}),
    mode=Mode.LIVE,
    keys=(ORDER_KEY.public, STOP_KEY.public),
    zone=ZONE,
    quiet_hours=(QUIET,),
)


def play(number: int = 0, *, seq: int = 1, nbf: datetime = NOW, **changes: Any) -> Payload:
    """A live clip an hour after it was signed; airing `number` of the cast."""
    order = Payload(
        cmd=Command.PLAY,
        mode=Mode.LIVE,
        airing=AIRINGS[number],
        ref="cat-dien",
        targets=("kep-01",),
        seq=seq,
        nbf=nbf,
        start=nbf + 60 * MINUTE,
        exp=nbf + 65 * MINUTE,
        max_s=42.5,
        volume_max=80,
        late=Lateness(LatePolicy.START, 300),
        audio=Audio("ab" * 32, 345_678, "audio/mpeg", f"https://loa.example/clips/{'ab' * 32}.mp3"),
        approvals=(Approval("minh", nbf - 60 * MINUTE, "cd" * 32),),
    )
    return replace(order, **changes)


def at_once(cmd: Command, number: int | None = None, *, seq: int = 1, nbf: datetime = NOW, **changes: Any) -> Payload:
    """An order without a clip that is good for ten minutes."""
    order = Payload(
        cmd=cmd,
        mode=Mode.LIVE,
        airing=None if number is None else AIRINGS[number],
        ref="",
        targets=("kep-01",),
        seq=seq,
        nbf=nbf,
        start=nbf,
        exp=nbf + 10 * MINUTE,
        max_s=5 if cmd is Command.TEST else 0,
        volume_max=60 if cmd in {Command.TEST, Command.VOLUME} else 0,
    )
    return replace(order, **changes)


def signed(order: Payload | bytes, *keys: PrivateKey, kind: str = payload.TYPE) -> bytes:
    """An envelope by the cast's own key for this command, unless told otherwise."""
    data = order if isinstance(order, bytes) else order.as_bytes()
    if not keys:
        keys = (STOP_KEY if isinstance(order, Payload) and order.cmd.purpose is Purpose.STOP else ORDER_KEY,)
    return envelope.sign(data, kind, *keys)


def told(order: Payload, memory: Memory | None = None, now: datetime = NOW, listener: Listener = LISTENER) -> Verdict:
    """What the loudspeaker says to an order."""
    return examine(signed(order), listener, memory or Memory(), now)


def obeyed(order: Payload, memory: Memory | None = None, now: datetime = NOW, listener: Listener = LISTENER) -> Memory:
    """What the loudspeaker remembers after an order that it must accept."""
    verdict = told(order, memory, now, listener)
    assert isinstance(verdict, Accepted), verdict
    return verdict.memory


def code(verdict: Verdict) -> Refusal | None:
    """Why it was refused; None where it was not."""
    return verdict.code if isinstance(verdict, Refused) else None


def state(verdict: Verdict) -> str:
    """What became of an order that the loudspeaker knew already."""
    assert isinstance(verdict, Duplicate), verdict
    return verdict.state


def full_window() -> Memory:
    """As many numbers as are remembered, 10 the lowest."""
    return Memory(seen={ORDER_KEY.public.id: tuple(range(10, 10 + WINDOW))})


def full_of_airings() -> Memory:
    """As many airings as are remembered, all of them still to come."""
    return Memory(known={f"A{n}": Known(1, State.ACCEPTED, NOW) for n in range(WINDOW)})
