"""`broadcaster keys` as a person types it."""

import json
from pathlib import Path

import pytest

from broadcaster.orders.keydocument import newer, pin
from tests.acceptance.office import Office

HOME = """
communes: [{code: kep, name: Kép}, {code: my-thai, name: Mỹ Thái}]
people:
  - {code: writer, roles: [{role: writer, commune: kep}]}
  - {code: quan-tri, roles: [{role: administrator, commune: "*"}]}
"""


@pytest.fixture
def office(tmp_path: Path) -> Office:
    office = Office(tmp_path)
    (tmp_path / "home.yaml").write_text(HOME, encoding="utf-8")
    office.run("import", "home.yaml", "--as", "quan-tri")
    return office


def listed(office: Office) -> list[tuple[str, int, str, str]]:
    rows = json.loads(office.run("keys", "list", "--json").stdout)
    return [(row["commune"], row["version"], row["purpose"], row["state"]) for row in rows]


def test_keys_are_made_rotated_listed_and_exported(office: Office) -> None:
    assert "no keys yet" in office.run("keys", "list").stdout
    assert "2 communes" in office.run("keys", "init", "--all", "--as", "quan-tri").stdout
    assert "0 communes; 1 have" in office.run("keys", "init", "kep", "--as", "quan-tri").stdout
    assert listed(office) == [
        (commune, 1, purpose, "signing") for commune in ("kep", "my-thai") for purpose in ("order", "stop")
    ]
    exported = office.run("keys", "export", "kep").stdout
    assert exported == (office.folder / "data" / "keys" / "kep" / "keys-000001.json").read_text() + "\n"
    first = pin(exported.encode())
    assert "1 communes" in office.run("keys", "rotate", "kep", "--as", "quan-tri").stdout
    office.run("keys", "export", "kep", "--file", "keys.json")
    document = (office.folder / "keys.json").read_bytes()
    second = newer(document, first)
    assert second is not None
    assert second.version == 2
    assert [state for commune, _, _, state in listed(office) if commune == "kep"] == ["signing"] * 2 + ["next"] * 2
    assert "next keys already" in office.run("keys", "rotate", "kep", "--as", "quan-tri", code=2).stderr
    assert "1 communes" in office.run("keys", "rotate", "--all", "--as", "quan-tri").stdout
    assert pin(office.run("keys", "export", "kep", "--version", "1").stdout.encode()) == first
    assert "PRIVATE" not in document.decode()
    checked = json.loads(office.run("check", "--json", code=None).stdout)
    assert [line["state"] for line in checked if line["component"].startswith("keys ")] == ["ready", "ready"]
    office.run("keys", "rotate", "kep", "--at-once", "--as", "quan-tri")
    assert [state for commune, _, _, state in listed(office) if commune == "kep"] == ["signing"] * 2
    actions = office.query("SELECT action FROM journal WHERE chain = 'kep' AND action LIKE 'keys%' ORDER BY seq")
    assert [action for (action,) in actions] == ["keys_made", "keys_rotated", "keys_rotated"]


def test_nobody_but_an_administrator_makes_keys(office: Office) -> None:
    for person in (["--as", "writer"], []):
        assert "administrator" in office.run("keys", "init", "--all", *person, code=2).stderr
    assert not (office.folder / "data" / "keys").exists()


def test_what_is_asked_wrongly_is_told(office: Office) -> None:
    assert "--all" in office.run("keys", "init", "--as", "quan-tri", code=2).stderr
    assert "no commune xyz" in office.run("keys", "init", "xyz", "--as", "quan-tri", code=2).stderr
    assert "keys init kep" in office.run("keys", "export", "kep", code=1).stderr
    assert "no commune .." in office.run("keys", "export", "..", code=2).stderr
