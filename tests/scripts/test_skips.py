"""On a build server a skipped test fails the run, and says which test it was."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).parent.parent / "conftest.py"


def pytest_with_a_skipped_test(folder: Path, ci: str) -> subprocess.CompletedProcess[str]:
    (folder / "conftest.py").write_bytes(CONFTEST.read_bytes())
    (folder / "test_one.py").write_text("import pytest\n\ndef test_tower():\n    pytest.skip()\n", encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--rootdir", str(folder), str(folder)]
    environment = os.environ | {"CI": ci}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_skipped_test_fails_the_run_in_ci(tmp_path: Path) -> None:
    ended = pytest_with_a_skipped_test(tmp_path, "true")
    assert ended.returncode == pytest.ExitCode.TESTS_FAILED
    assert "counts as a failure when CI is true: test_one.py::test_tower" in ended.stdout


def test_skipped_test_is_no_failure_elsewhere(tmp_path: Path) -> None:
    assert pytest_with_a_skipped_test(tmp_path, "false").returncode == pytest.ExitCode.OK
