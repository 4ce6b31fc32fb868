"""Folders, texts and settings as they happen in an office."""

from pathlib import Path

import pytest

from tests.acceptance.office import Office


@pytest.fixture
def deep_office(tmp_path: Path) -> Office:
    """An office in a folder whose path has 200 characters, with spaces and diacritics."""
    folder = tmp_path / "Tài liệu của Ủy ban nhân dân xã Lạng Giang"
    while len(str(folder)) < 199:
        folder /= "thư mục"[: max(1, 199 - len(str(folder)))]
    folder.mkdir(parents=True)
    return Office(folder)


def test_a_bulletin_is_spoken_in_a_folder_with_a_long_path(deep_office: Office) -> None:
    assert len(str(deep_office.folder)) >= 199
    deep_office.run("say", "Xin chào bà con", "-o", "chào.mp3")
    assert (deep_office.folder / "chào.mp3").stat().st_size > 10_000


def test_a_bulletin_is_taken_to_approval_in_a_folder_with_a_long_path(deep_office: Office) -> None:
    deep_office.settle_in()
    assert "approved" in deep_office.run("bulletin", "list").stdout


def test_a_typo_in_the_settings_is_named_with_its_line_and_the_nearest_setting(office: Office) -> None:
    (office.folder / "config.yaml").write_text("speech:\n  word_per_minute: 140\n", encoding="utf-8")
    done = office.run("check", code=2)
    assert "config.yaml, line 2" in done.stderr
    assert "Did you mean words_per_minute?" in done.stderr


def test_a_database_of_a_newer_version_is_refused_and_left_alone(office: Office) -> None:
    office.run("db", "upgrade")
    office.query("SELECT 1")
    office.execute("UPDATE alembic_version SET version_num = 'ffff'")
    for command in (("worker",), ("log", "list"), ("db", "upgrade"), ("serve",)):
        done = office.run(*command, code=1)
        assert "newer version" in done.stderr
    assert office.query("SELECT version_num FROM alembic_version") == [("ffff",)]


def test_a_second_import_of_the_same_files_changes_nothing(office: Office) -> None:
    office.settle_in()
    done = office.run("import", "home.yaml", "--json")
    assert '"unchanged"' in done.stdout
    assert '"new"' not in done.stdout
    assert '"changed"' not in done.stdout
    assert office.query("SELECT state FROM bulletins") == [("approved",)]


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("", "There is no text"),
        ("a" * 1_000_000, "at most 20000 are allowed"),
        ("Xin chào 😀", "U+1F600"),
        ("Xin \u202echào", "U+202E"),
        ("Xin \x07chào", "U+0007"),
        ("Xin chào {ten}", "Unknown placeholder {ten}"),
    ],
    ids=["empty", "one megabyte", "emoji", "bidi", "control", "placeholder"],
)
def test_a_text_that_cannot_be_said_is_refused_with_a_clear_hint(office: Office, text: str, hint: str) -> None:
    (office.folder / "text.txt").write_text(text, encoding="utf-8")
    done = office.run("say", "--file", "text.txt", "-o", "out.mp3", code=2)
    assert hint in done.stderr
    assert not (office.folder / "out.mp3").exists()


def test_spoken_gives_exactly_one_line_for_each_line(office: Office) -> None:
    done = office.run("spoken", given="Gọi 113\n\nHọp lúc 7h30 😀\n")
    lines = done.stdout.splitlines()
    assert lines[:2] == ["Gọi một một ba", ""]
    assert len(lines) == 3
    assert "U+1F600" in done.stderr


def test_the_author_cannot_approve_their_own_bulletin(office: Office) -> None:
    office.settle_in()
    (office.folder / "own.yaml").write_text(
        "people:\n  - {code: both, roles: [{role: writer, commune: kep}, {role: approver, commune: kep}]}\n",
        encoding="utf-8",
    )
    (office.folder / "text.yaml").write_text(
        "bulletins:\n  - {id: bao-lu, title: Báo lũ, text: Nước sông đang lên.}\n", encoding="utf-8"
    )
    office.run("import", "own.yaml", "--as", "operator")
    office.run("import", "text.yaml", "--as", "both")
    office.run("bulletin", "submit", "bao-lu", "--as", "both")
    done = office.run("bulletin", "approve", "bao-lu", "--as", "both", code=2)
    assert "another person has to decide" in done.stderr
