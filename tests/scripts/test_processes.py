"""Which Pythons will do, and how programs are run and their ends reported."""

import ast
import signal
import sys
from pathlib import Path

import pytest

from _environment import ROOT
from _processes import SetupError, exit_code, python_complaint, run, run_script, watch

OLD_PYTHONS_SEE = sorted((ROOT / "scripts").glob("_*.py")) + [
    ROOT / "scripts" / name for name in ("bench", "benchmarks/__init__.py", "check", "lock", "start", "test")
]


@pytest.mark.parametrize("version", [(3, 6), (3, 10), (2, 7)])
def test_old_python_is_told_what_is_needed(version: tuple[int, int]) -> None:
    told = python_complaint(*version)
    assert "needs Python 3.11 or newer" in told
    assert f"{version[0]}.{version[1]}" in told


@pytest.mark.parametrize("version", [(3, 11), (3, 13), (4, 0)])
def test_new_python_will_do(version: tuple[int, int]) -> None:
    assert python_complaint(*version) == ""


@pytest.mark.parametrize("script", OLD_PYTHONS_SEE, ids=lambda script: script.name)
def test_old_python_can_parse_the_scripts(script: Path) -> None:
    ast.parse(script.read_text(encoding="utf-8"), feature_version=(3, 7))


def test_watched_program_hands_on_its_lines_from_both_streams(tmp_path: Path) -> None:
    seen: list[str] = []
    said = "import sys; print('Hòa Bình', flush=True); print('lỗi', file=sys.stderr); sys.exit(3)"
    assert watch([sys.executable, "-c", said], tmp_path, seen.append) == (3, ["Hòa Bình", "lỗi"])
    assert seen == ["Hòa Bình", "lỗi"]


def test_program_runs_in_the_folder_given_and_its_exit_code_is_ours(tmp_path: Path) -> None:
    assert run([sys.executable, "-c", "open('was_here', 'w').close(); raise SystemExit(5)"], tmp_path) == 5
    assert (tmp_path / "was_here").exists()


def test_end_by_a_signal_is_reported_as_a_shell_does() -> None:
    assert exit_code(-signal.SIGTERM) == 143
    assert exit_code(4) == 4


@pytest.fixture
def _own_signals(monkeypatch: pytest.MonkeyPatch) -> None:
    """run_script sets a signal handler; the test run keeps its own."""
    monkeypatch.setattr(signal, "signal", lambda _number, _handler: None)


@pytest.mark.usefixtures("_own_signals")
def test_trouble_leaves_with_its_sentence() -> None:
    def main(_arguments: list[str]) -> int:
        raise SetupError("The disk is full.")

    with pytest.raises(SystemExit, match="The disk is full"):
        run_script(main)


@pytest.mark.usefixtures("_own_signals")
def test_interruption_leaves_without_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    def main(_arguments: list[str]) -> int:
        raise KeyboardInterrupt

    with pytest.raises(SystemExit, match="130"):
        run_script(main)
    assert "Run the script again" in capsys.readouterr().out
