"""A loudspeaker on a stick believes nothing but signatures and hashes, and leaves there what it has to say."""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from broadcaster.domain.place import Mode
from broadcaster.errors import InputError
from broadcaster.orders.device import Ack, sign_ack
from broadcaster.orders.keydocument import KeyDocument
from broadcaster.orders.keys import Purpose, new_key
from broadcaster.orders.payload import Audio, Command, Payload
from broadcaster.player import names, settings
from tests.fakes.stick_box import LENGTH_S, StickBox
from tests.orders.cast import MINUTE, NOW, ORDER_KEY, STOP_KEY, at_once, play, signed

CLIP = b"ID3" + bytes(3_000_000)
SHA256 = hashlib.sha256(CLIP).hexdigest()
KEYS = KeyDocument("kep", 1, NOW - timedelta(days=1), (ORDER_KEY.public, STOP_KEY.public))
PACK = "kep-loa-01KAR8Q0Z3V9T6M4N2P5S7W8XY"
DUE = NOW + 60 * MINUTE


@pytest.fixture
def box(tmp_path: Path) -> Iterator[StickBox]:
    (tmp_path / "usb" / PACK).mkdir(parents=True)
    found = StickBox(tmp_path / "box", tmp_path / "usb", NOW, KEYS.signed(ORDER_KEY), mode=Mode.LIVE)
    (tmp_path / "usb" / PACK / f"{SHA256}.mp3").write_bytes(CLIP)
    yield found


def held(number: int = 0, **changes: Any) -> Payload:
    audio = Audio(SHA256, len(CLIP), "audio/mpeg", f"{SHA256}.mp3")
    return play(number, audio=audio, targets=("kep-loa",), max_s=LENGTH_S + 1, **changes)


def left(box: StickBox, *orders: Payload | bytes, folder: str = PACK) -> None:
    """Write envelopes onto the stick."""
    where = box.mount / folder
    where.mkdir(exist_ok=True)
    for order in orders:
        envelope = order if isinstance(order, bytes) else signed(order)
        (where / f"{hashlib.sha256(envelope).hexdigest()[:20]}.order.json").write_bytes(envelope)


def receipts(box: StickBox) -> list[str]:
    return sorted(path.name for path in (box.mount / "receipts").glob("*.json"))


def test_what_is_signed_sounds_at_its_second_and_leaves_its_receipts(box: StickBox) -> None:
    left(box, held())
    box.look()
    assert box.told() == ["accepted", "ready"]
    box.until(DUE + MINUTE)
    assert box.horn.heard == [(DUE, CLIP)]
    assert box.told()[2:] == ["started", "finished"]
    assert len(receipts(box)) == 4
    assert all(name.startswith("kep.kep-01-") for name in receipts(box))


@pytest.mark.parametrize("folder", ["2026-11-23", PACK])
def test_a_folder_of_a_day_does_as_well_as_a_pack(box: StickBox, folder: str) -> None:
    left(box, held(), folder=folder)
    box.look()
    assert box.told() == ["accepted", "ready"]


def test_orders_are_held_though_the_stick_is_pulled_out(box: StickBox) -> None:
    left(box, held())
    box.look()
    box.mount.rename(box.mount.with_name("away"))
    box.until(DUE + MINUTE)
    assert [at for at, _ in box.horn.heard] == [DUE]
    assert "no stick" in box.states[-1]
    box.mount.with_name("away").rename(box.mount)
    box.look()
    assert len(receipts(box)) == 4


def test_an_order_is_read_once_as_long_as_the_stick_is_in(box: StickBox) -> None:
    left(box, held(exp=NOW + timedelta(days=9)))
    for _ in range(3):
        box.look()
    assert box.told() == ["refused"]
    assert len(receipts(box)) == 1


def test_the_pack_of_another_station_is_not_its_own(box: StickBox) -> None:
    for folder in (PACK.replace("kep-loa-", "kep-loa-2-"), PACK.replace("kep-loa", "my-thai-loa"), "orders"):
        left(box, held(), folder=folder)
    box.look()
    assert box.told() == []


def test_another_clip_under_the_right_name_never_sounds(box: StickBox) -> None:
    left(box, held())
    (box.mount / PACK / f"{SHA256}.mp3").write_bytes(CLIP[:-1] + b"x")
    box.look()
    box.until(DUE + 6 * MINUTE)
    assert box.horn.heard == []
    assert box.told() == ["accepted", "refused"]


def test_the_volume_of_another_loudspeaker_is_not_its_own(box: StickBox) -> None:
    (box.mount / "2026-11-23").mkdir()
    for number, name in enumerate(("kep-01", "kep-02")):
        order = at_once(Command.VOLUME, number, seq=number + 1, targets=(name,))
        (box.mount / f"{name}.volume.order.json").write_bytes(signed(order))
    box.look()
    assert box.told() == ["finished"]


