"""Loudspeakers without a network: a stick takes signed orders there, and brings back what they have played."""

import csv
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from broadcaster.domain.airing import Evidence, Outcome, StationState
from broadcaster.net import NetError
from broadcaster.orders import envelope as envelopes
from broadcaster.orders import keyfolder, payload
from broadcaster.orders.device import PlayState
from broadcaster.orders.payload import Command, Payload
from broadcaster.orders.topics import Device
from broadcaster.player.stick import Stick
from broadcaster.services import enrolment
from broadcaster.services.plays import Plays
from broadcaster.services.sticks import Sticks
from broadcaster.store import plays
from tests.fakes.signed import Loudspeaker
from tests.fixtures import NOW
from tests.player.test_link import Box
from tests.services.village import ADMINISTRATOR
from tests.services.world import World, here

KEP = Device("kep", "kep-01")
DUE = here("17:00")
HOUR = timedelta(hours=1)


@dataclass
class Post:
    """Kép, whose one loudspeaker has no network, and the stick."""

    world: World
    stick: Path
    loudspeaker: Loudspeaker

    @property
    def sticks(self) -> Sticks:
        return Sticks(self.world.store, self.world.stations, self.world.hand_over.signer)

    def orders(self) -> list[Payload]:
        found = [path.read_bytes() for path in sorted((self.stick / "orders").glob("*.json"))]
        return [payload.parse(envelopes.unverified_payload(each, limit_bytes=9000)) for each in found]

    def plan(self) -> list[dict[str, str]]:
        return list(csv.DictReader((self.stick / "plan.csv").read_text(encoding="utf-8-sig").splitlines()))


@pytest.fixture
def post(world: World, tmp_path: Path) -> Iterator[Post]:
    stick = tmp_path / "stick"
    stick.mkdir()
    config = {"folder": str(stick), "loudspeakers": [KEP.loudspeaker]}
    entry = {"code": "kep-loa", "commune": "kep", "connector": "stick", "mode": "test", "config": config}
    world.bring(yaml.safe_dump({"stations": [entry]}))
    keyfolder.make(world.keys, "kep", NOW)
    loudspeaker = Loudspeaker(KEP)
    with world.store.writing() as session:
        code = enrolment.add(session, "kep", "kep-loa", KEP.loudspeaker, NOW, actor=ADMINISTRATOR)
        enrolment.enroll(session, code, loudspeaker.key.text, NOW)
    world.approved()
    world.schedule()
    world.plan()
    yield Post(world, stick, loudspeaker)


@pytest.fixture
def kind() -> str:
    return "sqlite"


def test_a_week_of_orders_is_written_each_clip_once_and_a_plan_for_people(post: Post) -> None:
    post.world.tick(NOW)
    orders = post.orders()
    assert len(orders) >= 6
    assert all(order.exp - order.nbf <= timedelta(days=8) for order in orders)
    assert max(order.exp - order.nbf for order in orders) > timedelta(days=5)
    (clip,) = (post.stick / "clips").iterdir()
    assert {order.audio.url for order in orders if order.audio} == {clip.name}
    assert [row["airing"] for row in post.plan()] == [order.airing for order in orders]


def test_a_stick_that_is_not_there_is_never_made_and_is_written_when_it_is_back(post: Post) -> None:
    shutil.rmtree(post.stick)
    post.world.tick(NOW)
    assert not post.stick.exists()
    post.stick.mkdir()
    post.world.run(NOW + HOUR, NOW + HOUR + timedelta(minutes=2))
    assert post.orders()


def test_what_is_cancelled_is_told_and_gone_from_the_plan(post: Post) -> None:
    post.world.tick(NOW)
    before = len(post.plan())
    post.world.desk.withdraw("tin", "sai", post.world.actor("writer"), NOW + HOUR)
    post.world.run(NOW + HOUR, NOW + HOUR + timedelta(minutes=1))
    assert {order.cmd for order in post.orders()} == {Command.PLAY, Command.CANCEL}
    assert (before > 0, post.plan()) == (True, [])


def test_an_airing_is_believed_until_the_stick_brings_back_what_was_played(post: Post) -> None:
    post.world.tick(NOW)
    post.world.run(DUE, DUE + timedelta(minutes=3))
    assert post.world.outcome() == (Outcome.AIRED, None, Evidence.ACCEPTED)
    order = next(order for order in post.orders() if order.start == DUE)
    end = DUE + timedelta(seconds=order.max_s)
    receipts = post.stick / "receipts"
    for number, (state, at) in enumerate([(PlayState.STARTED, DUE), (PlayState.FINISHED, end)]):
        (receipts / f"kep.kep-01-{number}.json").write_bytes(post.loudspeaker.says(state, order, at))
    (receipts / "a.json").write_bytes(b"nobody")
    (receipts / "b.json").write_bytes(b"x" * 10_000)
    (receipts / "c.json").symlink_to(post.world.keys)
    later = DUE + timedelta(days=2)
    post.sticks.run(later)
    Plays(post.world.store, post.world.outcomes).collect(later)
    with post.world.store.reading() as session:
        (play,) = plays.of_airing(session, order.airing or "")
    assert (play.state, play.started_at) == (StationState.FINISHED, DUE)
    assert len([path for path in receipts.iterdir() if path.is_file()]) == 0
    assert (post.stick / "acks" / "kep.kep-01.json").exists()
    post.world.assert_chains_hold()


def test_the_loudspeakers_side_takes_what_is_new_once_and_leaves_its_reports(post: Post) -> None:
    post.world.tick(NOW)
    post.sticks.run(NOW)
    box = Box(reports={7: b"a report"})
    stick = Stick(post.stick, KEP, poll_s=1, on_state=lambda _: None)
    for _ in range(2):
        stick.visit(box)
    assert len(box.received) == len(post.orders())
    assert (post.stick / "receipts" / "kep.kep-01-0000000000000007.json").read_bytes() == b"a report"
    audio = post.orders()[0].audio
    assert audio is not None
    whole = b""
    while len(whole) < audio.bytes:
        whole += stick.clip(audio, len(whole))
    assert whole == (post.stick / "clips" / audio.url).read_bytes()
    assert stick.keys(0) == keyfolder.document(post.world.keys, "kep", 1)
    assert stick.keys(1) is None


@pytest.mark.parametrize("url", ["../keys.json", "/etc/passwd", "a" * 64 + ".mp3", "https://loa.example/x.mp3"])
def test_an_order_names_no_other_file(post: Post, url: str) -> None:
    post.world.tick(NOW)
    audio = post.orders()[0].audio
    assert audio is not None
    with pytest.raises(NetError):
        Stick(post.stick, KEP, poll_s=1, on_state=lambda _: None).clip(replace(audio, url=url), 0)
