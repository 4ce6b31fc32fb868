"""A loudspeaker is added by a person, enrols by its code once, and is known by its own password from then on."""

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from broadcaster.domain.place import Mode
from broadcaster.domain.roles import Actor, Grant, Role
from broadcaster.errors import InputError, NotAllowedError
from broadcaster.orders.strict_json import MalformedError
from broadcaster.orders.topics import Device
from broadcaster.services import enrolment
from broadcaster.services.enrolment import CODE_HOLDS, EnrolmentError
from broadcaster.store.engine import Store
from broadcaster.store.tables import StationRow
from tests.fixtures import KINDS, NOW
from tests.services.devices import KEP, OPERATOR, Box, added, enrolled, told
from tests.services.world import World

on_both_databases = pytest.mark.parametrize("kind", KINDS)
SECOND = timedelta(seconds=1)


def named(session: Session, station: str = "kep-loa") -> list[str]:
    found: list[str] = session.get_one(StationRow, station).config["loudspeakers"]
    return found


@on_both_databases
def test_a_code_enrols_one_loudspeaker_once(devices: Store) -> None:
    box, other = Box(), Box()
    with devices.writing() as session:
        code = added(session)
        box.enroll(session, f" {code.lower().replace('-', ' ')} ")
    with devices.writing() as session:
        assert enrolment.authenticated(session, KEP.user, box.password) == KEP
        with pytest.raises(EnrolmentError, match="used already"):
            other.enroll(session, code)
        assert enrolment.authenticated(session, KEP.user, box.password) == KEP
        row = enrolment.known(session, KEP)
    assert row is not None
    assert (row.public_key, row.station, row.enrolled_at) == (box.key.text, "kep-loa", NOW)
    assert told(devices) == ["loudspeaker_added", "loudspeaker_enrolled"]


def test_nobody_else_logs_in(devices: Store) -> None:
    box = enrolled(devices)
    with devices.writing() as session:
        added(session, Device("kep", "kep-02"))
    with devices.reading() as session:
        for user, password in (
            (KEP.user, box.password + "x"), (KEP.user, ""), ("kep.kep-02", ""), ("kep.kep-02", box.password),
            ("my-thai.kep-01", box.password), ("server", box.password), ("kep.", box.password), ("", ""),
        ):  # fmt: skip
            assert enrolment.authenticated(session, user, password) is None, user
        assert list(enrolment.credentials(session)) == [KEP.user]


def test_a_code_holds_a_day(devices: Store) -> None:
    with devices.writing() as session:
        code = added(session)
        with pytest.raises(EnrolmentError, match="loudspeaker code kep kep-01"):
            enrolment.enroll(session, code, Box().key.text, NOW + CODE_HOLDS + SECOND)
        Box().enroll(session, code, NOW + CODE_HOLDS)


@pytest.mark.parametrize("code", ["", "x", "AAAAA-AAAAA-AAAAA-AAAAA-AAAAA-A", "A" * 10_000])
def test_a_code_that_was_never_given_opens_nothing(devices: Store, code: str) -> None:
    with devices.writing() as session:
        added(session)
        with pytest.raises(EnrolmentError, match="unknown"):
            Box().enroll(session, code)


def test_a_key_that_is_none_leaves_the_code_good(devices: Store) -> None:
    with devices.writing() as session:
        code = added(session)
        with pytest.raises(MalformedError):
            enrolment.enroll(session, code, "AAAA", NOW)
        Box().enroll(session, code)


@on_both_databases
def test_a_new_enrolment_takes_the_place_of_the_one_before(devices: Store) -> None:
    first, second = enrolled(devices), Box()
    with devices.writing() as session:
        code = enrolment.new_code(session, "kep", "kep-01", NOW, actor=OPERATOR)
        assert enrolment.authenticated(session, KEP.user, first.password) == KEP
        second.enroll(session, code)
        assert enrolment.authenticated(session, KEP.user, first.password) is None
        assert enrolment.authenticated(session, KEP.user, second.password) == KEP
    assert told(devices)[2:] == ["loudspeaker_code_made", "loudspeaker_enrolled"]


def test_a_newer_code_makes_the_older_one_useless(devices: Store) -> None:
    with devices.writing() as session:
        old = added(session)
        new = enrolment.new_code(session, "kep", "kep-01", NOW, actor=OPERATOR)
        with pytest.raises(EnrolmentError):
            Box().enroll(session, old)
        Box().enroll(session, new)


def test_the_station_names_its_loudspeakers(devices: Store) -> None:
    with devices.writing() as session:
        for number in ("01", "02"):
            added(session, Device("kep", f"kep-{number}"))
    with devices.writing() as session:
        assert named(session) == ["kep-01", "kep-02"]
        enrolment.remove(session, "kep", "kep-01", NOW, actor=OPERATOR)
        assert named(session) == ["kep-02"]
        assert [row.id for row in enrolment.of_station(session, "kep-loa")] == ["kep-02"]


