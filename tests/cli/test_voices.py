"""Each command is a process of its own: what one found out of the online voice, the next one knows."""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import broadcaster
from broadcaster.audio.decode import decode
from broadcaster.services import samples
from tests.cli.programs import ran
from tests.fakes.google import Google, Vice, google_here
from tests.fakes.speech import voice_file

OFFLINE = {"espeak/vi", "espeak/vi-vn-x-central", "espeak/vi-vn-x-south", "espeak/en", "espeak/en-us", "espeak/bn"}
ONLINE = {"gtts/vi", "gtts/en", "gtts/bn"}


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


def listed(folder: Path, **environment: str) -> dict[str, dict[str, Any]]:
    """What `voices` tells, by voice; an engine that cannot be used by `engine NAME`."""
    done = ran(folder, "voices", "--json", **environment)
    assert done.returncode == 0, done.stderr
    return {row["voice"] or f"engine {row['engine']}": row for row in json.loads(done.stdout)}


def test_all_voices_are_listed_with_their_state(tmp_path: Path, google: Google, online: Mapping[str, str]) -> None:
    found = listed(tmp_path, **online)
    assert set(found) == OFFLINE | ONLINE
    assert {row["state"] for row in found.values()} == {"ready"}
    assert found["espeak/bn"] == {
        "voice": "espeak/bn", "language": "bn", "engine": "espeak", "state": "ready", "fault": None,
    }  # fmt: skip
    assert google.asked == []


def test_a_voice_that_would_not_speak_says_why(tmp_path: Path) -> None:
    piper = {"mai": {"file": "mai.onnx", "sha256": "0" * 64, "language": "vi"}}
    found = listed(tmp_path, BROADCASTER__SPEECH__PIPER__VOICES=json.dumps(piper))
    assert {name: row["state"] for name, row in found.items()} == {
        **dict.fromkeys(OFFLINE, "ready"), **dict.fromkeys(ONLINE, "disabled"), "piper/mai": "failing",
    }  # fmt: skip
    assert "mai.onnx.json cannot be read" in found["piper/mai"]["fault"]


def test_every_voice_that_is_ready_gives_a_sample(tmp_path: Path, google: Google, online: Mapping[str, str]) -> None:
    done = ran(tmp_path, "voices", "--sample", "nghe-thu", **online)
    assert done.returncode == 0, done.stderr
    assert "espeak/vi-vn-x-south" in done.stdout
    assert "9 samples are in nghe-thu." in done.stderr
    written = {path.name: decode(path.read_bytes()).duration_ms for path in (tmp_path / "nghe-thu").iterdir()}
    assert set(written) == {f"{name.replace('/', '-')}.mp3" for name in OFFLINE | ONLINE}
    assert min(written.values()) > 1_000


def test_a_voice_that_is_not_ready_gives_none(tmp_path: Path) -> None:
    assert "6 samples" in ran(tmp_path, "voices", "--sample", ".").stderr
    assert {path.stem for path in tmp_path.glob("*.mp3")} == {name.replace("/", "-") for name in OFFLINE}


def test_an_installed_package_brings_an_engine_and_one_that_cannot_be_loaded_is_told(tmp_path: Path) -> None:
    package = tmp_path / "packages" / "choir-1.dist-info"
    package.mkdir(parents=True)
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: choir\nVersion: 1\n", encoding="utf-8")
    engines = "[broadcaster.engines]\nhum = tests.fakes.speech:hum\nsilence = no_such_module:engine\n"
    (package / "entry_points.txt").write_text(engines, encoding="utf-8")
    path = os.pathsep.join([str(Path(broadcaster.__file__).parents[1]), str(package.parent)])
    found = listed(tmp_path, PYTHONPATH=path)
    assert set(found) == OFFLINE | ONLINE | {"hum/vi", "hum/en", "hum/bn", "engine silence"}
    assert (found["hum/vi"]["state"], found["engine silence"]["state"]) == ("ready", "failing")
    assert "no_such_module" in found["engine silence"]["fault"]
    checked = ran(tmp_path, "check", PYTHONPATH=path)
    assert any("engine silence" in line and line.startswith("failing") for line in checked.stdout.splitlines())


def test_a_person_reads_a_bulletin_and_another_approves_what_is_heard(tmp_path: Path) -> None:
    (tmp_path / "giong.wav").write_bytes(voice_file())
    bulletin = "bulletins: [{id: tin, title: Tin, source: Công an xã, text: Bà con chú ý.}]"
    (tmp_path / "tin.yaml").write_text(bulletin, encoding="utf-8")
    (communes,) = [str(path) for path in samples.files() if path.stem == "communes"]
    for arguments in (
        ["import", communes, "tin.yaml", "--as", "writer"],
        ["bulletin", "record", "tin", "giong.wav", "--as", "writer"],
        ["bulletin", "submit", "tin", "--as", "writer"],
        ["bulletin", "approve", "tin", "--as", "approver"],
    ):
        done = ran(tmp_path, *arguments)
        assert done.returncode == 0, done.stderr
    shown = json.loads(ran(tmp_path, "bulletin", "show", "tin", "--json").stdout)[0]
    [(name, row)] = [item for item in listed(tmp_path).items() if item[0].startswith("recording/")]
    assert (row["language"], row["state"]) == ("vi", "ready")
    assert [clip["voice"] for clip in shown["clips"]] == [f"{name} + espeak/vi"]
    assert "6 samples" in ran(tmp_path, "voices", "--sample", "nghe-thu").stderr
    assert not list((tmp_path / "nghe-thu").glob("recording*"))
