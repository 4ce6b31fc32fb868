"""A PostgreSQL server of the tests' own: in a temporary folder, on a free port of this computer, gone at the end."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

OWNER = "broadcaster"
_LIMIT_S = 90

# What a crash could cost is only worth its time where a test is about crashes.
_HASTY = ("-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off")


class PostgresServer:
    """Started when made. `durable` writes through to the disk, as a server in use does."""

    def __init__(self, binaries: Path, folder: Path, *, durable: bool) -> None:
        self._binaries = binaries
        self._data = folder / "data"
        self._log = folder / "server.log"
        self._port = _free_port()
        self._options = () if durable else _HASTY
        self._made = 0
        self._user = _user()
        if self._user is not None:
            shutil.chown(folder, self._user)
        self._run("initdb", "-A", "trust", "-U", OWNER, "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "-D", self._data)
        self.start()

    def start(self) -> None:
        """Returns once it takes connections."""
        options = ["-p", str(self._port), "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]
        options += ["-c", "max_connections=60", *self._options]
        self._control("start", "-l", str(self._log), "-o", " ".join(options))

    def stop(self, mode: str = "immediate") -> None:
        """`immediate` is a crash: no farewell to anyone, and the next start recovers from the log."""
        self._control("stop", "-m", mode)

    def restart(self, mode: str = "immediate") -> None:
        self.stop(mode)
        self.start()

    def database(self, template: str | None = None) -> str:
        """The URL of a new database, a copy of the one behind the URL `template`; nobody may be connected to that."""
        self._made += 1
        name = f"broadcaster_{self._made}"
        copied = make_url(template).database if template else "template1"
        self._administer(f'CREATE DATABASE "{name}" TEMPLATE "{copied}"')
        if not self._options:
            # A sequence that was copied in the middle of its 32 logged values would go back at the first crash.
            self._administer("CHECKPOINT")
        return self._url(name)

    def drop(self, url: str) -> None:
        """Take a database away, whoever still uses it."""
        self._administer(f'DROP DATABASE "{make_url(url).database}" WITH (FORCE)')

    def _url(self, name: str) -> str:
        return f"postgresql://{OWNER}@127.0.0.1:{self._port}/{name}"

    def _administer(self, statement: str) -> None:
        with psycopg.connect(self._url("postgres"), autocommit=True) as connection:
            connection.execute(statement.encode())

    def _control(self, *arguments: str) -> None:
        self._run("pg_ctl", "-D", self._data, "-w", "-t", str(_LIMIT_S), *arguments)

    def _run(self, program: str, *arguments: str | Path) -> None:
        # Output to a file: a server keeps what it was started with open, and a pipe would never end.
        with tempfile.TemporaryFile() as output:
            done = subprocess.run(
                [str(self._binaries / program), *map(str, arguments)],
                cwd="/", env=os.environ | {"LC_ALL": "C"}, user=self._user, group=self._user,
                extra_groups=[] if self._user else None, stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT, timeout=2 * _LIMIT_S, check=False,
            )  # fmt: skip
            output.seek(0)
            said = output.read().decode(errors="replace")
        log = self._log.read_text(errors="replace")[-2000:] if self._log.exists() else ""
        assert done.returncode == 0, (program, said, log)


@contextmanager
def postgres_here(*, durable: bool, folder: Path | None = None) -> Iterator[PostgresServer]:
    """A server while the block lasts, in `folder` if given. Skips where none of PostgreSQL's programs are here."""
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("PostgreSQL's programs are missing. On Debian or Ubuntu: sudo apt install postgresql")
    # Not in pytest's own folder, which only its owner may enter: the server runs as another user when we are root.
    with tempfile.TemporaryDirectory(prefix="broadcaster-postgres-", ignore_cleanup_errors=True) as temporary:
        server = PostgresServer(binaries, folder or Path(temporary), durable=durable)
        try:
            yield server
        finally:
            with suppress(AssertionError):  # a test may have stopped it
                server.stop()


def find_binaries() -> Path | None:
    """The folder of initdb and pg_ctl, the newest version's first; those on PATH where Debian's are not."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_version, reverse=True)
    on_path = shutil.which("initdb")
    candidates: Sequence[Path] = (*debian, *([Path(on_path).parent] if on_path else []))
    return next((path for path in candidates if all((path / name).exists() for name in ("initdb", "pg_ctl"))), None)


def _version(path: Path) -> float:
    try:
        return float(path.parent.name)
    except ValueError:
        return 0.0


def _user() -> str | None:
    """PostgreSQL refuses to run as root."""
    return "postgres" if hasattr(os, "geteuid") and os.geteuid() == 0 else None


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
