"""An error at the Nth call of the worker to the database, to files, and to its child processes."""

import itertools
import subprocess
from collections.abc import Iterable

import pytest

from tests.acceptance.office import LIMIT_S
from tests.faults.conftest import FULL, FirstOffices
from tests.faults.office import FaultOffice, assert_sound
from tests.faults.test_places import LISTED, NEW
from tests.fixtures import KINDS, Databases

UNENDED = "SELECT count(*) FROM airings WHERE outcome IS NULL"
SAMPLE = {"database": (40,), "file": (2,)}


@pytest.mark.parametrize("kind", KINDS if FULL else ["postgresql"])
@pytest.mark.parametrize("every", [7, 13, 29] if FULL else [17])
def test_errors_of_the_database_again_and_again_end_each_airing_once(office: FaultOffice, every: int) -> None:
    airings = office.rehearse(2)
    live_through(office, {"point": "database", "nth": every, "every": True, "act": "raise"})
    assert_sound(office, airings)


@pytest.mark.parametrize("kind", KINDS if FULL else ["sqlite"])
@pytest.mark.parametrize("point", list(SAMPLE) if FULL else ["database"])
def test_an_error_at_the_nth_call_ends_each_airing_once(
    kind: str,
    point: str,
    durable_databases: Databases,
    first_offices: FirstOffices,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    numbers: Iterable[int] = itertools.count(1) if FULL else SAMPLE[point]
    for nth in numbers:
        folder = tmp_path_factory.mktemp(f"nth-{nth}")
        with durable_databases.copy(kind, folder, first_offices.settle_in) as url:
            office = first_offices.move(kind, folder, url)
            airings = office.rehearse(1, first_in_s=2.5)
            has_struck = live_through(office, {"point": point, "nth": nth, "act": "raise"})
            assert_sound(office, airings)
            office.close()
        if not has_struck:
            break


@pytest.mark.campaign
def test_an_error_at_the_nth_call_to_a_child_is_told_and_the_worker_makes_the_clip(office: FaultOffice) -> None:
    (office.folder / "new.yaml").write_text(NEW, encoding="utf-8")
    office.run("import", "new.yaml", "--as", "writer")
    fault = {"point": "process", "nth": 2, "act": "raise"}  # the first speaks, the second mixes
    done = office.launch("bulletin", "submit", "tin-moi", "--as", "writer", fault=fault)
    assert done.returncode == 1
    assert (office.folder / "injected").exists()
    worker = office.work()
    office.wait_while(worker, LISTED, lambda found: found[0][0] is not None)
    office.stop(worker)


def live_through(office: FaultOffice, fault: dict[str, object]) -> bool:
    """A worker with the fault, then one without it; whether the fault struck at all."""
    worker = office.work(fault)
    office.wait_for(UNENDED, lambda found: found[0][0] == 0 or worker.poll() is not None)
    has_struck = (office.folder / "injected").exists()
    worker.terminate()
    assert ended(worker) in {0, 1}, office.said()  # 1: it was struck, and has said so
    assert "Traceback" not in office.said()
    office.finish()
    return has_struck


def ended(worker: "subprocess.Popen[str]") -> int:
    return worker.wait(timeout=LIMIT_S)
