"""Who talks to stations: many at a time, and none keeps another waiting.

A dead station costs its own jobs their time-out and nobody else's: each station has at most two threads, and those
that did not answer the last time share a few of their own, apart from all others.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

AT_ONCE = 128
SLOW_AT_ONCE = 32
PER_STATION = 2


class Errand(StrEnum):
    DELIVER = "deliver"
    STOP = "stop"
    LATCH = "latch"
    """A stop or release of the whole station."""
    READ = "read"
    """Receipts that loudspeakers have left."""
    ADJUST = "adjust"
    """A test tone or the volume of one loudspeaker."""


@dataclass(frozen=True, slots=True)
class Job:
    """Something to tell a station about an airing; `act` raises where the station does not take it."""

    station: str
    airing: str
    errand: Errand
    act: Callable[[], object] = field(compare=False)


@dataclass(frozen=True, slots=True)
class Done:
    job: Job
    error: Exception | None


class Dispatch(Protocol):
    def submit(self, job: Job) -> None:
        """Have it done soon; the same errand about the same airing at the same station waits only once."""

    def done(self, errand: Errand) -> list[Done]:
        """What was done since this was last asked."""

    def wait(self, jobs: Iterable[Job], timeout_s: float) -> None:
        """Return when all of these are done, or the time is over."""

    def close(self) -> None:
        """Drop what has not begun."""


class Inline:
    """Does each job at once, in the caller's thread."""

    def __init__(self) -> None:
        self._done: list[Done] = []

    def submit(self, job: Job) -> None:
        self._done.append(Done(job, _failure(job)))

    def done(self, errand: Errand) -> list[Done]:
        found = [each for each in self._done if each.job.errand is errand]
        self._done = [each for each in self._done if each.job.errand is not errand]
        return found

    def wait(self, jobs: Iterable[Job], timeout_s: float) -> None:
        """Nothing is ever under way."""

    def close(self) -> None:
        """Nothing to drop."""


class Pools:
    """Threads for all stations. Errands about one airing at one station are done one after the other, in order."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="station")
        self._slow_pool = ThreadPoolExecutor(SLOW_AT_ONCE, thread_name_prefix="slow-station")
        self._waiting: dict[str, deque[Job]] = {}
        self._running: dict[str, list[Job]] = {}
        self._slow: set[str] = set()
        self._done: list[Done] = []
        self._changed = threading.Condition()
        self._is_closed = False

    def submit(self, job: Job) -> None:
        with self._changed:
            waiting = self._waiting.setdefault(job.station, deque())
            if not self._is_closed and job not in waiting and job not in self._running.get(job.station, ()):
                waiting.append(job)
                self._begin(job.station)

    def done(self, errand: Errand) -> list[Done]:
        with self._changed:
            found = [each for each in self._done if each.job.errand is errand]
            self._done = [each for each in self._done if each.job.errand is not errand]
            return found

    def wait(self, jobs: Iterable[Job], timeout_s: float) -> None:
        wanted = set(jobs)
        with self._changed:
            self._changed.wait_for(lambda: wanted.isdisjoint(self._open()), timeout_s)

    def close(self) -> None:
        with self._changed:
            self._is_closed = True
            self._waiting.clear()
        for pool in (self._pool, self._slow_pool):
            pool.shutdown(wait=False, cancel_futures=True)

    def _open(self) -> set[Job]:
        return {job for jobs in (*self._waiting.values(), *self._running.values()) for job in jobs}

    def _begin(self, station: str) -> None:
        """Start what may run now of a station; called with the lock held."""
        running = self._running.setdefault(station, [])
        waiting = self._waiting.get(station, deque())
        busy = {job.airing for job in running}
        for job in list(waiting):
            if len(running) >= PER_STATION or self._is_closed:
                return
            if job.airing not in busy:
                waiting.remove(job)
                running.append(job)
                pool = self._slow_pool if station in self._slow else self._pool
                pool.submit(self._run, job)
            busy.add(job.airing)  # what comes behind it for the same airing keeps its order

    def _run(self, job: Job) -> None:
        error = _failure(job)
        with self._changed:
            (self._slow.discard if error is None else self._slow.add)(job.station)
            self._running[job.station].remove(job)
            self._done.append(Done(job, error))
            self._begin(job.station)
            self._changed.notify_all()


def _failure(job: Job) -> Exception | None:
    """Why a job could not be done. Whatever is wrong with one station, the others have their turn."""
    try:
        job.act()
    except Exception as error:  # noqa: BLE001 - it is told by who gave the job
        return error
    return None
