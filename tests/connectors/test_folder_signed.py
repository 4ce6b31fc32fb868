"""A folder for loudspeakers that verify: what is signed lies beside its clip, and what takes it back in its place."""

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from broadcaster.connectors.base import Carried, Signed, connect, status
from broadcaster.connectors.folder import FolderConnector
from broadcaster.connectors.folder_signed import SignedFolder
from broadcaster.domain.airing import Evidence
from broadcaster.domain.order import Order
from broadcaster.domain.place import Grade
from broadcaster.errors import BroadcasterError, DeliveryError, InputError
from broadcaster.orders.payload import Command
from broadcaster.orders.strict_json import MalformedError
from tests.connectors.orders import clip_in, order, station
from tests.connectors.test_folder import names, playlist
from tests.orders.cast import AIRINGS, at_once, signed

EARLY = datetime(2026, 11, 22, 22, 30, tzinfo=UTC)
DAY = "2026-11-23"


@pytest.fixture
def stick(tmp_path: Path) -> Path:
    return tmp_path / "usb"


@pytest.fixture
def connector(stick: Path) -> SignedFolder:
    found = connect(station("folder", folder=str(stick), signed=True))
    assert isinstance(found, SignedFolder)
    return found


def ordered(folder: Path, number: int = 0, start: datetime = EARLY) -> Order:
    return replace(order(clip_in(folder), start, AIRINGS[number]), envelope=b"signed %d" % number)


def test_the_envelope_lies_beside_the_clip_that_is_named_by_its_hash(
    connector: SignedFolder, stick: Path, tmp_path: Path
) -> None:
    given = ordered(tmp_path)
    connector.deliver(given)
    clip = f"{given.clip_sha256}.mp3"
    assert names(stick) == sorted(
        f"{DAY}/{name}" for name in (f"{AIRINGS[0]}.json", f"{AIRINGS[0]}.order.json", clip, "plan.csv", "plan.m3u8")
    )
    assert (stick / DAY / f"{AIRINGS[0]}.order.json").read_bytes() == given.envelope
    assert connector.clip_name(given) == playlist(stick / DAY)[-1] == clip


def test_an_order_that_nobody_signed_is_not_taken(connector: SignedFolder, stick: Path, tmp_path: Path) -> None:
    with pytest.raises(DeliveryError, match="has to be signed"):
        connector.deliver(replace(ordered(tmp_path), envelope=b""))
    assert not stick.exists()


def test_a_cancel_takes_the_place_of_its_order(connector: SignedFolder, stick: Path, tmp_path: Path) -> None:
    connector.deliver(ordered(tmp_path))
    cancel = signed(at_once(Command.CANCEL, 0, seq=2))
    connector.send(cancel)
    assert names(stick) == [f"{DAY}/{AIRINGS[0]}.order.json", f"{DAY}/plan.csv", f"{DAY}/plan.m3u8"]
    assert (stick / DAY / f"{AIRINGS[0]}.order.json").read_bytes() == cancel


def test_a_clip_stays_as_long_as_another_airing_of_the_day_needs_it(
    connector: SignedFolder, stick: Path, tmp_path: Path
) -> None:
    given = ordered(tmp_path)
    connector.deliver(given)
    connector.deliver(ordered(tmp_path, 1, EARLY + timedelta(hours=1)))
    connector.send(signed(at_once(Command.CANCEL, 0, seq=2)))
    assert (stick / DAY / f"{given.clip_sha256}.mp3").is_file()
    connector.send(signed(at_once(Command.CANCEL, 1, seq=3)))
    assert not (stick / DAY / f"{given.clip_sha256}.mp3").exists()


def test_a_cancel_of_what_does_not_lie_here_goes_along_all_the_same(connector: SignedFolder, stick: Path) -> None:
    connector.send(signed(at_once(Command.CANCEL, 0, seq=2)))
    assert names(stick) == [f"{AIRINGS[0]}.order.json"]


