"""One command from nothing to a planned airing, and from a dead worker back to a living one."""

import os
import signal
import subprocess
from pathlib import Path

from tests.cli.programs import PATIENCE_S, line_with, ran, running


def test_samples_are_loaded_once_and_the_next_airing_is_told(tmp_path: Path) -> None:
    with running(tmp_path, "serve", "--samples") as program:
        assert str(tmp_path / "data") in line_with(program, "Created a new database")
        line_with(program, "The first bulletin airs in less than a minute")
        line_with(program, "Press Ctrl-C to stop it")
        # The first one, or, where a slow machine has aired that by now, one of the afternoon.
        told = line_with(program, "Next airing on ")
        assert any(
            title in told for title in ("Cảnh giác mã QR thanh toán tiền điện giả", "Cảnh báo giả mạo nhân viên")
        )
        stopped(program, signal.SIGINT)
    with running(tmp_path, "serve", "--samples") as program:
        assert str(tmp_path / "data") in line_with(program, "All data lie in")
        line_with(program, "The samples were left out")
        line_with(program, "Next airing on ")
        stopped(program, signal.SIGTERM)


def test_a_worker_that_is_killed_comes_back(tmp_path: Path) -> None:
    with running(tmp_path, "serve") as program:
        line_with(program, "Nothing is planned")
        os.kill(worker_of(program.pid), signal.SIGKILL)
        assert "signal 9" in line_with(program, "The worker stopped unexpectedly")
        line_with(program, "Nothing is planned")
        stopped(program, signal.SIGTERM)


def test_settings_that_cannot_be_used_are_said_before_anything_is_made(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("languag: vi\n", encoding="utf-8")
    refused = ran(tmp_path, "serve")
    assert refused.returncode == 2
    assert "config.yaml" in refused.stderr
    assert not (tmp_path / "data").exists()


def stopped(program: subprocess.Popen[str], number: signal.Signals) -> None:
    program.send_signal(number)
    said, errors = program.communicate(timeout=PATIENCE_S)
    assert "Broadcaster has stopped" in said
    assert "Traceback" not in errors
    assert program.returncode == 0


def worker_of(pid: int) -> int:
    """The one child of a serving program."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    assert len(children) == 1
    return int(children[0])
