"""`broadcaster service`: have this computer start Broadcaster by itself, so that it airs again after a restart."""

import contextlib
import ctypes
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from broadcaster import application, config, files
from broadcaster.cli.airing_line import on_one_line, tell
from broadcaster.errors import BroadcasterError, InputError
from broadcaster.jobs import service
from broadcaster.words import Words

_PLATFORM: str = sys.platform
_SYSTEMD_RUNS = Path("/run/systemd/system")  # sd_booted(3)
_SYSTEM_UNITS = Path("/etc/systemd/system")
_GROUPS = Path("/etc/group")
_TIMEOUT_S = 60.0
_NOT_INSTALLED = "Broadcaster is not installed as a service here. To install it: broadcaster service install"

DryRun = Annotated[bool, typer.Option("--dry-run", help="Only print what would be written and run.")]

app = typer.Typer(help="Have this computer start Broadcaster by itself.", no_args_is_help=True)


@app.command()
def install(*, dry_run: DryRun = False) -> None:
    """Start Broadcaster in this folder whenever this computer starts, and again should it ever end."""
    words = Words(config.load(Path.cwd()).language)
    installer = _installer()
    if dry_run:
        tell(installer.plan())
        return
    installer.install()
    tell(words("Broadcaster runs in {folder} and starts again with this computer.", folder=Path.cwd()))
    tell(words("To see how it is: {command}", command=shlex.join(installer.status_command)))


@app.command()
def remove(*, dry_run: DryRun = False) -> None:
    """Stop the service and no longer start it with this computer. The data stay where they are."""
    words = Words(config.load(Path.cwd()).language)
    installer = _installer()
    if dry_run:
        tell(installer.removal_plan())
        return
    installer.remove()
    tell(words("Broadcaster has stopped and no longer starts with this computer. The data are kept."))


@dataclass(frozen=True, slots=True)
class _Systemd:
    """One unit file and the commands around it: root's for the whole computer, anybody else's for themselves."""

    is_root: bool

    @property
    def unit(self) -> Path:
        folder = _SYSTEM_UNITS if self.is_root else Path.home() / ".config/systemd/user"
        return folder / f"{service.NAME}.service"

    @property
    def status_command(self) -> list[str]:
        return self._systemctl("status", service.NAME)

    def plan(self) -> str:
        text = self._text()
        return "\n".join([f"# {self.unit}", text, *map(shlex.join, self._setup(text))])

    def removal_plan(self) -> str:
        commands = [self._stop(), ["rm", str(self.unit)], *self._clean_up(self._installed() or "")]
        return "\n".join(map(shlex.join, commands))

    def install(self) -> None:
        """Raises BroadcasterError after putting back what was there before."""
        _check_systemd()
        before, text = self._installed(), self._text()
        _write(self.unit, text)
        try:
            for command in self._setup(text):
                _run(command)
            if before is not None:
                _run(self._systemctl("restart", self.unit.name))  # what runs there knows only the old unit
        except BroadcasterError:
            with contextlib.suppress(BroadcasterError):
                self._put_back(before, text)
            raise

    def remove(self) -> None:
        _check_systemd()
        installed = self._installed()
        if installed is None:
            raise InputError(_NOT_INSTALLED)
        _run(self._stop())
        try:
            self.unit.unlink()
        except OSError as error:
            raise BroadcasterError("The file {file} cannot be removed: {error}", file=self.unit, error=error) from error
        for command in self._clean_up(installed):
            _run(command)

    def _installed(self) -> str | None:
        return self.unit.read_text(encoding="utf-8") if self.unit.is_file() else None

    def _text(self) -> str:
        folder = Path.cwd()
        if self.is_root:  # whoever owns the data runs the service: root only where root does
            user = None if folder.stat().st_uid == 0 else str(folder.stat().st_uid)
            has_audio = any(line.startswith("audio:") for line in _GROUPS.read_text(encoding="utf-8").splitlines())
            groups = ["audio"] if user is not None and has_audio else []
            return service.system_unit(sys.executable, str(folder), user, groups)
        _, said = _call(["loginctl", "show-user", "--property=Linger", application.os_user()])
        ours = "Linger=yes" not in said or service.has_enabled_linger(self._installed() or "")
        return service.user_unit(sys.executable, str(folder), enabled_linger=ours)

    def _setup(self, text: str) -> list[list[str]]:
        linger = [["loginctl", "enable-linger", application.os_user()]] if service.has_enabled_linger(text) else []
        return [*linger, self._systemctl("daemon-reload"), self._systemctl("enable", "--now", self.unit.name)]

    def _stop(self) -> list[str]:
        return self._systemctl("disable", "--now", self.unit.name)

    def _clean_up(self, text: str) -> list[list[str]]:
        linger = [["loginctl", "disable-linger", application.os_user()]] if service.has_enabled_linger(text) else []
        return [self._systemctl("daemon-reload"), *linger]

    def _put_back(self, before: str | None, text: str) -> None:
        if before is not None:
            _write(self.unit, before)
            commands = [self._systemctl("daemon-reload"), self._systemctl("restart", self.unit.name)]
        else:
            _succeeds(self._stop())
            self.unit.unlink(missing_ok=True)
            commands = self._clean_up(text)
        for command in commands:
            _succeeds(command)

    def _systemctl(self, *arguments: str) -> list[str]:
        return ["systemctl", *([] if self.is_root else ["--user"]), *arguments]


