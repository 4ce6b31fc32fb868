"""DSSE envelopes: the specification's example, the vectors of RFC 8032, and what is refused."""

import base64
import json
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from broadcaster.orders import envelope
from broadcaster.orders.envelope import SignatureError, TooLargeError, opened, pae, sign, verify
from broadcaster.orders.keys import PrivateKey, PublicKey, Purpose, new_key
from broadcaster.orders.strict_json import MalformedError

NOW = datetime(2026, 11, 23, tzinfo=UTC)
TYPE = "http://example.com/HelloWorld"
KEY, OTHER = (new_key(Purpose.ORDER, "kep", NOW) for _ in range(2))

# RFC 8032, 7.1: secret key, public key, message, signature.
RFC_8032 = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
        "d25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c"
        "387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659"
        "4a7c15e9716ed28dc027beceea1ec40a",
    ),
]


@pytest.mark.parametrize(("secret", "public", "message", "signature"), RFC_8032)
def test_signatures_are_those_of_rfc_8032(secret: str, public: str, message: str, signature: str) -> None:
    private = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(secret))
    key = PrivateKey(PublicKey(Purpose.ORDER, ("kep",), NOW, NOW, bytes.fromhex(public)), private)
    assert private.public_key().public_bytes_raw().hex() == public
    assert key.sign(bytes.fromhex(message)).hex() == signature
    assert key.public.verifies(bytes.fromhex(signature), bytes.fromhex(message))
    assert not key.public.verifies(bytes.fromhex(signature), bytes.fromhex(message) + b"\0")


def test_what_is_signed_is_encoded_as_the_specification_shows() -> None:
    assert pae(TYPE, b"hello world") == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    assert pae("ä", "ö".encode()) == "DSSEv1 2 ä 2 ö".encode()


def test_the_specifications_example_is_read_though_its_key_is_none_of_ours() -> None:
    example = (
        b'{"payload": "aGVsbG8gd29ybGQ=",\n "payloadType": "http://example.com/HelloWorld",\n "signatures": [{"sig": '
        b'"A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA=="}]}'
    )
    assert envelope.unverified_payload(example, limit_bytes=8192) == b"hello world"
    with pytest.raises(SignatureError):
        verify(example, TYPE, [KEY.public])


def test_what_was_signed_comes_out_byte_for_byte() -> None:
    body = b'{"b":1,  "a":\xff\x00}'
    assert verify(sign(body, TYPE, KEY), TYPE, [OTHER.public, KEY.public]) == (body, KEY.public.id)


def test_one_valid_signature_of_several_is_enough() -> None:
    both = sign(b"body", TYPE, OTHER, KEY)
    assert verify(both, TYPE, [KEY.public]) == (b"body", KEY.public.id)
    assert opened(both, [KEY.public, OTHER.public]).key == KEY.public


def test_another_type_is_refused_though_the_signature_holds() -> None:
    with pytest.raises(SignatureError, match="signed as"):
        verify(sign(b"body", TYPE, KEY), "application/other", [KEY.public])


def changed(**members: object) -> bytes:
    """An envelope by KEY with other members."""
    return json.dumps(json.loads(sign(b"hello world?>", TYPE, KEY)) | members).encode()


def signature() -> str:
    text: str = json.loads(sign(b"hello world?>", TYPE, KEY))["signatures"][0]["sig"]
    return text


def test_the_key_id_is_only_a_hint() -> None:
    for keyid in ({"keyid": OTHER.public.id}, {"keyid": ""}, {"keyid": 7}, {}):
        content = changed(signatures=[{"sig": signature(), **keyid}])
        assert verify(content, TYPE, [OTHER.public, KEY.public])[1] == KEY.public.id


def test_members_that_nobody_knows_are_ignored() -> None:
    content = changed(signatures=[{"sig": signature(), "cert": "x"}], note=[1, {"deep": None}])
    assert verify(content, TYPE, [KEY.public])[0] == b"hello world?>"


