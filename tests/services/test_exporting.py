"""Export: importing it changes nothing, in an empty database it is the same timetable, and a person can read it."""

from contextlib import closing
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from broadcaster.errors import InputError
from broadcaster.services import emergencies, samples
from broadcaster.services.exchange import Exchange
from broadcaster.services.exporting import Part, as_yaml, export
from broadcaster.services.importing import import_all
from broadcaster.services.keeping import Change
from broadcaster.services.rehearsals import rehearse
from broadcaster.services.schedules import remove_schedule
from broadcaster.store.engine import Store
from broadcaster.store.tables import CommuneRow
from tests.fixtures import KINDS, NOW, Databases, nothing
from tests.services.world import TODAY, World, exchange, here, sample
from tests.test_plain_yaml import texts


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def exported(world: World, **wanted: Any) -> Exchange:
    with world.store.reading() as session:
        return export(session, **wanted)


def without_versions(document: Exchange) -> Exchange:
    schedules = [entry.model_copy(update={"version": None}) for entry in document.schedules]
    return document.model_copy(update={"schedules": schedules})


@pytest.fixture
def full(world: World) -> World:
    """All samples, and schedules with everything that a schedule can have."""
    for path in samples.files():
        if path.stem not in {"communes", "facts"}:
            world.bring(path.read_text(encoding="utf-8"), person="operator")
    world.approved("tin", "Dòng một: chú ý. \n\n  Dòng hai.", title='"Tin": số 1', expires="2027-01-01T00:00:00+07:00")
    more: dict[str, Any] = {"times": ["17:00", "05:30:15"], "repeats": 2, "gap_s": 1.5, "order": -1}
    moved = [{"from": TODAY + timedelta(days=1), "to": TODAY}]
    world.schedule("lich", **more, moved=moved, exdates=[TODAY + timedelta(days=9), TODAY + timedelta(days=8)])
    world.schedule("lich", **more, moved=moved, exdates=[TODAY + timedelta(days=9)])
    world.station("my-thai-moi", "my-thai", lead_s=30.5)
    world.bring("facts: [{key: hotline, value: '0204 3xx', verified_on: 2026-11-01, verified_by: operator}]")
    return world


def test_importing_what_was_exported_changes_nothing(full: World) -> None:
    before = full.count_of_entries()
    document = exported(full)
    done = full.bring(as_yaml(document), person="operator")
    assert {item.change for item in done} == {Change.UNCHANGED}
    assert len(done) == sum(len(getattr(document, part)) for part in Part)
    assert full.count_of_entries() == before
    assert full.state("tin") == "approved"


def test_in_an_empty_database_it_is_the_same_timetable(
    full: World, kind: str, databases: Databases, tmp_path: Path
) -> None:
    written = as_yaml(without_versions(exported(full)))
    (tmp_path / "other").mkdir()
    with databases.copy(kind, tmp_path / "other", nothing) as url, closing(Store(url)) as other:
        import_all(other, [exchange(as_yaml(exported(full)))], None, "root", NOW)
        with other.reading() as session:
            assert as_yaml(without_versions(export(session))) == written


@pytest.mark.parametrize("expires", ["2027-01-01T00:00:00+07:00", "2027-01-01T00:00:00Z", "2027-01-01T05:45:01+05:45"])
def test_an_expiry_keeps_its_offset_so_that_what_was_approved_stays_approved(world: World, expires: str) -> None:
    world.approved(expires=expires)
    assert as_yaml(exported(world, parts=[Part.BULLETINS])).count(expires.replace("Z", "+00:00")[:19]) == 1
    world.bring(as_yaml(exported(world)))
    assert world.state() == "approved"


def test_in_zones_of_several_kinds_too(world: World) -> None:
    world.bring("communes: [{code: be, name: Berlin, timezone: Europe/Berlin}]")
    world.approved(expires="2027-01-01T00:00:00+07:00")
    assert exported(world).bulletins[0].expires == datetime(2026, 12, 31, 17, tzinfo=UTC)
    world.bring(as_yaml(exported(world)))
    assert world.state() == "approved"


