"""The patterns that come along, in each of their languages: filled, read, and made the draft of a bulletin."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from broadcaster.domain.bulletin import BulletinState, Placeholder, placeholders, resolve
from broadcaster.domain.pattern import Pattern
from broadcaster.domain.roles import Actor
from broadcaster.errors import InputError, NotAllowedError
from broadcaster.reading.dictionary import EMPTY
from broadcaster.services import patterns
from broadcaster.services.patterns import Filled, said_in
from broadcaster.services.preview import preview
from broadcaster.store.tables import BulletinRow, RevisionRow
from tests.fixtures import NOW
from tests.services.world import World

SHIPPED = patterns.all_patterns(patterns.folders(None))
WANTED = {
    "gia-mao-nhan-vien-dien-luc", "da-cai-ung-dung-gia", "ma-qr-gia", "hoan-tien-doi-no", "dau-so-cuoc-cao",
    "ma-khach-hang-moi", "tam-ngung-cap-dien", "ngay-hoi-cai-ung-dung", "dinh-chinh", "dien-tap",
}  # fmt: skip
VALUES = {Placeholder.COMMUNE: "Lạng Giang", Placeholder.HOTLINE: "1900 6769"}
EXAMPLES_ARE_OF = datetime(2026, 11, 24, 8, tzinfo=UTC)


VERSIONS = [(pattern, language) for pattern in SHIPPED for language in pattern.versions]
each = pytest.mark.parametrize(("pattern", "language"), VERSIONS, ids=lambda value: getattr(value, "id", value))


def example(pattern: Pattern, language: str, *, only_required: bool = False) -> Filled:
    given = {f.name: said_in(f.example, language) for f in pattern.fields if f.required or not only_required}
    return patterns.fill(None, pattern, language, given, EXAMPLES_ARE_OF)


def test_there_is_a_pattern_for_each_case_in_vietnamese_and_english() -> None:
    assert {pattern.id for pattern in SHIPPED} == WANTED
    assert all({"vi", "en"} <= set(pattern.versions) for pattern in SHIPPED)
    assert sum("bn" in pattern.versions for pattern in SHIPPED) >= 8


@each
def test_its_examples_make_a_bulletin_that_can_be_said(pattern: Pattern, language: str) -> None:
    for only_required in (False, True):
        text = resolve(example(pattern, language, only_required=only_required).text, VALUES)
        shown = preview(None, text, language, EMPTY, 155)
        assert shown.reading.is_sayable, shown.reading.problems
        assert not re.search(r"[\[\]{}]|  | \n| [.,]", text)
        assert 10_000 < shown.duration_ms < 90_000  # nobody listens longer
        assert {claim.mention.written for claim in shown.claims} <= {"1900 6769"}
        if language == "vi":
            assert not re.search(r"[0-9%/]", shown.reading.spoken)


@each
def test_each_language_asks_for_the_same_and_fills_the_same_placeholders(pattern: Pattern, language: str) -> None:
    assert placeholders(example(pattern, language).text) == placeholders(example(pattern, "vi").text)


def test_every_fact_has_a_source_and_every_figure_of_a_warning_a_fact() -> None:
    for pattern in SHIPPED:
        assert all(fact.source for fact in pattern.facts)
        about_money = re.findall(r"[0-9]{2,}(?= (?:đến|triệu))", pattern.version("vi").text)
        assert all(any(figure in fact.says for fact in pattern.facts) for figure in about_money), pattern.id


def test_a_power_cut_is_said_with_its_weekday_and_expires_when_the_power_is_back() -> None:
    given = {"day": "5/12/2026", "since": "7h30", "until": "11:00", "area": "thôn Toàn Mỹ"}
    found = patterns.find(patterns.folders(None), "tam-ngung-cap-dien")
    filled = patterns.fill(None, found, "vi", given, EXAMPLES_ARE_OF)
    assert "từ 7h30 đến 11h, thứ bảy, ngày 05/12/2026, ngành điện" in filled.text
    assert filled.expires_at == datetime(2026, 12, 5, 4, tzinfo=UTC)
    bengali = patterns.fill(None, found, "bn", given, EXAMPLES_ARE_OF)
    assert "শনিবার, ৫ ডিসেম্বর ২০২৬, ৭:৩০ থেকে ১১:০০" in bengali.text
    english = patterns.fill(None, found, "en", given, EXAMPLES_ARE_OF)
    assert "On Saturday, 5 December 2026, from 7:30 to 11:00" in english.text


def test_a_notice_of_what_is_over_is_refused() -> None:
    found = patterns.find(patterns.folders(None), "tam-ngung-cap-dien")
    given = {"day": "24/11/2026", "since": "7h30", "until": "11:00", "area": "thôn Toàn Mỹ"}
    with pytest.raises(InputError, match="would have expired already, on 2026-11-24 11:00"):
        patterns.fill(None, found, "vi", given, EXAMPLES_ARE_OF)


def test_a_value_that_no_voice_can_say_is_refused_by_its_field() -> None:
    found = patterns.find(patterns.folders(None), "ma-qr-gia")
    with pytest.raises(InputError, match=r"^place: The character 😀"):
        patterns.fill(None, found, "vi", {"place": "chợ 😀"}, EXAMPLES_ARE_OF)


def test_a_filled_pattern_becomes_a_draft_that_is_submitted_and_approved_like_any_other(world: World) -> None:
    found = patterns.find(patterns.folders(None), "da-cai-ung-dung-gia")
    with world.store.reading() as session:
        filled = patterns.fill(session, found, "vi", {}, NOW)
    patterns.draft(world.store, filled, "canh-bao-app", "Công an xã", world.actor("writer"), NOW)
    with world.store.reading() as session:
        assert session.get_one(BulletinRow, "canh-bao-app").state is BulletinState.DRAFT
        revision = session.get_one(RevisionRow, ("canh-bao-app", 1))
    assert (revision.text, revision.priority, revision.source) == (filled.text, "priority", "Công an xã")
    world.submit("canh-bao-app")
    assert world.approve("canh-bao-app")


def test_a_draft_never_takes_the_place_of_another_bulletin_and_needs_a_writer(world: World) -> None:
    world.write("tin", "Bà con chú ý.")
    filled = example(patterns.find(patterns.folders(None), "dien-tap"), "vi")
    with pytest.raises(InputError, match="already a bulletin tin"):
        patterns.draft(world.store, filled, "tin", "", world.actor("writer"), NOW)
    with pytest.raises(NotAllowedError):
        patterns.draft(world.store, filled, "moi", "", Actor(None, "root"), NOW)
    with pytest.raises(InputError, match="is not a code"):
        patterns.draft(world.store, filled, "a/b", "", world.actor("writer"), NOW)


def test_a_folder_of_one_s_own_adds_patterns_and_goes_before(tmp_path: Path) -> None:
    entry = "{title: {vi: Lễ hội}, about: {vi: Lễ}, versions: {vi: {title: Lễ hội, text: Mời bà con.}}}"
    (tmp_path / "le-hoi.yaml").write_text(entry, encoding="utf-8")
    (tmp_path / "dien-tap.yaml").write_text(entry, encoding="utf-8")
    places = patterns.folders(tmp_path)
    assert {pattern.id for pattern in patterns.all_patterns(places)} == WANTED | {"le-hoi"}
    assert patterns.find(places, "dien-tap").version("vi").text == "Mời bà con."


def test_a_pattern_that_is_wrong_is_told_with_its_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "sai.yaml").write_text("title: {vi: x}\nabuot: {vi: x}\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"sai.yaml, line 2: abuot: unknown key abuot. Did you mean about"):
        patterns.find(patterns.folders(tmp_path), "sai")
    text = "{title: {vi: x}, about: {vi: x}, versions: {vi: {title: x, text: 'a {b}'}}}"
    (tmp_path / "sai.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"sai.yaml: The text names b"):
        patterns.find(patterns.folders(tmp_path), "sai")
    (tmp_path / "sai.yaml").write_text(
        text.replace("versions: {vi", "versions: {xx").replace("{b}", "b"), encoding="utf-8"
    )
    with pytest.raises(InputError, match="xx is no language"):
        patterns.find(patterns.folders(tmp_path), "sai")
    with pytest.raises(InputError, match=r"no pattern ../sai. Patterns: da-cai"):
        patterns.find(patterns.folders(tmp_path), "../sai")


def test_today_is_that_of_the_communes(world: World) -> None:
    found = patterns.find(patterns.folders(None), "dien-tap")
    late = datetime(2026, 11, 24, 18, tzinfo=UTC)  # already the 25th there
    with world.store.reading() as session:
        filled = patterns.fill(session, found, "vi", {"day": "25/11/2026", "scenario": "fire"}, late)
        assert filled.expires_at is not None
        assert filled.expires_at - late == timedelta(hours=22, minutes=59, seconds=59)
        with pytest.raises(InputError, match="is over"):
            patterns.fill(session, found, "vi", {"day": "24/11/2026", "scenario": "fire"}, late)
