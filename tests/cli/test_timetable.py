"""`broadcaster timetable preview` keeps its contract: pure, from a file alone."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.acceptance.office import Office

FIRST = "2026-11-23"  # a Monday


def file(**changes: Any) -> dict[str, Any]:
    plain = {
        "communes": [{"code": "kep", "timezone": "Asia/Ho_Chi_Minh", "slots": [
            {"name": "sáng", "start": "06:00", "end": "06:30"}, {"name": "đêm", "start": "23:00", "end": "00:30"}]}],
        "bulletins": [{"id": "tin", "duration_s": 600, "priority": "normal"}],
        "schedules": [{"id": "lich", "bulletin": "tin", "communes": ["kep"], "slots": ["sáng"], "dtstart": FIRST,
                       "rrule": "FREQ=DAILY;COUNT=2"}],
    }  # fmt: skip
    return plain | changes


def preview(folder: Path, content: dict[str, Any], *more: str, code: int = 0) -> Any:
    (folder / "a.yaml").write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    command = ("timetable", "preview", "a.yaml", "--from", FIRST, "--days", "7", "--json", *more)
    done = Office(folder).run(*command, code=code)
    return json.loads(done.stdout) if code == 0 else done.stderr


def test_rows_are_as_the_contract_has_them_and_nothing_is_left_behind(tmp_path: Path) -> None:
    assert preview(tmp_path, file()) == [
        {"commune": "kep", "schedule": "lich", "bulletin": "tin", "due": f"2026-11-{day}T06:00:00+07:00",
         "ends": f"2026-11-{day}T06:10:00+07:00", "outcome": "planned", "reason": None} for day in (23, 24)
    ]  # fmt: skip
    assert [path.name for path in tmp_path.iterdir()] == ["a.yaml"]


def test_repeats_gaps_exceptions_and_moves(tmp_path: Path) -> None:
    schedule = file()["schedules"][0] | {
        "rrule": "FREQ=DAILY", "exdates": ["2026-11-24"], "moved": [{"from": "2026-11-25", "to": "2026-11-24"}],
        "repeats": 2, "gap_s": 30,
    }  # fmt: skip
    rows = preview(tmp_path, file(schedules=[schedule]), "--days", "3")
    assert [(row["due"][8:16], row["ends"][11:19]) for row in rows] == [
        ("23T06:00", "06:20:30"),
        ("24T06:00", "06:20:30"),
    ]


def test_a_slot_across_midnight_keeps_the_day_before_in_mind(tmp_path: Path) -> None:
    late = file()["schedules"][0] | {"id": "khuya", "slots": ["đêm"], "dtstart": "2026-11-22", "repeats": 8}
    early = {
        "id": "som",
        "bulletin": "tin",
        "communes": ["kep"],
        "times": ["00:10"],
        "dtstart": FIRST,
        "rrule": "FREQ=DAILY",
    }
    rows = preview(tmp_path, file(schedules=[late, early]), "--days", "1")
    assert [(row["schedule"], row["reason"]) for row in rows] == [("som", "overlap"), ("khuya", None)]


def test_the_caps_and_the_holidays_of_a_commune(tmp_path: Path) -> None:
    commune = file()["communes"][0] | {
        "caps": {"sessions_per_day": 1, "weekends": False}, "holidays": {"country": "VN", "dates": ["2026-11-25"]},
    }  # fmt: skip
    schedules = [
        file()["schedules"][0] | {"rrule": "FREQ=DAILY", "on_holidays": "skip"},
        {
            "id": "trua",
            "bulletin": "tin",
            "communes": ["kep"],
            "times": ["12:00"],
            "dtstart": FIRST,
            "rrule": "FREQ=DAILY",
        },
    ]
    rows = preview(tmp_path, file(communes=[commune], schedules=schedules))
    reasons = {(row["due"][8:10], row["schedule"]): row["reason"] for row in rows}
    assert [reasons[day, "lich"] for day in ("23", "24", "25", "28")] == [None, "holiday", "holiday", "cap_sessions"]
    assert [reasons[day, "trua"] for day in ("23", "24", "25", "28")] == ["cap_sessions", None, None, "cap_sessions"]


def test_clock_changes_in_berlin(tmp_path: Path) -> None:
    content = file(
        communes=[{"code": "be", "timezone": "Europe/Berlin", "slots": []}],
        schedules=[{"id": "dem", "bulletin": "tin", "communes": ["be"], "times": ["02:30"], "dtstart": "2026-10-24",
                    "rrule": "FREQ=DAILY"}],
    )  # fmt: skip
    spring = preview(tmp_path, content, "--from", "2027-03-28", "--days", "1")
    autumn = preview(tmp_path, content, "--from", "2026-10-25", "--days", "1")
    assert [row["due"] for row in spring] == ["2027-03-28T03:30:00+02:00"]
    assert [row["due"] for row in autumn] == ["2026-10-25T02:30:00+02:00"]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"schedules": [file()["schedules"][0] | {"rrule": "FREQ=SECONDLY"}]}, "may not hold SECONDLY"),
        ({"schedules": [file()["schedules"][0] | {"bulletin": "khac"}]}, "the file has no bulletin khac"),
        ({"schedules": [file()["schedules"][0] | {"communes": ["khac"]}]}, "the file has no commune khac"),
        ({"schedules": [file()["schedules"][0] | {"slots": ["trưa"]}]}, "the file has no slot trưa"),
        ({"communes": [file()["communes"][0] | {"timezone": "Asia/Hanoi"}]}, "unknown time zone Asia/Hanoi"),
        ({"communes": [{"code": "kep", "timezone": "Asia/Ho_Chi_Minh", "slots": [
            {"name": "a", "start": "06:00", "end": "06:00"}]}]}, "has no length"),
        ({"communes": [{"code": "kep", "timezone": "Asia/Ho_Chi_Minh", "slots": [
            {"name": "a", "start": "06:00", "end": "24:30"}]}]}, "is not a time of day"),
        ({"communes": [file()["communes"][0] | {"holidays": {"country": "XX"}}]}, "no holidays of XX"),
        ({"bulletins": [{"id": "tin", "priority": "normal"}]}, "duration_s"),
        ({"bulletins": [{"id": "tin", "duration_s": 600}]}, "priority"),
        ({"communes": [{"code": "kep", "timezone": "Asia/Ho_Chi_Minh"}]}, "slots"),
        ({"communes": [{"code": "kep", "timezone": "Asia/Ho_Chi_Minh", "slots": [
            {"name": "a", "start": "06:00", "end": "06:00:00"}]}]}, "has no length"),
        ({"schedules": [file()["schedules"][0] | {"dtstart": "9999-12-31"}]}, "too far away"),
        ({"schedules": [file()["schedules"][0] | {"rrule": "DAILY"}]}, "write it like"),
        ({"communes": [file()["communes"][0]] * 2}, "stands twice"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_told_in_words(tmp_path: Path, changes: dict[str, Any], told: str) -> None:
    assert told in preview(tmp_path, file(**changes), code=2)


@pytest.mark.parametrize("rule", ["FREQ=DAILY;COUNT=1000000000", "FREQ=DAILY", "FREQ=YEARLY;INTERVAL=1000"])
def test_a_rule_without_an_end_ends_with_the_days_asked_for(tmp_path: Path, rule: str) -> None:
    rows = preview(tmp_path, file(schedules=[file()["schedules"][0] | {"rrule": rule}]), "--days", "366")
    assert len(rows) == (1 if "YEARLY" in rule else 366)


def test_a_file_for_import_is_taken_too_and_a_table_is_for_people(tmp_path: Path) -> None:
    bulletin = {"id": "tin", "title": "Tin", "text": "Bà con chú ý.", "duration_s": 600, "priority": "normal"}
    assert len(preview(tmp_path, file(bulletins=[bulletin]))) == 2
    office = Office(tmp_path)
    assert "2026-11-23T06:00:00+07:00" in office.run("timetable", "preview", "a.yaml", "--from", FIRST).stdout
    assert "Nothing would air" in office.run("timetable", "preview", "a.yaml", "--from", "2027-01-01").stdout
    assert "is no date" in office.run("timetable", "preview", "a.yaml", "--from", "mai", code=2).stderr