def test_both_alphabets_of_base64_are_read() -> None:
    standard = base64.b64encode(b"hello world?>").decode()
    assert "/" in standard
    url_safe = changed(
        payload=standard.replace("/", "_"), signatures=[{"sig": signature().translate({43: 45, 47: 95})}]
    )
    assert verify(url_safe, TYPE, [KEY.public])[0] == b"hello world?>"


@pytest.mark.parametrize(
    "text",
    ["aGVsbG8", "aGVsbG8gd29ybGQ/Pg", "aGVsbG8=\n", " aGVsbG8=", "aGVsbG9=", "+-==", "aGVs bG8=", "é", "====", "a==="],
)
def test_base64_is_read_in_one_way_only(text: str) -> None:
    with pytest.raises(MalformedError):
        opened(changed(payload=text), [KEY.public])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"\xef\xbb\xbf{}",
        '{"payload":""}'.encode("utf-16"),
        b'{"payload":"","payloadType":"a","signatures":[]}',
        b'{"payload":"","payloadType":"","signatures":[{"sig":""}]}',
        b'{"payload":"","payloadType":"a","signatures":[{"keyid":"x"}]}',
        b'{"payload":"","payload":"","payloadType":"a","signatures":[{"sig":""}]}',
        b'{"payload":"","payloadType":"\\ud800","signatures":[{"sig":""}]}',
        b'{"payload":"","payloadType":"a","signatures":[{"sig":""}],"x":NaN}',
        b'{"payload":"","payloadType":"a","signatures":[{"sig":""}],"x":1e999}',
        b'{"payload":"","payloadType":"a","signatures":[{"sig":""}],"x":' + b"9" * 5000 + b"}",
        b'{"payload":"","payloadType":"a","signatures":' + b"[" * 4000 + b"]" * 4000 + b"}",
        b'{"payload":"","payloadType":"a","signatures":[' + b'{"sig":""},' * 8 + b'{"sig":""}]}',
    ],
)
def test_what_is_no_envelope_is_refused(content: bytes) -> None:
    with pytest.raises(MalformedError):
        opened(content, [KEY.public])


def test_an_envelope_has_a_size_up_to_which_it_is_looked_at() -> None:
    exact = sign(b"x" * 5_000, TYPE, KEY).ljust(8192)
    assert opened(exact, [KEY.public]).payload == b"x" * 5_000
    with pytest.raises(TooLargeError):
        opened(exact + b" ", [KEY.public])


@given(st.binary(max_size=200), st.integers(0, 63), st.integers(0, 7))
def test_a_signature_with_a_flipped_bit_is_none(body: bytes, byte: int, bit: int) -> None:
    made = bytearray(KEY.sign(pae(TYPE, body)))
    made[byte] ^= 1 << bit
    forged = json.loads(sign(body, TYPE, KEY)) | {"signatures": [{"sig": base64.b64encode(made).decode()}]}
    with pytest.raises(SignatureError):
        opened(json.dumps(forged).encode(), [KEY.public])


@given(st.data(), st.binary(min_size=1, max_size=200))
def test_a_payload_with_a_flipped_bit_is_refused(data: st.DataObject, body: bytes) -> None:
    forged_body = bytearray(body)
    forged_body[data.draw(st.integers(0, len(body) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    forged = json.loads(sign(body, TYPE, KEY)) | {"payload": base64.b64encode(forged_body).decode()}
    with pytest.raises(SignatureError):
        opened(json.dumps(forged).encode(), [KEY.public])


@given(st.binary(max_size=100), st.binary(max_size=100), st.text(max_size=20), st.text(max_size=20))
def test_two_different_things_are_never_signed_as_one(one: bytes, other: bytes, kind: str, other_kind: str) -> None:
    assert (pae(kind, one) == pae(other_kind, other)) == ((kind, one) == (other_kind, other))
