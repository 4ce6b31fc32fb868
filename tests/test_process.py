"""A child that crashes or hangs is replaced; its job is tried once more; the pool stays usable."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from broadcaster.errors import AudioError
from broadcaster.process import ChildError, Children, ChildrenClosedError, open_files

LONG_S = 60.0


@pytest.fixture(scope="module")
def children() -> Iterator[Children]:
    with Children(2) as pool:
        yield pool


def lack_memory() -> None:
    raise MemoryError


def asked_for_files(wanted: int, limits: tuple[int, int]) -> tuple[int, int]:
    """What was answered, and how many it may have then; `limits`: the soft and the hard one before."""
    import resource  # noqa: PLC0415 - not on Windows

    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    assert hard == resource.RLIM_INFINITY or hard >= limits[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    return open_files(wanted), resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def double(number: int) -> int:
    return number * 2


def crash() -> None:
    os._exit(3)


def crash_once(marker: Path) -> str:
    if not marker.exists():
        marker.touch()
        os._exit(3)
    return "done"


def hang() -> None:
    time.sleep(LONG_S)


def hang_once(marker: Path) -> str:
    if not marker.exists():
        marker.touch()
        time.sleep(LONG_S)
    return "done"


def refuse(word: str) -> None:
    raise ValueError(word)


def refuse_with_values() -> None:
    raise AudioError("The sound is longer than {seconds} s.", seconds=30)


def test_a_child_computes_in_one_thread_as_there_is_one_for_each_core(children: Children) -> None:
    expected = os.environ.get("OPENBLAS_NUM_THREADS", "1")
    assert children.run(os.getenv, "OPENBLAS_NUM_THREADS", timeout_s=LONG_S) == expected


def test_a_job_runs_in_another_process(children: Children) -> None:
    assert children.run(os.getpid, timeout_s=LONG_S) != os.getpid()
    assert children.run(double, 21, timeout_s=LONG_S) == 42


def test_what_a_job_raises_reaches_the_caller_and_is_not_tried_again(children: Children) -> None:
    with pytest.raises(ValueError, match="no such word"):
        children.run(refuse, "no such word", timeout_s=LONG_S)


def test_an_error_of_ours_keeps_its_words_and_values(children: Children) -> None:
    with pytest.raises(AudioError, match="longer than 30 s") as caught:
        children.run(refuse_with_values, timeout_s=LONG_S)
    assert caught.value.values == {"seconds": 30}
    assert children.run(double, 3, timeout_s=LONG_S) == 6


def test_a_child_killed_while_idle_is_replaced() -> None:
    with Children(1) as lone:
        before = lone.run(os.getpid, timeout_s=LONG_S)
        os.kill(before, signal.SIGKILL)
        assert lone.run(os.getpid, timeout_s=LONG_S) != before


def test_a_job_whose_child_crashed_is_tried_once_more(children: Children, tmp_path: Path) -> None:
    assert children.run(crash_once, tmp_path / "marker", timeout_s=LONG_S) == "done"


def test_a_job_whose_child_hung_is_tried_once_more(children: Children, tmp_path: Path) -> None:
    assert children.run(hang_once, tmp_path / "marker", timeout_s=3) == "done"


@pytest.mark.parametrize("job", [crash, hang])
def test_a_job_that_fails_twice_is_an_error_and_the_pool_goes_on(children: Children, job: object) -> None:
    assert callable(job)
    with pytest.raises(ChildError, match="failed twice"):
        children.run(job, timeout_s=0.5)
    assert children.run(double, 4, timeout_s=LONG_S) == 8


def test_many_threads_share_the_pool(children: Children) -> None:
    results: dict[int, int] = {}

    def ask(number: int) -> None:
        results[number] = children.run(double, number, timeout_s=LONG_S)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {number: number * 2 for number in range(20)}


def test_a_job_that_lacks_memory_fails_like_one_whose_child_died(children: Children) -> None:
    with pytest.raises(ChildError, match="MemoryError"):
        children.run(lack_memory, timeout_s=LONG_S)


def test_closing_ends_a_job_at_once_though_its_child_only_starts() -> None:
    children = Children(1)
    ended: list[BaseException] = []

    def wait_for_it() -> None:
        with pytest.raises(ChildrenClosedError) as told:
            children.run(hang, timeout_s=LONG_S)
        ended.append(told.value)

    thread = threading.Thread(target=wait_for_it, daemon=True)
    thread.start()
    while not multiprocessing.active_children():
        threading.Event().wait(0.01)
    children.close()
    thread.join(LONG_S)
    assert len(ended) == 1


def test_a_closed_pool_starts_again_with_the_next_job() -> None:
    children = Children(1)
    first = children.run(os.getpid, timeout_s=LONG_S)
    children.close()
    assert children.run(os.getpid, timeout_s=LONG_S) != first
    children.close()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no limit of open files")
def test_a_process_may_have_as_many_files_as_it_asks_for_if_the_system_lets_it() -> None:
    with Children(1) as lone:
        assert lone.run(asked_for_files, 200, (150, 300), timeout_s=LONG_S) == (200, 200)
        assert lone.run(asked_for_files, 200, (250, 300), timeout_s=LONG_S) == (200, 250)
        assert lone.run(asked_for_files, 400, (150, 300), timeout_s=LONG_S) == (300, 300)
