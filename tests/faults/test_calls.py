"""An error at the Nth call of the worker to the database, to files, and to its child processes."""

import itertools
import subprocess

import pytest

from tests.acceptance.office import LIMIT_S
from tests.faults.conftest import FULL, AnotherOffice
from tests.faults.office import ENDED, UNRENDERED, FaultOffice, all_ended, assert_sound
from tests.faults.test_places import write_new_bulletin
from tests.fixtures import KINDS

ABREAST = 16
"""Into so many tests the calls to the database are dealt out, to be run side by side."""
FIRST_CALLS = [("database", first) for first in range(1, ABREAST + 1)]


@pytest.mark.parametrize("kind", KINDS if FULL else ["postgresql"])
@pytest.mark.parametrize("every", [7, 13, 29] if FULL else [17])
def test_errors_of_the_database_again_and_again_end_each_airing_once(office: FaultOffice, every: int) -> None:
    airings = office.rehearse(2)
    live_through(office, {"point": "database", "nth": every, "every": True, "act": "raise"})
    assert_sound(office, airings)


@pytest.mark.parametrize("kind", KINDS if FULL else ["sqlite"])
@pytest.mark.parametrize(("point", "first"), FIRST_CALLS if FULL else [("database", 40)])
def test_an_error_at_the_nth_call_ends_each_airing_once(another_office: AnotherOffice, point: str, first: int) -> None:
    """For one N, or in the campaign for every one until all airings end before the Nth call."""
    for nth in itertools.count(first, ABREAST) if FULL else [first]:
        with another_office() as office:
            airings = office.rehearse(1, first_in_s=2.5)
            has_struck = live_through(office, {"point": point, "nth": nth, "act": "raise"})
            assert_sound(office, airings)
        if not has_struck:
            break


@pytest.mark.campaign
@pytest.mark.parametrize("point", ["process", "file"])
def test_an_error_at_the_nth_call_while_a_clip_is_made_is_told_and_the_worker_makes_the_clip(
    another_office: AnotherOffice, point: str
) -> None:
    for nth in itertools.count(1):
        with another_office() as office:
            write_new_bulletin(office)
            fault = {"point": point, "nth": nth, "act": "raise"}
            done = office.launch("bulletin", "submit", "tin-moi", "--as", "writer", fault=fault)
            if not (office.folder / "injected").exists():
                assert done.returncode == 0, done.stderr
                assert nth > 2  # it speaks, it mixes; it writes both
                break
            assert "Traceback" not in done.stderr
            assert done.returncode in {0, 1}  # 0: a sentence that cannot be kept in the cache is spoken again, no more
            if done.returncode == 1:
                office.render()
            assert office.query(UNRENDERED) == [(0,)]


def live_through(office: FaultOffice, fault: dict[str, object]) -> bool:
    """A worker with the fault, then one without it; whether the fault struck at all."""
    worker = office.work(fault)
    office.wait_for(ENDED, lambda found: all_ended(found) or worker.poll() is not None)
    has_struck = (office.folder / "injected").exists()
    worker.terminate()
    assert ended(worker) in {0, 1}, office.said()  # 1: it was struck, and has said so
    assert "Traceback" not in office.said()
    office.finish()
    return has_struck


def ended(worker: "subprocess.Popen[str]") -> int:
    return worker.wait(timeout=LIMIT_S)