def test_what_people_did_not_schedule_stays_out(world: World) -> None:
    world.approved("lu", priority="emergency")
    world.approved()
    world.schedule("con")
    world.schedule("bo")
    world.schedule("rehearsal-thu", rehearsal=True)
    world.schedule("tap", rehearsal=True)
    made = rehearse(world.store, "tin", here("10:00"), NOW)
    with world.store.writing() as session:
        remove_schedule(session, "bo", world.actor("operator"), NOW)
    key = emergencies.ask(world.store, "lu", ["kep"], ["Kép"], world.actor("operator"), NOW)
    emergencies.confirm(world.store, key, ["Kép"], world.actor("approver"), NOW)
    assert made.startswith("rehearsal-")
    assert [entry.id for entry in exported(world).schedules] == ["con", "rehearsal-thu", "tap"]


def test_of_one_commune_comes_what_concerns_it(full: World) -> None:
    full.approved("khac")
    full.schedule("lich-khac", "khac", communes=["my-thai"])
    document = exported(full, communes=["my-thai"])
    assert [entry.code for entry in document.communes] == ["my-thai"]
    assert [entry.code for entry in document.stations] == ["my-thai-loa", "my-thai-moi"]
    assert [entry.code for entry in document.people] == ["approver", "both", "operator", "writer", "writer-2"]
    assert [entry.id for entry in document.schedules] == ["gia-mao-moi-chieu", "lich-khac", "ma-qr-sang-chieu"]
    assert [entry.id for entry in document.bulletins] == ["gia-mao-nhan-vien-dien-luc", "khac", "ma-qr-gia"]
    assert len(document.schedules[0].communes) == 5
    assert {item.change for item in full.bring(as_yaml(document))} == {Change.UNCHANGED}


def test_of_some_parts_come_these_alone(full: World) -> None:
    document = exported(full, parts=[Part.STATIONS, Part.COMMUNES])
    assert document.model_fields_set == {"communes", "stations"}
    assert as_yaml(document).startswith("communes:\n  - code: kep\n    name: Kép\n    province: Bắc Ninh\n")
    with full.store.reading() as session, pytest.raises(InputError, match=r"no commune nowhere\. Known: kep, lang"):
        export(session, communes=["kep", "nowhere"])


def test_nothing_is_a_file_too(store: Store) -> None:
    with store.reading() as session:
        assert as_yaml(export(session)) == "{}\n"
    assert exchange("{}\n") == Exchange()


def test_what_this_version_would_refuse_is_told_by_name(world: World) -> None:
    with world.store.writing() as session:
        row = session.get_one(CommuneRow, "kep")
        row.timetable = row.timetable | {"quiet_hours": {"start": "21:00", "end": "21:00"}}
    with pytest.raises(InputError, match="commune kep: quiet_hours: a window from 21:00 to 21:00 has no length"):
        exported(world)


def test_a_file_reads_as_people_write_it(world: World) -> None:
    text = """\
communes:
  - code: vu-ban
    name: Vũ Bản
    timezone: Asia/Bangkok
    slots:
      - {name: Buổi sáng, start: "05:30", end: "06:00", days: [mon]}
    holidays: {country: VN, dates: [2026-11-20]}

people:
  - code: "123"
    name: "1e5"
    roles:
      - {role: approver, commune: "*"}

bulletins:
  - id: cat-dien
    title: Tạm ngừng cấp điện
    text: |
      Xã {commune}: tạm ngừng.
      Mời bà con chú ý.
    expires: 2026-12-31T23:59:00+07:00
    grace_s: 120

schedules:
  - id: cat-dien
    bulletin: cat-dien
    communes: [vu-ban]
    times: ["05:30", "17:00"]
    dtstart: 2026-11-23
    moved:
      - {from: 2026-11-30, to: 2026-12-01}
    repeats: 2
"""
    assert as_yaml(exchange(text)) == text


