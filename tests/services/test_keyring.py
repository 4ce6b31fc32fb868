"""Who may make and rotate keys, what the journal says of it, and when the end of keys is told."""

from datetime import timedelta
from pathlib import Path

import pytest

from broadcaster import application
from broadcaster.application import Application, State
from broadcaster.domain.roles import Actor, Grant, Role
from broadcaster.errors import InputError, NotAllowedError
from broadcaster.orders import keyfolder
from broadcaster.orders.keyfolder import KeyFolderError
from broadcaster.services import keyring
from tests.fixtures import NOW
from tests.services.world import World, settings

DAY = timedelta(days=1)
ADMINISTRATOR = Actor("quan-tri", "root", (Grant(Role.ADMINISTRATOR, commune="kep"),))


def test_keys_are_made_once_and_journalled_with_their_ids(world: World, tmp_path: Path) -> None:
    ring = keyring.make(world.store, tmp_path, "kep", ADMINISTRATOR, NOW)
    assert ring is not None
    assert keyring.make(world.store, tmp_path, "kep", ADMINISTRATOR, NOW) is None
    assert world.journalled("kep")[-1:] == ["keys_made"]
    rotated = keyring.rotate(world.store, tmp_path, "kep", ADMINISTRATOR, NOW + 70 * DAY)
    assert world.journalled("kep")[-2:] == ["keys_made", "keys_rotated"]
    assert rotated.document.version == 2
    world.assert_chains_hold()


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ADMINISTRATOR])
def test_only_an_administrator_of_the_commune_makes_keys(world: World, tmp_path: Path, role: Role) -> None:
    elsewhere = Actor("khac", "root", (Grant(Role.ADMINISTRATOR, commune="my-thai"),))
    for actor in (Actor("lan", "root", (Grant(role, commune="kep"),)), elsewhere, Actor(None, "root")):
        with pytest.raises(NotAllowedError):
            keyring.make(world.store, tmp_path, "kep", actor, NOW)
        with pytest.raises(NotAllowedError):
            keyring.rotate(world.store, tmp_path, "kep", actor, NOW)
        with world.store.reading() as session, pytest.raises(NotAllowedError):
            keyring.wanted(session, ["my-thai", "kep"], everywhere=False, actor=actor)
    assert keyfolder.communes(tmp_path) == []


def test_what_could_not_be_done_is_not_journalled(world: World, tmp_path: Path) -> None:
    before = world.count_of_entries()
    with pytest.raises(KeyFolderError):
        keyring.rotate(world.store, tmp_path, "kep", ADMINISTRATOR, NOW)
    keyring.make(world.store, tmp_path, "kep", ADMINISTRATOR, NOW)
    keyring.rotate(world.store, tmp_path, "kep", ADMINISTRATOR, NOW)
    with pytest.raises(InputError, match="next keys"):
        keyring.rotate(world.store, tmp_path, "kep", ADMINISTRATOR, NOW)
    assert world.count_of_entries() == before + 2


def test_communes_are_named_or_all_are_meant(world: World) -> None:
    with world.store.reading() as session:
        assert keyring.wanted(session, ["my-thai", "kep", "my-thai"], everywhere=False) == ["my-thai", "kep"]
        assert len(keyring.wanted(session, [], everywhere=True)) == 5
        for named, everywhere in (([], False), (["kep"], True)):
            with pytest.raises(InputError, match="--all"):
                keyring.wanted(session, named, everywhere=everywhere)
        with pytest.raises(InputError, match="no commune xyz"):
            keyring.wanted(session, ["xyz"], everywhere=False)


def test_only_communes_without_next_keys_are_due(world: World, tmp_path: Path) -> None:
    for commune in ("kep", "my-thai"):
        keyfolder.make(tmp_path, commune, NOW)
    keyfolder.rotate(tmp_path, "kep", NOW + 70 * DAY)
    communes = ["kep", "lang-giang", "my-thai"]
    assert keyring.due(tmp_path, communes, NOW + 71 * DAY) == ["my-thai"]
    assert keyring.due(tmp_path, communes, NOW + 85 * DAY) == ["kep", "my-thai"]


def test_the_list_says_which_key_signs_and_which_waits(tmp_path: Path) -> None:
    keyfolder.make(tmp_path, "kep", NOW)
    keyfolder.rotate(tmp_path, "kep", NOW + 70 * DAY)

    def states(days: int) -> list[tuple[str, str, int]]:
        found = keyring.lines(tmp_path, ["kep", "my-thai"], NOW + days * DAY)
        return [(line.key.purpose, line.state, line.days_left) for line in found]

    assert states(70) == [
        ("order", "signing", 14),
        ("stop", "signing", 14),
        ("order", "next", 90),
        ("stop", "next", 90),
    ]
    assert states(85)[::2] == [("order", "ended", 0), ("order", "signing", 75)]


@pytest.fixture
def built(tmp_path: Path) -> Application:
    return application.build(settings(data_folder=tmp_path))


@pytest.mark.parametrize(
    ("days", "state", "words"),
    [
        (20, State.READY, None),
        (40, State.READY, "The order keys of kep end in 50 days"),
        (84, State.FAILING, "end in 6 days. Run: broadcaster keys rotate kep"),
        (91, State.FAILING, "have ended; loudspeakers obey nothing new"),
    ],
)
def test_the_check_warns_before_keys_end(built: Application, days: int, state: State, words: str | None) -> None:
    keyfolder.make(built.keys_folder, "kep", NOW)
    (found,) = built.key_statuses(NOW + days * DAY)
    assert (found.component, found.state) == ("keys kep", state)
    assert (words is None) if found.fault is None else (words or "-") in str(found.fault)
    built.close()


def test_the_check_tells_of_keys_that_cannot_be_used(built: Application) -> None:
    keyfolder.make(built.keys_folder, "kep", NOW)
    next((built.keys_folder / "kep").glob("*.pem")).unlink()
    (found,) = built.key_statuses(NOW)
    assert found.state is State.FAILING
    assert "cannot be read" in str(found.fault)
    built.close()
