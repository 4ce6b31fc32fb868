"""An office for faults: three communes with a loudspeaker each, short bulletins, and a worker that is made to fail.

Each bulletin airs once in each commune. So the WAV files that a loudspeaker leaves in its folder, one per play and
named by the clip, count the plays past the program: a second file of one clip is a second play of one airing.
"""

import json
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy import NullPool, create_engine, text

from broadcaster import application, strict_yaml
from broadcaster.application import Application
from broadcaster.config import Config
from broadcaster.domain.roles import Actor
from broadcaster.services import approvals, planning
from broadcaster.services.exchange import Exchange
from broadcaster.services.importing import import_all
from broadcaster.store import communes as places
from tests.acceptance.office import LIMIT_S, ZONE, Office

COMMUNES = ("kep", "my-thai", "tien-luc")
WORDS = ("hai", "ba", "tin", "hoa", "lan", "cau", "mai", "xoan")
LAUNCHER = Path(__file__).with_name("launcher.py")
APART_S = 3
"""From one airing of a commune to the next; a clip is shorter."""
GRACE_S = 6.0

STARTS = "SELECT count(*) FROM journal WHERE action = 'worker_started'"
UNRENDERED = "SELECT count(*) FROM clips WHERE sha256 IS NULL"
ENDED = "SELECT outcome IS NOT NULL FROM airings"


_TEMPLATE = {"title": "Ngắn", "chime": None, "loudness_lufs": -20.0, "tail_silence_ms": 0}


