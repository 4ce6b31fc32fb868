"""The metronome: APScheduler with a memory store. The database is the truth; this only says when to look."""

import threading
from collections import Counter
from collections.abc import Callable
from datetime import UTC

from apscheduler.events import EVENT_JOB_MAX_INSTANCES, EVENT_JOB_MISSED, JobEvent
from apscheduler.schedulers.background import BackgroundScheduler

Tick = Callable[[], None]


class Metronome:
    """Calls each tick at its interval, never two of a kind at once.

    A tick later than `misfire_grace_s`, or due while the one before still runs, is left out, counted, and told by
    `missed`; its work is done by the next one, because every tick looks at all that is due.
    """

    def __init__(self, misfire_grace_s: int) -> None:
        self._missed: Counter[str] = Counter()
        self._guard = threading.Lock()
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            job_defaults={"misfire_grace_time": misfire_grace_s, "coalesce": True, "max_instances": 1},
        )
        self._scheduler.add_listener(self._count, EVENT_JOB_MISSED | EVENT_JOB_MAX_INSTANCES)

    def every(self, interval_s: float, name: str, tick: Tick) -> None:
        self._scheduler.add_job(tick, "interval", seconds=interval_s, id=name)

    def start(self) -> None:
        self._scheduler.start()

    def stop(self) -> None:
        """No tick begins any more; one that runs is waited for."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=True)

    def missed(self) -> dict[str, int]:
        """How many ticks of each kind were left out since the last call."""
        with self._guard:
            counted = dict(self._missed)
            self._missed.clear()
        return counted

    def _count(self, event: JobEvent) -> None:
        with self._guard:
            self._missed[event.job_id] += 1
