"""Submitting a bulletin: what cannot be said is refused, and what will be said is fixed."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from sqlalchemy import select
from sqlalchemy.orm import Session

from broadcaster.domain.bulletin import BulletinState
from broadcaster.errors import BroadcasterError, InputError, NotAllowedError
from broadcaster.services.bulletins import Desk, Permission
from broadcaster.store import submissions
from broadcaster.store.tables import ClipRow, SubmissionRow
from tests.fixtures import NOW
from tests.services.world import COMMUNES, POWER, World, here


def refusal(world: World, permission: Permission | None = None, *, desk: Desk | None = None) -> str:
    """What is said of a bulletin that is refused; it stays a draft, and nothing is listed for it."""
    with pytest.raises(BroadcasterError) as refused:
        (desk or world.desk).submit("tin", world.actor("writer"), NOW, permission)
    assert world.state() == BulletinState.DRAFT
    with world.store.reading() as session:
        assert session.scalars(select(SubmissionRow.id)).all() == []
        assert session.scalars(select(ClipRow.key)).all() == []
    return str(refused.value)


def submitted(world: World) -> SubmissionRow:
    with world.store.reading() as session:
        return submissions.newest(session, "tin")


def spoken(world: World) -> dict[str, str]:
    """What each commune will hear."""
    with world.store.reading() as session:
        newest = submissions.newest(session, "tin")
        clips = {clip.key: clip.spoken for clip in submissions.clips(session, newest.id)}
        return {commune: clips[clip] for commune, clip in submissions.communes_of(session, newest.id).items()}


def communes_of(session: Session) -> dict[str, str]:
    """Each commune with the key of the clip that it will hear."""
    return submissions.communes_of(session, submissions.newest(session, "tin").id)


def test_a_submitted_bulletin_waits_for_its_approver(world: World) -> None:
    world.write()
    world.submit()
    assert world.state() == BulletinState.SUBMITTED
    assert world.journalled("tin") == ["bulletin_revised", "bulletin_submitted"]


def test_without_a_placeholder_all_communes_share_one_clip(world: World) -> None:
    world.write()
    world.submit()
    assert set(spoken(world)) == set(COMMUNES)
    assert world.children.mixed == 1


def test_each_commune_hears_its_own_name(world: World) -> None:
    world.write(text="Bà con xã {commune} chú ý, bà con {commune}.")
    world.submit()
    said = spoken(world)
    assert said["kep"].count("Kép") == said["my-thai"].count("Mỹ Thái") == 2
    assert world.children.mixed == 5


def test_communes_of_one_name_share_a_clip(world: World) -> None:
    world.bring("communes:\n  - {code: kep-2, name: Kép}\n")
    world.write(text="Bà con {commune} chú ý.")
    world.submit(permission=Permission(communes=["kep", "kep-2"]))
    assert world.children.mixed == 1


def test_a_name_that_holds_a_placeholder_is_not_filled_in_again(world: World) -> None:
    world.bring("communes:\n  - {code: xa, name: 'Xã {hotline}'}\n")
    world.write(text="Bà con {commune} chú ý.")
    assert "The character { (U+007B) at place 11 cannot be said" in refusal(world, Permission(communes=["xa"]))


@pytest.mark.parametrize("text", ["...", "!?", "—", "- - -", "“”"])
def test_a_text_without_a_word_is_refused(world: World, text: str) -> None:
    world.write(text=text)
    assert "There is no text. Write what is to be said." in refusal(world)


@pytest.mark.parametrize(
    "bad",
    ["😀", "\u200b", "\u202e", "\u2066", "\x07", "\x00", "\ufeff", "\ue000", "ΑΒ", "Кеп", "漢", "{", "}", "\u00ad"],
    ids=["emoji", "zero width", "bidi override", "bidi isolate", "bell", "null", "byte order mark", "private use",
         "Greek", "Cyrillic", "Chinese", "brace", "closing brace", "soft hyphen"],
)  # fmt: skip
def test_a_character_that_cannot_be_said_is_refused_with_its_place(world: World, bad: str) -> None:
    world.write(text=f"Bà con {bad} chú ý.")
    assert "at place 8 " in refusal(world)


@pytest.mark.parametrize("language", ["en", "bn"])
def test_unseen_characters_are_refused_in_every_language(world: World, language: str) -> None:
    world.write(text="Beware\u202e of fraud.", language=language)
    assert "at place 7 is refused" in refusal(world)


def test_every_place_that_cannot_be_said_is_told(world: World) -> None:
    world.write(text="Bà 😀 con 😀.")
    assert len(refusal(world).splitlines()) == 2


def test_a_megabyte_of_text_is_refused_before_it_is_read(world: World) -> None:
    world.write(text="Bà con chú ý. " * 75_000)
    assert "The text has 1049999 characters; at most 20000 are allowed" in refusal(world)


def test_the_longest_text_counts_with_its_placeholders_filled_in(world: World) -> None:
    short, long_enough = (replace(world.desk, studio=replace(world.studio, max_characters=limit)) for limit in (17, 18))
    world.write(text="Bà con {commune}.")
    where = Permission(communes=["lang-giang"])
    assert "The text has 18 characters; at most 17 are allowed" in refusal(world, where, desk=short)
    long_enough.submit("tin", world.actor("writer"), NOW, where)


def test_a_language_without_a_voice_is_refused(world: World) -> None:
    world.write(text="Attention.", language="fr")
    assert "no voice for the language fr" in refusal(world)


@pytest.mark.parametrize(
    ("voice", "told"), [("hum/fr", "no voice hum/fr"), ("hum/en", "The voice hum/en does not speak vi")]
)
def test_a_voice_that_does_not_exist_or_speaks_otherwise_is_refused(world: World, voice: str, told: str) -> None:
    world.write(voice=voice)
    assert told in refusal(world)


def test_an_unknown_template_names_those_there_are(world: World) -> None:
    world.write(template="nhac-rock")
    assert "no sound template nhac-rock. Templates: canh-bao, khan-cap, loa-nen, thong-bao" in refusal(world)


@pytest.mark.parametrize("chime", ["chime.wav", None])
def test_a_template_whose_chime_is_not_there_is_refused_and_one_without_a_chime_is_not(
    world: World, tmp_path: Path, chime: str | None
) -> None:
    (tmp_path / "templates" / "rieng").mkdir(parents=True)
    (tmp_path / "templates" / "rieng" / "template.yaml").write_text(
        yaml.safe_dump({"title": "Riêng", "chime": chime}), encoding="utf-8"
    )
    desk = replace(world.desk, studio=replace(world.studio, template_folders=(tmp_path / "templates",)))
    world.write(template="rieng")
    if chime is None:
        desk.submit("tin", world.actor("writer"), NOW)
    else:
        assert "chime.wav cannot be read" in refusal(world, desk=desk)


@pytest.fixture
def greeting(world: World, tmp_path: Path) -> Desk:
    """A desk with a template that greets each commune and closes with the hotline, in Vietnamese alone."""
    (tmp_path / "templates" / "chao").mkdir(parents=True)
    words = {"opening": {"vi": "Đây là Đài xã {commune}.", "en": "Notice."}, "closing": {"vi": "Gọi {hotline}."}}
    (tmp_path / "templates" / "chao" / "template.yaml").write_text(
        yaml.safe_dump({"title": "Chào", "chime": None, **words}, allow_unicode=True), encoding="utf-8"
    )
    return replace(world.desk, studio=replace(world.studio, template_folders=(tmp_path / "templates",)))


def test_the_template_s_words_are_filled_in_like_the_text(world: World, greeting: Desk) -> None:
    world.write(template="chao")
    greeting.submit("tin", world.actor("writer"), NOW)
    with world.store.reading() as session:
        clips = submissions.clips(session, submissions.newest(session, "tin").id)
        heard = {commune: session.get_one(ClipRow, key) for commune, key in communes_of(session).items()}
    assert len(clips) == len(COMMUNES)
    assert heard["kep"].opening == "Đây là Đài xã Kép."
    assert heard["my-thai"].opening == "Đây là Đài xã Mỹ Thái."
    assert heard["kep"].closing == "Gọi một chín không không, sáu bảy sáu chín."
    assert submitted(world).uses_sample_fact


def test_words_of_another_language_fill_in_nothing(world: World, greeting: Desk) -> None:
    world.write(template="chao", language="en", text="Please listen.")
    greeting.submit("tin", world.actor("writer"), NOW)
    assert len(set(spoken(world))) == len(COMMUNES)
    with world.store.reading() as session:
        (clip,) = submissions.clips(session, submissions.newest(session, "tin").id)
    assert (clip.opening, clip.closing) == ("Notice.", "")
    assert not submitted(world).uses_sample_fact


def test_a_sample_hotline_in_the_template_s_words_is_refused_on_live_stations(world: World, greeting: Desk) -> None:
    world.station("kep-that", mode="live")
    world.write(template="chao")
    assert "The hotline 1900 6769 is a sample" in refusal(world, desk=greeting)


def test_without_a_commune_such_a_template_is_refused(greeting: Desk) -> None:
    with pytest.raises(InputError, match=r"template chao hold \{commune\}, which only a commune fills"):
        greeting.studio.script("Bà con chú ý.", "vi", "chao", ["hum/vi"])


@pytest.mark.parametrize("priority", ["normal", "priority", "emergency"])
def test_without_a_template_the_priority_gives_one(world: World, priority: str) -> None:
    world.write(priority=priority)
    world.submit()
    expected = {"normal": "thong-bao", "priority": "canh-bao", "emergency": "khan-cap"}
    assert submitted(world).template == expected[priority]


def test_the_sample_hotline_is_spoken_where_only_test_stations_hear_it(world: World) -> None:
    world.write(text="Gọi tổng đài {hotline}.")
    world.submit()
    assert submitted(world).uses_sample_fact


def test_the_sample_hotline_is_refused_where_a_live_station_would_speak_it(world: World) -> None:
    world.station("kep-that", mode="live")
    world.write(text="Gọi tổng đài {hotline}.")
    assert "The hotline 1900 6769 is a sample" in refusal(world)
    world.submit(permission=Permission(communes=["my-thai"]))


def test_a_verified_hotline_is_spoken_on_live_stations(world: World) -> None:
    world.station("kep-that", mode="live")
    world.bring("facts:\n  - {key: hotline, value: '113', verified_on: 2026-11-01, verified_by: An}\n")
    world.write(text="Gọi tổng đài {hotline}.")
    world.submit()
    assert not submitted(world).uses_sample_fact


def test_a_hotline_that_nobody_verified_is_refused(world: World) -> None:
    world.bring("facts:\n  - {key: hotline, value: '1900 6769', sample: false}\n")
    world.write(text="Gọi tổng đài {hotline}.")
    assert "{hotline} has no verified fact" in refusal(world)


def test_a_bulletin_that_has_expired_is_refused(world: World) -> None:
    world.write(expires="2026-11-23T09:00:00+07:00")
    assert "has expired. Give it a later expiry" in refusal(world)


def test_the_approval_ends_with_the_bulletin(world: World) -> None:
    world.write(expires="2026-11-30T00:00:00+07:00")
    world.submit()
    assert submitted(world).valid_until == here("00:00", here("00:00").date() + timedelta(days=8))


def test_the_approval_is_good_for_ninety_days_or_as_asked(world: World) -> None:
    world.write("tin")
    world.submit("tin")
    assert (submitted(world).valid_from, submitted(world).valid_until) == (NOW, NOW + timedelta(days=90))


@pytest.mark.parametrize("communes", [["nowhere"], ["kep", "nowhere"]])
def test_an_unknown_commune_is_refused(world: World, communes: list[str]) -> None:
    world.write()
    assert "no commune nowhere. Known: kep, lang-giang" in refusal(world, Permission(communes=communes))


def test_a_bulletin_for_no_commune_at_all_is_refused(world: World) -> None:
    world.write()
    assert "commune" in refusal(world, Permission(communes=[]))


def test_an_approval_that_ends_before_it_begins_is_refused(world: World) -> None:
    world.write()
    assert "before" in refusal(world, Permission(valid_from=here("18:00"), valid_until=here("17:00")))


def test_only_the_asked_communes_may_hear_it(world: World) -> None:
    world.write()
    world.submit(permission=Permission(communes=["my-thai", "kep"], zones=["Phố Kép", "Thôn Cò"]))
    assert set(spoken(world)) == {"kep", "my-thai"}
    assert submitted(world).zones == ["Phố Kép", "Thôn Cò"]


@pytest.mark.parametrize("person", ["approver", "operator", None])
def test_submitting_needs_a_writer(world: World, person: str | None) -> None:
    world.write()
    with pytest.raises(NotAllowedError, match="writer"):
        world.desk.submit("tin", world.actor(person), NOW)
    assert world.state() == BulletinState.DRAFT


def test_an_unknown_bulletin_is_refused(world: World) -> None:
    with pytest.raises(InputError, match="no bulletin tin"):
        world.submit()


def test_what_is_approved_is_not_submitted_again(world: World) -> None:
    world.approved()
    with pytest.raises(InputError, match="Bulletin tin is approved and cannot become submitted"):
        world.submit()


def test_who_writes_for_a_source_submits_no_other_s_bulletin_and_changes_none(world: World) -> None:
    world.write()
    told = "writer-2 writes for: Công an xã; not for: Đội Quản lý điện lực khu vực Lạng Giang"
    with pytest.raises(NotAllowedError, match=told):
        world.desk.submit("tin", world.actor("writer-2"), NOW, Permission(communes=["kep"]))
    for source in ("Công an xã", POWER):  # taken over, or put into the other's mouth
        with pytest.raises(NotAllowedError, match=told):
            world.write(text="Bà con lưu ý.", source=source, person="writer-2")
    with pytest.raises(NotAllowedError, match="writer-2 may not do this in"):
        world.desk.withdraw("tin", "", world.actor("writer-2"), NOW)
