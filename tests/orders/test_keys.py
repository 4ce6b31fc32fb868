"""Keys: which one signs, when their end is told, and the document that loudspeakers follow from version to version."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcaster.orders import envelope, keydocument
from broadcaster.orders.envelope import SignatureError, TooLargeError
from broadcaster.orders.keydocument import KeyDocument, KeysRefusedError, newer, pin
from broadcaster.orders.keys import LIFETIME, PrivateKey, PublicKey, Purpose, alarms, new_key, newest, signer
from broadcaster.orders.strict_json import MalformedError

NOW = datetime(2026, 11, 23, 2, tzinfo=UTC)
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


def order_key(at: datetime = NOW, commune: str = "kep") -> PrivateKey:
    return new_key(Purpose.ORDER, commune, at)


def document(*keys: PrivateKey, version: int = 1, commune: str = "kep") -> KeyDocument:
    return KeyDocument(commune, version, NOW, tuple(key.public for key in keys))


FIRST, SECOND_KEY, THIRD, STOP = (
    order_key(),
    order_key(NOW + 76 * DAY),
    order_key(NOW + 152 * DAY),
    new_key(Purpose.STOP, "kep", NOW),
)


def test_a_key_is_good_for_90_days() -> None:
    key = FIRST.public
    assert (key.is_valid(NOW - SECOND), key.is_valid(NOW), key.is_valid(NOW + 90 * DAY)) == (False, True, True)
    assert not key.is_valid(NOW + 90 * DAY + SECOND)


def test_a_key_is_named_by_its_own_bytes() -> None:
    # openssl pkey -pubin -outform DER | openssl dgst -sha256, of the first key of RFC 8032
    raw = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
    key = PublicKey(Purpose.ORDER, ("kep",), NOW, NOW + LIFETIME, raw)
    assert key.text == "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
    assert key.id == "06e3fd8fda29bb60"


def test_the_oldest_valid_key_signs_until_its_end() -> None:
    keys = [SECOND_KEY, FIRST, STOP]
    assert signer(keys, Purpose.ORDER, NOW + 76 * DAY) == FIRST
    assert signer(keys, Purpose.ORDER, NOW + 90 * DAY) == FIRST
    assert signer(keys, Purpose.ORDER, NOW + 90 * DAY + SECOND) == SECOND_KEY
    assert signer(keys, Purpose.STOP, NOW) == STOP
    assert signer(keys, Purpose.ORDER, NOW - SECOND) is None
    assert newest([key.public for key in keys], Purpose.ORDER) == SECOND_KEY.public


@pytest.mark.parametrize(
    ("left", "threshold", "days_left"),
    [
        (61 * DAY, None, None),
        (60 * DAY + SECOND, None, None),
        (60 * DAY, 60, 60),
        (30 * DAY + SECOND, 60, 30),
        (30 * DAY, 30, 30),
        (8 * DAY, 30, 8),
        (7 * DAY, 7, 7),
        (SECOND, 7, 0),
        (-SECOND, 0, 0),
        (-9 * DAY, 0, 0),
    ],
)
def test_the_end_of_keys_is_told_at_60_30_and_7_days(
    left: timedelta, threshold: int | None, days_left: int | None
) -> None:
    found = [(alarm.threshold_days, alarm.days_left) for alarm in alarms([FIRST.public], NOW + LIFETIME - left)]
    assert found == ([] if threshold is None else [(threshold, days_left)])


def test_a_key_whose_next_is_there_raises_no_alarm_and_each_purpose_has_its_own() -> None:
    at = NOW + 85 * DAY
    found = alarms([FIRST.public, SECOND_KEY.public, STOP.public], at)
    assert [(alarm.key, alarm.threshold_days) for alarm in found] == [(STOP.public, 7)]
    assert alarms([FIRST.public, order_key(commune="lang-giang").public], at)[1].key.communes == ("lang-giang",)


def test_a_document_is_read_as_it_was_written() -> None:
    made = document(FIRST, STOP)
    assert pin(made.signed(FIRST)) == made


def test_a_loudspeaker_follows_from_version_to_version() -> None:
    documents = [
        document(FIRST).signed(FIRST),
        document(FIRST, SECOND_KEY, version=2).signed(FIRST, SECOND_KEY),
        document(SECOND_KEY, THIRD, version=3).signed(SECOND_KEY, THIRD),
    ]
    pinned = pin(documents[0])
    with pytest.raises(SignatureError):
        newer(documents[2], pinned)  # it has to read the one between
    for envelope_of_next in documents[1:]:
        followed = newer(envelope_of_next, pinned)
        assert followed is not None
        pinned = followed
    assert pinned.version == 3
    assert all(pin(each).version == number for number, each in enumerate(documents, start=1))


def test_an_older_document_or_the_same_is_never_followed() -> None:
    documents = [document(FIRST, version=version).signed(FIRST) for version in (1, 2, 3)]
    for older, later in pairwise(documents):
        assert newer(older, pin(later)) is None
        assert newer(later, pin(later)) is None
        assert newer(later, pin(older)) is not None


@given(st.integers(1, 2**53 - 1), st.integers(1, 2**53 - 1))
def test_versions_only_grow(before: int, after: int) -> None:
    found = newer(document(FIRST, version=after).signed(FIRST), document(FIRST, version=before))
    assert (found is not None) == (after > before)


def test_nobody_but_a_pinned_order_key_leads_on() -> None:
    pinned = document(FIRST, STOP)
    following = document(FIRST, SECOND_KEY, STOP, version=2)
    for stranger in (SECOND_KEY, STOP, order_key()):
        with pytest.raises(SignatureError):
            newer(following.signed(stranger), pinned)
    assert newer(following.signed(SECOND_KEY, FIRST), pinned) == following


def test_an_expired_key_still_leads_a_loudspeaker_on_that_was_off_for_months() -> None:
    pinned = document(FIRST)
    later = replace(document(SECOND_KEY, version=2), issued=NOW + 200 * DAY)
    assert newer(later.signed(FIRST), pinned) == later


def test_another_communes_document_is_refused() -> None:
    other = document(FIRST, version=2, commune="lang-giang")
    with pytest.raises(KeysRefusedError, match="lang-giang"):
        newer(other.signed(FIRST), document(FIRST))


def test_a_key_that_is_for_other_communes_only_does_not_lead_on() -> None:
    elsewhere = order_key(commune="lang-giang")
    pinned = document(FIRST, elsewhere)
    with pytest.raises(SignatureError):
        newer(document(elsewhere, version=2).signed(elsewhere), pinned)


def test_a_document_that_is_not_signed_by_a_key_of_its_own_is_none_to_begin_with() -> None:
    with pytest.raises(SignatureError):
        pin(document(FIRST, STOP).signed(STOP))
    with pytest.raises(SignatureError):
        pin(document(FIRST).signed(SECOND_KEY))


def test_an_order_is_no_document() -> None:
    with pytest.raises(SignatureError, match="signed as"):
        pin(envelope.sign(document(FIRST).as_bytes(), "application/vnd.broadcaster.order.v1+json", FIRST))


def test_a_document_has_a_size() -> None:
    with pytest.raises(TooLargeError):
        pin(document(FIRST).signed(FIRST).ljust(keydocument.LIMIT_BYTES + 1))


@pytest.mark.parametrize(
    "changes",
    [
        {"v": 2}, {"version": 0}, {"version": 1.0}, {"commune": "../kep"}, {"issued": "2026-11-23"}, {"keys": []},
        {"more": 1}, {"keys": [{}]},
    ],
)  # fmt: skip
def test_a_document_with_other_values_is_refused(changes: dict[str, object]) -> None:
    fields = json.loads(document(FIRST).as_bytes()) | changes
    with pytest.raises(MalformedError):
        keydocument.parse(json.dumps(fields).encode())


@pytest.mark.parametrize(
    "changes",
    [
        {"id": SECOND_KEY.public.id}, {"purpose": "all"}, {"communes": []}, {"communes": ["*"]},
        {"not_after": "2026-11-22T00:00:00.000Z"}, {"not_after": "2028-11-22T00:00:00.000Z"}, {"public": "AAAA"},
        {"public": SECOND_KEY.public.text}, {"public": FIRST.public.text[:-1]}, {"public": "===="}, {"more": 1},
    ],
)  # fmt: skip
def test_a_key_with_other_values_is_refused(changes: dict[str, object]) -> None:
    fields = json.loads(document(FIRST).as_bytes())
    fields["keys"][0] |= changes
    with pytest.raises(MalformedError):
        keydocument.parse(json.dumps(fields).encode())


def test_a_key_stands_in_a_document_once() -> None:
    with pytest.raises(MalformedError, match="keys"):
        keydocument.parse(document(FIRST, FIRST).as_bytes())


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with pytest.raises((MalformedError, SignatureError)):
        pin(data)
    with pytest.raises((MalformedError, SignatureError)):
        newer(envelope.sign(data, keydocument.TYPE, FIRST), document(FIRST))
