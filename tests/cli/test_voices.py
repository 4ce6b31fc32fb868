"""Each command is a process of its own: what one found out of the online voice, the next one knows."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.cli.programs import ran
from tests.fakes.google import Google, Vice, google_here


@pytest.fixture
def google() -> Iterator[Google]:
    with google_here() as made:
        yield made


@pytest.fixture
def online(google: Google) -> Mapping[str, str]:
    """The settings of an office that has a network."""
    return {
        "BROADCASTER__SPEECH__GTTS__ENABLED": "true",
        "BROADCASTER__SPEECH__GTTS__ADDRESS": google.address,
        "NO_PROXY": "*",
    }


def test_a_text_is_said_by_the_first_voice(tmp_path: Path, google: Google, online: Mapping[str, str]) -> None:
    said = ran(tmp_path, "say", "Xin chào bà con.", "-o", "chao.mp3", **online)
    assert said.returncode == 0, said.stderr
    assert (tmp_path / "chao.mp3").stat().st_size > 1_000
    assert "Xin chào bà con." in google.texts
    assert "could not" not in said.stderr


def test_without_a_network_the_next_voice_says_it_and_the_next_command_does_not_even_ask(
    tmp_path: Path, google: Google, online: Mapping[str, str]
) -> None:
    google.vice = Vice.TOO_MANY
    for _ in range(2):
        said = ran(tmp_path, "say", "Xin chào bà con.", "-o", "chao.mp3", **online)
        assert said.returncode == 0, said.stderr
        assert "espeak/vi spoke, because gtts/vi could not." in said.stderr
    assert len(google.asked) == 1
    checked = ran(tmp_path, "check", **online)
    [line] = [line for line in checked.stdout.splitlines() if "gtts/vi" in line]
    assert line.startswith("paused")
    assert "left alone until" in line
    assert "asked too often" in line
    assert len(google.asked) == 1


def test_a_voice_that_is_named_is_used_alone(tmp_path: Path, google: Google, online: Mapping[str, str]) -> None:
    google.vice = Vice.FORBIDDEN
    said = ran(tmp_path, "say", "Xin chào.", "-o", "chao.mp3", "--voice", "gtts/vi", **online)
    assert said.returncode != 0
    assert "gtts failed on" in said.stderr
    assert not (tmp_path / "chao.mp3").exists()


def test_the_offline_voice_never_asks(tmp_path: Path, google: Google, online: Mapping[str, str]) -> None:
    assert ran(tmp_path, "say", "Xin chào.", "-o", "chao.wav", "--voice", "espeak/vi", **online).returncode == 0
    assert google.asked == []