@dataclass(frozen=True, slots=True)
class _TaskScheduler:
    """One task: an administrator's starts with the computer, anybody else's when they sign in."""

    is_admin: bool
    name = "Broadcaster"

    @property
    def status_command(self) -> list[str]:
        return self._schtasks("/Query")

    def plan(self) -> str:
        commands = [self._create("broadcaster.xml"), self._schtasks("/Run")]
        return "\n".join([self._xml().decode("utf-16"), *map(shlex.join, commands)])

    def removal_plan(self) -> str:
        return "\n".join(map(shlex.join, [self._schtasks("/End"), self._schtasks("/Delete", "/F")]))

    def install(self) -> None:
        is_new = not _succeeds(self.status_command)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "broadcaster.xml"
            file.write_bytes(self._xml())
            _run(self._create(str(file)))
        try:
            _run(self._schtasks("/Run"))
        except BroadcasterError:
            if is_new:
                _succeeds(self._schtasks("/Delete", "/F"))
            raise

    def remove(self) -> None:
        if not _succeeds(self.status_command):
            raise InputError(_NOT_INSTALLED)
        _succeeds(self._schtasks("/End"))  # fails where it does not run just now
        _run(self._schtasks("/Delete", "/F"))

    def _xml(self) -> bytes:
        user = "\\".join(filter(None, [os.environ.get("USERDOMAIN"), application.os_user()]))
        return service.task(sys.executable, str(Path.cwd()), user, at_boot=self.is_admin)

    def _create(self, file: str) -> list[str]:
        return self._schtasks("/Create", "/XML", file, "/F")

    def _schtasks(self, verb: str, *options: str) -> list[str]:
        return ["schtasks", verb, "/TN", self.name, *options]


def _installer() -> _Systemd | _TaskScheduler:
    if _PLATFORM == "linux":
        return _Systemd(is_root=os.geteuid() == 0)
    if _PLATFORM == "win32":
        windows = getattr(ctypes, "windll", None)
        return _TaskScheduler(is_admin=windows is not None and bool(windows.shell32.IsUserAnAdmin()))
    raise InputError(
        "Broadcaster cannot install itself as a service on this system. "
        "Have the system run this at its start, in {folder}: {command}",
        folder=Path.cwd(),
        command=shlex.join([sys.executable, *service.ARGUMENTS]),
    )


def _check_systemd() -> None:
    if shutil.which("systemctl") is None or not _SYSTEMD_RUNS.is_dir():
        raise InputError(
            "systemd does not run here, and a service needs it. Nothing was changed. "
            "Have the system run this at its start, in {folder}: {command}",
            folder=Path.cwd(),
            command=shlex.join([sys.executable, *service.ARGUMENTS]),
        )


def _write(file: Path, text: str) -> None:
    try:
        files.write(file, text.encode())
    except OSError as error:
        raise BroadcasterError("The file {file} cannot be written: {error}", file=file, error=error) from error


def _run(command: list[str]) -> None:
    """Raises BroadcasterError with what the command said, where it fails."""
    code, said = _call(command)
    if code != 0:
        raise BroadcasterError(
            "This command failed: {command}. It said: {said}", command=shlex.join(command), said=on_one_line(said)
        )


def _succeeds(command: list[str]) -> bool:
    return _call(command)[0] == 0


def _call(command: list[str]) -> tuple[int, str]:
    """A command's exit code (127 where it cannot run) and what it said."""
    try:
        done = subprocess.run(  # noqa: S603 - the system's own tools, found on the PATH as for anyone who types them
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.SubprocessError) as error:
        return 127, str(error)
    return done.returncode, done.stdout.decode(errors="replace")
