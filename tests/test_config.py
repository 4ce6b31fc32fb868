"""Settings: `config.yaml` shows every default, typos are named, the environment goes over the file."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from broadcaster import config
from broadcaster.config import Config
from broadcaster.domain.bulletin import Priority
from broadcaster.errors import ConfigError

SHOWN = Path(__file__).parents[1] / "config.yaml"


def loaded(folder: Path, text: str = "", **environment: str) -> Config:
    (folder / "config.yaml").write_text(text, encoding="utf-8")
    return config.load(folder, {f"BROADCASTER__{name}": value for name, value in environment.items()})


def refusal(folder: Path, text: str = "", **environment: str) -> str:
    with pytest.raises(ConfigError) as refused:
        loaded(folder, text, **environment)
    return str(refused.value)


def names(model: type[BaseModel], section: str = "") -> Iterator[str]:
    """Every setting as `section.key`."""
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from names(field.annotation, f"{section}{name}.")
        else:
            yield f"{section}{name}"


def is_shown(shown: Any, place: list[str]) -> bool:
    return not place or (isinstance(shown, dict) and place[0] in shown and is_shown(shown[place[0]], place[1:]))


def test_the_file_that_is_shipped_shows_the_defaults() -> None:
    assert config.load(SHOWN.parent, {}) == Config()


def test_the_file_that_is_shipped_shows_every_setting() -> None:
    shown = yaml.safe_load(SHOWN.read_text(encoding="utf-8"))
    missing = [name for name in names(Config) if not is_shown(shown, name.split("."))]
    assert missing == []


def test_a_comment_stands_above_every_setting() -> None:
    lines = SHOWN.read_text(encoding="utf-8").splitlines()
    keys = {name.rpartition(".")[2] for name in names(Config)}
    bare = [
        line
        for above, line in zip(["", *lines], lines, strict=False)
        if (found := re.match(r"\s*(\w+):", line)) and found[1] in keys and not above.strip().startswith("#")
    ]
    assert bare == []


def test_without_a_file_everything_has_its_default(tmp_path: Path) -> None:
    assert config.load(tmp_path, {}) == Config()
    assert not list(tmp_path.iterdir())


def test_an_empty_file_is_as_good_as_none(tmp_path: Path) -> None:
    assert loaded(tmp_path, "# nothing\n") == Config()


def test_what_is_set_goes_over_the_default_and_leaves_the_rest(tmp_path: Path) -> None:
    found = loaded(tmp_path, "timetable:\n  days_ahead: 3\n")
    assert found.timetable.days_ahead == 3
    assert found.timetable.grace_s == Config().timetable.grace_s
    assert found.worker == Config().worker


def test_a_template_for_one_priority_leaves_the_others_theirs(tmp_path: Path) -> None:
    found = loaded(tmp_path, "audio:\n  templates: {normal: cua-toi}\n")
    assert found.audio.templates == Config().audio.templates | {Priority.NORMAL: "cua-toi"}


def test_the_voices_of_one_language_leave_the_others_theirs(tmp_path: Path) -> None:
    found = loaded(tmp_path, "speech:\n  voices: {vi: [espeak/vi-vn-x-south, espeak/vi]}\n")
    given = {"vi": ["espeak/vi-vn-x-south", "espeak/vi"]}
    assert found.speech.voices == Config().speech.voices | given


@pytest.mark.parametrize("address", ["http://127.0.0.1:8080", "https://translate.google.com.vn"])
def test_texts_may_go_over_https_or_within_this_computer(tmp_path: Path, address: str) -> None:
    assert loaded(tmp_path, SPEECH__GTTS__ADDRESS=address).speech.gtts.address == address


def test_texts_do_not_go_where_others_can_read_them(tmp_path: Path) -> None:
    text = "speech:\n  gtts: {address: http://translate.google.com}\n"
    assert "line 2: speech.gtts.address" in refusal(tmp_path, text)


def test_a_typo_names_the_file_the_line_and_the_nearest_key(tmp_path: Path) -> None:
    text = "language: vi\nspeech:\n  word_per_minute: 140\n"
    assert refusal(tmp_path, text) == (
        f"{tmp_path / 'config.yaml'}, line 3: speech.word_per_minute: unknown key word_per_minute. "
        "Did you mean words_per_minute?"
    )


@pytest.mark.parametrize(
    "text",
    ["speech: {words_per_minute: 79}", "speech: {words_per_minute: fast}", "timetable: {days_ahead: 0}",
     "timetable: {grace_s: -1}", "timetable: {grace_s: .nan}", "worker: {air_every_s: 0}", "language: fr",
     "log: {level: loud}", "database: 5", "database:", "worker: {misfire_grace_s: 0.5}",
     "speech: {voices: espeak/vi}", "speech: {voices: {vi: []}}", "speech: {voices: {vi: [5]}}",
     "speech: {gtts: {pause_s: 3601}}", "speech: {gtts: {timeout_s: 0}}", "speech: {gtts: {enabled: perhaps}}",
     'timetable: {quiet_hours: ["21:00"]}', 'timetable: {quiet_hours: ["21:00", "05:00", "06:00"]}',
     'timetable: {quiet_hours: ["21:00", "25:00"]}', "timetable: {quiet_hours: [21:00, 05:00]}",
     'timetable: {quiet_hours: ["21:00", "21:00"]}', "alerts: {recipients: [{mail: a@b.vn}]}",
     "alerts: {mail: {host: mail.vn}}", "alerts: {mail: {sender: \"a@b.vn\\nBcc: c@d.vn\"}}",
     "alerts: {mail: {host: mail.vn, sender: a@b.vn, user: a}}", "alerts: {recipients: [{webhook: 'https://b.vn'}]}",
     "alerts: {mail: {host: mail.vn, sender: a@b.vn, user: a, password_file: f, security: none}}",
     "alerts: {recipients: [{webhook: 'file:///etc', secret_file: f}]}", "alerts: {recipients: [{commune: kep}]}",
     "audio: {templates: {urgent: khan-cap}}", "- a list",
     "just words", "a: [", "language: vi\nlanguage: en"],
)  # fmt: skip
def test_a_value_that_cannot_be_used_names_the_file_and_the_line(tmp_path: Path, text: str) -> None:
    assert re.search(r"config\.yaml(, line \d| must hold settings)", refusal(tmp_path, text))


def test_the_environment_goes_over_the_file(tmp_path: Path) -> None:
    text = "log: {level: warning}\ntimetable: {days_ahead: 3}\n"
    environment = {"LOG__LEVEL": "debug", "DATABASE__URL": "sqlite:///loa.db", "DATA_FOLDER": "elsewhere"}
    found = loaded(tmp_path, text, **environment)
    assert (found.log.level, found.timetable.days_ahead, found.database.url) == ("debug", 3, "sqlite:///loa.db")
    assert found.data_folder == Path("elsewhere")


def test_values_of_the_environment_are_read_as_yaml(tmp_path: Path) -> None:
    environment = {
        "TIMETABLE__QUIET_HOURS": '["22:00", "04:30"]',
        "SPEECH__CHILDREN": "3",
        "SPEECH__VOICES__VI": "espeak/vi-vn-x-south",
        "AUDIO__TEMPLATES_FOLDER": "null",
    }
    found = loaded(tmp_path, **environment)
    assert found.timetable.quiet_hours == ["22:00", "04:30"]
    assert (found.speech.children, found.speech.voices["vi"]) == (3, ["espeak/vi-vn-x-south"])
    assert found.audio.templates_folder is None


def test_other_variables_do_not_matter(tmp_path: Path) -> None:
    assert config.load(tmp_path, {"LANGUAGE": "fr", "BROADCASTER": "x", "BROADCASTER_LANGUAGE": "fr"}) == Config()


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({"LOG__LEVL": "debug"}, "log.levl: unknown key levl. Did you mean level?"),
        ({"SPEECH__WORDS_PER_MINUTE": "fast"}, "environment variables: speech.words_per_minute"),
        ({"LOG__LEVEL": "[debug"}, "The variable BROADCASTER__LOG__LEVEL cannot be read"),
        ({"LOG__LEVEL": "!!python/object/apply:os.getcwd []"}, "The variable BROADCASTER__LOG__LEVEL cannot be read"),
        ({"LANGUAGE__X": "vi"}, "The variable BROADCASTER__LANGUAGE__X goes deeper than the setting language"),
        ({"DATABASE": "5"}, "environment variables: database"),
        ({"AUDIO__TIMEOUT_S": ".nan"}, "environment variables: audio.timeout_s"),
        ({"": "5"}, "unknown key"),
        ({"TIMETABLE__GRACE_S": "2026-02-30"}, "The variable BROADCASTER__TIMETABLE__GRACE_S cannot be read"),
    ],
)
def test_a_variable_that_cannot_be_used_is_named(tmp_path: Path, environment: dict[str, str], told: str) -> None:
    assert told in refusal(tmp_path, "language: vi\n", **environment)


def test_a_fault_of_the_file_is_told_with_its_line_though_a_variable_is_set(tmp_path: Path) -> None:
    assert "config.yaml, line 2: log.levl" in refusal(tmp_path, "log:\n  levl: debug\n", LOG__LEVEL="debug")


def test_a_file_of_another_encoding_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_bytes("data_folder: Bản tin\n".encode("utf-16"))
    with pytest.raises(ConfigError, match=r"config\.yaml cannot be read"):
        config.load(tmp_path, {})


def test_the_database_lies_in_the_data_folder_unless_it_is_told_otherwise(tmp_path: Path) -> None:
    assert Config(data_folder=tmp_path).database_url == f"sqlite:///{tmp_path / 'broadcaster.db'}"
    elsewhere = loaded(tmp_path, DATABASE__URL="postgresql+psycopg://loa")
    assert elsewhere.database_url == "postgresql+psycopg://loa"


def test_the_settings_are_those_of_the_folder_one_is_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded(tmp_path, "language: en\n")
    monkeypatch.chdir(tmp_path)
    assert config.load_here().language == "en"
