"""Connections of which nobody knows yet who they are: few at once, and one address alone cannot keep all others out."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

MOST = 100
CHANCE_S = 0.5
"""To say its name, before another of an address with as many takes its place: hundreds may come back at once."""


@dataclass(eq=False, slots=True)
class Stranger:
    """One of them. `hang_up` ends its connection; `is_idle` while nobody works for it: it is silent, or was refused."""

    address: str
    hang_up: Callable[[], None]
    is_idle: bool = True
    came_at_s: float = field(default_factory=time.monotonic)


class Strangers:
    """Who is here, in the order in which they came. To be used from one loop alone."""

    def __init__(self) -> None:
        self._here: list[Stranger] = []

    def __len__(self) -> int:
        return len(self._here)

    def welcome(self, address: str, hang_up: Callable[[], None]) -> Stranger | None:
        """A place for one more; None where there is none.

        Where all are taken, an idle one goes: of the address that has the most of them, or else the oldest, once it has
        had its chance. So who says its name at once is let in however many others keep silent.
        """
        if len(self._here) >= MOST and not self._make_room(address):
            return None
        found = Stranger(address, hang_up)
        self._here.append(found)
        return found

    def leave(self, stranger: Stranger) -> None:
        """It is gone, or known by now; twice is harmless."""
        if stranger in self._here:
            self._here.remove(stranger)

    def close(self) -> None:
        for stranger in self._here:
            stranger.hang_up()
        self._here.clear()

    def _make_room(self, address: str) -> bool:
        idle = [stranger for stranger in self._here if stranger.is_idle]
        if not idle:
            return False
        counts = Counter(stranger.address for stranger in self._here)
        goes = max(idle, key=lambda stranger: counts[stranger.address])
        if counts[goes.address] <= counts[address] + 1:
            goes = idle[0]
            if time.monotonic() - goes.came_at_s < CHANCE_S:
                return False
        self._here.remove(goes)
        goes.hang_up()
        return True
