"""The real Piper, in real children, with a tiny voice made here."""

import json
import subprocess
import sys
from array import array
from dataclasses import replace
from pathlib import Path

import pytest

from broadcaster import config, files
from broadcaster.config import PiperSettings, PiperVoiceSettings
from broadcaster.domain.sound import Voice
from broadcaster.errors import ConfigError, SpeechError
from broadcaster.process import Children
from broadcaster.speech.piper import Piper
from tests.fakes.piper import RATE_HZ, piper_voice

GREETING = "Xin chào bà con."
VOICE = Voice("piper/thu", "piper", "vi")


@pytest.fixture
def thu(tmp_path: Path) -> PiperVoiceSettings:
    return piper_voice(tmp_path)


def piper(children: Children, voice: PiperVoiceSettings, words_per_minute: int = 155) -> Piper:
    return Piper(PiperSettings(voices={"thu": voice}), children, words_per_minute=words_per_minute)


def refusal(engine: Piper, voice: Voice = VOICE) -> str:
    with pytest.raises(SpeechError) as refused:
        engine.speak(GREETING, voice)
    return str(refused.value)


def test_a_voice_of_the_settings_speaks(children: Children, thu: PiperVoiceSettings) -> None:
    engine = piper(children, thu)
    assert engine.voices() == (VOICE,)
    sound = engine.speak(GREETING, VOICE)
    assert sound.rate_hz == RATE_HZ
    assert sound.duration_ms > 500
    assert max(array("h", sound.samples)) > 3_000


def test_without_settings_there_is_no_voice(children: Children) -> None:
    assert Piper(PiperSettings(), children).voices() == ()


def test_more_words_a_minute_take_less_time(children: Children, thu: PiperVoiceSettings) -> None:
    slow, fast = (piper(children, thu, pace) for pace in (100, 200))
    ratio = slow.speak(GREETING, VOICE).duration_ms / fast.speak(GREETING, VOICE).duration_ms
    assert 1.9 < ratio < 2.1
    assert slow.version != fast.version


def test_its_version_names_the_checksum_and_changes_with_what_stands_beside_the_voice(
    children: Children, thu: PiperVoiceSettings
) -> None:
    engine = piper(children, thu)
    before = engine.version
    assert thu.sha256 in before
    thu.file.with_name("thu.onnx.json").write_text("{}", encoding="utf-8")
    assert engine.version != before


def test_two_voices_sound_different(children: Children, tmp_path: Path) -> None:
    voices = {name: piper_voice(tmp_path, name, tone_hz=tone) for name, tone in (("mai", 300), ("nam", 120))}
    engine = Piper(PiperSettings(voices=voices), children)
    assert len({engine.speak(GREETING, voice).samples for voice in engine.voices()}) == 2


def test_another_file_than_that_of_the_settings_is_refused(children: Children, thu: PiperVoiceSettings) -> None:
    piper_voice(thu.file.parent, tone_hz=500)
    told = refusal(piper(children, thu))
    assert "is not the file of the settings" in told
    assert str(thu.file) in told


def test_a_file_that_is_not_there_is_named(children: Children, thu: PiperVoiceSettings) -> None:
    thu.file.unlink()
    assert f"{thu.file} cannot be read" in refusal(piper(children, thu))


def test_settings_that_are_not_beside_the_voice_are_named(children: Children, thu: PiperVoiceSettings) -> None:
    thu.file.with_name("thu.onnx.json").unlink()
    assert "thu.onnx.json cannot be read. It comes with the voice" in refusal(piper(children, thu))


@pytest.mark.parametrize("own", ["", "[]", "{}", '{"audio": {"sample_rate": "x"}}'])
def test_settings_beside_the_voice_that_are_of_no_use_are_an_error(
    children: Children, thu: PiperVoiceSettings, own: str
) -> None:
    thu.file.with_name("thu.onnx.json").write_text(own, encoding="utf-8")
    assert "piper failed on" in refusal(piper(children, thu))


def test_a_voice_that_would_fetch_something_is_refused(children: Children, thu: PiperVoiceSettings) -> None:
    beside = thu.file.with_name("thu.onnx.json")
    own = json.loads(beside.read_bytes()) | {"phoneme_type": "pinyin"}
    beside.write_text(json.dumps(own), encoding="utf-8")
    assert "needs more than Piper itself brings (pinyin)" in refusal(piper(children, thu))


def test_a_file_that_is_no_model_is_an_error(children: Children, thu: PiperVoiceSettings) -> None:
    thu.file.write_bytes(b"no model")
    broken = thu.model_copy(update={"sha256": files.sha256(thu.file)})
    assert "piper failed on" in refusal(piper(children, broken))


def test_without_the_package_it_says_how_to_get_it(
    children: Children, thu: PiperVoiceSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert "-m pip install -e '.[piper]'" in refusal(piper(children, thu))


def test_a_package_that_is_only_half_there_is_an_error(
    thu: PiperVoiceSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert "piper failed on" in refusal(Piper(PiperSettings(voices={"thu": thu})))


def test_an_unknown_voice_is_an_error(children: Children, thu: PiperVoiceSettings) -> None:
    assert "no voice piper/mai" in refusal(piper(children, thu), replace(VOICE, name="piper/mai"))


def test_sounds_in_brackets_are_read_out_as_text(children: Children, thu: PiperVoiceSettings) -> None:
    said = piper(children, thu).speak(f"a [[{'_' * 500}]]", VOICE)
    assert said.duration_ms < 5_000  # as Piper's own command: 20 s and more


def test_only_children_load_it(thu: PiperVoiceSettings) -> None:
    program = f"""
import sys
from broadcaster import application
from broadcaster.config import Config, PiperSettings, SpeechSettings
from broadcaster.process import Children
voices = {{"thu": {{"file": {str(thu.file)!r}, "sha256": {thu.sha256!r}, "language": "vi"}}}}
settings = SpeechSettings(piper=PiperSettings(voices=voices), children=1)
built = application.build(Config(data_folder={str(thu.file.parent / "data")!r}, speech=settings))
assert built.studio.speaker.speak("Xin chào.", "piper/thu").samples
built.close()
print([name for name in ("piper", "onnxruntime") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.returncode) == ("[]", 0), done.stderr


@pytest.mark.parametrize(
    ("name", "changes", "told"),
    [
        ("thu", {"sha256": "abc"}, "abc is no SHA-256"),
        ("thu", {"language": "vietnamese"}, "is no language code"),
        ("../thu", {}, "cannot name a voice"),
        ("thu", {"checksum": "abc"}, "unknown key checksum"),
    ],
)
def test_settings_that_cannot_be_used_are_told(tmp_path: Path, name: str, changes: dict[str, str], told: str) -> None:
    voice = {"file": "thu.onnx", "sha256": "0" * 64, "language": "vi"} | changes
    (tmp_path / "config.yaml").write_text(json.dumps({"speech": {"piper": {"voices": {name: voice}}}}), "utf-8")
    with pytest.raises(ConfigError, match=told):
        config.load(tmp_path, {})
