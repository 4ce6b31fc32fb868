"""Bulletins: states, placeholders, and the hash of what is approved."""

import unicodedata
from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcaster.domain.bulletin import (
    TRANSITIONS,
    Approvable,
    BulletinState,
    Field,
    Late,
    Placeholder,
    Priority,
    RevisionText,
    canonical,
    check_transition,
    digest,
    normalised,
    placeholders,
    resolve,
)
from broadcaster.errors import InputError

DRAFT, SUBMITTED, APPROVED, REJECTED, WITHDRAWN, EXPIRED = BulletinState
MOMENT = datetime(2026, 11, 23, 2, tzinfo=UTC)


def test_emergency_outranks_priority_outranks_normal() -> None:
    assert [priority.rank for priority in (Priority.EMERGENCY, Priority.PRIORITY, Priority.NORMAL)] == [0, 1, 2]


@pytest.mark.parametrize("state", BulletinState)
def test_every_edit_starts_over(state: BulletinState) -> None:
    check_transition("b", state, DRAFT)


@pytest.mark.parametrize("state", [DRAFT, REJECTED, WITHDRAWN, EXPIRED, APPROVED])
def test_only_what_was_submitted_is_approved(state: BulletinState) -> None:
    check_transition("b", SUBMITTED, APPROVED)
    with pytest.raises(InputError, match=f"Bulletin b is {state} and cannot become approved"):
        check_transition("b", state, APPROVED)


@pytest.mark.parametrize("state", [WITHDRAWN, EXPIRED])
def test_what_was_withdrawn_or_has_expired_comes_back_only_by_an_edit(state: BulletinState) -> None:
    assert TRANSITIONS[state] == {DRAFT}


@given(st.lists(st.sampled_from(BulletinState), min_size=2))
def test_no_way_leads_to_approval_that_does_not_pass_a_submission(path: list[BulletinState]) -> None:
    steps = [(DRAFT, path[0]), *pairwise(path)]
    if all(after in TRANSITIONS[before] for before, after in steps):
        assert all(before is SUBMITTED for before, after in steps if after is APPROVED)


TEXT = RevisionText("Tiêu đề", "vi", Field.POLICY_LAW, Priority.NORMAL, "Công an xã", "Bà con chú ý.")


def test_revisions_with_equal_content_have_equal_hashes() -> None:
    assert TEXT.sha256 == replace(TEXT).sha256


@pytest.mark.parametrize(
    "change",
    [{"title": "Khác"}, {"language": "en"}, {"field": Field.GENERAL}, {"priority": Priority.EMERGENCY},
     {"source": "Khác"}, {"text": "Bà con chú ý!"}, {"expires_at": MOMENT}, {"template": "canh-bao"},
     {"voice": "espeak/vi"}, {"late": Late.SKIP}, {"grace_s": 60.0}],
)  # fmt: skip
def test_every_part_of_a_revision_changes_its_hash(change: Mapping[str, object]) -> None:
    assert replace(TEXT, **change).sha256 != TEXT.sha256  # type: ignore[arg-type]


def test_the_parts_of_a_revision_are_all_tried_above() -> None:
    assert {field.name for field in fields(RevisionText)} == {
        "title", "language", "field", "priority", "source", "text", "expires_at", "template", "voice",
        "late", "grace_s",
    }  # fmt: skip


def test_the_placeholders_of_a_text_are_found() -> None:
    assert placeholders("Gọi {hotline}, xã {commune}, số {hotline}.") == set(Placeholder)
    assert placeholders("Không có gì.") == frozenset()


@pytest.mark.parametrize("text", ["{comune}", "{}", "{ commune }", "{COMMUNE}", "{{7*7}}", "{0}", "{commune.name}"])
def test_an_unknown_placeholder_names_the_known_ones(text: str) -> None:
    with pytest.raises(InputError, match=r"Unknown placeholder \{.*\}\. Known: \{commune\}, \{hotline\}\."):
        placeholders(f"Bà con {text} chú ý.")


@pytest.mark.parametrize("text", ["{commune", "commune}", "}{", "{\u200bcommune}"])
def test_a_broken_placeholder_is_never_taken_for_one(text: str) -> None:
    try:
        found = placeholders(text)
    except InputError:
        return
    assert found == frozenset()


