"""`broadcaster campaign`: the way of a campaign as its two sides type it."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.office import ZONE, Office

POWER = "Điện lực"
TOMORROW = datetime.now(UTC).astimezone(ZONE).date() + timedelta(days=1)
HOME = """
communes:
  - {code: kep, name: Kép, slots: [{name: Sáng, start: "06:00", end: "06:00:20"}]}
  - code: voi
    name: Vôi
    slots: [{name: Sáng, start: "06:00", end: "06:30"}, {name: Chiều, start: "17:00", end: "18:00"}]
stations:
  - {code: kep-loa, commune: kep, connector: soundcard, mode: test, config: {sink: none}}
people:
  - {code: bien-tap, roles: [{role: editor, source: Điện lực}]}
  - {code: duyet, roles: [{role: approver, source: Điện lực}]}
  - {code: kep-1, roles: [{role: operator, commune: kep}, {role: writer, commune: kep}]}
  - {code: voi-1, roles: [{role: operator, commune: voi}]}
bulletins:
  - {id: thuong, title: Thường, source: Điện lực, text: Bà con tắt điện khi không dùng.}
  - {id: gap, title: Gấp, source: Điện lực, priority: priority, text: Bà con không đến gần dây điện đứt.}
  - {id: rieng, title: Riêng, source: Điện lực, priority: priority, text: Bà con dọn mương trước nhà.}
  - {id: khan, title: Khẩn, source: Điện lực, priority: emergency, text: Nước lũ lên nhanh.}
"""


@pytest.fixture
def office(tmp_path: Path) -> Office:
    office = Office(tmp_path)
    (tmp_path / "home.yaml").write_text(HOME, encoding="utf-8")
    office.run("import", "home.yaml", "--as", "bien-tap")
    return office


def approve(office: Office, *bulletins: str) -> None:
    for bulletin in bulletins:
        office.run("bulletin", "submit", bulletin, "--as", "bien-tap")
        office.run("bulletin", "approve", bulletin, "--as", "duyet")


def send(office: Office, *bulletins: str, **more: str) -> str:
    options = {"--title": "An toàn điện", "--source": POWER, "--from": str(TOMORROW), "--as": "bien-tap"} | more
    named = [word for bulletin in bulletins for word in ("--bulletin", bulletin)]
    words = [word for pair in options.items() for word in pair]
    return office.run("campaign", "send", "atd", *named, *words, "--commune", "kep", "--commune", "voi").stdout


def answer(office: Office, verb: str, *words: str, code: int = 0) -> str:
    done = office.run("campaign", verb, "atd", "--commune", "voi", *words, "--as", "voi-1", code=code)
    return done.stdout + done.stderr


def shown(office: Office) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(office.run("campaign", "show", "atd", "--json").stdout)
    return found


def test_a_source_sends_and_a_commune_answers(office: Office) -> None:
    approve(office, "thuong", "gap")
    told = send(office, "thuong", "gap", **{"--times-a-day": "2", "--by": str(TOMORROW + timedelta(days=30))})
    assert "atd is sent to 2 communes: 2 bulletins wait for an answer, 2 landed." in told
    (row,) = json.loads(office.run("campaign", "list", "--commune", "voi", "--json").stdout)
    assert (row["asked"], row["landed"], row["declined"]) == (1, 1, 0)
    assert "thuong is in the timetable: atd-thuong-voi-" in answer(office, "adopt")
    told = answer(office, "decline", "--bulletin", "thuong", "--reason", "bận", code=2)
    assert "Vôi has answered for thuong already: adopted, by voi-1. To answer anew, add --change." in told
    answer(office, "move", "--bulletin", "thuong", "--at", "18:15", "--count", "2", "--from", str(TOMORROW), "--change")
    answer(office, "move", "--bulletin", "gap", "--slot", "Chiều")
    found = shown(office)
    (_, voi) = found["communes"]
    assert [(cell["bulletin"], cell["answer"]) for cell in voi["bulletins"]] == [("thuong", "moved"), ("gap", "moved")]
    assert voi["bulletins"][0]["airings"]["next_due"].startswith(f"{TOMORROW}T11:15:00")
    table = office.run("campaign", "show", "atd").stdout
    assert "Reached: 0 of 2 communes (0.0%); 2 more are needed." in table
    assert "moved 0/1, 2 ahead" in table
    told = office.run("campaign", "end", "atd", "--withdraw", "--as", "bien-tap").stdout
    assert "The campaign atd is ended; 3 schedules were removed." in told
    assert "The source has ended the campaign." in office.run("campaign", "show", "atd").stdout
    office.run("log", "verify")


def test_what_collides_is_decided_by_the_commune(office: Office) -> None:
    approve(office, "gap", "rieng")
    schedule = f"schedules: [{{id: rieng, bulletin: rieng, communes: [kep], slots: [Sáng], dtstart: {TOMORROW}}}]"
    (office.folder / "rieng.yaml").write_text(schedule, encoding="utf-8")
    office.run("import", "rieng.yaml", "--as", "kep-1")
    assert "Nothing collides." in office.run("campaign", "collisions", "--commune", "kep").stdout
    send(office, "gap")
    rows = json.loads(office.run("campaign", "collisions", "--commune", "kep", "--json").stdout)
    theirs = next(row["schedule"] for row in rows if row["campaign"] == "atd")
    assert {row["blocked"] for row in rows} == {None, "slot_full"}
    told = office.run("campaign", "decide", theirs, "--commune", "kep", "--as", "kep-1").stdout
    assert f"{theirs} goes first in kep." in told
    assert "Nothing collides." in office.run("campaign", "collisions", "--commune", "kep").stdout
    decided = json.loads(office.run("campaign", "collisions", "--commune", "kep", "--all", "--json").stdout)
    assert {row["first"] for row in decided} == {theirs}


def test_an_emergency_is_sent_with_the_names_and_confirmed_by_the_commune(office: Office) -> None:
    approve(office, "khan")
    where = ("--bulletin", "khan", "--title", "Lũ", "--source", POWER, "--commune", "kep", "--as", "bien-tap")
    assert "type the names: Kép" in office.run("campaign", "send", "atd", *where, code=2).stderr
    told = office.run("campaign", "send", "atd", *where, "--name", "Kép", "--override-quiet-hours").stdout
    key = told.split()[-1]
    confirm = ("emergency", "confirm", key, "--name", "Kép", "--override-quiet-hours", "--as")
    assert "duyet may not do this in: kep" in office.run(*confirm, "duyet", code=2).stderr
    assert "On air now" in office.run(*confirm, "kep-1").stdout
    assert shown(office)["answers"] == {"adopted": 1}


def test_what_cannot_be_sent_is_told(office: Office) -> None:
    plain = ("--bulletin", "thuong", "--title", "x", "--source", POWER, "--as", "bien-tap")
    for words, told in (
        ((), "either --commune or --everywhere"),
        (("--everywhere", "--commune", "kep"), "either --commune or --everywhere"),
        (("--everywhere",), "thuong is not approved"),
        (("--everywhere", "--by", "mai"), "mai is no date"),
        (("--everywhere", "--rule", "FREQ=HOURLY"), "may not hold HOURLY"),
    ):
        assert told in office.run("campaign", "send", "atd", *plain, *words, code=2).stderr
    assert "No campaign was sent." in office.run("campaign", "list").stdout
