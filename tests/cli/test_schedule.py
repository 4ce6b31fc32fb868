"""`broadcaster schedule` and `timetable show` as an official types them."""

import json
from pathlib import Path

import pytest
import yaml

from tests.acceptance.office import Office

COMMUNE = {
    "code": "kep", "name": "Kép", "slots": [{"name": "Sáng", "start": "05:30", "end": "06:00"},
                                            {"name": "Chiều", "start": "17:00", "end": "17:30"}],
}  # fmt: skip
PEOPLE = [{"code": role, "roles": [{"role": role, "commune": "*"}]} for role in ("writer", "approver", "operator")]


@pytest.fixture
def ready(tmp_path: Path) -> Office:
    """An approved bulletin for a commune with two slots."""
    office = Office(tmp_path)
    bulletin = {"id": "tin", "title": "Cắt điện", "text": "Sáng mai cắt điện."}
    station = {"code": "kep-loa", "commune": "kep", "connector": "memory", "mode": "test"}
    content = {"communes": [COMMUNE], "people": PEOPLE, "stations": [station], "bulletins": [bulletin]}
    (tmp_path / "all.yaml").write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    office.run("import", "all.yaml", "--as", "operator")
    office.run("bulletin", "submit", "tin", "--as", "writer")
    office.run("bulletin", "approve", "tin", "--as", "approver")
    return office


ADD = ("schedule", "add", "tin", "--commune", "kep", "--as", "operator")


def test_from_a_wish_to_the_timetable_and_out_of_it_again(ready: Office) -> None:
    told = ready.run(*ADD, "--slot", "Sáng", "--slot", "Chiều", "--repeats", "2", "--gap", "30").stdout
    assert "tin is kept: " in told
    listed = json.loads(ready.run("schedule", "list", "--json").stdout)
    assert [(row["id"], row["where"], row["when"][:9], row["repeats"]) for row in listed] == [
        ("tin", ["Sáng", "Chiều"], "every day", 2)
    ]
    shown = json.loads(ready.run("schedule", "show", "tin", "--json").stdout)
    assert (shown["version"], shown["changed_by"]) == (1, "operator")
    days = sorted({airing["due"][:10] for airing in shown["airings"]})
    ready.run("schedule", "skip", "tin", days[3], "--version", "1", "--as", "operator")
    assert (
        "changed meanwhile by operator"
        in ready.run("schedule", "skip", "tin", days[4], "--version", "1", "--as", "operator", code=2).stderr
    )
    day = json.loads(ready.run("timetable", "show", "--commune", "kep", "--day", days[3], "--json").stdout)["days"][0]
    assert [session["airings"] for session in day["sessions"]] == [[], []]
    day = json.loads(ready.run("timetable", "show", "--commune", "kep", "--day", days[4], "--json").stdout)["days"][0]
    assert [(session["slot"], len(session["airings"])) for session in day["sessions"]] == [("Sáng", 1), ("Chiều", 1)]
    ahead = ready.run("timetable", "show", "--commune", "kep").stdout
    assert "What Kép hears in the next 24 hours:" in ahead
    assert ahead.count("Cắt điện (tin)") == 2
    ready.run("schedule", "remove", "tin", "--as", "operator")
    assert "Nothing is scheduled" in ready.run("schedule", "list").stdout
    assert "hears nothing of ours" in ready.run("timetable", "show", "--commune", "kep").stdout


def test_a_dry_run_keeps_nothing(ready: Office) -> None:
    rows = json.loads(ready.run(*ADD, "--at", "21:30", "--on", "2099-12-31", "--dry-run", "--json").stdout)
    assert rows == []
    rows = json.loads(ready.run(*ADD, "--at", "21:30", "--dry-run", "--json").stdout)
    assert {row["blocked"] for row in rows} == {"quiet_hours"}
    assert json.loads(ready.run("schedule", "list", "--json").stdout) == []


def test_what_does_not_fit_is_told_with_the_choices(ready: Office) -> None:
    full = (*ADD, "--slot", "Sáng", "--slot", "Chiều", "--repeats", "20", "--gap", "120")
    told = ready.run(*full, code=2).stderr
    assert "will not air: the slot is full, the first kep 20" in told
    assert "--if-full shorten: 0 do not fit then (played 1" in told
    assert "do not fit. Choose what becomes of them." in told
    assert json.loads(ready.run("schedule", "list", "--json").stdout) == []
    assert "is kept: 28 airings" in ready.run(*full, "--if-full", "shorten").stdout


def test_options_that_exclude_each_other_and_dates_that_are_none(ready: Office) -> None:
    assert (
        "exclude each other: --on; --once"
        in ready.run(*ADD, "--at", "17:00", "--on", "2099-12-31", "--once", code=2).stderr
    )
    assert (
        "31/12/2099 is no date. Write it as 2026-12-31."
        in ready.run(*ADD, "--at", "17:00", "--from", "31/12/2099", code=2).stderr
    )
    assert "either slots or times" in ready.run(*ADD, code=2).stderr
    assert "Say what to change" in ready.run("schedule", "change", "tin", "--as", "operator", code=2).stderr


def test_a_change_touches_only_what_it_names(ready: Office) -> None:
    ready.run(*ADD, "--slot", "Sáng", "--days", "mon,fri", "--from", "2099-11-23")
    ready.run("schedule", "change", "tin", "--order", "3", "--holidays", "skip", "--as", "operator")
    shown = json.loads(ready.run("schedule", "show", "tin", "--json").stdout)
    assert (shown["order"], shown["on_holidays"], shown["slots"], shown["rrule"], shown["version"]) == (
        3, "skip", ["Sáng"], "FREQ=WEEKLY;BYDAY=MO,FR", 2
    )  # fmt: skip
    ready.run("schedule", "move", "tin", "2099-11-23", "2099-11-24", "--as", "operator")
    shown = json.loads(ready.run("schedule", "show", "tin", "--json").stdout)
    assert shown["moved"] == [{"from": "2099-11-23", "to": "2099-11-24"}]
    ready.run("schedule", "restore", "tin", "2099-11-23", "--as", "operator")
    assert json.loads(ready.run("schedule", "show", "tin", "--json").stdout)["moved"] == []
