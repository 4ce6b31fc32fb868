"""Who runs a job. A job is a plain idempotent function of ids; the local runner calls it in a thread.

On many machines an existing job engine takes the place of `LocalRunner`, with the same jobs.
"""

import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

log = logging.getLogger(__name__)

Job = Callable[..., None]
OnFailure = Callable[[str, tuple[str, ...], Exception], None]


class Runner(Protocol):
    def submit(self, job: str, *ids: str) -> None:
        """Have a job run soon, at least once. The same job with the same ids is not queued twice."""


class LocalRunner:
    """Runs jobs in threads of this process; the costly parts of a job run in child processes anyway."""

    def __init__(self, jobs: Mapping[str, Job], threads: int, on_failure: OnFailure) -> None:
        self._jobs = jobs
        self._on_failure = on_failure
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="job")
        self._queued: set[tuple[str, ...]] = set()
        self._guard = threading.Lock()

    def submit(self, job: str, *ids: str) -> None:
        with self._guard:
            if (job, *ids) in self._queued:
                return
            self._queued.add((job, *ids))
        self._pool.submit(self._run, job, ids)

    def close(self) -> None:
        """Drop what has not begun; what runs is waited for."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _run(self, job: str, ids: tuple[str, ...]) -> None:
        try:
            self._jobs[job](*ids)
        except Exception as error:  # a job's failure is journalled and must not end the runner
            log.exception("A job failed.", extra={"action": "job_failed", "job": job, "ids": ids})
            self._on_failure(job, ids, error)
        finally:
            with self._guard:
                self._queued.discard((job, *ids))
