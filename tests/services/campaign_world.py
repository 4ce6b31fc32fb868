"""A source's people, a commune's people, and a campaign between them."""

import json
import threading
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select

from broadcaster.errors import InputError
from broadcaster.services import campaign_answers, campaigns
from broadcaster.services.campaign_schedules import Wished
from broadcaster.services.campaign_sending import Sent
from broadcaster.services.coverage import Cell, Coverage, coverage
from broadcaster.store.record_tables import CampaignAnswerRow, JournalRow
from tests.fixtures import NOW
from tests.services.world import COMMUNES, POWER, TODAY, World

PEOPLE = f"""
people:
  - {{code: bien-tap, roles: [{{role: editor, source: {POWER}}}]}}
  - {{code: duyet-nguon, roles: [{{role: approver, source: {POWER}}}]}}
  - {{code: kep-1, roles: [{{role: operator, commune: kep}}]}}
  - {{code: kep-2, roles: [{{role: approver, commune: kep}}]}}
  - {{code: my-thai-1, roles: [{{role: operator, commune: my-thai}}]}}
"""
NAMES = {"kep": "Kép", "lang-giang": "Lạng Giang", "my-thai": "Mỹ Thái", "tan-dinh": "Tân Dĩnh", "tien-luc": "Tiên Lục"}


class Source:
    """What the power team and the communes do with one campaign, `cd`."""

    def __init__(self, world: World) -> None:
        self.world = world
        world.bring(PEOPLE)

    def send(self, *bulletins: str, person: str = "bien-tap", now: datetime = NOW, **more: Any) -> Sent:
        names: Sequence[str] = more.pop("names", ())
        values = {
            "id": "cd", "title": "An toàn điện", "source": POWER, "bulletins": list(bulletins),
            "communes": list(COMMUNES), "dtstart": TODAY, "target_airings": 1,
        }  # fmt: skip
        entry = campaigns.wished(values | more)
        sent = campaigns.send(self.world.store, entry, self.world.actor(person), now, names=names)
        self.world.plan(now)
        return sent

    def adopt(self, commune: str = "kep", person: str = "kep-1", now: datetime = NOW, **more: Any) -> dict[str, str]:
        actor = self.world.actor(person)
        done = campaign_answers.adopt(self.world.store, "cd", commune, actor=actor, now=now, **more)
        self.world.plan(now)
        return done

    def move(self, bulletin: str = "tin", person: str = "kep-1", now: datetime = NOW, **more: Any) -> str:
        changes = more.pop("changes", False)
        values: dict[str, Any] = {"dtstart": TODAY + timedelta(days=1), "rrule": "FREQ=DAILY;COUNT=2"}
        wished = Wished(**values | more)
        actor = self.world.actor(person)
        done = campaign_answers.move(
            self.world.store, "cd", "kep", bulletin, wished, actor=actor, now=now, changes=changes
        )
        self.world.plan(now)
        return done

    def decline(
        self, bulletin: str = "tin", person: str = "kep-1", reason: str = "trùng lịch", now: datetime = NOW,
        **more: bool,
    ) -> None:  # fmt: skip
        actor = self.world.actor(person)
        campaign_answers.decline(self.world.store, "cd", "kep", bulletin, reason, actor=actor, now=now, **more)
        self.world.plan(now)

    def end(self, *, withdraw: bool = False, now: datetime = NOW) -> int:
        removed = campaigns.end(self.world.store, "cd", self.world.actor("bien-tap"), now, withdraw=withdraw)
        self.world.plan(now)
        return removed

    def coverage(self, now: datetime = NOW) -> Coverage:
        with self.world.store.reading() as session:
            return coverage(session, "cd", now)

    def cell(self, commune: str = "kep", bulletin: str = "tin", now: datetime = NOW) -> Cell:
        (found,) = [one for one in self.coverage(now).communes if one.commune == commune]
        return next(cell for cell in found.bulletins if cell.bulletin == bulletin)

    def answers(self) -> dict[tuple[str, str], str]:
        with self.world.store.reading() as session:
            rows = session.scalars(select(CampaignAnswerRow)).all()
            return {(row.commune, row.bulletin): row.answer for row in rows}

    def planned(self, commune: str = "kep", bulletin: str = "tin") -> list[tuple[date, str]]:
        """The dates and slots of what is planned of a bulletin."""
        rows = self.world.airings(commune=commune, bulletin=bulletin, outcome=None)
        return [(row.local_date, row.place_in_day) for row in rows]


def said(world: World, chain: str, action: str) -> list[dict[str, object]]:
    """What a chain of the journal holds of an action."""
    with world.store.reading() as session:
        query = select(JournalRow.payload).where(JournalRow.chain == chain, JournalRow.action == action)
        return [json.loads(payload)["data"] for payload in session.scalars(query.order_by(JournalRow.seq))]


def at_once(*actions: Callable[[], object]) -> list[Exception | None]:
    """What becomes of things that are done at the same moment."""
    barrier = threading.Barrier(len(actions))
    results: list[Exception | None] = [None] * len(actions)

    def run(number: int, action: Callable[[], object]) -> None:
        barrier.wait()
        try:
            action()
        except InputError as error:
            results[number] = error

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(actions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results
