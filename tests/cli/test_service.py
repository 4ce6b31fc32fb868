"""Installing and removing the service, with the system's tools replaced by ones that note how they were called."""

import os
import sys
from pathlib import Path
from typing import Self

import pytest
from typer.testing import CliRunner, Result

from broadcaster.cli import service as command
from broadcaster.errors import BroadcasterError, InputError
from broadcaster.jobs import service


class Desktop:
    """A computer whose tools lie in one folder and write down their arguments."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._tools = folder / "tools"
        self._notes = folder / "notes"
        self.home = folder / "home"
        self.system_units = folder / "etc"
        self.work = folder / "Loa xã"
        for made in (self._tools, self.home, self.system_units, self.work, folder / "run"):
            made.mkdir()
        (folder / "group").write_text("root:x:0:\naudio:x:29:\n", encoding="ascii")
        monkeypatch.setenv("PATH", os.pathsep.join([str(self._tools), os.environ["PATH"]]))
        monkeypatch.setenv("HOME", str(self.home))
        monkeypatch.setenv("LOGNAME", "an")
        monkeypatch.setenv("USERDOMAIN", "PC")
        monkeypatch.setenv("BROADCASTER__LANGUAGE", "en")
        monkeypatch.chdir(self.work)
        monkeypatch.setattr(command, "_SYSTEMD_RUNS", folder / "run")
        monkeypatch.setattr(command, "_SYSTEM_UNITS", self.system_units)
        monkeypatch.setattr(command, "_GROUPS", folder / "group")
        self._monkeypatch = monkeypatch

    @property
    def unit(self) -> Path:
        return self.home / ".config/systemd/user/broadcaster.service"

    def linux(self, user_id: int = 1000, *, lingers: bool = False) -> Self:
        self._monkeypatch.setattr(command, "_PLATFORM", "linux")
        self._monkeypatch.setattr(os, "geteuid", lambda: user_id)
        self.tool("systemctl")
        self.tool("loginctl", f"test $1 = show-user && echo Linger={'yes' if lingers else 'no'}; true")
        return self

    def windows(self, *, is_installed: bool = False) -> Self:
        self._monkeypatch.setattr(command, "_PLATFORM", "win32")
        self.tool("schtasks", f'test "$1" != /Query || exit {0 if is_installed else 1}')
        return self

    def tool(self, name: str, then: str = "true") -> None:
        """A tool that notes its call and then does something (in sh)."""
        tool = self._tools / name
        tool.write_text(f'#!/bin/sh\necho "{name} $*" >> "{self._notes}"\n{then}\n', encoding="utf-8")
        tool.chmod(0o755)

    def called(self) -> list[str]:
        """The calls since the last time, without questions."""
        noted = self._notes.read_text(encoding="utf-8").splitlines() if self._notes.exists() else []
        self._notes.unlink(missing_ok=True)
        return [call for call in noted if "show-user" not in call and "/Query" not in call]

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(command.app, arguments)

    def done(self, *arguments: str) -> str:
        result = self.run(*arguments)
        assert result.exit_code == 0, result.exception
        return result.output

    def error(self, *arguments: str) -> BroadcasterError:
        error = self.run(*arguments).exception
        assert isinstance(error, BroadcasterError), error
        return error


@pytest.fixture
def desktop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desktop:
    return Desktop(tmp_path, monkeypatch)


def test_a_person_gets_a_unit_of_their_own_that_runs_without_a_session(desktop: Desktop) -> None:
    said = desktop.linux().done("install")
    assert str(desktop.work) in said
    assert "systemctl --user status broadcaster" in said
    assert desktop.unit.read_text(encoding="utf-8") == service.user_unit(
        sys.executable, str(desktop.work), enabled_linger=True
    )
    assert desktop.called() == [
        "loginctl enable-linger an",
        "systemctl --user daemon-reload",
        "systemctl --user enable --now broadcaster.service",
    ]


def test_root_gets_a_unit_of_the_computer_run_by_the_owner_of_the_folder(desktop: Desktop) -> None:
    desktop.linux(user_id=0).done("install")
    owner = desktop.work.stat().st_uid
    user, groups = (None, []) if owner == 0 else (str(owner), ["audio"])
    unit = desktop.system_units / "broadcaster.service"
    assert unit.read_text(encoding="utf-8") == service.system_unit(sys.executable, str(desktop.work), user, groups)
    assert desktop.called() == ["systemctl daemon-reload", "systemctl enable --now broadcaster.service"]


def test_installing_again_restarts_with_the_new_unit(desktop: Desktop) -> None:
    desktop.linux().done("install")
    desktop.called()
    desktop.linux(lingers=True).done("install")
    assert desktop.called()[-1] == "systemctl --user restart broadcaster.service"
    assert service.has_enabled_linger(desktop.unit.read_text(encoding="utf-8"))


@pytest.mark.parametrize("lingers", [False, True])
def test_removing_undoes_what_installing_did_and_no_more(desktop: Desktop, lingers: bool) -> None:
    desktop.linux(lingers=lingers).done("install")
    desktop.called()
    assert "The data are kept" in desktop.done("remove")
    assert not desktop.unit.exists()
    undone = ["systemctl --user disable --now broadcaster.service", "systemctl --user daemon-reload"]
    assert desktop.called() == undone + ([] if lingers else ["loginctl disable-linger an"])


def test_where_systemd_does_not_run_nothing_is_left_behind(desktop: Desktop, monkeypatch: pytest.MonkeyPatch) -> None:
    desktop.linux()
    monkeypatch.setattr(command, "_SYSTEMD_RUNS", desktop.home / "none")
    for verb in ("install", "remove"):
        error = desktop.error(verb)
        assert isinstance(error, InputError)
        assert "-m broadcaster serve" in str(error)
    assert list(desktop.home.iterdir()) == []
    assert desktop.called() == []


def test_a_service_that_cannot_be_enabled_leaves_nothing_behind(desktop: Desktop) -> None:
    desktop.linux().tool("systemctl", 'test "$2" != enable || { echo "Failed to connect to bus"; exit 1; }')
    assert "Failed to connect to bus" in str(desktop.error("install"))
    assert not desktop.unit.exists()
    assert desktop.called()[-3:] == [
        "systemctl --user disable --now broadcaster.service",
        "systemctl --user daemon-reload",
        "loginctl disable-linger an",
    ]


def test_a_change_that_fails_puts_the_old_unit_back(desktop: Desktop, monkeypatch: pytest.MonkeyPatch) -> None:
    desktop.linux().done("install")
    before = desktop.unit.read_text(encoding="utf-8")
    other = desktop.home / "other"
    other.mkdir()
    monkeypatch.chdir(other)
    desktop.tool("systemctl", 'test "$2" != enable')
    desktop.error("install")
    assert desktop.unit.read_text(encoding="utf-8") == before
    assert desktop.called()[-1] == "systemctl --user restart broadcaster.service"


def test_a_unit_that_cannot_be_written_is_said(desktop: Desktop) -> None:
    (desktop.home / ".config").write_text("", encoding="ascii")  # a file where a folder is needed
    assert "cannot be written" in str(desktop.linux().error("install"))


@pytest.mark.parametrize("system", [Desktop.linux, Desktop.windows])
def test_what_is_not_installed_cannot_be_removed(desktop: Desktop, system: object) -> None:
    assert callable(system)
    system(desktop)
    assert "broadcaster service install" in str(desktop.error("remove"))
    assert desktop.called() == []


def test_windows_gets_a_task_and_starts_it(desktop: Desktop) -> None:
    desktop.windows().tool("schtasks", 'test "$1" != /Query && { test "$1" != /Create || cp "$5" "$HOME/task.xml"; }')
    copied = desktop.home / "task.xml"
    assert "schtasks /Query /TN Broadcaster" in desktop.done("install")
    assert copied.read_bytes() == service.task(sys.executable, str(desktop.work), "PC\\an", at_boot=False)
    [created, started] = desktop.called()
    assert created.startswith("schtasks /Create /TN Broadcaster /XML ")
    assert created.endswith("broadcaster.xml /F")
    assert started == "schtasks /Run /TN Broadcaster"


def test_a_task_that_cannot_be_started_is_not_left_behind(desktop: Desktop) -> None:
    desktop.windows().tool("schtasks", 'test "$1" != /Query && test "$1" != /Run')
    assert "schtasks /Run" in str(desktop.error("install"))
    assert desktop.called()[-1] == "schtasks /Delete /TN Broadcaster /F"


def test_windows_removes_its_task(desktop: Desktop) -> None:
    desktop.windows(is_installed=True).done("remove")
    assert desktop.called() == ["schtasks /End /TN Broadcaster", "schtasks /Delete /TN Broadcaster /F"]


@pytest.mark.parametrize("system", [Desktop.linux, Desktop.windows])
def test_a_dry_run_prints_all_and_does_nothing(desktop: Desktop, system: object) -> None:
    assert callable(system)
    system(desktop)
    planned = desktop.done("install", "--dry-run") + desktop.done("remove", "--dry-run")
    assert str(desktop.work) in planned
    assert "-m broadcaster serve" in planned
    assert "disable" in planned or "/Delete" in planned
    assert list(desktop.home.iterdir()) == []
    assert desktop.called() == []


def test_another_system_is_told_what_to_run(desktop: Desktop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "_PLATFORM", "darwin")
    error = desktop.error("install")
    assert isinstance(error, InputError)
    assert "-m broadcaster serve" in str(error)
