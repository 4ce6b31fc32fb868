"""Communes: what one looks like, and that one which stands in the log, or is still needed, cannot be removed."""

import json
from typing import Any

import pytest

from broadcaster.domain.place import Layer
from broadcaster.errors import InputError, NotAllowedError
from broadcaster.services import communes
from broadcaster.services.schedules import remove_schedule
from broadcaster.store import journal
from broadcaster.store.tables import CommuneRow, PlanRow, PronunciationRow
from tests.fixtures import KINDS, NOW
from tests.services.world import COMMUNES, World

NEW = """
communes:
  - code: moi
    name: Mới
    slots: [{name: Sáng, start: "05:30", end: "06:00"}]
    holidays: {country: VN, dates: [2026-11-25]}
people:
  - {code: cua-moi, roles: [{role: operator, commune: moi}]}
  - {code: cua-kep, roles: [{role: operator, commune: kep}]}
"""


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def new(world: World) -> World:
    """A commune that nothing names yet, and that the planner has looked at already."""
    world.bring(NEW)
    world.plan()
    return world


def remove(world: World, code: str = "moi", person: str | None = "operator") -> None:
    communes.remove(world.store, code, world.actor(person), NOW)


def refusal(world: World, code: str = "moi") -> str:
    with pytest.raises(InputError) as refused:
        remove(world, code)
    with world.store.reading() as session:
        assert session.get(CommuneRow, code) is not None
    return str(refused.value)


def details(world: World, code: str) -> dict[str, Any]:
    with world.store.reading() as session:
        return communes.details(session, code, world.config, NOW)


def test_one_that_nothing_names_is_removed_with_its_plan_and_its_words(new: World) -> None:
    with new.store.writing() as session:
        assert session.get(PlanRow, "moi") is not None
        session.add(PronunciationRow(
            layer=Layer.COMMUNE, owner="moi", written="K7", spoken="kho bảy", example="K7", example_spoken="kho bảy",
            version=1, changed_by=None, changed_at=NOW,
        ))  # fmt: skip
    remove(new)
    with new.store.reading() as session:
        assert [session.get(table, "moi") for table in (CommuneRow, PlanRow)] == [None, None]
        assert session.get(PronunciationRow, (Layer.COMMUNE, "moi", "K7")) is None
        *_, last = journal.entries_about(session, "moi")
        assert (last.chain, last.action) == ("moi", "commune_removed")
        data = json.loads(last.payload)["data"]
    assert data["before"]["name"] == "Mới"
    assert data["pronunciations"] == {"K7": "kho bảy"}
    new.assert_chains_hold()
    new.plan()
    with pytest.raises(InputError, match="no commune moi"):
        remove(new)


def test_it_can_come_back(new: World) -> None:
    remove(new)
    new.bring(NEW)
    new.assert_chains_hold()
    assert details(new, "moi")["name"] == "Mới"


@pytest.mark.parametrize("person", ["writer", "approver", "cua-kep", None])
def test_whoever_removes_one_needs_the_role_there(new: World, person: str | None) -> None:
    with pytest.raises(NotAllowedError):
        remove(new, person=person)
    remove(new, person="cua-moi")


def test_schedules_are_named_up_to_ten(world: World) -> None:
    world.approved()
    world.bring(NEW)
    for number in range(12):
        world.schedule(f"lich-{number:02}", communes=["moi"])
    told = refusal(world)
    assert "lich-00, lich-01, " in told
    assert "lich-09, ..." in told
    assert "broadcaster schedule remove" in told
    with world.store.writing() as session:
        for number in range(12):
            remove_schedule(session, f"lich-{number:02}", world.actor("operator"), NOW)
    world.plan()
    remove(world)


def test_a_station_holds_it_until_it_belongs_to_another(new: World) -> None:
    new.station("moi-loa", "moi")
    assert "has stations: moi-loa" in refusal(new)
    new.station("moi-loa", "kep")
    remove(new)


def test_what_was_approved_for_it_or_aired_there_stays(new: World) -> None:
    new.approved()
    assert "stands in the log or in an approval" in refusal(new)


def test_an_overview_counts_what_each_has(world: World) -> None:
    world.approved()
    world.schedule(communes=["kep", "my-thai"])
    world.schedule("lich-2", times=["18:00"])
    with world.store.reading() as session:
        found = {row["code"]: (row["stations"], row["schedules"]) for row in communes.overview(session)}
    assert found == dict.fromkeys(COMMUNES, (1, 0)) | {"kep": (1, 2), "my-thai": (1, 1)}


def test_details_are_what_the_planner_goes_by(new: World) -> None:
    found = details(new, "moi")
    assert found["slots"] == [{"name": "Sáng", "start": "05:30", "end": "06:00"}]
    usual = new.config.timetable.quiet_hours
    assert usual is not None
    assert list(found["quiet_hours"].values()) == list(usual)
    assert found["holidays"][:2] == ["2026-11-24", "2026-11-25"]
    assert "2027-02-06" in found["holidays"]  # the first day of Tết
    assert found["holidays"] == sorted(day for day in found["holidays"] if "2026-11-23" <= day < "2027-11-23")
    assert details(new, "kep")["stations"][0]["code"] == "kep-loa"
    with pytest.raises(InputError, match="no commune nowhere"):
        details(new, "nowhere")
