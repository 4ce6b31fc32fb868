"""The files for Mosquitto, and the server's own password; whether Mosquitto obeys them is asked in test_access."""

import base64
import hashlib
import os
import stat
from pathlib import Path

import pytest

from broadcaster.broker import mosquitto
from broadcaster.broker.secret import server_password
from broadcaster.errors import BroadcasterError
from broadcaster.orders.topics import Device

DEVICES = {Device("may", "loa-1"): "$7$101$bWF5$bWF5", Device("kep", "loa-1"): "$7$101$a2Vw$a2Vw"}


def test_the_access_list_names_every_topic_and_gives_nothing_to_all() -> None:
    text = mosquitto.access(DEVICES)
    assert "\npattern" not in text
    assert text.startswith("user server\n")
    blocks = [block.splitlines() for block in text.split("\n\n")]
    assert blocks[1] == [
        "user kep.loa-1",
        "topic read broadcaster/v1/kep/loa-1/order",
        "topic write broadcaster/v1/kep/loa-1/report",
        "topic write broadcaster/v1/kep/loa-1/state",
    ]
    assert len(blocks) == 3


def test_the_passwords_of_devices_stand_as_they_were_given() -> None:
    server, *devices = mosquitto.passwords("secret", DEVICES).splitlines()
    assert devices == ["kep.loa-1:$7$101$a2Vw$a2Vw", "may.loa-1:$7$101$bWF5$bWF5"]
    _, kind, rounds, salt, digest = server.removeprefix("server:").split("$")
    assert (kind, rounds) == ("7", "101")
    assert base64.b64decode(digest) == hashlib.pbkdf2_hmac("sha512", b"secret", base64.b64decode(salt), 101)


def test_settings_that_a_person_may_have_changed_are_not_written_again(tmp_path: Path) -> None:
    assert len(mosquitto.write(tmp_path, "secret", {}, host="127.0.0.1", port=8883)) == 3
    (tmp_path / mosquitto.SETTINGS).write_text("mine")
    written = mosquitto.write(tmp_path, "secret", DEVICES, host="127.0.0.1", port=8883)
    assert {path.name for path in written} == {mosquitto.PASSWORDS, mosquitto.ACCESS}
    assert (tmp_path / mosquitto.SETTINGS).read_text() == "mine"
    assert "kep.loa-1" in (tmp_path / mosquitto.ACCESS).read_text()


def test_the_servers_password_is_made_once(tmp_path: Path) -> None:
    made = server_password(tmp_path)
    assert server_password(tmp_path) == made
    assert len(made) > 40
    assert server_password(tmp_path / "other") != made


@pytest.mark.skipif(os.name == "nt", reason="Windows has no file modes")
def test_the_servers_password_is_its_owners_alone(tmp_path: Path) -> None:
    server_password(tmp_path)
    path = tmp_path / "broker" / "server.password"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o644)
    with pytest.raises(BroadcasterError, match="can be read by others"):
        server_password(tmp_path)


def test_a_password_that_is_empty_is_not_used(tmp_path: Path) -> None:
    server_password(tmp_path)
    path = tmp_path / "broker" / "server.password"
    path.write_bytes(b"\n")
    with pytest.raises(BroadcasterError, match="is empty"):
        server_password(tmp_path)
    path.write_bytes(b"\xff")
    with pytest.raises(BroadcasterError, match="cannot be used"):
        server_password(tmp_path)
