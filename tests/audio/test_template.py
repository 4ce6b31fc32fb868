"""Templates on disk: the four that come along, and what is refused."""

from pathlib import Path

import pytest

from broadcaster.audio.template import find, load, names
from broadcaster.domain.bulletin import Placeholder
from broadcaster.errors import AudioError, BroadcasterError, InputError
from tests.audio.conftest import NAMES, TEMPLATES
from tests.audio.sounds import noise, sine, template_in

LEAST = "title: Thử\nchime: null\n"


def written(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "template.yaml").write_text(text, encoding="utf-8")
    return folder


def test_four_templates_come_along() -> None:
    assert set(names([TEMPLATES])) == set(NAMES)


@pytest.mark.parametrize(("name", "readings"), [("thong-bao", 1), ("loa-nen", 1), ("canh-bao", 2), ("khan-cap", 3)])
def test_the_graver_the_message_the_more_often_it_is_read(name: str, readings: int) -> None:
    assert find(name, [TEMPLATES]).settings.readings == readings


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("language", ["vi", "en", "bn"])
def test_every_template_opens_and_closes_in_every_language(name: str, language: str) -> None:
    template = find(name, [TEMPLATES])
    assert template.opening(language)
    assert template.closing(language)
    assert template.opening("fr") is None


def test_the_words_of_one_language_tell_what_has_to_be_filled_in(tmp_path: Path) -> None:
    opening = {"vi": "Xã {commune}.", "en": "Notice."}
    template = template_in(tmp_path / "it", opening=opening, closing={"vi": "Gọi {hotline}."})
    assert [template.placeholders(language) for language in ("vi", "en", "bn")] == [set(Placeholder), set(), set()]


def test_the_chimes_differ() -> None:
    assert len({find(name, [TEMPLATES]).chime for name in NAMES}) == len(NAMES)


def test_a_template_needs_only_a_title_and_a_word_on_its_chime(tmp_path: Path) -> None:
    template = load(written(tmp_path / "it", LEAST))
    assert template.name == "it"
    assert template.settings.readings == 1
    assert template.chime is None


def test_the_first_folder_wins(tmp_path: Path) -> None:
    written(tmp_path / "ours" / "thong-bao", LEAST)
    assert find("thong-bao", [tmp_path / "ours", TEMPLATES]).settings.title == "Thử"


@pytest.mark.parametrize("name", ["khong-co", "../thong-bao", "", "/etc", "Thong-Bao"])
def test_an_unknown_template_names_those_that_exist(name: str) -> None:
    with pytest.raises(InputError, match="canh-bao, khan-cap, loa-nen, thong-bao"):
        find(name, [TEMPLATES])


def test_the_hash_changes_with_the_settings_and_with_the_chime(tmp_path: Path) -> None:
    folder = tmp_path / "it"
    hashes = {
        template_in(folder, sine(600, 300)).sha256,
        template_in(folder, sine(601, 300)).sha256,
        template_in(folder, sine(601, 300), readings=2).sha256,
    }
    assert len(hashes) == 3
    assert template_in(folder, sine(601, 300), readings=2).sha256 in hashes


def test_a_missing_chime_says_which_file_and_what_to_do(tmp_path: Path) -> None:
    folder = written(tmp_path / "it", "title: Thử\nchime: chime.wav\n")
    with pytest.raises(AudioError, match=r"scripts/make_chimes") as caught:
        load(folder)
    assert str(folder / "chime.wav") in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"RIFF", b"no sound at all", b"#EXTM3U\n/etc/passwd\n"])
def test_a_chime_that_is_no_sound_is_refused(tmp_path: Path, content: bytes) -> None:
    folder = written(tmp_path / "it", "title: Thử\nchime: chime.wav\n")
    (folder / "chime.wav").write_bytes(content)
    with pytest.raises(AudioError, match=r"chime\.wav cannot be used"):
        load(folder)


def test_a_chime_of_a_minute_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="longer than 30"):
        template_in(tmp_path / "it", noise(60_000))


def test_an_unknown_key_names_the_file_the_key_and_the_one_that_was_meant(tmp_path: Path) -> None:
    folder = written(tmp_path / "it", LEAST + "reading: 2\n")
    with pytest.raises(InputError, match=r"template\.yaml.* reading: .*Did you mean readings\?") as caught:
        load(folder)
    assert str(folder) in str(caught.value)


def test_an_unknown_key_inside_the_output_is_named_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"output\.bitrate: .*Did you mean bitrate_kbps\?"):
        load(written(tmp_path / "it", LEAST + "output: {bitrate: 64}\n"))


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("readings: 0", "readings"),
        ("readings: 6", "readings"),
        ("readings: '2'", "readings"),
        ("gap_ms: 1.5", "gap_ms"),
        ("lead_silence_ms: 100", "lead_silence_ms"),
        ("profile: trumpet", "profile"),
        ("loudness_lufs: .nan", ".nan"),
        ("loudness_lufs: 0", "loudness_lufs"),
        ("true_peak_dbtp: 0", "true_peak_dbtp"),
        ("loudness_lufs: -14\ntrue_peak_dbtp: -3", "12 dB above loudness_lufs"),
        ("opening: {vietnamese: Thông báo}", "opening.vietnamese"),
        ("opening: {vi: ''}", "opening.vi"),
        ("closing: {vi: 'Xã {xa}.'}", "closing: Unknown placeholder {xa}. Known: {commune}, {hotline}"),
        ("output: {sample_rate_hz: 22000}", "output.sample_rate_hz"),
        ("readings: 1\nreadings: 5", "readings stands here twice"),
        ("opening: {vi: a, vi: b}", "vi stands here twice"),
        ("readings: !!python/object/apply:os.getpid []", "is not allowed"),
        ("readings: [", "not YAML"),
        ("? [a]: b\n: c", "a key must be a word"),
    ],
)
def test_a_wrong_value_is_refused_by_name(tmp_path: Path, line: str, named: str) -> None:
    with pytest.raises(InputError) as caught:
        load(written(tmp_path / "it", LEAST + line + "\n"))
    assert named in str(caught.value)
    assert "template.yaml" in str(caught.value)


@pytest.mark.parametrize("chime", ["../chime.wav", "/etc/chime.wav", "chime.mp3", ".chime.wav", "a/b.wav"])
def test_a_chime_lies_in_the_templates_own_folder(tmp_path: Path, chime: str) -> None:
    with pytest.raises(InputError, match="chime"):
        load(written(tmp_path / "it", f"title: Thử\nchime: {chime}\n"))


@pytest.mark.parametrize("text", ["", "[]", "title", "[" * 5_000, "a: " + "x" * 70_000, "a: &a [*a]"])
def test_what_is_no_template_at_all_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(BroadcasterError, match=r"template\.yaml"):
        load(written(tmp_path / "it", text))


def test_a_folder_without_a_template_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        load(tmp_path)
