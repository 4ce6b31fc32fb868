"""A pack on a stick: what is planned goes there signed, is played without a network, and comes back as receipts."""

import shutil
from collections import namedtuple
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from broadcaster import files
from broadcaster.domain.airing import Evidence, Outcome, StationState
from broadcaster.domain.roles import Actor, Grant, Role
from broadcaster.errors import InputError, NotAllowedError
from broadcaster.orders import keyfolder
from broadcaster.orders.payload import PACK, Command
from broadcaster.services.pack_files import PackError
from broadcaster.services.packing import MAX_DAYS, Packing
from tests.fixtures import NOW
from tests.services.carried import DAY, DUE, MINUTE, OPERATOR, Carried, carried_in, names, orders
from tests.services.world import TODAY, World

_Usage = namedtuple("_Usage", "total used free")


@pytest.fixture
def carried(world: World, tmp_path: Path) -> Iterator[Carried]:
    with carried_in(world, tmp_path) as found:
        yield found


def the_pack(carried: Carried) -> Path:
    (found,) = [path for path in carried.mount.iterdir() if path.name.startswith("kep-loa-")]
    return found


def test_a_week_goes_onto_the_stick_with_its_clip_once(carried: Carried) -> None:
    done = carried.pack()
    folder = the_pack(carried)
    assert (done.folder, done.airings, done.cancels, done.unsigned) == (folder, 7, 0, {})
    sha256 = carried.world.studio.path(carried.world.today().clip)
    assert [(folder / name).read_bytes() for name in names(folder, ".mp3")] == [sha256.read_bytes()]
    found = orders(folder)
    assert [order.start for order in found] == [DUE + number * DAY for number in range(7)]
    assert {order.audio.url for order in found if order.audio} == set(names(folder, ".mp3"))
    assert max(order.exp - order.nbf for order in found) <= PACK
    assert len(names(folder, ".m3u8")) == 7
    assert (folder / "plan.csv").read_text(encoding="utf-8-sig").count("\n") == 8
    assert (folder / "keys.json").read_bytes() == keyfolder.document(carried.world.keys, "kep")
    assert "kep-loa" in (folder / "README.txt").read_text(encoding="utf-8-sig")
    assert carried.world.journalled("kep-loa")[-2:] == ["pack_signed", "pack_written"]


def test_it_plays_without_a_network_and_the_receipts_finish_the_airing(carried: Carried) -> None:
    carried.pack()
    carried.box.look()
    carried.world.run(DUE - 59 * MINUTE, DUE - 58 * MINUTE)
    carried.box.until(carried.world.today().ends_at + MINUTE)
    assert [at for at, _ in carried.box.horn.heard] == [DUE]
    assert carried.box.told()[-2:] == ["started", "finished"]
    carried.world.run(carried.world.today().ends_at - timedelta(seconds=5), carried.world.today().ends_at)
    (play,) = carried.plays(carried.world.today().id)
    assert (play.state, play.started_at) == (StationState.FINISHED, DUE)
    assert carried.world.outcome() == (Outcome.AIRED, None, Evidence.FINISHED)
    assert names(carried.receipts, ".json") == []
    assert len(names(carried.receipts / "taken")) == len(carried.box.agent.unacknowledged())


def test_receipts_that_come_days_later_stand_beside_the_outcome(carried: Carried) -> None:
    carried.pack()
    carried.box.look()
    airing = carried.world.today()
    away = carried.mount.rename(carried.mount.with_name("elsewhere"))
    carried.world.run(DUE - MINUTE, airing.ends_at + MINUTE, MINUTE / 2)
    assert carried.world.outcome() == (Outcome.AIRED, None, Evidence.ACCEPTED)
    carried.box.until(airing.ends_at + MINUTE)
    away.rename(carried.mount)
    carried.box.look()
    carried.world.tick(DUE + 2 * DAY - 2 * MINUTE)
    assert carried.plays(airing.id)[0].state is StationState.FINISHED
    assert carried.world.outcome() == (Outcome.AIRED, None, Evidence.ACCEPTED)
    assert carried.world.journalled(airing.id)[-1] == "play_reported_late"


