"""Who may do what, and the mode of an airing."""

import pytest

from broadcaster.domain.place import Mode, Station, airing_mode
from broadcaster.domain.roles import EVERYWHERE, Actor, Grant, Role
from broadcaster.errors import NotAllowedError

WRITER = Actor("an", "root", (Grant(Role.WRITER, source="Công an xã"), Grant(Role.OPERATOR, commune="kep")))


def test_a_person_can_do_what_one_of_their_roles_allows() -> None:
    WRITER.require(Role.APPROVER, Role.OPERATOR)
    assert WRITER.can(Role.WRITER)
    assert not WRITER.can(Role.APPROVER, Role.ADMINISTRATOR)


def test_a_person_without_the_role_is_told_which_one_is_needed() -> None:
    with pytest.raises(NotAllowedError, match="an does not have the role this needs: approver, administrator"):
        WRITER.require(Role.APPROVER, Role.ADMINISTRATOR)


def test_nobody_in_particular_is_told_how_to_say_who_acts() -> None:
    with pytest.raises(NotAllowedError, match=r"role: writer\. Add --as CODE"):
        Actor(None, "root").require(Role.WRITER)


def test_the_program_itself_holds_no_role() -> None:
    assert not Actor(None, "root").can(*Role)


def test_roles_hold_in_their_communes_only() -> None:
    assert WRITER.communes(Role.OPERATOR) == {"kep"}
    assert WRITER.communes(Role.WRITER) == frozenset()
    assert Actor("an", "root", (Grant(Role.APPROVER, commune=EVERYWHERE),)).communes(Role.APPROVER) == {"*"}


def station(mode: Mode) -> Station:
    return Station(f"loa-{mode}", "kep", "memory", mode)


def test_one_live_station_makes_an_airing_live() -> None:
    assert airing_mode([station(Mode.TEST), station(Mode.LIVE)], is_rehearsal=False) is Mode.LIVE


@pytest.mark.parametrize("stations", [[], [station(Mode.TEST)]])
def test_without_a_live_station_an_airing_is_a_test(stations: list[Station]) -> None:
    assert airing_mode(stations, is_rehearsal=False) is Mode.TEST


def test_a_rehearsal_is_a_test_everywhere() -> None:
    assert airing_mode([station(Mode.LIVE)], is_rehearsal=True) is Mode.TEST


def test_a_role_holds_in_its_communes_alone() -> None:
    an = Actor("an", "root", (Grant(Role.OPERATOR, commune="kep"),))
    an.require_in(["kep"], Role.OPERATOR)
    with pytest.raises(NotAllowedError, match="an may not do this in: my-thai"):
        an.require_in(["kep", "my-thai"], Role.OPERATOR)
    with pytest.raises(NotAllowedError, match="does not have the role"):
        an.require_in(["kep"], Role.WRITER)
    Actor("minh", "root", (Grant(Role.OPERATOR, commune=EVERYWHERE),)).require_in(["kep"], Role.OPERATOR)


def test_a_role_for_a_source_holds_for_its_bulletins_wherever_they_air_and_for_nothing_else() -> None:
    lan = Actor("lan", "root", (Grant(Role.EDITOR, source="Điện lực"),))
    lan.require_in(["kep", "my-thai"], Role.EDITOR, source="Điện lực")
    for other in ("Công an xã", "", None):
        with pytest.raises(NotAllowedError, match="lan may not do this in: kep"):
            lan.require_in(["kep"], Role.EDITOR, source=other)
    with pytest.raises(NotAllowedError):
        lan.require_in([], Role.EDITOR)


def test_who_writes_for_sources_alone_writes_for_no_other() -> None:
    lan = Actor("lan", "root", (Grant(Role.EDITOR, source="Điện lực"),))
    lan.require_source(["Điện lực"], Role.EDITOR)
    with pytest.raises(NotAllowedError, match="lan writes for: Điện lực; not for: -, Công an xã"):
        lan.require_source(["Điện lực", "Công an xã", ""], Role.EDITOR)
    Actor("minh", "root", (Grant(Role.WRITER, commune="kep"),)).require_source(["Công an xã"], Role.WRITER)


def test_a_role_without_a_place_holds_nowhere() -> None:
    with pytest.raises(NotAllowedError):
        Actor("an", "root", (Grant(Role.OPERATOR),)).require_in(["kep"], Role.OPERATOR, source="")


def test_a_role_for_a_source_in_one_commune_is_none_of_the_source() -> None:
    an = Actor("an", "root", (Grant(Role.APPROVER, commune="kep", source="Điện lực"),))
    assert not an.is_of("Điện lực", Role.APPROVER)
    assert an.is_in(["kep"], Role.APPROVER)


def test_an_auditor_changes_nothing() -> None:
    auditor = Actor("ha", "root", (Grant(Role.AUDITOR, commune=EVERYWHERE),))
    for role in (Role.WRITER, Role.APPROVER, Role.OPERATOR, Role.ADMINISTRATOR, Role.EDITOR):
        assert not auditor.can(role)
