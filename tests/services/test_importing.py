"""Import: says what is new, changed and unchanged; all or nothing; every mistake is named with its place."""

import unicodedata
from collections import Counter

import pytest
from sqlalchemy import select

from broadcaster import strict_yaml
from broadcaster.domain.roles import Role
from broadcaster.errors import InputError, NotAllowedError
from broadcaster.services import samples
from broadcaster.services.exchange import Exchange
from broadcaster.services.importing import import_all
from broadcaster.services.keeping import Change, Imported
from broadcaster.store.engine import Store
from broadcaster.store.tables import BulletinRow, CommuneRow, PersonRow, ScheduleRow, StationRow
from tests.fixtures import NOW
from tests.services.world import World, exchange, here

BULLETIN = """
bulletins:
  - {id: tin, title: Cảnh giác, source: Công an xã, text: Bà con chú ý.}
"""
SCHEDULE = """
schedules:
  - {id: lich, bulletin: tin, communes: [kep], slots: [Buổi chiều], dtstart: 2026-11-23}
"""


def changes(found: list[Imported]) -> Counter[Change]:
    return Counter(item.change for item in found)


def refusal(world: World, *texts: str, person: str | None = "operator") -> str:
    """What is said of texts that are refused; nothing of them may be left."""
    before = world.count_of_entries()
    with pytest.raises(InputError) as refused:
        world.bring(*texts, person=person)
    assert world.count_of_entries() == before
    return str(refused.value)


def test_the_samples_come_in_once_and_importing_them_again_changes_nothing(store: Store) -> None:
    documents = [strict_yaml.load(path).validate(Exchange) for path in samples.files()]
    first = import_all(store, documents, "writer", "root", NOW)
    again = import_all(store, documents, None, "root", NOW)
    assert changes(first) == {Change.NEW: len(first)}
    assert changes(again) == {Change.UNCHANGED: len(first)}
    assert Counter(item.noun for item in first)["commune"] == 5


def test_new_changed_and_unchanged_are_told_apart(world: World) -> None:
    assert world.bring(BULLETIN) == [Imported("bulletin", "tin", Change.NEW)]
    assert world.bring(BULLETIN) == [Imported("bulletin", "tin", Change.UNCHANGED)]
    changed = BULLETIN.replace("chú ý", "lưu ý")
    assert world.bring(changed) == [Imported("bulletin", "tin", Change.CHANGED)]


def test_importing_twice_leaves_no_entry_in_the_journal(world: World) -> None:
    world.bring(BULLETIN, SCHEDULE)
    before = world.count_of_entries()
    world.bring(BULLETIN, SCHEDULE)
    assert world.count_of_entries() == before


def test_the_order_of_the_files_does_not_matter(world: World) -> None:
    assert changes(world.bring(SCHEDULE, BULLETIN)) == {Change.NEW: 2}


def test_a_text_that_differs_in_form_only_is_unchanged(world: World) -> None:
    world.bring(BULLETIN)
    assert changes(world.bring(unicodedata.normalize("NFD", BULLETIN))) == {Change.UNCHANGED: 1}


def test_a_slot_is_found_though_it_is_written_in_another_unicode_form(world: World) -> None:
    assert changes(world.bring(BULLETIN, unicodedata.normalize("NFD", SCHEDULE))) == {Change.NEW: 2}


def test_a_change_is_journalled_with_what_was_before_in_the_chain_of_its_commune(world: World) -> None:
    world.station("kep-loa", lead_s=30)
    with world.store.reading() as session:
        assert session.get_one(StationRow, "kep-loa").config == {"lead_s": 30}
    assert world.journalled("kep-loa") == ["imported", "imported"]
    world.assert_chains_hold()


