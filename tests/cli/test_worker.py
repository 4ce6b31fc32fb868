"""The worker as a program: it stops by a signal or with its input, and there is one per database."""

import signal
from pathlib import Path

import pytest

from tests.cli.programs import PATIENCE_S, database, line_with, ran, running

UP = "Nothing is planned"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_worker_stops_at_a_signal(tmp_path: Path, number: signal.Signals) -> None:
    with database(tmp_path), running(tmp_path, "worker") as worker:
        line_with(worker, UP)
        worker.send_signal(number)
        worker.send_signal(number)
        assert worker.communicate(timeout=PATIENCE_S) == ("", "")
        assert worker.returncode == 0


def test_a_worker_of_a_supervisor_stops_when_its_input_closes(tmp_path: Path) -> None:
    with database(tmp_path), running(tmp_path, "worker", "--until-stdin-closes") as worker:
        line_with(worker, UP)
        assert worker.communicate(timeout=PATIENCE_S) == ("", "")
        assert worker.returncode == 0


def test_a_second_worker_says_that_there_is_one_and_so_does_serve(tmp_path: Path) -> None:
    with database(tmp_path), running(tmp_path, "worker") as worker:
        line_with(worker, UP)
        for command in ("worker", "serve"):
            second = ran(tmp_path, command)
            assert second.returncode == 1
            assert "Another worker is already running" in second.stderr
            assert "Traceback" not in second.stderr


def test_a_worker_without_a_database_says_what_to_do(tmp_path: Path) -> None:
    alone = ran(tmp_path, "worker")
    assert alone.returncode == 1
    assert "broadcaster db upgrade" in alone.stderr
