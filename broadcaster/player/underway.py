"""Which reports to say now: what is new at once, and what nobody has acknowledged once more, later and later.

A server that is slow would only become slower by being told everything again.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from paho.mqtt.client import MQTTMessageInfo
from paho.mqtt.enums import MQTTErrorCode

AGAIN_S = 30.0
"""After so long a report that nobody has acknowledged goes out once more; then after twice as long, and so on."""
MOST_DOUBLINGS = 5
"""16 minutes."""


@dataclass(frozen=True, slots=True)
class _Said:
    times: int
    at_s: float
    info: MQTTMessageInfo | None

    @property
    def is_under_way(self) -> bool:
        """Whether the broker has not confirmed it yet: the client library says it as long as the connection lasts."""
        return self.info is not None and self.info.rc == MQTTErrorCode.MQTT_ERR_SUCCESS and not self.info.is_published()

    def is_due(self, now_s: float) -> bool:
        wait_s = AGAIN_S * 2 ** min(self.times - 1, MOST_DOUBLINGS)
        return not self.is_under_way and now_s - self.at_s >= wait_s


class UnderWay:
    """By the number of each report; times are monotonic, in seconds. Used by one thread."""

    def __init__(self) -> None:
        self._said: dict[int, _Said] = {}

    def begin(self) -> None:
        """There is a new connection: nothing is under way on it."""
        self._said.clear()

    def due(self, waiting: Sequence[int], new: Collection[int], now_s: float, most: int) -> list[int]:
        """What to say now of what waits, oldest first; what is new is not counted among the `most`."""
        self._said = {number: self._said[number] for number in waiting if number in self._said}
        room = most - sum(said.is_under_way for said in self._said.values())
        found = []
        for number in waiting:
            said = self._said.get(number)
            if said is None and number in new:
                found.append(number)
            elif room > 0 and (said is None or said.is_due(now_s)):
                found.append(number)
                room -= 1
        return found

    def said(self, number: int, now_s: float, info: MQTTMessageInfo | None = None) -> None:
        """It has gone out; `info` tells how far it has come, where that is known."""
        before = self._said.get(number)
        self._said[number] = _Said(1 if before is None else before.times + 1, now_s, info)
