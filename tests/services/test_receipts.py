"""Receipts in a folder that anybody may have written to: each true one counts once, and no other does harm."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from broadcaster.domain.airing import Evidence, Outcome, Reason, StationState
from broadcaster.orders.device import DeviceKey, PlayReport, PlayState
from broadcaster.orders.topics import Device
from broadcaster.services import enrolment, inbox, receipts
from broadcaster.services.receipts import EVERY
from broadcaster.store import airings
from tests.fixtures import NOW
from tests.services.carried import ADMINISTRATOR, DUE, MINUTE, Carried, carried_in, names
from tests.services.world import World

AIRING = "01KAR8Q0Z3V9T6M4N2P5S7W8XY"


@pytest.fixture
def carried(world: World, tmp_path: Path) -> Iterator[Carried]:
    with carried_in(world, tmp_path) as found:
        found.receipts.mkdir()
        yield found


def receipt(key: DeviceKey, device: Device, seq: int = 1) -> bytes:
    return key.signed(PlayReport(device, seq, AIRING, 7, PlayState.ACCEPTED, NOW))


def left(carried: Carried, name: str, data: bytes) -> Path:
    path = carried.receipts / name
    path.write_bytes(data)
    return path


def read(carried: Carried, times: int = 2) -> None:
    """What is no receipt is looked at twice: somebody may just be copying it."""
    for number in range(times):
        carried.world.tick(NOW + (number + 1) * EVERY)


def kept(carried: Carried) -> int:
    with carried.world.store.reading() as session:
        return len(inbox.about(session, AIRING))


def test_a_receipt_is_kept_once_and_moved_away(carried: Carried) -> None:
    data = receipt(carried.box.key, carried.box.device)
    left(carried, "a.json", data)
    left(carried, "the same under another name.json", data)
    read(carried, 1)
    assert kept(carried) == 1
    assert names(carried.receipts, ".json") == []
    assert names(carried.receipts / "taken") == ["a.json", "the same under another name.json"]


def test_one_that_could_not_be_moved_is_kept_once_all_the_same(
    carried: Carried, monkeypatch: pytest.MonkeyPatch
) -> None:
    left(carried, "a.json", receipt(carried.box.key, carried.box.device))

    def failing(path: Path, where: str) -> None:
        raise PermissionError(30, "Read-only file system", str(path), where)

    monkeypatch.setattr(receipts, "_move", failing)
    read(carried)
    assert names(carried.receipts) == ["a.json"]
    monkeypatch.undo()
    carried.world.tick(NOW + 5 * EVERY)
    assert (kept(carried), names(carried.receipts)) == (1, ["taken"])


def test_nothing_that_was_taken_before_is_overwritten(carried: Carried) -> None:
    for seq in (1, 2):
        left(carried, "a.json", receipt(carried.box.key, carried.box.device, seq))
        carried.world.tick(NOW + seq * EVERY)
    assert (kept(carried), len(names(carried.receipts / "taken"))) == (2, 2)


def others(carried: Carried) -> dict[str, bytes]:
    """Receipts of all that are not this station's: by name, what is written there."""
    key, stranger = DeviceKey(Ed25519PrivateKey.generate()), DeviceKey(Ed25519PrivateKey.generate())
    with carried.world.store.writing() as session:
        for commune, station in (("my-thai", "my-thai-loa"), ("kep", "kep-tho")):
            code = enrolment.add(session, commune, station, f"{station}-01", NOW, actor=ADMINISTRATOR)
            enrolment.enroll(session, code, key.text, NOW)
    genuine = receipt(carried.box.key, carried.box.device)
    return {
        "other-commune.json": receipt(key, Device("my-thai", "my-thai-loa-01")),
        "other-station.json": receipt(key, Device("kep", "kep-tho-01")),
        "unknown.json": receipt(key, Device("kep", "kep-99")),
        "forged.json": receipt(stranger, carried.box.device),
        "huge.json": genuine + b" " * 5_000_000,
        "empty.json": b"",
        "garbage.json": b"\x00\xff" * 100,
        "half.json": genuine[: len(genuine) // 2],
        "flipped.json": genuine.replace(b'"sig":"', b'"sig":"A', 1),
    }


def test_what_is_not_signed_by_a_loudspeaker_of_the_station_is_set_aside_and_never_lost(carried: Carried) -> None:
    carried.world.station("my-thai-loa", "my-thai")
    carried.world.station("kep-tho", "kep")
    found = others(carried)
    for name, data in found.items():
        left(carried, name, data)
    left(carried, "zz-true.json", receipt(carried.box.key, carried.box.device))
    read(carried, 1)
    assert names(carried.receipts, ".json") == sorted(found)  # they may be only half copied
    read(carried)
    assert kept(carried) == 1
    assert {name: (carried.receipts / "refused" / name).read_bytes() for name in found} == found
    assert names(carried.receipts / "taken") == ["zz-true.json"]


@pytest.mark.skipif(os.name == "nt", reason="links and pipes are made otherwise there")
def test_links_folders_and_pipes_are_not_followed(carried: Carried, tmp_path: Path) -> None:
    precious = tmp_path / "precious.json"
    precious.write_bytes(receipt(carried.box.key, carried.box.device))
    (carried.receipts / "link.json").symlink_to(precious)
    (carried.receipts / "folder.json").mkdir()
    os.mkfifo(carried.receipts / "pipe.json")
    read(carried)
    assert kept(carried) == 0
    assert names(carried.receipts / "refused") == ["folder.json", "link.json", "pipe.json"]
    assert precious.is_file()


@pytest.mark.skipif(os.name == "nt", reason="links are made otherwise there")
def test_a_link_in_the_place_of_our_own_folder_leads_nothing_away(carried: Carried, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (carried.receipts / "taken").symlink_to(elsewhere, target_is_directory=True)
    left(carried, "a.json", receipt(carried.box.key, carried.box.device))
    read(carried, 1)
    assert names(elsewhere) == []
    assert names(carried.receipts / "taken") == ["a.json"]


@pytest.mark.skipif(os.name == "nt", reason="links are made otherwise there")
def test_a_folder_that_is_a_link_moves_nothing_of_this_computer(
    carried: Carried, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    precious = tmp_path / "elsewhere"
    precious.mkdir()
    (precious / "keys-000001.json").write_bytes(b"{}")
    carried.receipts.rmdir()
    carried.receipts.symlink_to(precious, target_is_directory=True)
    read(carried, 3)
    assert names(precious) == ["keys-000001.json"]
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == ["Receipts cannot be read."]


def test_a_file_that_is_still_being_copied_is_waited_for(carried: Carried) -> None:
    whole = receipt(carried.box.key, carried.box.device)
    path = left(carried, "a.json", whole[:100])
    read(carried, 1)
    path.write_bytes(whole)
    carried.world.tick(NOW + 2 * EVERY)
    assert (kept(carried), names(carried.receipts)) == (1, ["taken"])


def test_so_many_at_once_and_the_rest_with_the_next_look(carried: Carried, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receipts, "AT_ONCE", 2)
    for seq in range(1, 4):
        left(carried, f"{seq}.json", receipt(carried.box.key, carried.box.device, seq))
    read(carried, 1)
    assert kept(carried) == 2
    carried.world.tick(NOW + 2 * EVERY)
    assert kept(carried) == 3


def test_what_has_no_room_waits_where_it_is(carried: Carried, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "MAX_UNTAKEN", 0)
    left(carried, "a.json", receipt(carried.box.key, carried.box.device))
    read(carried)
    assert (kept(carried), names(carried.receipts)) == (0, ["a.json"])


def test_a_stick_that_is_out_disturbs_nobody(carried: Carried, caplog: pytest.LogCaptureFixture) -> None:
    carried.receipts.rmdir()
    read(carried)
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []


@pytest.mark.parametrize(
    ("at_once", "outcome"),
    [
        (False, (Outcome.AIRED, None, Evidence.ACCEPTED)),
        (True, (Outcome.MISSED, Reason.NOT_CONFIRMED, Evidence.NONE)),
    ],
)
def test_only_where_receipts_come_at_once_does_their_absence_mean_silence(
    world: World, tmp_path: Path, at_once: bool, outcome: tuple[object, ...]
) -> None:
    with carried_in(world, tmp_path, receipts_at_once=at_once):
        world.run(DUE - MINUTE, world.today().ends_at + 8 * MINUTE, MINUTE)
        assert world.outcome() == outcome


def test_what_was_taken_back_from_a_stick_is_not_confirmed(carried: Carried) -> None:
    world = carried.world
    world.run(DUE - 59 * MINUTE, DUE - 58 * MINUTE)
    world.withdraw(now=DUE - 50 * MINUTE)
    world.run(DUE - 50 * MINUTE, DUE - 49 * MINUTE)
    with world.store.reading() as session:
        (part,) = airings.deliveries(session, world.today().id)
    assert (part.state, part.detail) == (StationState.RECALLED, "not_confirmed")
    assert names(carried.outgoing / f"{DUE:%Y-%m-%d}", ".order.json") == [f"{world.today().id}.order.json"]
    assert names(carried.outgoing / f"{DUE:%Y-%m-%d}", ".mp3") == []
