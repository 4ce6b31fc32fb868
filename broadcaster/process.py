"""The one seam to other processes: a pool of children in which synthesis and signal processing run.

A child that crashes or hangs is replaced and its job tried once more; neither ever reaches the caller's process.
"""

import logging
import multiprocessing
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError
from concurrent.futures.process import BrokenProcessPool
from types import TracebackType
from typing import Any, Self, TypeVar

from pebble import ProcessExpired, ProcessFuture, ProcessPool

from broadcaster.errors import BroadcasterError

log = logging.getLogger(__name__)

T = TypeVar("T")

_LOST = (ProcessExpired, BrokenProcessPool, TimeoutError, MemoryError, CancelledError)
"""How a job ends that its child did not finish."""


class ChildError(BroadcasterError):
    """A child process died or hung twice over the same job."""


class ChildrenClosedError(BroadcasterError):
    """The program stops, and with it the job; that says nothing about the job itself."""


class Children:
    """A pool of at most `count` spawned children (never forked: the worker has threads), started with the first job.

    `run` may be called from many threads at once; `close` stops all children.
    """

    def __init__(self, count: int | None = None) -> None:
        self.count = count or os.cpu_count() or 1
        self._pool: ProcessPool | None = None
        self._waited_for: dict[ProcessFuture[Any], ProcessPool] = {}
        self._closings = 0
        self._guard = threading.Lock()

    def run(self, function: Callable[..., T], *args: object, timeout_s: float) -> T:
        """`function(*args)` computed in a child; function and values must be importable and picklable.

        An exception raised by the function is raised here. A crash, a hang beyond `timeout_s` or a lack of memory
        is tried once more, in a fresh child where the old one is gone, then becomes ChildError. ChildrenClosedError
        where `close` ended it.
        """
        closings = self._closings
        for last_try in (False, True):
            pool = self._started()
            try:
                return self._result(pool, function, args, timeout_s)
            except (*_LOST, RuntimeError) as error:
                if closings != self._closings:
                    raise ChildrenClosedError(
                        "The helper process for {job} was stopped.", job=function.__name__
                    ) from error
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
                        "The helper process for {job} failed twice: {error}", job=function.__name__, error=repr(error)
                    ) from error
        raise AssertionError("unreachable")

    def close(self) -> None:
        """Stop all children, finished or not; a later `run` starts new ones."""
        with self._guard:
            self._closings += 1
            pool, self._pool = self._pool, None
        if pool is not None:
            self._stop(pool)

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
        self._stop(pool)

    def _result(self, pool: ProcessPool, job: Callable[..., T], arguments: tuple[object, ...], limit_s: float) -> T:
        with self._guard:
            future = pool.schedule(job, args=arguments, timeout=limit_s)
            self._waited_for[future] = pool
        try:
            result: T = future.result()
            return result
        finally:
            with self._guard:
                del self._waited_for[future]

    def _stop(self, pool: ProcessPool) -> None:
        """A pool that is stopped while a child of it starts leaves whoever waits for that child waiting for ever."""
        pool.stop()  # type: ignore[no-untyped-call]
        pool.join()
        with self._guard:
            left = [future for future, its_pool in self._waited_for.items() if its_pool is pool]
        for future in left:
            future.cancel()  # type: ignore[no-untyped-call]

    def _started(self) -> ProcessPool:
        with self._guard:
            if self._pool is None:
                context = multiprocessing.get_context("spawn")
                self._pool = ProcessPool(max_workers=self.count, initializer=_compute_alone, context=context)
            return self._pool


def _compute_alone() -> None:
    """Runs first in each child: there is one for each core, and threads of numpy's would only take turns with them."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def open_files(wanted: int) -> int:
    """Let this process have so many files and connections open, where it may; how many it may have then."""
    if sys.platform == "win32":  # it has no such limit
        return wanted
    import resource  # noqa: PLC0415 - not on Windows

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        except (OSError, ValueError):
            return soft
    return most
