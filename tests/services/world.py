"""Five communes with a loudspeaker each, their people, and the services over them; time is what a test says it is."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy import select

from broadcaster import application, strict_yaml
from broadcaster.config import Config, DatabaseSettings, SpeechSettings
from broadcaster.domain.airing import Outcome
from broadcaster.domain.roles import Actor
from broadcaster.services import approvals, bulletins, planning, samples
from broadcaster.services.airing import HandOver
from broadcaster.services.bulletins import Desk, Permission
from broadcaster.services.exchange import Exchange
from broadcaster.services.importing import import_all
from broadcaster.services.keeping import Imported
from broadcaster.services.ordering import Signer
from broadcaster.services.outcomes import Outcomes
from broadcaster.services.plan_rows import PlanChange
from broadcaster.services.plays import Plays
from broadcaster.services.rendering import Studio
from broadcaster.services.stations import Stations
from broadcaster.services.storage import Storage
from broadcaster.speech.cache import SpeechCache
from broadcaster.speech.speaker import Speaker
from broadcaster.store import communes as places
from broadcaster.store import journal
from broadcaster.store.engine import Store
from broadcaster.store.record_tables import JournalRow
from broadcaster.store.tables import AiringRow, BulletinRow
from tests.fakes.children import HereAndNow
from tests.fakes.loudspeakers import KIND, Loudspeaker, Site
from tests.fakes.speech import HummingEngine
from tests.fixtures import NOW

POWER = "Đội Quản lý điện lực khu vực Lạng Giang"
COMMUNES = ("kep", "lang-giang", "my-thai", "tan-dinh", "tien-luc")
TODAY = date(2026, 11, 23)
SECOND = timedelta(seconds=1)


def here(text: str, day: date = TODAY) -> datetime:
    """A moment in the communes' local time."""
    return datetime.fromisoformat(f"{day}T{text}+07:00").astimezone(UTC)


def exchange(text: str) -> Exchange:
    return strict_yaml.parse(text, "test.yaml").validate(Exchange)


def sample(name: str) -> Exchange:
    (path,) = [path for path in samples.files() if path.stem == name]
    return strict_yaml.load(path).validate(Exchange)


def cast() -> list[Exchange]:
    """The sample communes and people, with loudspeakers of the test's own, and a second writer and approver."""
    communes = sample("communes")
    stations = [s.model_copy(update={"connector": KIND, "config": {}}) for s in communes.stations]
    others = """
people:
  - {code: writer-2, roles: [{role: writer, source: Công an xã}]}
  - {code: approver-kep, roles: [{role: approver, commune: kep}]}
  - {code: both, roles: [{role: writer, commune: "*"}, {role: approver, commune: "*"}]}
"""
    return [communes.model_copy(update={"stations": stations}), sample("facts"), exchange(others)]


