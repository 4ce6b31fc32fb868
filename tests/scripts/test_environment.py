"""When the scripts set something up, when they leave it alone, and what they say when it fails."""

import sys
from pathlib import Path

import pytest

import _environment
from _environment import RUN_LOCK, TEST_LOCK, download_note, pip_failure, prepare
from _processes import SetupError


class Programs:
    """Stands for the programs that `prepare` runs; fails those that have a word of `failing` in them."""

    def __init__(self) -> None:
        self.failing = ""
        self.commands: list[list[str]] = []

    def watch(self, command: list[str], folder: Path, on_line: object) -> tuple[int, list[str]]:
        self.commands.append(command)
        return (1, ["ERROR: Connection refused"]) if self.failing and self.failing in command else (0, [])

    def has_installed(self) -> list[str]:
        """The last word of each installation since the last question: a lock's name, or `.` for the project."""
        installed = [command[-1] for command in self.commands if "install" in command]
        self.commands.clear()
        return installed


@pytest.fixture
def programs(monkeypatch: pytest.MonkeyPatch) -> Programs:
    recorded = Programs()
    monkeypatch.setattr(_environment, "watch", recorded.watch)
    monkeypatch.setattr(_environment, "venv_python", lambda _root: Path(sys.executable))
    return recorded


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project in a folder as people name them, with a working environment that nothing was installed into."""
    folder = tmp_path / "Bản tin xã Hòa Bình"
    (folder / ".venv").mkdir(parents=True)
    for name in (RUN_LOCK, TEST_LOCK):
        (folder / name).write_text("one==1 --hash=sha256:00\n", encoding="utf-8")
    (folder / "pyproject.toml").write_text("[project]\n", encoding="utf-8")
    return folder


def test_first_run_installs_the_packages_and_then_the_project(programs: Programs, root: Path) -> None:
    prepare(root, RUN_LOCK)
    assert programs.has_installed() == [RUN_LOCK, "."]


def test_packages_are_installed_by_hash_and_the_project_without_any_index(programs: Programs, root: Path) -> None:
    prepare(root, RUN_LOCK)
    packages, project = programs.commands
    assert {"--require-hashes", "--no-deps"} <= set(packages)
    assert {"--no-index", "--no-build-isolation", "--no-deps"} <= set(project)


def test_second_run_starts_no_program(programs: Programs, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    prepare(root, RUN_LOCK)
    programs.commands.clear()
    capsys.readouterr()
    prepare(root, RUN_LOCK)
    assert programs.commands == []
    assert capsys.readouterr().out == ""


def test_changed_lock_is_installed_again(programs: Programs, root: Path) -> None:
    prepare(root, RUN_LOCK)
    (root / RUN_LOCK).write_text("one==2 --hash=sha256:01\n", encoding="utf-8")
    programs.commands.clear()
    prepare(root, RUN_LOCK)
    assert programs.has_installed() == [RUN_LOCK, "."]


def test_changed_pyproject_installs_the_project_alone(programs: Programs, root: Path) -> None:
    prepare(root, RUN_LOCK)
    (root / "pyproject.toml").write_text("[project]\nname='other'\n", encoding="utf-8")
    programs.commands.clear()
    prepare(root, RUN_LOCK)
    assert programs.has_installed() == ["."]


def test_moved_project_is_installed_from_its_new_place(programs: Programs, root: Path) -> None:
    prepare(root, RUN_LOCK)
    programs.commands.clear()
    prepare(root.rename(root.with_name("Hòa Bình mới")), RUN_LOCK)
    assert programs.has_installed() == ["."]


def test_packages_for_tests_serve_the_server_too(programs: Programs, root: Path) -> None:
    prepare(root, TEST_LOCK)
    programs.commands.clear()
    prepare(root, RUN_LOCK)
    assert programs.commands == []


def test_packages_of_the_server_do_not_serve_the_tests(programs: Programs, root: Path) -> None:
    (root / TEST_LOCK).write_text("one==1 --hash=sha256:00\ntwo==1 --hash=sha256:02\n", encoding="utf-8")
    prepare(root, RUN_LOCK)
    programs.commands.clear()
    prepare(root, TEST_LOCK)
    assert programs.has_installed()[0] == TEST_LOCK


@pytest.mark.parametrize("step", [RUN_LOCK, "."])
def test_failed_step_is_told_and_done_again(programs: Programs, root: Path, step: str) -> None:
    programs.failing = step
    with pytest.raises(SetupError, match="network"):
        prepare(root, RUN_LOCK)
    programs.failing = ""
    programs.commands.clear()
    prepare(root, RUN_LOCK)
    assert step in programs.has_installed()


def test_failed_update_is_not_taken_for_the_earlier_success(programs: Programs, root: Path) -> None:
    prepare(root, RUN_LOCK)
    before = (root / RUN_LOCK).read_bytes()
    (root / RUN_LOCK).write_text("one==2 --hash=sha256:01\n", encoding="utf-8")
    programs.failing = RUN_LOCK
    with pytest.raises(SetupError):
        prepare(root, RUN_LOCK)
    (root / RUN_LOCK).write_bytes(before)
    programs.failing = ""
    programs.commands.clear()
    prepare(root, RUN_LOCK)
    assert RUN_LOCK in programs.has_installed()


@pytest.mark.parametrize("python", ["absent", "broken"])
def test_environment_without_a_working_python_is_made_anew(
    programs: Programs, root: Path, monkeypatch: pytest.MonkeyPatch, python: str
) -> None:
    if python == "broken":
        (root / "broken").write_bytes(b"\0")
        (root / "broken").chmod(0o755)
    monkeypatch.setattr(_environment, "venv_python", lambda _root: root / python)
    prepare(root, RUN_LOCK)
    assert programs.commands[0] == [sys.executable, "-m", "venv", "--clear", ".venv"]
    assert programs.has_installed() == [RUN_LOCK, "."]


def test_python_without_ensurepip_is_told_which_package_to_install(
    programs: Programs, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_environment, "venv_python", lambda _root: root / "absent")
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(SetupError, match="apt install python3-venv"):
        prepare(root, RUN_LOCK)
    assert programs.commands == []


@pytest.mark.parametrize(
    ("line", "advice"),
    [
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "Free about 1 GB"),
        ("WARNING: Retrying (Retry(total=4)) after connection broken by 'NewConnectionError'", "Check the connection"),
        ("ReadTimeoutError: Read timed out.", "Check the connection"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.", "use another network"),
        ("ERROR: No matching distribution found for scipy==1.17.1", "3.11, 3.12 and 3.13 are supported"),
        ("ERROR: Could not install: [Errno 13] Permission denied: 'six.py'", "who owns this folder"),
        ("ERROR: Failed building wheel for miniaudio", "build-essential"),
        ("ERROR: something never seen before", "deleting the folder .venv"),
    ],
)
def test_failure_of_pip_says_what_to_do(line: str, advice: str) -> None:
    assert advice in pip_failure([line])


def test_failure_of_pip_shows_only_its_last_lines() -> None:
    told = pip_failure([f"line {number}." for number in range(100)])
    assert "line 99." in told
    assert "line 50." not in told


def test_lost_network_is_named_before_the_package_that_was_not_found_for_it() -> None:
    assert "network" in pip_failure(["Retrying after connection broken", "ERROR: No matching distribution found"])


@pytest.mark.parametrize(
    ("line", "note"),
    [
        ("  Downloading scipy-1.17.1-cp311-cp311-manylinux_2_17_x86_64.whl (35.2 MB)", "  scipy-1.17.1 (35.2 MB)"),
        ("Downloading x://y/numpy-2.4.6-cp313-cp313-win_amd64.whl (16.6 MB)", "  numpy-2.4.6 (16.6 MB)"),
        ("  Downloading mako-1.4.3-py3-none-any.whl (78 kB)", ""),
        ("Installing collected packages: mako", ""),
    ],
)
def test_only_large_downloads_are_shown(line: str, note: str) -> None:
    assert download_note(line) == note
