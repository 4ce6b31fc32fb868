"""The airing log: one row per airing, with the columns that operators were promised, and safe to open anywhere."""

import csv
import io
import json
from datetime import datetime
from typing import Any

import pytest

from broadcaster.domain.airing import Outcome
from broadcaster.errors import InputError
from broadcaster.services import log
from broadcaster.services.log import LogFilter
from tests.services.world import World, here

PROMISED = [
    "commune", "bulletin", "revision", "mode", "planned_at", "handed_over_at", "started_at", "finished_at",
    "lateness_ms", "outcome", "reason", "evidence", "clip_sha256", "engine", "voice", "template", "approved_by",
]  # fmt: skip


def rows(world: World, wanted: LogFilter | None = None, limit: int | None = None) -> list[dict[str, Any]]:
    with world.store.reading() as session:
        return list(log.rows(session, wanted or LogFilter(), limit))


def as_csv(world: World) -> list[dict[str, str]]:
    out = io.StringIO()
    log.write_csv(iter(rows(world)), out)
    return list(csv.DictReader(io.StringIO(out.getvalue())))


@pytest.fixture
def aired(world: World) -> World:
    """Two airings in two communes, at 11:00 and at 17:00; the one at 17:00 in Kép was withdrawn."""
    for name, at in (("sang", "11:00"), ("chieu", "17:00")):
        world.approved(name, title="=1+1" if name == "sang" else f"Bản tin {name}")
        world.schedule(name, name, communes=["kep", "my-thai"], times=[at], rrule="FREQ=DAILY;COUNT=1")
    world.plan()
    world.run(here("10:58"), here("11:02"))
    world.withdraw("chieu", here("12:00"))
    world.plan(here("12:00"))
    world.run(here("16:58"), here("17:01"))
    return world


def test_the_log_has_the_promised_columns_in_their_order(aired: World) -> None:
    assert [column for column in log.COLUMNS if column in PROMISED] == PROMISED
    assert list(as_csv(aired)[0]) == list(log.COLUMNS)


def test_a_row_tells_the_whole_story_of_an_airing(aired: World) -> None:
    row = rows(aired)[0]
    clip_sha256 = row.pop("clip_sha256")
    assert row | {"airing": "", "title": ""} == {
        "airing": "", "commune": "kep", "bulletin": "sang", "revision": 1, "title": "", "mode": "test",
        "planned_at": here("11:00"), "handed_over_at": here("10:59"), "started_at": here("11:00"),
        "finished_at": row["finished_at"], "lateness_ms": 0, "outcome": "aired", "reason": None,
        "evidence": "finished", "engine": "hum", "voice": "hum/vi", "template": "thong-bao", "approved_by": "approver",
    }  # fmt: skip
    assert row["finished_at"] > here("11:00")
    assert len(clip_sha256) == 64


def test_an_airing_that_did_not_air_says_why(aired: World) -> None:
    row = rows(aired, LogFilter(bulletin="chieu"))[0]
    assert (row["outcome"], row["reason"], row["evidence"]) == ("cancelled", "withdrawn", "none")
    assert (row["handed_over_at"], row["started_at"], row["finished_at"], row["lateness_ms"]) == (None,) * 4


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        (LogFilter(), 4),
        (LogFilter(commune="kep"), 2),
        (LogFilter(bulletin="sang"), 2),
        (LogFilter(outcome=Outcome.CANCELLED), 2),
        (LogFilter(outcome=Outcome.MISSED), 0),
        (LogFilter(commune="kep", bulletin="sang", outcome=Outcome.AIRED), 1),
        (LogFilter(commune="kep", bulletin="chieu", outcome=Outcome.AIRED), 0),
        (LogFilter(commune="nowhere"), 0),
    ],
)
def test_the_log_is_filtered(aired: World, wanted: LogFilter, count: int) -> None:
    assert len(rows(aired, wanted)) == count


def test_what_is_still_to_come_is_shown_only_on_request(world: World) -> None:
    world.approved()
    world.schedule()
    world.plan()
    assert rows(world) == []
    assert len(rows(world, LogFilter(with_planned=True))) == 8


def test_the_oldest_comes_first_and_a_limit_keeps_the_newest(aired: World) -> None:
    everything = [row["airing"] for row in rows(aired)]
    assert [row["planned_at"] for row in rows(aired)] == sorted(row["planned_at"] for row in rows(aired))
    assert [row["airing"] for row in rows(aired, limit=3)] == everything[1:]


def test_csv_times_are_iso_8601_with_their_offset(aired: World) -> None:
    first = as_csv(aired)[0]
    assert first["planned_at"] == "2026-11-23T04:00:00.000+00:00"
    assert datetime.fromisoformat(first["finished_at"]).tzinfo is not None
    assert (first["lateness_ms"], first["reason"]) == ("0", "")


def test_no_cell_is_a_formula(aired: World) -> None:
    assert as_csv(aired)[0]["title"] == "'=1+1"
    assert as_csv(aired)[3]["title"] == "Bản tin chieu"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_a_cell_that_a_spreadsheet_would_compute_is_quoted(start: str) -> None:
    out = io.StringIO()
    log.write_csv(iter([dict.fromkeys(log.COLUMNS) | {"title": f"{start}cmd|' /C calc'!A0", "lateness_ms": -5}]), out)
    assert f"'{start}cmd|" in out.getvalue()
    assert ",-5," in out.getvalue()


def test_json_holds_every_row(aired: World) -> None:
    out = io.StringIO()
    log.write_json(iter(rows(aired)), out)
    found = json.loads(out.getvalue())
    assert [row["airing"] for row in found] == [row["airing"] for row in rows(aired)]
    assert found[0]["planned_at"] == "2026-11-23T04:00:00.000+00:00"
    assert found[0]["lateness_ms"] == 0
    assert len(out.getvalue().splitlines()) == len(found) + 2


def test_an_empty_log_is_still_csv_and_json(world: World) -> None:
    text, table = io.StringIO(), io.StringIO()
    log.write_json(iter([]), text)
    log.write_csv(iter([]), table)
    assert json.loads(text.getvalue()) == []
    assert table.getvalue().strip() == ",".join(log.COLUMNS)


def test_one_airing_is_told_in_every_detail(aired: World) -> None:
    with aired.store.reading() as session:
        found = log.details(session, rows(aired)[0]["airing"])
    assert (found["schedule"], found["outcome"]) == ("sang", "aired")
    assert found["written"] == "Bà con chú ý."
    assert [(part["station"], part["state"]) for part in found["stations"]] == [("kep-loa", "finished")]
    assert [entry["action"] for entry in found["journal"]] == [
        "airing_sending", "airing_handed_over", "airing_started", "airing_ended",
    ]  # fmt: skip
    assert found["journal"][-1]["data"]["outcome"] == "aired"


def test_an_unknown_airing_is_refused(world: World) -> None:
    with pytest.raises(InputError, match="no airing nowhere"), world.store.reading() as session:
        log.details(session, "nowhere")


def test_the_log_keeps_the_revision_that_aired(world: World) -> None:
    world.approved()
    world.schedule(times=["10:00", "11:00"], rrule="FREQ=DAILY;COUNT=1")
    world.plan()
    world.run(here("09:58"), here("10:01"))
    world.approved(text="Khác.", title="Tên mới")
    world.plan(here("10:30"))
    world.run(here("10:58"), here("11:01"))
    assert [(row["revision"], row["title"]) for row in rows(world)] == [(1, "Bản tin tin"), (2, "Tên mới")]
    assert len({row["clip_sha256"] for row in rows(world)}) == 2
