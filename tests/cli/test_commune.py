"""`broadcaster commune` as a person types it."""

import json
from pathlib import Path

from tests.acceptance.office import Office

NEW = """
communes:
  - code: moi
    name: Mới
    slots: [{name: Sáng, start: "05:30", end: "06:00", days: [mon, fri]}]
    quiet_hours: {start: "21:00", end: "05:00"}
    caps: {sessions_per_day: 3, weekends: false}
    reserved: [{start: "05:00", end: "05:30", reason: Tiếp sóng}]
stations:
  - {code: moi-loa, commune: moi, connector: memory, mode: test}
people:
  - {code: operator, roles: [{role: operator, commune: "*"}]}
"""


def test_communes_are_listed_and_shown_and_not_removed_by_anybody(office: Office) -> None:
    rows = json.loads(office.run("commune", "list", "--json").stdout)
    assert [(row["code"], row["stations"], row["schedules"]) for row in rows] == [("kep", 0, 0)]
    assert "Kép" in office.run("commune", "list").stdout
    shown = json.loads(office.run("commune", "show", "kep", "--json").stdout)
    assert shown[0]["quiet_hours"] == {"start": "21:00", "end": "05:00"}
    assert "no commune nowhere" in office.run("commune", "show", "nowhere", code=2).stderr
    assert "needs a person" in office.run("commune", "remove", "kep", code=2).stderr
    assert "does not have the role" in office.run("commune", "remove", "kep", "--as", "writer", code=2).stderr


def test_what_is_shown_is_for_people_and_an_operator_removes_what_nothing_names(tmp_path: Path) -> None:
    home = Office(tmp_path)
    (home.folder / "new.yaml").write_text(NEW, encoding="utf-8")
    home.run("import", "new.yaml", "--as", "operator")
    lines = [" ".join(line.split()) for line in home.run("commune", "show", "moi").stdout.splitlines()]
    assert {
        "slots 05:30-06:00, Sáng, days mon fri", "quiet_hours 21:00-05:00", "reserved 05:00-05:30, Tiếp sóng",
        "caps sessions_per_day 3, weekends no", "stations moi-loa, connector memory, mode test",
    } <= set(lines)  # fmt: skip
    assert "has stations: moi-loa" in home.run("commune", "remove", "moi", "--as", "operator", code=2).stderr
    (home.folder / "kep.yaml").write_text("communes: [{code: kep, name: Kép}]\n", encoding="utf-8")
    home.run("import", "kep.yaml", "--as", "operator")
    assert "Commune kep is removed." in home.run("commune", "remove", "kep", "--as", "operator").stdout
    assert len(json.loads(home.run("commune", "list", "--json").stdout)) == 1
