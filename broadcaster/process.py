"""The one seam to other processes: a pool of children in which synthesis and signal processing run.

A child that crashes or hangs is replaced and its job tried once more; neither ever reaches the caller's process.
"""

import logging
import multiprocessing
import os
import threading
from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool
from types import TracebackType
from typing import Self, TypeVar

from pebble import ProcessExpired, ProcessPool

from broadcaster.errors import BroadcasterError

log = logging.getLogger(__name__)

T = TypeVar("T")


class ChildError(BroadcasterError):
    """A child process died or hung twice over the same job."""


class Children:
    """A pool of at most `count` spawned children (never forked: the worker has threads), started with the first job.

    `run` may be called from many threads at once; `close` stops all children.
    """

    def __init__(self, count: int | None = None) -> None:
        self.count = count or os.cpu_count() or 1
        self._pool: ProcessPool | None = None
        self._guard = threading.Lock()

    def run(self, function: Callable[..., T], *args: object, timeout_s: float) -> T:
        """`function(*args)` computed in a child; function and values must be importable and picklable.

        An exception raised by the function is raised here. A crash or a hang beyond `timeout_s` is tried once
        more in a fresh child, then becomes ChildError.
        """
        for last_try in (False, True):
            pool = self._started()
            try:
                result: T = pool.schedule(function, args=args, timeout=timeout_s).result()
                return result
            except (ProcessExpired, BrokenProcessPool, TimeoutError, RuntimeError) as error:
                if isinstance(error, RuntimeError):  # BrokenProcessPool is one, and so is what a broken pool answers
                    if pool.active:
                        raise  # the function's own
                    self._discard(pool)
                log.warning(
                    "A child process was replaced.",
                    extra={"action": "child_replaced", "job": function.__name__, "error": repr(error)},
                )
                if last_try:
                    raise ChildError(
                        "The helper process for {job} failed twice: {error}", job=function.__name__, error=error
                    ) from error
        raise AssertionError("unreachable")

    def close(self) -> None:
        """Stop all children, finished or not; a later `run` starts new ones."""
        with self._guard:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.stop()  # type: ignore[no-untyped-call]
            pool.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _discard(self, pool: ProcessPool) -> None:
        """A child that died while idle breaks its whole pool: the next job starts another."""
        with self._guard:
            if self._pool is pool:
                self._pool = None
        pool.stop()  # type: ignore[no-untyped-call]
        pool.join()

    def _started(self) -> ProcessPool:
        with self._guard:
            if self._pool is None:
                self._pool = ProcessPool(max_workers=self.count, context=multiprocessing.get_context("spawn"))
            return self._pool
