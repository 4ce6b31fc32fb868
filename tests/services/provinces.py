"""A commune with a province's source system beside its own loudspeaker; the worker's steps that speak with it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from random import Random
from typing import Any

import yaml
from sqlalchemy import select

from broadcaster.domain.roles import Actor
from broadcaster.services import alerts, rendering
from broadcaster.services.source_receiving import SourceDesk, bulletin_id
from broadcaster.services.source_reports import Reporting
from broadcaster.speech.recording import Recordings
from broadcaster.speech.speaker import Speaker
from broadcaster.store import submissions
from broadcaster.store.source_tables import ReceivedRow, SourceReportRow
from broadcaster.store.tables import RevisionRow
from broadcaster.words import Words
from tests.fakes.http_station import running
from tests.fakes.source_system import PASSWORD, SourceSystem
from tests.fixtures import NOW
from tests.services.world import World

PROVINCE = "Hệ thống thông tin nguồn tỉnh"
LINK = "kep-nguon"
KEY = bulletin_id(LINK, "T-1")
PEOPLE = """
people:
  - {code: truc-kep, roles: [{role: operator, commune: kep}]}
  - {code: duyet-kep, roles: [{role: approver, commune: kep}]}
"""


class NoChance(Random):
    """The middle of every range."""

    def uniform(self, a: float, b: float) -> float:
        return (a + b) / 2


@dataclass
class Province:
    world: World
    system: SourceSystem
    random: Random = field(default_factory=NoChance)

    def __post_init__(self) -> None:
        world = self.world
        self.recordings = Recordings(world.config.data_folder / "recordings")
        world.studio = replace(world.studio, speaker=Speaker([world.engine, self.recordings]))
        world.__post_init__()
        world.bring(PEOPLE)
        self.configure()

    def configure(
        self, *, code: str = LINK, mode: str = "live", receives: dict[str, Any] | None = None, **config: Any
    ) -> None:
        """The commune's station of the source system. It airs nothing here: no zone of the commune is its own."""
        wanted = {"source": PROVINCE, **(receives or {})}
        usual: dict[str, Any] = {
            "address": self.system.address, "username": "xa-kep", "password": PASSWORD, "clusters": ["loa-1", "loa-2"],
            "clip_url": "https://am-thanh.example/{sha256}.mp3", "receives": wanted, "reports": True,
        }  # fmt: skip
        entry = {
            "code": code, "commune": "kep", "connector": "source_system", "mode": mode, "config": usual | config,
        }  # fmt: skip
        self.world.bring(yaml.safe_dump({"stations": [entry]}, allow_unicode=True))

    def receive(self, now: datetime = NOW) -> None:
        """What the worker does every two seconds, and the rendering that follows."""
        world = self.world
        SourceDesk(world.store, world.stations, self.recordings, world.desk, "root", self.random).run(now)
        with world.store.reading() as session:
            waiting = rendering.unrendered(session)
        for clip in waiting:
            rendering.render(world.store, world.studio, clip, Actor(None, "root"), now)

    def report(self, now: datetime) -> int:
        return Reporting(self.world.store, self.world.stations, Actor(None, "root"), self.random).send(now)

    def rows(self) -> list[ReceivedRow]:
        with self.world.store.reading() as session:
            return list(session.scalars(select(ReceivedRow).order_by(ReceivedRow.id)))

    def states(self) -> dict[str, str]:
        return {row.source_key: row.state for row in self.rows()}

    def why(self, key: str = "T-1") -> str:
        (row,) = [row for row in self.rows() if row.source_key == key]
        return str(alerts.read(row.error))

    def reports(self) -> list[SourceReportRow]:
        with self.world.store.reading() as session:
            return list(session.scalars(select(SourceReportRow).order_by(SourceReportRow.id)))

    def alerts(self) -> list[str]:
        with self.world.store.reading() as session:
            rows = alerts.open_alerts(session)
        return [
            f"{row.kind}: {Words('en').error(alerts.text_of(row, is_cleared=False, commune='Kép'))}" for row in rows
        ]


@contextmanager
def province_in(world: World) -> Iterator[Province]:
    with running(SourceSystem()) as system:
        yield Province(world, system)
        world.stations.silence()


def revision(world: World) -> RevisionRow:
    """The newest of what `T-1` became."""
    with world.store.reading() as session:
        return submissions.bulletin(session, KEY)[1]


def given(province: Province, *entries: object) -> None:
    """These stand on the list, and the worker looks."""
    province.system.listed = list(entries)
    province.receive()