def test_placeholders_are_replaced_everywhere() -> None:
    values = {Placeholder.COMMUNE: "Kép", Placeholder.HOTLINE: "1900 6769"}
    assert resolve("{commune}: {hotline} hoặc {commune}", values) == "Kép: 1900 6769 hoặc Kép"


@given(st.text(), st.text())
def test_a_value_is_never_searched_for_placeholders(before: str, value: str) -> None:
    text = before.replace("{", "").replace("}", "")
    values = {Placeholder.COMMUNE: "{hotline}" + value, Placeholder.HOTLINE: "{commune}"}
    assert resolve(text + "{commune}{hotline}", values) == text + "{hotline}" + value + "{commune}"


@pytest.mark.parametrize(
    ("written", "kept"),
    [("a\r\nb\rc\nd", "a\nb\nc\nd"), ("  a \n", "a"), ("e\u0302\u0323", "\u1ec7"), (" \r\n\t ", "")],
    ids=["line ends", "edges", "composed", "nothing"],
)
def test_a_text_is_normalised(written: str, kept: str) -> None:
    assert normalised(written) == kept


@given(st.text())
def test_normalising_twice_changes_nothing(text: str) -> None:
    once = normalised(text)
    assert normalised(once) == once
    assert unicodedata.is_normalized("NFC", once)


APPROVABLE = Approvable(
    bulletin="b",
    revision=1,
    revision_sha256="1" * 64,
    readings={"k": "bà con", "l": "chú ý"},
    clips={"k": "2" * 64, "l": "3" * 64},
    voices={"k": "espeak/vi", "l": "gtts/vi"},
    template="thong-bao",
    template_sha256="4" * 64,
    communes={"kep": "k", "my-thai": "l"},
    zones=("Phố Kép",),
    valid_from=MOMENT,
    valid_until=MOMENT + timedelta(days=90),
)
OTHERS: Mapping[str, list[object]] = {
    "bulletin": ["c"],
    "revision": [2],
    "revision_sha256": ["5" * 64],
    "readings": [{"k": "bà con", "l": "chú í"}, {"k": "chú ý", "l": "bà con"}, {"k": "bà con"}],
    "clips": [{"k": "2" * 64, "l": "2" * 64}, {"k": "3" * 64, "l": "2" * 64}],
    "voices": [{"k": "espeak/vi", "l": "espeak/vi"}, {"k": "gtts/vi", "l": "espeak/vi"}],
    "template": ["canh-bao"],
    "template_sha256": ["6" * 64],
    "communes": [{"kep": "l", "my-thai": "k"}, {"kep": "k"}, {"kep": "k", "my-thai": "l", "tien-luc": "l"}],
    "zones": [(), ("Phố Kép", "Thôn Đông")],
    "valid_from": [MOMENT + timedelta(seconds=1)],
    "valid_until": [MOMENT + timedelta(days=91)],
}


def test_every_part_of_what_is_approved_is_tried() -> None:
    assert set(OTHERS) == {field.name for field in fields(Approvable)}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in OTHERS.items() for value in values])
def test_any_difference_gives_what_is_approved_another_hash(name: str, value: object) -> None:
    assert replace(APPROVABLE, **{name: value}).sha256 != APPROVABLE.sha256  # type: ignore[arg-type]


def test_the_order_in_which_communes_are_listed_does_not_change_the_hash() -> None:
    turned = replace(APPROVABLE, communes=dict(sorted(APPROVABLE.communes.items(), reverse=True)))
    assert turned.sha256 == APPROVABLE.sha256


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=10,
)


@given(plain, plain)
def test_different_values_never_share_their_bytes(one: object, other: object) -> None:
    # 1 == True in Python, and not in JSON
    assert (canonical(one) == canonical(other)) == (repr(_sorted(one)) == repr(_sorted(other)))


def _sorted(value: object) -> object:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(item) for item in value] if isinstance(value, list) else value


def test_a_moment_counts_as_it_is_written() -> None:
    hanoi = MOMENT.astimezone(timezone(timedelta(hours=7)))
    assert canonical(MOMENT) == b'"2026-11-23T02:00:00+00:00"'
    assert digest(hanoi) != digest(hanoi + timedelta(microseconds=1))