def test_an_error_anywhere_undoes_everything(world: World) -> None:
    wrong = SCHEDULE.replace("bulletin: tin", "bulletin: nowhere")
    refusal(world, BULLETIN, "people:\n  - {code: new-one, roles: []}\n", wrong)
    with world.store.reading() as session:
        assert session.get(BulletinRow, "tin") is None
        assert session.get(PersonRow, "new-one") is None


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("bulletin: tin", "bulletin: nowhere", "schedule lich: there is no bulletin nowhere"),
        ("[kep]", "[kep, nowhere]", "schedule lich: there is no commune nowhere"),
        ("[Buổi chiều]", "[Buổi tối]", "commune kep has no slot Buổi tối. It has: Buổi sáng, Buổi trưa, Buổi chiều"),
    ],
)
def test_a_schedule_that_names_what_does_not_exist_is_refused(world: World, old: str, new: str, told: str) -> None:
    world.bring(BULLETIN)
    assert told in refusal(world, SCHEDULE.replace(old, new))


def test_a_station_of_an_unknown_commune_is_refused(world: World) -> None:
    text = "stations:\n  - {code: loa, commune: nowhere, connector: memory}\n"
    assert "station loa: there is no commune nowhere" in refusal(world, text)


@pytest.mark.parametrize(
    ("station", "told"),
    [
        ("connector: telepathy", "unknown connector telepathy"),
        ("connector: memory, config: {anser: silent}", "unknown key anser. Did you mean answer?"),
        ("connector: folder", "folder"),
        ("connector: folder, config: {folder: x, timezone: Mars/Phobos}", "Mars/Phobos"),
        ("connector: soundcard, config: {sink: trumpet}", "trumpet"),
        ("connector: soundcard, config: {volume_percent: 300}", "volume_percent"),
    ],
)
def test_a_station_that_could_never_be_connected_is_refused(world: World, station: str, told: str) -> None:
    assert told in refusal(world, f"stations:\n  - {{code: loa, commune: kep, {station}}}\n")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("communes:\n  - code: xa\n    name: Xã\n    slots:\n      - {name: Sáng, start: 17:00, end: '18:00'}\n",
         "line 5: YAML reads 17:00 as a number. Put the time in quotes"),
        ("communes:\n  - code: xa\n    nam: Xã\n", "line 3: communes.0.nam: unknown key nam. Did you mean name?"),
        ("comunes: []\n", "line 1: comunes: unknown key comunes. Did you mean communes?"),
        ("communes:\n  - code: xa\n    name: Xã\n    slots:\n      - {name: Sáng, start: '05:00', end: '06:00'}\n"
         "      - {name: Sáng, start: '07:00', end: '08:00'}\n", "line 4: communes.0.slots: two slots are named Sáng"),
        ("communes:\n  - {code: xa, name: Xã, quiet_hours: {start: '21:00', end: '21:00'}}\n", "has no length"),
        ("communes:\n  - {code: xa, name: Xã, quiet_hours: {start: '25:00', end: '05:00'}}\n", "25:00 is not a time"),
        ("communes:\n  - {code: xa, name: Xã, timezone: Mars/Phobos}\n", "unknown time zone Mars/Phobos"),
        ("communes:\n  - {code: ../xa, name: Xã}\n", "../xa is not a code"),
        ('communes:\n  - {code: "xa\\n", name: Xã}\n', "is not a code"),
        ("bulletins:\n  - {id: tin, title: T, text: '  '}\n", "bulletins.0.text: there is no text"),
        ("bulletins:\n  - {id: tin, title: T, text: 'Xã {comune}'}\n", "Unknown placeholder {comune}"),
        ("bulletins:\n  - {id: tin, title: T, text: x, priority: urgent}\n", "bulletins.0.priority"),
        ("bulletins:\n  - {id: tin, title: T, text: x, expires: 2026-12-31T23:59:00}\n", "with its offset"),
        ("bulletins:\n  - {id: tin, title: T, text: x, expires: 2026-02-30}\n", "line 2: 2026-02-30"),
        ("schedules:\n  - {id: lich, bulletin: tin, communes: [kep], dtstart: 2026-11-23}\n", "either slots or times"),
        ("schedules:\n  - {id: li, bulletin: tin, communes: [kep], dtstart: 2026-11-23, slots: [S], times: ['17:00']}",
         "either slots or times"),
        ("schedules:\n  - {id: lich, bulletin: tin, communes: [], dtstart: 2026-11-23, times: ['17:00']}", "communes"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_line(text: str, told: str) -> None:
    with pytest.raises(InputError) as refused:
        exchange(text)
    assert "test.yaml, line " in str(refused.value)
    assert told in str(refused.value)


@pytest.mark.parametrize(
    ("rule", "told"),
    [("FREQ=HOURLY", "may not hold HOURLY"), ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "never occurs"),
     ("FREQ=DAILY;UNTIL=20200101", "never occurs"), ("FREQ=DAILY;COUNT=0", "never occurs"),
     ("FREQ=DAILY;INTERVAL=0", "INTERVAL must be 1 or more"), ("mỗi ngày", "cannot be read")],
)  # fmt: skip
def test_a_rule_that_cannot_work_is_refused(rule: str, told: str) -> None:
    rest = f"dtstart: 2026-11-23, times: ['17:00'], rrule: {rule}"
    text = f"schedules:\n  - {{id: lich, bulletin: tin, communes: [kep], {rest}}}\n"
    with pytest.raises(InputError, match=told):
        exchange(text)


