"""Who a loudspeaker is, and whose orders it obeys: given once, when it enrols with a one-time code.

    <folder>/enrolling.key   the key it has made, until the server knows it: asking again is asking the same
    <folder>/keys.json       the pinned keys of its commune, followed from version to version
    <folder>/identity.json   everything else, its key and password among it; with this it is enrolled

All three are readable by their owner alone.
"""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from broadcaster import files, net
from broadcaster.domain.bulletin import canonical
from broadcaster.domain.place import Mode
from broadcaster.domain.timetable import Window
from broadcaster.errors import BroadcasterError, InputError
from broadcaster.orders import hours, keydocument, strict_json
from broadcaster.orders.device import DeviceKey
from broadcaster.orders.hours import Hours
from broadcaster.orders.keydocument import KeyDocument
from broadcaster.orders.payload import PACK
from broadcaster.orders.strict_json import ID, Fields, moment
from broadcaster.orders.topics import Device
from broadcaster.orders.verify import Listener
from broadcaster.player import names
from broadcaster.player.door import Door

_ENROLLING = "enrolling.key"
NEVER = datetime(2000, 1, 1, tzinfo=UTC)
_LONGEST_PASSWORD = 200


class IdentityError(BroadcasterError):
    """What a loudspeaker knows of itself is missing or damaged."""


@dataclass(frozen=True, slots=True)
class MqttAddress:
    host: str
    port: int
    tls: bool


@dataclass(frozen=True, slots=True)
class Identity:
    """What the server told at the enrolment; `door` is its address, `key` signs the reports."""

    door: str
    device: Device
    station: str
    mode: Mode
    zone: ZoneInfo
    quiet_hours: Sequence[Window]
    held: timedelta
    password: str
    mqtt: MqttAddress
    key: DeviceKey
    told_at: datetime = NEVER
    """The server's clock when it told zone and quiet hours: what is older than that is not believed."""

    def listener(self, keys: KeyDocument) -> Listener:
        """As the verifier of orders knows it."""
        ids = frozenset({self.device.loudspeaker, self.station})
        return Listener(self.device.commune, ids, self.mode, keys.keys, self.zone, self.quiet_hours, self.held)


def enrol(folder: Path, address: str, code: str, *, over_http: bool = False) -> Identity:
    """Make a key, show it at the door with a one-time code, and keep what comes back. Raises InputError, NetError.

    Without TLS whoever is on the way could give it keys of their own, so that has to be said.
    """
    if (folder / names.IDENTITY).exists():
        raise InputError(
            "This loudspeaker is enrolled already. To enrol it anew, remove {file} first.", file=folder / names.IDENTITY
        )
    if not over_http and not net.is_private_enough(address):
        raise InputError("{address} is not protected: write https://, or add --over-http.", address=address)
    folder.mkdir(parents=True, exist_ok=True)
    key = _new_key(folder / _ENROLLING)
    door = Door(address)
    try:
        answer = door.enrol(code.strip(), key.text)
    finally:
        door.close()
    found, keys = answered(answer, door.address, key)
    save(folder, found, keys)
    (folder / _ENROLLING).unlink(missing_ok=True)
    return found


def save(folder: Path, identity: Identity, keys: bytes) -> None:
    """Keep who a loudspeaker is, and its `keys.json` byte for byte. Raises OSError."""
    files.write(folder / names.KEYS, keys, is_private=True)
    keep(folder, identity)


def keep(folder: Path, identity: Identity) -> None:
    """Write down what the server has told since. Raises OSError: then what was there before is there still."""
    files.write(folder / names.IDENTITY, _as_bytes(identity), is_private=True)
    files.settle(folder)


def load(folder: Path) -> Identity:
    """Who this loudspeaker is. Raises InputError where it was never enrolled, IdentityError where that is damaged."""
    path = folder / names.IDENTITY
    try:
        fields = strict_json.read(path.read_bytes())
        fields.integer("v", 1, 1)
        door, secret = fields.any_text("door"), fields.any_text("secret")
        found = _identity(fields, door, DeviceKey(Ed25519PrivateKey.from_private_bytes(base64.b64decode(secret))))
        fields.end()
    except FileNotFoundError:
        raise InputError("This loudspeaker is not enrolled. Run: broadcaster player enroll ADDRESS CODE") from None
    except (OSError, strict_json.MalformedError, InputError, binascii.Error, ValueError) as error:
        raise IdentityError("{file} is damaged: {error}", file=path, error=error) from error
    return found


def load_keys(folder: Path) -> KeyDocument:
    """The pinned keys. Raises IdentityError."""
    path = folder / names.KEYS
    try:
        return keydocument.pin(path.read_bytes())
    except (OSError, BroadcasterError) as error:
        raise IdentityError("{file} is damaged: {error}", file=path, error=error) from error


def save_keys(folder: Path, envelope: bytes) -> None:
    files.write(folder / names.KEYS, envelope, is_private=True)
    files.settle(folder)


def _new_key(path: Path) -> DeviceKey:
    """The key that an enrolment which broke off has made, or a new one."""
    try:
        return DeviceKey(Ed25519PrivateKey.from_private_bytes(path.read_bytes()))
    except (FileNotFoundError, ValueError):
        secret = Ed25519PrivateKey.generate()
    files.write(path, secret.private_bytes_raw(), is_private=True)
    return DeviceKey(secret)


def answered(answer: bytes, address: str, key: DeviceKey) -> tuple[Identity, bytes]:
    """The identity and the `keys.json` of an enrolment. Raises IdentityError."""
    try:
        fields = strict_json.read(answer)
        fields.integer("v", 1, 1)
        keys = canonical(dict(fields.items("keys")))
        found = _identity(fields, address, key)
        document = keydocument.pin(keys)
        if document.commune != found.device.commune:
            raise IdentityError("The keys are those of {commune}.", commune=document.commune)
    except (BroadcasterError, ValueError) as error:
        raise IdentityError("The server's answer cannot be used: {error}", error=error) from error
    return found, keys


def _identity(fields: Fields, door: str, key: DeviceKey) -> Identity:
    mqtt = fields.inner("mqtt")
    held_s = fields.integer("held", 1, int(PACK.total_seconds()))
    told = hours.read(fields)
    return Identity(
        door=door,
        device=Device(fields.text("commune", ID), fields.text("loudspeaker", ID)),
        station=fields.text("station", ID),
        mode=fields.member("mode", Mode),
        zone=told.zone,
        quiet_hours=told.quiet,
        held=timedelta(seconds=held_s),
        password=fields.any_text("password")[:_LONGEST_PASSWORD],
        mqtt=MqttAddress(mqtt.any_text("host"), mqtt.integer("port", 1, 65_535), mqtt.flag("tls")),
        key=key,
        told_at=fields.moment("at") if fields.has("at") else NEVER,
    )


def _as_bytes(identity: Identity) -> bytes:
    fields: dict[str, Any] = {
        "v": 1,
        "door": identity.door,
        "commune": identity.device.commune,
        "loudspeaker": identity.device.loudspeaker,
        "station": identity.station,
        "mode": identity.mode,
        **Hours(identity.zone, tuple(identity.quiet_hours)).as_fields(),
        "at": moment(identity.told_at),
        "held": int(identity.held.total_seconds()),
        "password": identity.password,
        "mqtt": {"host": identity.mqtt.host, "port": identity.mqtt.port, "tls": identity.mqtt.tls},
        "secret": base64.b64encode(identity.key.secret.private_bytes_raw()).decode(),
    }
    return canonical(fields)
