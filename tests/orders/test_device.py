"""What a loudspeaker and its server say to each other: read as it was signed, and from nobody else."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from broadcaster.orders import device as devices
from broadcaster.orders import envelope, topics
from broadcaster.orders.device import Ack, DeviceKey, Hello, PlayReport, PlayState
from broadcaster.orders.envelope import SignatureError, TooLargeError
from broadcaster.orders.health import OFFLINE, Amplifier, Health, Heard, read_state
from broadcaster.orders.hours import Hours
from broadcaster.orders.keys import Purpose, new_key
from broadcaster.orders.strict_json import MalformedError
from broadcaster.orders.topics import Device, Part
from tests.orders.cast import QUIET, ZONE

NOW = datetime(2026, 11, 26, 9, 30, 0, 123000, tzinfo=UTC)
KEP = Device("lang-giang", "kep-01")
REPORT = PlayReport(
    KEP, 7, "01KAR8Q0Z3V9T6M4N2P5S7W8XY", 1795424400250, PlayState.STOPPED, NOW, 12.345, "stopped", -1500,
    Heard.HEARD, Amplifier.ON, 80,
)  # fmt: skip
HELLO = Hello(KEP, 8, NOW, 3)


def _device_key() -> DeviceKey:
    return DeviceKey(Ed25519PrivateKey.generate())


@pytest.mark.parametrize(
    "message", [REPORT, replace(REPORT, airing=None, order=None, clock_offset_ms=None, code="refused:signature"), HELLO]
)
def test_a_message_is_read_as_its_device_signed_it(message: PlayReport | Hello) -> None:
    key = _device_key()
    assert devices.read_message(key.signed(message), KEP, devices.public_key(key.text)) == message


def test_nobody_speaks_for_another_loudspeaker() -> None:
    key, other = _device_key(), _device_key()
    with pytest.raises(SignatureError, match="speaks in the name of"):
        devices.read_message(key.signed(REPORT), Device("lang-giang", "kep-02"), devices.public_key(key.text))
    with pytest.raises(SignatureError):
        devices.read_message(other.signed(REPORT), KEP, devices.public_key(key.text))


def test_a_message_that_is_an_order_too_large_or_changed_is_no_message() -> None:
    key = _device_key()
    public = devices.public_key(key.text)
    commune_key = new_key(Purpose.ORDER, "lang-giang", NOW)
    ack = devices.sign_ack(Ack(KEP, (7, 8), NOW, 3), commune_key)
    with pytest.raises(SignatureError):
        devices.read_message(ack, KEP, commune_key.public.raw)
    with pytest.raises(TooLargeError):
        devices.read_message(b" " * 5000, KEP, public)
    with pytest.raises((SignatureError, MalformedError)):
        devices.read_message(key.signed(REPORT).replace(b"payload", b"payl0ad", 1), KEP, public)


def test_an_acknowledgement_names_what_may_be_forgotten() -> None:
    key = new_key(Purpose.ORDER, "lang-giang", NOW)
    ack = Ack(KEP, (7, 8), NOW, 3, Hours(ZONE, (QUIET,)))
    opened = envelope.opened(devices.sign_ack(ack, key), [key.public])
    assert opened.type == devices.ACK_TYPE
    assert devices.read_ack(opened.payload) == ack
    assert devices.read_ack(replace(ack, hours=None).as_bytes()) == replace(ack, hours=None)


@pytest.mark.parametrize(
    ("written", "instead"),
    [
        (b"Asia/Ho_Chi_Minh", b"Asia/Nowhere"),
        (b"21:00:00", b"25:00:00"),
        (b'"end"', b'"ends"'),
        (b'"hours"', b'"hour"'),
    ],
)
def test_hours_that_cannot_be_make_no_acknowledgement(written: bytes, instead: bytes) -> None:
    told = Ack(KEP, (), NOW, 3, Hours(ZONE, (QUIET,))).as_bytes()
    with pytest.raises(MalformedError):
        devices.read_ack(told.replace(written, instead))


def test_a_state_is_health_or_the_last_will() -> None:
    health = Health(NOW, "1.0.0", 80, Amplifier.FAULT, Heard.SILENT, 512, 3, is_stopped=True, signal_dbm=-71)
    assert read_state(health.as_bytes()) == health
    assert read_state(OFFLINE) is None
    with pytest.raises(MalformedError):
        read_state(b'{"online": true}')


def test_topics_belong_to_one_loudspeaker() -> None:
    assert topics.parse(KEP.topic(Part.STATE)) == (KEP, Part.STATE)
    assert topics.device(KEP.user) == KEP
    for strange in (
        "broadcaster/v1/+/kep-01/order",
        "broadcaster/v1/lang-giang/kep-01/order/x",
        "a/lang-giang/k1/order",
    ):
        assert topics.parse(strange) is None
    assert topics.device("server") is None


def test_only_an_ed25519_key_can_be_enrolled() -> None:
    with pytest.raises(MalformedError):
        devices.public_key("AAAA")
    with pytest.raises(MalformedError):
        devices.public_key("no base64!")