def test_a_stop_lies_there_until_it_is_released(connector: SignedFolder, stick: Path) -> None:
    connector.send(signed(at_once(Command.STOP, seq=2)))
    assert names(stick) == ["stop.order.json"]
    connector.send(signed(at_once(Command.RELEASE, seq=3)))
    assert names(stick) == ["release.order.json"]


def test_what_is_for_one_loudspeaker_bears_its_name(connector: SignedFolder, stick: Path) -> None:
    connector.send(signed(at_once(Command.VOLUME, 0, seq=2)), "kep-01")
    assert names(stick) == ["kep-01.volume.order.json"]


def test_what_is_no_order_is_not_sent(connector: SignedFolder, stick: Path) -> None:
    with pytest.raises(MalformedError):
        connector.send(b"a stop")
    assert not stick.exists()


def test_only_what_is_signed_stops_it(connector: SignedFolder) -> None:
    with pytest.raises(BroadcasterError, match="signed orders alone"):
        connector.stop(AIRINGS[0])


@pytest.mark.parametrize(
    ("config", "confirms", "grade", "evidence"),
    [
        ({}, False, Grade.B, Evidence.ACCEPTED),
        ({"signed": True}, False, Grade.A, Evidence.ACCEPTED),
        ({"signed": True, "receipts": "r"}, False, Grade.A, Evidence.FINISHED),
        ({"signed": True, "receipts": "r", "receipts_at_once": True}, True, Grade.A, Evidence.FINISHED),
    ],
)
def test_what_is_known_follows_from_the_configuration(
    config: dict[str, object], confirms: bool, grade: Grade, evidence: Evidence
) -> None:
    connector = connect(station("folder", folder="out", **config))
    found = connector.capabilities
    assert {found.confirms_start, found.confirms_finish, found.confirms_stop} == {confirms}
    assert (found.grade, found.evidence) == (grade, evidence)
    assert isinstance(connector, Signed) == isinstance(connector, Carried) == ("signed" in config)


@pytest.mark.parametrize(
    ("config", "fault"),
    [
        ({"receipts": "r"}, "signed: true"),
        ({"loudspeakers": ["kep-01"]}, "signed: true"),
        ({"signed": True, "receipts_at_once": True}, "where the receipts are left"),
        ({"signed": True, "lead_s": 8 * 86_400}, "7 days ahead"),
        ({"signed": True, "loudspeakers": ["kep-01", "kep-01"]}, "twice"),
    ],
)
def test_what_does_not_fit_together_is_refused(config: dict[str, object], fault: str) -> None:
    with pytest.raises(InputError, match=fault):
        connect(station("folder", folder="out", **config))


@pytest.mark.parametrize("is_signed", [False, True])
def test_a_stick_that_is_not_in_is_told_and_nothing_is_written_in_its_place(
    stick: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_signed: bool
) -> None:
    stick.mkdir()
    config: dict[str, object] = {"folder": str(stick / "kep"), "stick": str(stick), "signed": is_signed}
    connector = connect(station("folder", **config))
    assert isinstance(connector, FolderConnector)
    assert "no stick is there" in str(status(station("folder", **config)))
    with pytest.raises(DeliveryError, match="no stick is there") as refused:
        connector.deliver(ordered(tmp_path))
    assert not refused.value.is_permanent
    assert list(stick.iterdir()) == []
    if not is_signed:
        with pytest.raises(DeliveryError, match="no stick is there"):
            connector.stop(AIRINGS[0])
    monkeypatch.setattr(os.path, "ismount", lambda path: Path(path) == stick)
    connector.deliver(ordered(tmp_path))
    assert (stick / "kep" / DAY / "plan.csv").is_file()


def test_receipts_that_cannot_be_read_are_told(stick: Path, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_bytes(b"no folder")
    found = status(station("folder", folder=str(stick), signed=True, receipts=str(blocked)))
    assert "receipts" in str(found)
