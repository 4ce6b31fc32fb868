"""A folder or stick: whole files with the right names and hashes, and a plan of the day that anyone can play."""

import csv
import hashlib
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from broadcaster.connectors.base import connect
from broadcaster.connectors.folder import FolderConnector
from broadcaster.errors import BroadcasterError, DeliveryError
from tests.connectors.orders import clip_in, order, station

EARLY = datetime(2026, 11, 22, 22, 30, tzinfo=UTC)  # 05:30 on the 23rd in Vietnam


@pytest.fixture
def stick(tmp_path: Path) -> Path:
    return tmp_path / "usb"


@pytest.fixture
def connector(stick: Path) -> FolderConnector:
    found = connect(station("folder", folder=str(stick)))
    assert isinstance(found, FolderConnector)
    return found


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def playlist(day: Path) -> list[str]:
    return (day / "plan.m3u8").read_text(encoding="utf-8").splitlines()


def table(day: Path) -> list[dict[str, str]]:
    with (day / "plan.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_an_order_becomes_files_in_the_folder_of_its_local_day(
    connector: FolderConnector, stick: Path, tmp_path: Path
) -> None:
    connector.deliver(order(clip_in(tmp_path), EARLY))
    assert names(stick) == [f"2026-11-23/{name}" for name in ("A1.json", "A1.mp3", "plan.csv", "plan.m3u8")]


def test_the_clip_is_the_one_that_was_approved(connector: FolderConnector, stick: Path, tmp_path: Path) -> None:
    given = order(clip_in(tmp_path), EARLY)
    connector.deliver(given)
    day = stick / "2026-11-23"
    written = json.loads((day / "A1.json").read_text(encoding="utf-8"))
    assert hashlib.sha256((day / "A1.mp3").read_bytes()).hexdigest() == given.clip_sha256 == written["clip_sha256"]
    assert (written["airing"], written["start"]) == ("A1", "2026-11-22T22:30:00+00:00")
    assert str(tmp_path) not in json.dumps(written)


def test_the_plan_lists_the_day_in_order(connector: FolderConnector, stick: Path, tmp_path: Path) -> None:
    clip = clip_in(tmp_path)
    connector.deliver(order(clip, EARLY + timedelta(hours=12), "A2", title="Chiều"))
    connector.deliver(order(clip, EARLY, "A1", title="Sáng"))
    connector.deliver(order(clip, EARLY + timedelta(days=1), "A3"))
    day = stick / "2026-11-23"
    assert playlist(day) == ["#EXTM3U", "#EXTINF:0,Sáng", "A1.mp3", "#EXTINF:0,Chiều", "A2.mp3"]
    assert [(row["airing"], row["file"], row["title"]) for row in table(day)] == [
        ("A1", "A1.mp3", "Sáng"),
        ("A2", "A2.mp3", "Chiều"),
    ]
    assert names(stick / "2026-11-24")[0] == "A3.json"


@pytest.mark.parametrize("title", ["=1+1", "@SUM(A1)", "-2", "+3"])
def test_no_title_becomes_a_formula(connector: FolderConnector, stick: Path, tmp_path: Path, title: str) -> None:
    connector.deliver(order(clip_in(tmp_path), EARLY, title=title))
    assert table(stick / "2026-11-23")[0]["title"] == f"'{title}"


def test_a_title_cannot_add_lines_to_the_playlist(connector: FolderConnector, stick: Path, tmp_path: Path) -> None:
    connector.deliver(order(clip_in(tmp_path), EARLY, title="Bản tin\n/etc/passwd\r\nhttp://x/y.mp3\u2028z"))
    assert len(playlist(stick / "2026-11-23")) == 3


def test_a_stopped_airing_leaves_folder_and_plan(connector: FolderConnector, stick: Path, tmp_path: Path) -> None:
    clip = clip_in(tmp_path)
    connector.deliver(order(clip, EARLY, "A1"))
    connector.deliver(order(clip, EARLY + timedelta(hours=1), "A2"))
    connector.stop("A1")
    assert playlist(stick / "2026-11-23") == ["#EXTM3U", "#EXTINF:0,Bản tin", "A2.mp3"]
    assert names(stick) == [f"2026-11-23/{name}" for name in ("A2.json", "A2.mp3", "plan.csv", "plan.m3u8")]


def test_what_other_systems_leave_on_a_stick_is_in_nobodys_way(
    connector: FolderConnector, stick: Path, tmp_path: Path
) -> None:
    day = stick / "2026-11-23"
    day.mkdir(parents=True)
    (day / "._A0.json").write_bytes(b"\x00\x05\x16\x07\xff Mac OS X")
    (day / ".DS_Store").write_bytes(b"\x00")
    connector.deliver(order(clip_in(tmp_path), EARLY))
    assert playlist(day)[1:] == ["#EXTINF:0,Bản tin", "A1.mp3"]


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("no folder", encoding="utf-8")
    connector = connect(station("folder", folder=str(blocked)))
    with pytest.raises(DeliveryError, match="cannot be written") as refused:
        connector.deliver(order(clip_in(tmp_path), EARLY))
    assert not refused.value.is_permanent
    with pytest.raises(BroadcasterError, match="cannot be written"):
        connector.check()


@pytest.mark.skipif(os.name == "nt", reason="links are made otherwise there")
def test_nothing_is_written_where_a_link_on_the_stick_leads(
    connector: FolderConnector, stick: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    for folder in (stick, elsewhere):
        folder.mkdir()
    (stick / "2026-11-23").symlink_to(elsewhere, target_is_directory=True)
    with pytest.raises(DeliveryError, match="It is a link"):
        connector.deliver(order(clip_in(tmp_path), EARLY))
    assert names(elsewhere) == []


def test_a_clip_that_is_gone_is_told_and_leaves_no_order(
    connector: FolderConnector, stick: Path, tmp_path: Path
) -> None:
    with pytest.raises(DeliveryError):
        connector.deliver(order(tmp_path / "gone.mp3", EARLY))
    assert names(stick) == []


def test_the_trial_leaves_nothing_behind(connector: FolderConnector, stick: Path) -> None:
    connector.check()
    assert names(stick) == []


def test_the_days_are_those_of_the_stations_zone(stick: Path, tmp_path: Path) -> None:
    connector = connect(station("folder", folder=str(stick), timezone="Europe/Berlin"))
    connector.deliver(order(clip_in(tmp_path), EARLY))
    assert names(stick)[0] == "2026-11-22/A1.json"
