"""scripts/make_chimes writes the chimes that lie in the templates."""

import importlib.machinery
import importlib.util
import types
import wave
from pathlib import Path

import numpy as np
import pytest

from broadcaster.audio.decode import decode
from tests.audio.conftest import NAMES, TEMPLATES
from tests.audio.sounds import samples_of


@pytest.fixture
def script() -> types.ModuleType:
    path = TEMPLATES.parent / "scripts" / "make_chimes"
    loader = importlib.machinery.SourceFileLoader("make_chimes", str(path))
    spec = importlib.util.spec_from_loader("make_chimes", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def test_the_script_writes_the_chimes_that_are_kept(
    script: types.ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(script, "FOLDER", tmp_path / "audio_templates")
    script.main()
    for name in NAMES:
        made, kept = (
            decode((root / name / "chime.wav").read_bytes()) for root in (tmp_path / "audio_templates", TEMPLATES)
        )
        assert np.abs(samples_of(made) - samples_of(kept)).max() <= 1  # processors may round the last bit differently


@pytest.mark.parametrize("name", NAMES)
def test_a_chime_is_short_mono_and_starts_and_ends_in_silence(name: str) -> None:
    path = TEMPLATES / name / "chime.wav"
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 22_050)
    sound = decode(path.read_bytes())
    samples = samples_of(sound)
    assert 1_000 < sound.duration_ms < 4_000
    assert abs(samples[0]) < 50
    assert abs(samples[-1]) < 50
    assert 10_000 < np.abs(samples).max() < 20_000