codes = st.from_regex(r"[A-Za-z0-9-]{2,12}", fullmatch=True)
times = st.times().map(lambda at: f"{at:%H:%M}") | st.times().map(lambda at: f"{at:%H:%M:%S}")
windows = st.fixed_dictionaries({"start": times, "end": times})
days = st.none() | st.lists(st.sampled_from(["mon", "tue", "sat", "sun"]), max_size=3)
dates = st.lists(st.dates(date(2026, 1, 1), date(2036, 1, 1)), unique=True, max_size=3)
communes = st.fixed_dictionaries(
    {"code": codes, "name": texts},
    optional={
        "kind": texts,
        "zones": st.lists(texts, max_size=3),
        "timezone": st.sampled_from(["Europe/Berlin", "Asia/Ho_Chi_Minh"]),
        "slots": st.lists(st.builds(lambda w, n, d: w | {"name": n, "days": d}, windows, texts, days), max_size=3),
        "quiet_hours": windows,
        "reserved": st.lists(st.builds(lambda w, r, d: w | {"reason": r, "days": d}, windows, texts, days), max_size=2),
        "caps": st.fixed_dictionaries({}, optional={"sessions_per_day": st.integers(0, 9), "weekends": st.booleans()}),
        "holidays": st.fixed_dictionaries({"dates": dates}, optional={"country": st.just("VN")}),
    },
)
people = st.fixed_dictionaries(
    {"code": codes, "name": texts},
    optional={"roles": st.lists(st.fixed_dictionaries({"role": st.just("writer"), "source": texts}), max_size=2)},
)
stations = st.fixed_dictionaries(
    {"code": codes, "commune": codes, "connector": texts, "mode": st.sampled_from(["test", "live"])},
    optional={"config": st.dictionaries(texts, texts | st.floats(allow_nan=False, allow_infinity=False), max_size=3)},
)
facts = st.fixed_dictionaries(
    {"key": codes, "value": texts, "owner": texts, "sample": st.booleans()},
    optional={"verified_on": st.dates(date(2000, 1, 1)), "verified_by": texts},
)
bulletins = st.fixed_dictionaries(
    {"id": codes, "title": texts, "text": texts, "source": texts},
    optional={
        "expires": st.datetimes(
            datetime(1990, 1, 1),  # noqa: DTZ001
            timezones=st.integers(-12, 14).map(lambda hours: timezone(timedelta(hours=hours))),
        ),
        "grace_s": st.floats(0, 3600),
        "template": texts,
        "priority": st.sampled_from(["normal", "priority", "emergency"]),
    },
)
names = texts.filter(str.strip)
places = st.fixed_dictionaries({"slots": st.lists(names, min_size=1, max_size=2)}) | st.fixed_dictionaries(
    {"times": st.lists(times, min_size=1, max_size=2)}
)
plain_schedules = st.fixed_dictionaries(
    {"id": codes, "bulletin": codes, "communes": st.lists(codes, min_size=1, max_size=3),
     "dtstart": st.dates(date(2026, 1, 1), date(2036, 1, 1))},
    optional={"exdates": dates, "gap_s": st.floats(0, 3600), "order": st.integers(-9, 9),
              "moved": dates.map(lambda days: [{"from": day, "to": day + timedelta(1)} for day in days]),
              "repeats": st.integers(1, 20)},
)  # fmt: skip
schedules = st.builds(lambda plain, where: plain | where, plain_schedules, places)
_PARTS = {
    "communes": communes, "people": people, "stations": stations, "facts": facts, "bulletins": bulletins,
    "schedules": schedules,
}  # fmt: skip


@pytest.mark.parametrize("part", _PARTS)
def test_any_entry_is_read_back_as_it_was(part: str) -> None:
    found = [0]

    @given(_PARTS[part])
    def holds(entry: dict[str, Any]) -> None:
        try:
            document = Exchange.model_validate({part: [entry]})
        except ValidationError:
            return
        found[0] += 1
        assert exchange(as_yaml(document)) == document

    holds()
    assert found[0] > 5


def test_the_samples_are_read_back_as_they_were() -> None:
    for path in samples.files():
        document = sample(path.stem)
        assert exchange(as_yaml(document)) == document
