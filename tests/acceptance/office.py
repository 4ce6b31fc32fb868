"""A commune's office: a folder in which commands are run as a person would run them, as processes of their own."""

import json
import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from tests.fakes.mosquitto import free_port
from tests.typed import typed

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
LIMIT_S = 120.0
_COMMANDS_UNTIL_DUE = 4  # so many starts of the program, as slow as the slowest so far, fit in before an airing is due

_HOME = """
communes:
  - code: kep
    name: Kép
    slots: [{name: Buổi chiều, start: "17:00", end: "17:30"}]
stations:
  - {code: kep-loa, commune: kep, connector: soundcard, mode: test, config: {sink: none}}
people:
  - {code: writer, roles: [{role: writer, commune: kep}]}
  - {code: approver, roles: [{role: approver, commune: kep}]}
  - {code: operator, roles: [{role: operator, commune: kep}]}
  - {code: administrator, roles: [{role: administrator, commune: kep}]}
bulletins:
  - id: chay-rung
    title: Phòng cháy
    text: Bà con không đốt rơm rạ gần đường dây điện, không thả diều gần trạm biến áp, khi thấy dây đứt phải báo ngay.
"""


class Office:
    """Runs `broadcaster` in a folder. Every wait has a limit, and a process left over is killed at the end."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._running: list[subprocess.Popen[str]] = []
        self._slowest_s = 0.0
        self.extra: dict[str, str] = {}
        self.kind = "soundcard"

    def run(self, *arguments: str, given: str = "", code: int | None = 0) -> subprocess.CompletedProcess[str]:
        """One command to its end; its exit code is checked unless `code` is None."""
        began_s = time.monotonic()
        done = typed(self.folder, *arguments, environment=self.environment(), given=given)
        self._slowest_s = max(self._slowest_s, time.monotonic() - began_s)
        assert code is None or done.returncode == code, (done.returncode, done.stdout, done.stderr)
        return done

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """A command that goes on; its output is read with `line`."""
        process = subprocess.Popen(
            [sys.executable, "-m", "broadcaster", *arguments],
            cwd=self.folder, env=self.environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, encoding="utf-8",
        )  # fmt: skip
        self._running.append(process)
        return process

    def lines_with(self, process: "subprocess.Popen[str]", words: str, count: int) -> list[str]:
        """The next so many lines of its output that hold these words; one that never says so is ended."""
        assert process.stdout is not None
        limit = threading.Timer(LIMIT_S, process.kill)
        limit.start()
        seen: list[str] = []
        for line in process.stdout:
            seen.append(line.rstrip())
            if sum(words in each for each in seen) == count:
                limit.cancel()
                return [each for each in seen if words in each]
        raise AssertionError(f"It ended or was ended after {seen}")

    def settle_in(self) -> None:
        """A commune with a station, a virtual loudspeaker unless it is of another kind, and one approved bulletin."""
        home = _HOME if self.kind == "soundcard" else _HOME.replace("soundcard", self.kind).replace("sink: none", "")
        (self.folder / "home.yaml").write_text(home, encoding="utf-8")
        self.run("import", "home.yaml", "--as", "writer")
        self.run("bulletin", "submit", "chay-rung", "--as", "writer")
        self.run("bulletin", "approve", "chay-rung", "--as", "approver")

    def rehearse_in(self, seconds: float) -> None:
        """Put the bulletin on air once, so many seconds from now, or later on a machine that is slow just now."""
        wait_s = max(seconds, _COMMANDS_UNTIL_DUE * self._slowest_s)
        at = (datetime.now(UTC) + timedelta(seconds=wait_s)).astimezone(ZONE)
        (self.folder / "rehearsal.yaml").write_text(
            "schedules:\n"
            f'  - {{id: tap-duot, bulletin: chay-rung, communes: [kep], times: ["{at:%H:%M:%S}"], '
            f"dtstart: {at:%Y-%m-%d}, rrule: 'FREQ=DAILY;COUNT=1', rehearsal: true}}\n",
            encoding="utf-8",
        )
        self.run("import", "rehearsal.yaml", "--as", "operator")

    def open_door(self) -> None:
        """Have a door and a broker, on ports of its own."""
        ports = free_port(), free_port()
        self.extra = {
            "BROADCASTER__DOOR__ENABLED": "true",
            "BROADCASTER__DOOR__PORT": str(ports[0]),
            "BROADCASTER__BROKER__PORT": str(ports[1]),
        }

    def add_loudspeaker(self, name: str) -> None:
        """One that will enrol by itself when it is started in the folder of its name."""
        self.run("keys", "init", "--all", "--as", "administrator")
        code = self.run("loudspeaker", "add", "kep", name, "--as", "operator").stdout.split()[-1]
        folder = self.folder / name
        folder.mkdir()
        (folder / "player.yaml").write_text("sink: none\n", encoding="utf-8")
        door = self.extra["BROADCASTER__DOOR__PORT"]
        (folder / "enrol.code").write_text(f"http://127.0.0.1:{door} {code}\n", encoding="utf-8")

    def log(self) -> list[dict[str, Any]]:
        """The airing log as exported."""
        rows: list[dict[str, Any]] = json.loads(self.run("log", "export", "--format", "json").stdout)
        return rows

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Straight from the database file, past the program."""
        with closing(sqlite3.connect(self.folder / "data" / "broadcaster.db")) as connection:
            return connection.execute(sql).fetchall()

    def execute(self, sql: str) -> None:
        """Change the database file, past the program."""
        with closing(sqlite3.connect(self.folder / "data" / "broadcaster.db")) as connection, connection:
            connection.execute(sql)

    def wait_for(self, sql: str, expected: Callable[[Sequence[tuple[Any, ...]]], bool]) -> None:
        """Wait until what is in the database is as expected."""
        pause = threading.Event()
        until = datetime.now(UTC) + timedelta(seconds=LIMIT_S)
        while not expected(found := self.query(sql)):
            assert datetime.now(UTC) < until, found
            pause.wait(0.05)

    def until(self, is_so: Callable[[], bool]) -> None:
        pause = threading.Event()
        until = datetime.now(UTC) + timedelta(seconds=LIMIT_S)
        while not is_so():
            assert datetime.now(UTC) < until
            pause.wait(0.05)

    def close(self) -> None:
        for process in self._running:
            process.kill()
            process.communicate()

    def environment(self) -> dict[str, str]:
        # No test asks the real service for its voice.
        ours = {"BROADCASTER__LANGUAGE": "en", "BROADCASTER__SPEECH__GTTS__ENABLED": "false", "PYTHONUTF8": "1"}
        ours["BROADCASTER__DOOR__ENABLED"] = "false"  # its port is one for all tests that run now
        return {k: v for k, v in os.environ.items() if not k.startswith("BROADCASTER__")} | ours | self.extra
