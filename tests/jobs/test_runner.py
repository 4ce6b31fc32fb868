"""The local runner: each job once at a time, and a job that fails is told and ends nothing."""

import threading
from collections.abc import Iterator

import pytest

from broadcaster.jobs.runner import LocalRunner

PATIENCE_S = 30.0


class Cast:
    """Jobs that note their calls; `hold` keeps the runner's one thread busy until `release`."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, ...]] = []
        self.failures: list[tuple[str, tuple[str, ...], str]] = []
        self.held, self.release, self.over = threading.Event(), threading.Event(), threading.Event()
        jobs = {"hold": self._hold, "note": self._note, "fail": self._fail, "end": self.over.set}
        self.runner = LocalRunner(jobs, 1, lambda job, ids, error: self.failures.append((job, ids, str(error))))

    def _hold(self) -> None:
        self.calls.append(("hold",))
        self.held.set()
        self.release.wait(PATIENCE_S)

    def _note(self, *ids: str) -> None:
        self.calls.append(ids)

    def _fail(self, *ids: str) -> None:
        raise RuntimeError(f"cannot do {ids}")

    def wait(self) -> None:
        """Until everything submitted so far is over."""
        self.release.set()
        self.over.clear()
        self.runner.submit("end")
        assert self.over.wait(PATIENCE_S)


@pytest.fixture
def cast() -> Iterator[Cast]:
    found = Cast()
    yield found
    found.release.set()
    found.runner.close()


def test_a_job_runs_with_its_ids(cast: Cast) -> None:
    cast.runner.submit("note", "clip", "other")
    cast.wait()
    assert cast.calls == [("clip", "other")]


def test_the_same_job_is_not_queued_twice(cast: Cast) -> None:
    cast.runner.submit("hold")
    assert cast.held.wait(PATIENCE_S)
    for _ in range(3):
        cast.runner.submit("hold")
        cast.runner.submit("note", "one")
    cast.runner.submit("note", "two")
    cast.wait()
    assert cast.calls == [("hold",), ("one",), ("two",)]


def test_a_job_that_is_over_may_run_again(cast: Cast) -> None:
    for _ in range(2):
        cast.runner.submit("note", "one")
        cast.wait()
    assert cast.calls == [("one",), ("one",)]


def test_a_job_that_fails_is_told_and_the_next_one_runs(cast: Cast) -> None:
    cast.runner.submit("fail", "clip")
    cast.runner.submit("note", "one")
    cast.wait()
    assert cast.failures == [("fail", ("clip",), "cannot do ('clip',)")]
    assert cast.calls == [("one",)]


def test_a_job_that_failed_may_be_tried_again(cast: Cast) -> None:
    for _ in range(2):
        cast.runner.submit("fail", "clip")
        cast.wait()
    assert len(cast.failures) == 2


def test_an_unknown_job_is_told(cast: Cast) -> None:
    cast.runner.submit("dance")
    cast.wait()
    assert [(job, ids) for job, ids, _ in cast.failures] == [("dance", ())]


def test_closing_drops_what_has_not_begun_and_waits_for_what_runs(cast: Cast) -> None:
    cast.runner.submit("hold")
    assert cast.held.wait(PATIENCE_S)
    cast.runner.submit("note", "never")
    closing = threading.Thread(target=cast.runner.close)
    closing.start()
    while not cast.runner._pool._shutdown:
        threading.Event().wait(0.001)
    cast.release.set()
    closing.join(PATIENCE_S)
    assert cast.calls == [("hold",)]