@dataclass
class World:
    """What one worker and its people see. `tick` is what the worker does twice a second."""

    store: Store
    site: Site
    engine: HummingEngine
    children: HereAndNow
    studio: Studio
    config: Config
    ended: list[str] = field(default_factory=list)
    stations: Stations = field(default_factory=Stations)

    def __post_init__(self) -> None:
        folder = self.studio.clips.parent
        self.speech = SpeechCache(folder / "speech-cache")
        self.storage = Storage(folder, self.config.storage, self.speech, self.studio)
        self.desk = Desk(self.store, self.studio, self.storage, self.config)
        self.hand_over = self._hand_over()

    @property
    def keys(self) -> Path:
        return self.studio.clips.parent / "keys"

    @property
    def outcomes(self) -> Outcomes:
        return self.hand_over.outcomes

    def actor(self, code: str | None) -> Actor:
        with self.store.reading() as session:
            return places.actor(session, code, "root")

    def bring(self, *texts: str, person: str | None = "operator", now: datetime = NOW) -> list[Imported]:
        return import_all(self.store, [exchange(text) for text in texts], person, "root", now)

    def write(self, key: str = "tin", text: str = "Bà con chú ý.", *, person: str = "writer", **more: Any) -> None:
        """A new bulletin or a new revision of it."""
        entry = {"id": key, "title": f"Bản tin {key}", "source": POWER, "text": text, **more}
        self.bring(yaml.safe_dump({"bulletins": [entry]}, allow_unicode=True), person=person)

    def submit(self, key: str = "tin", permission: Permission | None = None, *, now: datetime = NOW) -> str:
        found = self.desk.submit(key, self.actor("writer"), now, permission)
        self.desk.render(key, self.actor("writer"), now)
        return found

    def approve(self, key: str = "tin", *, person: str = "approver", now: datetime = NOW) -> str:
        return approvals.approve(self.store, key, self.actor(person), now)

    def approved(
        self, key: str = "tin", text: str = "Bà con chú ý.", permission: Permission | None = None, *,
        now: datetime = NOW, **more: Any,
    ) -> None:  # fmt: skip
        """A bulletin written, submitted, rendered and approved."""
        self.write(key, text, **more)
        self.submit(key, permission, now=now)
        self.approve(key, now=now)

    def withdraw(self, key: str = "tin", now: datetime = NOW) -> None:
        self.desk.withdraw(key, "sai nội dung", self.actor("writer"), now)

    def schedule(self, key: str = "lich", bulletin: str = "tin", *, now: datetime = NOW, **more: Any) -> None:
        """Every day at 17:00 in Kép, unless told otherwise."""
        plain = {"id": key, "bulletin": bulletin, "communes": ["kep"], "dtstart": TODAY}
        entry = plain | ({} if "slots" in more else {"times": ["17:00"]}) | more
        self.bring(yaml.safe_dump({"schedules": [entry]}, allow_unicode=True), now=now)

    def station(
        self, code: str = "kep-loa", commune: str = "kep", mode: str = "test", zones: Sequence[str] = (), **config: Any
    ) -> Loudspeaker:
        """A new or a changed station; its loudspeaker."""
        entry = {"code": code, "commune": commune, "connector": KIND, "mode": mode, "zones": [*zones], "config": config}
        self.bring(yaml.safe_dump({"stations": [entry]}))
        return self.site.speaker(code)

    def plan(self, now: datetime = NOW) -> PlanChange:
        program = Actor(None, "root")
        bulletins.expire(self.store, program, now)
        return planning.plan(self.store, self.config, program, now)

    def tick(self, now: datetime) -> None:
        for speaker in self.site.all():
            speaker.go_on(now)
        self.outcomes.collect(now)
        self.hand_over.receipts.run(now)
        Plays(self.store, self.outcomes).collect(now)
        self.hand_over.recall(now)
        self.hand_over.run(now)
        self.outcomes.sweep(now)

    def run(self, start: datetime, end: datetime, step: timedelta = 5 * SECOND) -> None:
        """Ticks from `start` to `end`, both included."""
        for number in range((end - start) // step + 1):
            self.tick(start + number * step)

    def stop(self, now: datetime) -> None:
        self.outcomes.stop(now)
        self._lose_what_plays_here()

    def die(self) -> None:
        """The worker is gone, without a word."""
        self._lose_what_plays_here()

    def start(self, now: datetime) -> None:
        """A new worker over the same database."""
        self.stations = Stations()
        self.hand_over = self._hand_over()
        self.outcomes.settle(now)
        self.plan(now)

    def airings(self, **wanted: object) -> list[AiringRow]:
        """The airings with these values, by due time."""
        with self.store.reading() as session:
            query = select(AiringRow).filter_by(**wanted).order_by(AiringRow.due_at, AiringRow.commune, AiringRow.id)
            return list(session.scalars(query))

    def today(self, **wanted: object) -> AiringRow:
        """Today's one airing."""
        (found,) = self.airings(local_date=TODAY, **wanted)
        return found

    def outcome(self, **wanted: object) -> tuple[Outcome | None, str | None, str | None]:
        """How today's one airing ended: outcome, reason, evidence."""
        row = self.today(**wanted)
        return row.outcome, row.reason, row.evidence

    def starts(self, **wanted: object) -> Mapping[str, list[str]]:
        """Today's unblocked airings: schedule -> local times."""
        found: dict[str, list[str]] = {}
        for row in self.airings(local_date=TODAY, blocked=None, **wanted):
            found.setdefault(row.schedule, []).append(f"{row.due_at + timedelta(hours=7):%H:%M:%S}")
        return found

    def state(self, key: str = "tin") -> str:
        with self.store.reading() as session:
            return session.get_one(BulletinRow, key).state

    def journalled(self, subject: str) -> list[str]:
        """What was journalled about something, in order."""
        with self.store.reading() as session:
            return [entry.action for entry in journal.entries_about(session, subject)]

    def count_of_entries(self) -> int:
        with self.store.reading() as session:
            return len(session.scalars(select(JournalRow.id)).all())

    def assert_chains_hold(self) -> None:
        with self.store.reading() as session:
            assert [journal.verify(session, chain) for chain in journal.chains(session)] == [
                None for _ in journal.chains(session)
            ]

    def _hand_over(self) -> HandOver:
        outcomes = Outcomes(
            self.store,
            self.stations,
            Actor(None, "root"),
            timedelta(seconds=self.config.worker.confirm_within_s),
            lambda row: self.ended.append(row.id),
        )
        signer = Signer(self.keys, "http://127.0.0.1:8321", self.config)
        return HandOver(self.store, self.studio, self.config, outcomes, signer)

    def _lose_what_plays_here(self) -> None:
        with self.store.reading() as session:
            stations = [station for found in places.stations(session).values() for station in found]
        for station in stations:
            if station.config.get("plays_here"):
                self.site.forget(station.code)


def settings(**changes: object) -> Config:
    """The default settings, spoken by the humming engine."""
    voices = {language: [f"hum/{language}"] for language in ("vi", "en", "bn")}
    return Config(speech=SpeechSettings(voices=voices)).model_copy(update=changes)


@contextmanager
def world_in(folder: Path, config: Config | None = None, *, url: str | None = None) -> Iterator[World]:
    """A world over a database (None: the file in the folder) that holds its cast already."""
    changes = {"data_folder": folder, "database": DatabaseSettings(url=url)}
    built = application.build((config or settings()).model_copy(update=changes))
    engine, children = HummingEngine(), HereAndNow()
    studio = replace(built.studio, speaker=Speaker([engine]), children=children)
    with Site().in_use() as site:
        yield World(built.store, site, engine, children, studio, built.config)
    built.close()


def brought(store: Store, documents: Sequence[Exchange]) -> None:
    with Site().in_use():
        import_all(store, documents, "writer", "root", NOW)