@pytest.mark.parametrize(
    "twice", ["communes: [kep, kep], times: ['17:00']", "communes: [kep], times: ['17:00', '17:00']",
              "communes: [kep], times: ['17:00', '17:00:00']", "communes: [kep], slots: [Sáng, Sáng]"],
)  # fmt: skip
def test_a_schedule_names_nothing_twice(twice: str) -> None:
    with pytest.raises(InputError, match="twice"):
        exchange(f"schedules:\n  - {{id: lich, bulletin: tin, dtstart: 2026-11-23, {twice}}}")


@pytest.mark.parametrize(
    "text",
    [
        BULLETIN + "  - {id: tin, title: Khác, text: Khác.}\n",
        "people:\n  - {code: an, roles: []}\n  - {code: an, roles: [{role: auditor}]}\n",
        "stations:\n  - {code: loa, commune: kep, connector: memory}\n"
        "  - {code: loa, commune: my-thai, connector: memory}\n",
    ],
)
def test_two_things_of_one_name_are_refused_for_they_would_change_with_every_import(world: World, text: str) -> None:
    assert "twice" in refusal(world, text)


def test_two_things_of_one_name_in_two_files_are_refused_too(world: World) -> None:
    assert "twice" in refusal(world, BULLETIN, BULLETIN.replace("chú ý", "lưu ý"))


def test_a_schedule_of_a_bulletin_that_expires_before_it_starts_is_refused(world: World) -> None:
    world.bring(BULLETIN.replace("text:", "expires: 2026-11-20T00:00:00+07:00, text:"))
    assert "expires before it starts" in refusal(world, SCHEDULE)


def test_a_rehearsal_on_a_live_station_is_refused(world: World) -> None:
    world.station("kep-that", mode="live")
    world.bring(BULLETIN)
    rehearsal = SCHEDULE.replace("dtstart", "rehearsal: true, dtstart")
    assert "kep has a live station" in refusal(world, rehearsal)
    world.bring(rehearsal.replace("kep", "my-thai"))


@pytest.mark.parametrize(
    ("text", "person", "role"),
    [
        (BULLETIN, "approver", Role.WRITER),
        ("communes:\n  - {code: xa, name: Xã}\n", "writer", Role.OPERATOR),
        ("people:\n  - {code: me, roles: [{role: approver, commune: '*'}]}\n", "writer", Role.OPERATOR),
        ("facts:\n  - {key: hotline, value: '113', verified_on: 2026-11-01}\n", "writer", Role.OPERATOR),
        ("stations:\n  - {code: loa, commune: kep, connector: memory}\n", "approver", Role.OPERATOR),
    ],
)
def test_whoever_changes_something_needs_the_role(world: World, text: str, person: str, role: Role) -> None:
    with pytest.raises(NotAllowedError, match=f"{person} does not have the role this needs: .*{role}"):
        world.bring(text, person=person)
    with pytest.raises(NotAllowedError, match="Add --as CODE"):
        world.bring(text, person=None)


def test_an_unknown_person_is_refused(world: World) -> None:
    assert "no person nobody" in refusal(world, BULLETIN, person="nobody")


