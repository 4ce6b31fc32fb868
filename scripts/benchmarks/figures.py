"""A figure as it is printed: one JSON object a line, with what it was measured beside."""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Figure:
    """`holds` is left out where nothing is promised; `at_most` says on which side of the promise `value` must lie."""

    figure: str
    value: float
    unit: str
    promise: float | None = None
    at_most: bool = True
    peer: dict[str, object] = field(default_factory=dict)
    limit: dict[str, object] = field(default_factory=dict)

    def line(self) -> str:
        told: dict[str, object] = {"figure": self.figure, "value": round(self.value, 4), "unit": self.unit}
        if self.promise is not None:
            holds = self.value <= self.promise if self.at_most else self.value >= self.promise
            told |= {"promise": self.promise, "holds": holds}
        return json.dumps(told | {"peer": self.peer, "limit": self.limit}, ensure_ascii=False)


def timed(work: Callable[[], T]) -> tuple[float, T]:
    """Seconds that the work took by the wall clock, and what it returned."""
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def note(sentence: str) -> None:
    """Progress, apart from the figures."""
    print(sentence, file=sys.stderr, flush=True)