def test_the_next_pack_acknowledges_what_has_arrived(carried: Carried) -> None:
    carried.pack()
    carried.box.look()
    carried.box.look()
    assert carried.box.agent.unacknowledged()
    carried.world.tick(NOW + MINUTE)
    carried.pack(NOW + 2 * MINUTE)
    carried.box.time.run(200)
    carried.box.look()
    assert carried.box.agent.unacknowledged() == []


def test_a_second_pack_takes_the_place_of_the_first_with_the_same_orders(carried: Carried) -> None:
    first = carried.pack()
    before = {order.airing: order.seq for order in orders(first.folder)}
    carried.pack(NOW + MINUTE)
    assert not first.folder.exists()
    assert {order.airing: order.seq for order in orders(the_pack(carried))} == before


def test_a_second_pack_takes_back_what_is_no_longer_planned_and_moves_what_was_moved(carried: Carried) -> None:
    carried.pack()
    carried.box.look()
    tomorrow = TODAY + DAY
    gone = [row.id for row in carried.world.airings(local_date=TODAY)]
    carried.world.schedule(exdates=[TODAY], moved=[{"from": tomorrow, "to": TODAY}])
    carried.world.plan(NOW + MINUTE)
    done = carried.pack(NOW + 2 * MINUTE)
    assert done.cancels == 1
    cancels = [order for order in orders(the_pack(carried)) if order.cmd is Command.CANCEL]
    assert [order.airing for order in cancels] == gone
    assert cancels[0].exp >= DUE
    carried.box.time.run(300)
    carried.box.look()
    carried.box.until(DUE + 10 * MINUTE)
    carried.box.time.run((DAY - 12 * MINUTE).total_seconds())
    carried.box.until(DUE + DAY + 10 * MINUTE)
    assert [at for at, _ in carried.box.horn.heard] == [DUE]


def test_what_was_withdrawn_is_taken_back(carried: Carried) -> None:
    carried.pack()
    carried.world.withdraw(now=NOW + MINUTE)
    carried.world.plan(NOW + MINUTE)
    done = carried.pack(NOW + 2 * MINUTE)
    assert (done.airings, done.cancels) == (0, 7)
    assert names(the_pack(carried), ".mp3") == []


def test_the_worker_hands_over_the_very_order_that_was_packed(carried: Carried) -> None:
    carried.pack()
    number = orders(the_pack(carried))[0].seq
    carried.world.run(DUE - 61 * MINUTE, DUE - 58 * MINUTE, MINUTE)
    assert [order.seq for order in orders(carried.outgoing)] == [number]
    assert carried.plays(carried.world.today().id)[0].number == number
    assert carried.pack(DUE - 57 * MINUTE).cancels == 0


def test_keys_that_were_made_since_come_with_the_pack(carried: Carried) -> None:
    keyfolder.rotate(carried.world.keys, "kep", NOW + MINUTE, at_once=True)
    carried.pack(NOW + 2 * MINUTE)
    carried.box.time.run(180)
    carried.box.look()
    assert carried.box.told() == ["accepted"] * 7 + ["ready"] * 7


def test_a_loudspeaker_that_holds_orders_for_a_day_only_refuses_a_week(carried: Carried) -> None:
    carried.box.held = timedelta(hours=24)
    carried.box.folder = carried.box.folder.with_name("other")
    carried.box.__post_init__()
    carried.pack()
    carried.box.look()
    assert sorted(set(carried.box.told())) == ["accepted", "ready", "refused"]
    assert {report.code for report in carried.box.reports() if report.state == "refused"} == {"too_long"}


