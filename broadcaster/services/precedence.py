"""Who must wait is asked to: taking in what loudspeakers say gives way to what silences or warns people.

Both want the database and the processor; on SQLite one writer keeps all others out, and asks nobody who is next.
"""

import threading
from types import TracebackType
from typing import Self


class Precedence:
    """Whoever is in a hurry holds it (`with`), several at once if need be; whoever is not asks `give_way` first."""

    def __init__(self) -> None:
        self._holders = 0
        self._changed = threading.Condition()

    def __enter__(self) -> Self:
        with self._changed:
            self._holders += 1
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._changed:
            self._holders -= 1
            self._changed.notify_all()

    def give_way(self, longest_s: float) -> None:
        """Wait until nobody is in a hurry, but not for ever: what waits has to be done too."""
        with self._changed:
            self._changed.wait_for(lambda: not self._holders, longest_s)
