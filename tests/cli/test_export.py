"""`broadcaster export`, `import` and `timetable ics` as a person types them."""

import json
from pathlib import Path

import pytest
from icalendar import Calendar

from tests.acceptance.office import Office

SCHEDULE = """
schedules:
  - {id: dem, bulletin: chay-rung, communes: [kep], times: ["22:30", "12:00"], dtstart: 2026-01-01}
"""


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory) -> Office:
    office = Office(tmp_path_factory.mktemp("office"))
    office.settle_in()
    return office


def test_what_will_not_air_is_said_at_import_and_all_comes_back_unchanged(settled: Office) -> None:
    (settled.folder / "dem.yaml").write_text(SCHEDULE, encoding="utf-8")
    done = settled.run("import", "dem.yaml", "--as", "operator", "--json")
    assert json.loads(done.stdout) == [{"noun": "schedule", "id": "dem", "change": "new"}]
    assert "dem: 7 of 14 airings in the next 7 days will not air: in the quiet hours, first " in done.stderr
    assert "see: broadcaster timetable show --commune kep" in done.stderr
    assert settled.run("import", "dem.yaml", "--as", "operator").stderr == ""

    written = settled.run("export", "--out", "all.yaml")
    assert (written.stdout, written.stderr.strip()) == ("", "Written: all.yaml")
    whole = settled.run("export").stdout
    assert whole == (settled.folder / "all.yaml").read_text(encoding="utf-8")
    again = json.loads(settled.run("import", "all.yaml", "--as", "operator", "--json").stdout)
    assert {item["change"] for item in again} == {"unchanged"}


def test_some_parts_of_some_communes(settled: Office) -> None:
    done = settled.run("export", "--part", "stations", "--part", "communes", "--commune", "kep")
    assert done.stdout.startswith("communes:\n  - code: kep\n    name: Kép\n    slots:\n")
    assert done.stdout.endswith(
        "stations:\n  - code: kep-loa\n    commune: kep\n    connector: soundcard\n    mode: test\n"
        "    config: {sink: none}\n"
    )
    assert "no commune nowhere" in settled.run("export", "--commune", "nowhere", code=2).stderr
    assert "cannot be written" in settled.run("export", "--out", str(Path("home.yaml") / "a.yaml"), code=2).stderr


def test_a_calendar_of_a_commune(settled: Office) -> None:
    (settled.folder / "trua.yaml").write_text(
        SCHEDULE.replace("dem", "trua").replace('"22:30", "12:00"', '"12:30"'), encoding="utf-8"
    )
    settled.run("import", "trua.yaml", "--as", "operator")
    settled.run("timetable", "ics", "--commune", "kep", "--out", "kep.ics", "--days", "3")
    found = Calendar.from_ical((settled.folder / "kep.ics").read_bytes())
    noons = [event for event in found.events if str(event["DESCRIPTION"]).count("schedule: trua")]
    assert {str(event["SUMMARY"]) for event in noons} == {"Phòng cháy"}
    assert len(noons) in {2, 3}  # today's is over in the afternoon
    assert settled.run("timetable", "ics", "--commune", "kep").stdout.startswith("BEGIN:VCALENDAR\n")
    assert "no commune nowhere" in settled.run("timetable", "ics", "--commune", "nowhere", code=2).stderr