def test_a_power_cut_as_the_pack_appears_leaves_the_one_before(
    carried: Carried, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = carried.pack()

    class PowerCutError(BaseException):
        """Nothing may catch it and go on."""

    def cut(path: Path, target: Path) -> Path:
        if path.name.endswith(".part") and path.is_dir():
            raise PowerCutError
        return rename(path, target)

    rename = Path.rename
    monkeypatch.setattr(Path, "rename", cut)
    monkeypatch.setattr(shutil, "rmtree", lambda *_, **__: None)  # there is no power for that either
    with pytest.raises(PowerCutError):
        carried.pack(NOW + MINUTE)
    monkeypatch.undo()
    assert the_pack(carried) == first.folder
    carried.box.look()
    assert carried.box.told().count("ready") == 7
    carried.pack(NOW + 2 * MINUTE)
    assert [path.name for path in carried.mount.iterdir() if path.name.startswith(".")] == []


def test_a_full_stick_is_told_before_anything_is_written_or_signed(
    carried: Carried, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = carried.world.count_of_entries()
    monkeypatch.setattr(shutil, "disk_usage", lambda _: _Usage(10**9, 10**9, 9_000_000))
    with pytest.raises(PackError, match="has 9 MB left"):
        carried.pack()
    assert list(carried.mount.iterdir()) == []
    assert carried.world.count_of_entries() == before


def test_a_stick_that_fails_in_the_middle_is_left_as_it_was(carried: Carried, monkeypatch: pytest.MonkeyPatch) -> None:
    first = carried.pack()
    write = files.write

    def failing(path: Path, data: bytes) -> None:
        if path.name == "plan.csv":
            raise OSError(28, "No space left on device")
        write(path, data)

    monkeypatch.setattr(files, "write", failing)
    with pytest.raises(PackError, match="No space left"):
        carried.pack(NOW + MINUTE)
    assert [path.name for path in carried.mount.iterdir()] == [first.folder.name]


def test_what_somebody_else_has_taken_for_a_leftover_becomes_no_half_pack(
    carried: Carried, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = files.write

    def writing(path: Path, data: bytes) -> None:
        if path.name == "plan.csv":
            shutil.rmtree(path.parent)
        write(path, data)

    monkeypatch.setattr(files, "write", writing)
    with pytest.raises(PackError, match="Somebody else"):
        carried.pack()
    assert list(carried.mount.iterdir()) == []


def test_a_link_with_the_name_of_a_pack_leads_nowhere(carried: Carried, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_bytes(b"x")
    (carried.mount / f"kep-loa-{'0' * 26}").symlink_to(precious, target_is_directory=True)
    carried.pack()
    carried.pack(NOW + MINUTE)
    assert names(precious) == ["file"]


@pytest.mark.parametrize("grants", [(), (Grant(Role.OPERATOR, "my-thai", None),), (Grant(Role.WRITER, "kep", None),)])
def test_only_an_operator_of_the_commune_may(carried: Carried, grants: tuple[Grant, ...]) -> None:
    with pytest.raises(NotAllowedError):
        carried.pack(actor=Actor("somebody", "root", grants))
    assert list(carried.mount.iterdir()) == []


@pytest.mark.parametrize("days", [0, MAX_DAYS + 1])
def test_no_more_than_a_week(carried: Carried, days: int) -> None:
    with pytest.raises(InputError, match="1 to 7"):
        carried.pack(days=days)


def test_a_stick_that_is_not_there_is_told(carried: Carried) -> None:
    carried.mount.rmdir()
    with pytest.raises(InputError, match="Is the stick in"):
        carried.pack()


def test_a_station_with_a_network_has_no_pack(carried: Carried) -> None:
    config = f'{{"folder": "{carried.outgoing}"}}'
    entry = f"{{code: kep-tho, commune: kep, connector: folder, mode: test, config: {config}}}"
    carried.world.bring(f"stations: [{entry}]")
    packing = Packing(carried.world.hand_over, carried.world.keys)
    with pytest.raises(InputError, match="signed: true"):
        packing.pack("kep-tho", carried.mount, 7, OPERATOR, NOW)
