"""How far a loudspeaker's clock is from its server's, from the acknowledgements of what it has just sent.

Only messages that were sent for the first time a moment ago count: an acknowledgement that waited somewhere for an hour
says nothing about the present.
"""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta

from broadcaster.orders.device import Ack
from broadcaster.orders.memory import CLOCK_TOLERANCE
from broadcaster.player.pace import Clock

_FRESH_S = 30.0
_MAX_SENT = 64


@dataclass(frozen=True, slots=True)
class _Reading:
    """The server's clock at a moment of our monotonic one, give or take `unsure`."""

    at: datetime
    monotonic_s: float
    unsure: timedelta


class ServerTime:
    """Safe under the lock of its user. A clock that is set afterwards is noticed: the reading goes on by itself."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._sent: OrderedDict[int, float] = OrderedDict()
        self._reading: _Reading | None = None

    def sent(self, number: int) -> None:
        """A message goes out for the first time."""
        self._sent[number] = self._clock.monotonic_s()
        if len(self._sent) > _MAX_SENT:
            self._sent.popitem(last=False)

    def heard(self, ack: Ack) -> None:
        """An acknowledgement has come that the commune's key has signed."""
        now_s = self._clock.monotonic_s()
        sent = [self._sent.pop(number) for number in ack.seqs if number in self._sent]
        if sent and (way_s := now_s - max(sent)) <= _FRESH_S:
            half = timedelta(seconds=way_s / 2)
            self._reading = _Reading(ack.at + half, now_s, half)

    @property
    def offset(self) -> timedelta | None:
        """How far our clock is ahead; None where nothing is known."""
        if self._reading is None:
            return None
        since = timedelta(seconds=self._clock.monotonic_s() - self._reading.monotonic_s)
        return self._clock.now() - (self._reading.at + since)

    @property
    def offset_ms(self) -> int | None:
        found = self.offset
        return None if found is None else round(found / timedelta(milliseconds=1))

    @property
    def is_wrong(self) -> bool:
        """Whether our clock is known to be off by more than 120 s: nothing is played by it then."""
        found = self.offset
        return found is not None and self._reading is not None and abs(found) - self._reading.unsure > CLOCK_TOLERANCE