def test_a_cancel_on_the_next_stick_takes_an_order_back(box: StickBox) -> None:
    left(box, held())
    box.look()
    left(box, at_once(Command.CANCEL, 0, seq=2, targets=("kep-loa",), exp=NOW + timedelta(days=8)))
    box.look()
    box.until(DUE + MINUTE)
    assert box.horn.heard == []
    assert box.told()[-1] == "cancelled"


def test_newer_keys_are_followed_before_what_they_have_signed_is_read(box: StickBox) -> None:
    keys = [new_key(Purpose.ORDER, "kep", NOW - MINUTE) for _ in range(2)]
    second = KeyDocument("kep", 2, NOW, (keys[0].public, STOP_KEY.public))
    third = KeyDocument("kep", 3, NOW, (keys[1].public, STOP_KEY.public))
    (box.mount / PACK / "keys-2.json").write_bytes(second.signed(ORDER_KEY, keys[0]))
    (box.mount / PACK / "keys-3.json").write_bytes(third.signed(keys[0], keys[1]))
    (box.mount / PACK / "keys.json").write_bytes(third.signed(keys[0], keys[1]))
    left(box, *(signed(held(number, seq=number + 1), keys[1]) for number in range(3)))
    box.look()
    assert box.told() == ["accepted"] * 3 + ["ready"] * 3


def test_keys_that_no_known_key_has_signed_are_not_followed(box: StickBox) -> None:
    stranger = new_key(Purpose.ORDER, "kep", NOW - MINUTE)
    forged = KeyDocument("kep", 2, NOW, (stranger.public, STOP_KEY.public))
    for name in ("keys-2.json", "keys.json"):
        (box.mount / PACK / name).write_bytes(forged.signed(stranger))
    left(box, signed(held(), stranger), held(1, seq=2))
    box.look()
    assert sorted(box.told()) == ["accepted", "ready", "refused"]
    assert {report.code for report in box.reports() if report.state == "refused"} == {"signature"}


def test_an_acknowledgement_on_the_stick_lets_it_forget(box: StickBox) -> None:
    left(box, held())
    box.look()
    numbers = tuple(number for number, _ in box.agent.unacknowledged())
    for name, device in (("kep-01", box.device), ("kep-02", replace(box.device, loudspeaker="kep-02"))):
        ack = sign_ack(Ack(device, numbers[:1], NOW, 1), ORDER_KEY)
        (box.mount / PACK / f"{name}.0.ack.json").write_bytes(ack)
    box.look()
    assert [number for number, _ in box.agent.unacknowledged()] == list(numbers[1:])


@pytest.mark.skipif(os.name == "nt", reason="links and pipes are made otherwise there")
def test_links_folders_pipes_and_floods_are_not_read(box: StickBox, tmp_path: Path) -> None:
    outside = tmp_path / "outside.json"
    outside.write_bytes(signed(held()))
    pack = box.mount / PACK
    (pack / "1.order.json").symlink_to(outside)
    (pack / "2.order.json").mkdir()
    os.mkfifo(pack / "3.order.json")
    (box.mount / PACK.replace("XY", "XZ")).symlink_to(pack, target_is_directory=True)
    box.look()
    assert box.told() == []
    (pack / "4.order.json").write_bytes(signed(held()) + b" " * 10_000_000)
    box.look()
    assert [report.code for report in box.reports()] == ["too_large"]


@pytest.mark.skipif(os.name == "nt", reason="links are made otherwise there")
def test_receipts_are_not_written_through_a_link(box: StickBox, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (box.mount / "receipts").symlink_to(elsewhere, target_is_directory=True)
    left(box, held())
    with pytest.raises(OSError, match="is a link"):
        box.stick.visit(box.agent)
    assert list(elsewhere.iterdir()) == []
    assert box.told() == ["accepted"]


def test_a_receipt_that_the_server_has_taken_is_not_left_again(box: StickBox) -> None:
    left(box, held())
    box.look()
    box.look()
    taken = box.mount / "receipts" / "taken"
    taken.mkdir()
    for name in receipts(box):
        (box.mount / "receipts" / name).rename(taken / name)
    box.look()
    assert receipts(box) == []


def test_it_looks_by_itself_until_it_is_closed(box: StickBox) -> None:
    left(box, held())
    box.stick.start(box.agent)
    while not (box.mount / "receipts").is_dir():
        box.stick._is_over.wait(0.01)
    box.stick.close()
    assert box.told() == ["accepted"]


def test_where_the_stick_is_has_to_be_said(tmp_path: Path) -> None:
    (tmp_path / names.SETTINGS).write_text("link: stick\n", encoding="utf-8")
    with pytest.raises(InputError, match="where the stick is mounted"):
        settings.load(tmp_path)