@on_both_databases
def test_what_was_removed_logs_in_no_more_and_may_be_added_again(devices: Store) -> None:
    box = enrolled(devices)
    with devices.writing() as session:
        enrolment.remove(session, "kep", "kep-01", NOW, actor=OPERATOR)
        assert enrolment.authenticated(session, KEP.user, box.password) is None
        with pytest.raises(InputError, match="no loudspeaker kep-01"):
            enrolment.new_code(session, "kep", "kep-01", NOW, actor=OPERATOR)
        added(session)
    assert told(devices)[2:] == ["loudspeaker_removed", "loudspeaker_added"]


@pytest.mark.parametrize(
    ("loudspeaker", "station", "said"),
    [("a#b", "kep-loa", "cannot name"), ("x", "kep-loa", "cannot name"), ("kep-loa-2", "kep-loa", "station is called"),
     ("kep-02", "my-thai-loa", "Known: kep-loa, kep-loa-2"), ("kep-02", "nowhere", "no station nowhere"),
     ("kep-01", "kep-loa", "loudspeaker code kep kep-01")],
)  # fmt: skip
def test_what_cannot_be_added_is_told(devices: Store, loudspeaker: str, station: str, said: str) -> None:
    enrolled(devices)
    with pytest.raises(InputError, match=said), devices.writing() as session:
        added(session, Device("kep", loudspeaker), station)
    with devices.reading() as session:
        assert named(session) == ["kep-01"]


def test_a_station_has_64_loudspeakers_at_most(devices: Store) -> None:
    with devices.writing() as session:
        for number in range(64):
            added(session, Device("kep", f"loa-{number}"))
        with pytest.raises(InputError, match="64"):
            added(session)


def test_only_who_keeps_the_communes_stations_adds_loudspeakers(devices: Store) -> None:
    enrolled(devices)
    elsewhere = Actor("khac", "root", (Grant(Role.OPERATOR, commune="my-thai"),))
    writer = Actor("lan", "root", (Grant(Role.WRITER, commune="kep"),))
    for actor in (elsewhere, writer, Actor(None, "root")):
        with devices.writing() as session:
            with pytest.raises(NotAllowedError):
                enrolment.add(session, "kep", "kep-loa", "kep-02", NOW, actor=actor)
            for act in (enrolment.new_code, enrolment.remove):
                with pytest.raises(NotAllowedError):
                    act(session, "kep", "kep-01", NOW, actor=actor)


def test_an_import_takes_no_loudspeaker_away(devices: Store) -> None:
    enrolled(devices)

    def imported(session: Session, code: str = "kep-loa", at: str = "kep", kind: str = "mqtt", *named: str) -> None:
        row = StationRow(
            code=code, commune=at, connector=kind, mode=Mode.LIVE, config={"loudspeakers": named}, zones=[]
        )
        enrolment.require_kept(session, row)

    with devices.reading() as session:
        imported(session, "kep-loa", "kep", "mqtt", "kep-01", "kep-02")
        imported(session, "kep-01", "my-thai")
        for wanted, said in (
            (("kep-loa", "kep", "mqtt", "kep-02"), "lose the loudspeaker kep-01"),
            (("kep-loa", "kep", "memory"), "lose the loudspeaker kep-01"),
            (("kep-loa", "my-thai", "mqtt", "kep-01"), "cannot move to my-thai"),
            (("kep-01", "kep"), "obey the orders"),
        ):
            with pytest.raises(InputError, match=said):
                imported(session, *wanted)


def test_a_station_with_loudspeakers_moves_to_no_other_commune(world: World) -> None:
    world.station("loa-moi")
    with world.store.writing() as session:
        enrolment.add(session, "kep", "loa-moi", "kep-01", NOW, actor=world.actor("operator"))
    with pytest.raises(InputError, match="cannot move to my-thai"):
        world.station("loa-moi", "my-thai")
    with world.store.writing() as session:
        enrolment.remove(session, "kep", "kep-01", NOW, actor=world.actor("operator"))
    world.station("loa-moi", "my-thai")


@pytest.mark.parametrize(("config", "held_days"), [({"signed": True}, 8), ({}, 1)])
def test_orders_are_good_for_eight_days_where_they_come_on_a_stick(config: dict[str, object], held_days: int) -> None:
    station = StationRow(code="kep-xa", commune="kep", connector="folder", config={"folder": "out", **config})
    assert enrolment.held(station) == timedelta(days=held_days)
    assert enrolment.takes_loudspeakers(station) == bool(config)