class FaultOffice(Office):
    """Runs `broadcaster` in a folder over a database of any kind, with or without a fault."""

    def __init__(self, folder: Path, url: str) -> None:
        super().__init__(folder)
        self.url = url
        self.extra: dict[str, str] = {}
        self.settings: dict[str, str] = {}
        driver = url.replace("postgresql://", "postgresql+psycopg://")
        self._engine = create_engine(driver, poolclass=NullPool)

    @property
    def plays(self) -> Path:
        return self.folder / "plays"

    def built(self) -> Application:
        """The application as the commands see it, in this process."""
        settings = {
            "data_folder": self.folder / "data",
            "database": {"url": self.url},
            "audio": {"templates_folder": self.folder / "templates"},
            "speech": {"voices": {"vi": ["espeak/vi"]}, "children": 1},
            "timetable": {"grace_s": GRACE_S},
        }
        return application.build(Config.model_validate(settings))

    def settle_in(self) -> None:
        """Communes, loudspeakers, people, and a bulletin for each of WORDS that is approved for all communes."""
        template = self.folder / "templates" / "ngan"
        template.mkdir(parents=True)
        (template / "template.yaml").write_text(yaml.safe_dump(_TEMPLATE, allow_unicode=True), encoding="utf-8")
        built = self.built()
        now = datetime.now(UTC)
        self.bring(built, self._home())
        with built.store.reading() as session:
            writer, approver = (places.actor(session, code, "root") for code in ("writer", "approver"))
        for word in WORDS:
            built.desk.submit(word, writer, now)
            built.desk.render(word, writer, now)
            approvals.approve(built.store, word, approver, now)
        built.close()

    def move_to(self, folder: Path, url: str) -> "FaultOffice":
        """The same office in another folder, over a copy of its database."""
        for name in ("templates", "data/clips"):
            shutil.copytree(self.folder / name, folder / name)
        moved = FaultOffice(folder, url)
        moved.connect_loudspeakers()
        return moved

    def connect_loudspeakers(self) -> None:
        """Have the loudspeakers play into this folder."""
        built = self.built()
        self.bring(built, {"stations": self._home()["stations"]})
        built.close()

    def rehearse(self, count: int = len(WORDS), *, first_in_s: float = 4.0, plans: bool = True, skip: int = 0) -> int:
        """Put so many bulletins on air in every commune, one after the other; how many airings that makes.

        Unless it `plans`, they are left to the worker to plan.
        """
        first = datetime.now(UTC) + timedelta(seconds=first_in_s)
        schedules = []
        for number, word in enumerate(WORDS[skip : skip + count]):
            at = (first + timedelta(seconds=APART_S * number)).astimezone(ZONE)
            schedules.append({
                "id": f"tap-duot-{skip + number}", "bulletin": word, "communes": list(COMMUNES),
                "times": [f"{at:%H:%M:%S}"], "dtstart": at.date(), "rrule": "FREQ=DAILY;COUNT=1", "rehearsal": True,
            })  # fmt: skip
        built = self.built()
        self.bring(built, {"schedules": schedules})
        if plans:
            planning.plan(built.store, built.config, Actor(None, "root"), datetime.now(UTC))
        built.close()
        return count * len(COMMUNES)

    def withdraw(self, word: str) -> None:
        """Take a bulletin back, quicker than a command of its own starts."""
        built, now = self.built(), datetime.now(UTC)
        with built.store.reading() as session:
            writer = places.actor(session, "writer", "root")
        built.desk.withdraw(word, "", writer, now)
        planning.plan(built.store, built.config, Actor(None, "root"), now)
        built.close()

    def work(self, fault: Mapping[str, object] | None = None) -> "subprocess.Popen[str]":
        """A worker, with a fault or none."""
        (self.folder / "injected").unlink(missing_ok=True)
        self.extra = {"FAULT": json.dumps(fault)} if fault else {}
        output = (self.folder / "worker.txt").open("a", encoding="utf-8")
        process = subprocess.Popen(
            [sys.executable, str(LAUNCHER), "worker"], cwd=self.folder, env=self.environment(),
            stdin=subprocess.DEVNULL, stdout=output, stderr=output, text=True,
        )  # fmt: skip
        output.close()
        self._running.append(process)
        return process

    def launch(self, *arguments: str, fault: Mapping[str, object]) -> subprocess.CompletedProcess[str]:
        """One command with a fault, to its end."""
        self.extra = {"FAULT": json.dumps(fault)}
        return subprocess.run(
            [sys.executable, str(LAUNCHER), *arguments], cwd=self.folder, env=self.environment(),
            capture_output=True, text=True, timeout=LIMIT_S, check=False,
        )  # fmt: skip

    def finish(self) -> None:
        """A worker without fault brings everything to its end and stops when it is asked to."""
        with self.worker() as worker:
            self.wait_until_all_have_ended(worker)

    def render(self) -> None:
        """A worker without fault makes all clips that are listed."""
        with self.worker() as worker:
            self.wait_while(worker, UNRENDERED, lambda found: found[0][0] == 0)

    @contextmanager
    def worker(self) -> "Iterator[subprocess.Popen[str]]":
        """A worker without fault that is up, and is stopped in the end."""
        before = self.query(STARTS)[0][0]
        worker = self.work()
        self.wait_while(worker, STARTS, lambda found: found[0][0] > before)
        yield worker
        self.stop(worker)

    def stop(self, worker: "subprocess.Popen[str]") -> None:
        """Ask a worker that is up to stop, as Ctrl-C does."""
        worker.send_signal(signal.SIGINT)
        assert worker.wait(timeout=LIMIT_S) == 0, self.said()

    def wait_until_all_have_ended(self, worker: "subprocess.Popen[str]") -> None:
        self.wait_while(worker, ENDED, all_ended)

    def wait_while(
        self, worker: "subprocess.Popen[str]", sql: str, expected: Callable[[Sequence[tuple[Any, ...]]], bool]
    ) -> None:
        """Wait until what is in the database is as expected; the worker must live so long."""
        self.wait_for(sql, lambda found: expected(found) or worker.poll() is not None)
        assert worker.poll() is None, self.said()

    def outcomes(self) -> Counter[str]:
        return Counter(row[0] for row in self.query("SELECT outcome FROM airings"))

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with self._engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(sql))]

    def execute(self, sql: str) -> None:
        with self._engine.begin() as connection:
            connection.execute(text(sql))

    def said(self) -> str:
        """What the workers have printed."""
        return (self.folder / "worker.txt").read_text(encoding="utf-8")

    def environment(self) -> dict[str, str]:
        ours = {
            "DATABASE__URL": self.url,
            "AUDIO__TEMPLATES_FOLDER": str(self.folder / "templates"),
            "SPEECH__VOICES": "{vi: [espeak/vi]}",
            "SPEECH__CHILDREN": "1",
            "SPEECH__TIMEOUT_S": "2",
            "TIMETABLE__GRACE_S": str(GRACE_S),
            "WORKER__AIR_EVERY_S": "0.2",
            "WORKER__RENDER_EVERY_S": "1",
            "WORKER__CONFIRM_WITHIN_S": "5",
            "DATABASE__BUSY_TIMEOUT_S": "5",
        }
        ours |= self.settings
        plain = super().environment() | {f"BROADCASTER__{name}": value for name, value in ours.items()}
        return plain | self.extra

    def bring(self, built: Application, document: Mapping[str, Any]) -> None:
        parsed = strict_yaml.parse(yaml.safe_dump(dict(document), allow_unicode=True), "office.yaml")
        import_all(built.store, [parsed.validate(Exchange)], "writer", "root", datetime.now(UTC))

    def _home(self) -> dict[str, Any]:
        return {
            "communes": [{"code": code, "name": code} for code in COMMUNES],
            "stations": [
                {
                    "code": f"{code}-loa", "commune": code, "connector": "soundcard", "mode": "test",
                    "config": {"sink": f"file:{self.plays / code}"},
                }
                for code in COMMUNES
            ],
            "people": [
                {"code": "writer", "roles": [{"role": "writer", "commune": "*"}, {"role": "operator", "commune": "*"}]},
                {"code": "approver", "roles": [{"role": "approver", "commune": "*"}]},
                {"code": "administrator", "roles": [{"role": "administrator", "commune": "*"}]},
            ],
            "bulletins": [
                {"id": word, "title": word, "source": "x", "text": f"Bản tin {word} {word}.", "template": "ngan"}
                for word in WORDS
            ],
        }  # fmt: skip


def all_ended(found: Sequence[tuple[Any, ...]]) -> bool:
    """Of what ENDED finds: there are airings, and each has an outcome."""
    return bool(found) and all(ended for (ended,) in found)


def assert_sound(office: FaultOffice, airings: int) -> None:
    """The promise after anything at all; `airings` is how many were planned."""
    rows = office.query("SELECT id, commune, clip, outcome, evidence FROM airings")
    assert len(rows) == airings
    told = Counter(office.query("SELECT subject, action FROM journal"))
    heard = _plays(office)
    assert [name for name in heard if "-" in name[1]] == [], "played twice"
    for key, commune, clip, outcome, evidence in rows:
        story = (key, outcome, evidence, office.said())
        assert outcome is not None, story
        assert told[key, "airing_ended"] == 1, story
        assert told[key, "airing_started"] <= 1, story
        was_heard = (commune, clip) in heard
        assert was_heard or outcome not in {"aired", "partial"}, story
        # Sound of which nobody was told yet is lost with the worker that made it.
        assert not was_heard or outcome in {"aired", "partial", "missed"}, story
    office.extra = {}
    office.run("log", "verify")


def _plays(office: FaultOffice) -> Sequence[tuple[str, str]]:
    """(commune, name of the file) of everything that was heard, in part or whole."""
    return [(path.parent.name, path.stem) for path in office.plays.glob("*/*.wav") if path.stat().st_size > 44]
