"""The database goes away, is locked, or is damaged."""

import signal
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from tests.acceptance.office import LIMIT_S
from tests.faults.conftest import FULL
from tests.faults.office import FaultOffice, assert_sound
from tests.fixtures import Databases

RESTARTS = 20 if FULL else 3
LOCKED_S = 30.0 if FULL else 5.0
BEGUN = "SELECT count(*) FROM airings WHERE phase <> 'planned'"


@pytest.mark.parametrize("kind", ["postgresql"])
def test_a_server_that_is_restarted_again_and_again_leaves_one_outcome_each(
    office: FaultOffice, durable_databases: Databases
) -> None:
    airings = office.rehearse(8 if FULL else 4)
    worker = office.work()
    for number in range(RESTARTS):
        begun = min(airings, 1 + number)
        office.wait_while(worker, f"{BEGUN} HAVING count(*) >= {begun}", bool)
        durable_databases.server.restart()
        assert worker.poll() is None, office.said()
    office.wait_until_all_have_ended(worker)
    office.stop(worker)
    assert office.outcomes()["aired"] > 0
    assert_sound(office, airings)


@pytest.mark.campaign
@pytest.mark.parametrize("kind", ["postgresql"])
def test_a_server_that_is_away_when_the_worker_is_stopped_does_not_keep_it(
    office: FaultOffice, durable_databases: Databases
) -> None:
    airings = office.rehearse(2)
    worker = office.work()
    office.wait_for(BEGUN, lambda found: found[0][0] > 0)
    durable_databases.server.stop()
    worker.send_signal(signal.SIGINT)
    assert worker.wait(timeout=LIMIT_S) == 1
    assert "cannot be used just now" in office.said()
    durable_databases.server.start()
    office.finish()
    assert_sound(office, airings)


@pytest.mark.parametrize("kind", ["postgresql"])
def test_a_table_that_is_locked_for_long_only_delays(office: FaultOffice) -> None:
    airings = office.rehearse(4)
    worker = office.work()
    office.wait_for("SELECT count(*) FROM airings WHERE outcome IS NOT NULL", lambda found: found[0][0] > 0)
    with psycopg.connect(office.url) as locker:
        locker.execute("LOCK TABLE airings")
        locker.execute("SELECT pg_sleep(%s)", (LOCKED_S,))
    office.wait_until_all_have_ended(worker)
    office.stop(worker)
    assert_sound(office, airings)


@pytest.mark.campaign
@pytest.mark.parametrize("kind", ["sqlite"])
def test_a_file_that_another_program_keeps_locked_only_delays(office: FaultOffice) -> None:
    airings = office.rehearse(3)
    worker = office.work()
    office.wait_for(BEGUN, lambda found: found[0][0] > 0)
    with closing(sqlite3.connect(file_of(office), isolation_level=None)) as locker:
        locker.execute("BEGIN IMMEDIATE")
        with pytest.raises(subprocess.TimeoutExpired):  # longer than a writer waits
            worker.wait(timeout=6)
        locker.execute("ROLLBACK")
    office.wait_until_all_have_ended(worker)
    office.stop(worker)
    assert_sound(office, airings)


@pytest.mark.parametrize("kind", ["sqlite"])
def test_a_damaged_file_is_told_and_nothing_airs_from_it(office: FaultOffice) -> None:
    office.rehearse(2)
    path = file_of(office)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        roots = connection.execute("SELECT rootpage FROM sqlite_master WHERE name IN ('airings', 'chain_heads')")
        pages = [root - 1 for (root,) in roots.fetchall()]
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    content = bytearray(path.read_bytes())
    for page in pages:
        content[page * size : (page + 1) * size] = b"\xff" * size
    path.write_bytes(content)
    worker = office.work()
    assert worker.wait(timeout=LIMIT_S) == 1
    assert "is damaged" in office.said()
    assert "Nothing airs from it" in office.said()
    assert "Traceback" not in office.said()
    assert not office.plays.exists()


def file_of(office: FaultOffice) -> Path:
    return Path(office.url.removeprefix("sqlite:///"))