def test_who_sits_at_an_empty_system_sets_up_the_first_people(store: Store) -> None:
    people = "people:\n  - {code: an, roles: [{role: operator, commune: '*'}]}\n"
    import_all(store, [exchange(people)], None, "root", NOW)
    with store.reading() as session:
        assert [row.code for row in session.scalars(select(PersonRow))] == ["an"]
    with pytest.raises(NotAllowedError):
        import_all(store, [exchange("communes:\n  - {code: xa, name: Xã}\n")], None, "root", NOW)


def test_the_first_import_may_be_done_by_a_person_it_brings_and_by_no_other(store: Store) -> None:
    people = exchange("people:\n  - {code: an, roles: []}\n")
    with pytest.raises(InputError, match="no person binh yet; the files bring: an"):
        import_all(store, [people], "binh", "root", NOW)
    import_all(store, [people, exchange(BULLETIN)], "an", "root", NOW)
    with store.reading() as session:
        assert session.get_one(BulletinRow, "tin").author == "an"


def test_a_rule_that_is_changed_keeps_the_age_of_its_schedule(world: World) -> None:
    world.bring(BULLETIN, SCHEDULE)
    world.bring(SCHEDULE.replace("dtstart", "order: 5, dtstart"), now=here("12:00"))
    with world.store.reading() as session:
        row = session.get_one(ScheduleRow, "lich")
    assert (row.order, row.created_at) == (5, NOW)


def test_a_commune_keeps_what_its_file_says_of_its_day(world: World) -> None:
    with world.store.reading() as session:
        row = session.get_one(CommuneRow, "kep")
    assert row.timezone == "Asia/Ho_Chi_Minh"
    assert [slot["name"] for slot in row.timetable["slots"]] == ["Buổi sáng", "Buổi trưa", "Buổi chiều"]
    assert row.timetable["caps"] == {"sessions_per_day": 3, "minutes_per_session": 45, "weekends": True}


def test_an_operator_of_one_commune_changes_nothing_in_another(world: World) -> None:
    world.approved()
    world.bring("people: [{code: cua-kep, roles: [{role: operator, commune: kep}]}]")
    mine = "schedules: [{id: lich, bulletin: tin, communes: [%s], times: ['17:00'], dtstart: 2026-11-23}]"
    world.bring(mine % "kep", person="cua-kep")
    for theirs in (mine % "kep, my-thai", "stations: [{code: moi, commune: my-thai, connector: memory, mode: test}]"):
        with pytest.raises(NotAllowedError, match="cua-kep may not do this in: my-thai"):
            world.bring(theirs, person="cua-kep")


def test_a_role_for_a_source_or_without_a_place_changes_nothing_of_a_commune(world: World) -> None:
    world.approved()
    roles = "[{role: operator, source: Điện lực}, {role: administrator, source: Điện lực}, {role: operator}]"
    world.bring(f"people: [{{code: cua-nguon, roles: {roles}}}]")
    for theirs in (
        "schedules: [{id: lich, bulletin: tin, communes: [kep], times: ['17:00'], dtstart: 2026-11-23}]",
        "stations: [{code: moi, commune: kep, connector: memory, mode: test}]",
        "communes: [{code: kep, name: Kép, slots: []}]",
        "people: [{code: moi, roles: []}]",
        "facts: [{key: so-moi, value: '113'}]",
    ):
        with pytest.raises(NotAllowedError, match="cua-nguon may not do this in"):
            world.bring(theirs, person="cua-nguon")


def test_nobody_gives_away_a_role_beyond_their_own_communes(world: World) -> None:
    world.bring("people: [{code: cua-kep, roles: [{role: operator, commune: kep}]}]")
    world.bring("people: [{code: moi, roles: [{role: writer, commune: kep}]}]", person="cua-kep")
    for more in ("commune: '*'", "commune: my-thai", "source: Điện lực"):
        with pytest.raises(NotAllowedError, match="cua-kep may not do this in"):
            world.bring(f"people: [{{code: cua-kep, roles: [{{role: administrator, {more}}}]}}]", person="cua-kep")
