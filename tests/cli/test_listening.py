"""`broadcaster bulletin listen` and `broadcaster say --waveform` as a person types them."""

import hashlib
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.acceptance.office import Office

TITLE = "{http://www.w3.org/2000/svg}title"


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def test_an_approved_clip_is_copied_and_drawn(office: Office) -> None:
    office.settle_in()
    done = office.run("bulletin", "listen", "chay-rung", "--waveform", "song.svg", "-o", "nghe.mp3")
    ((sha256, peaks, duration_ms),) = office.query("SELECT sha256, peaks, duration_ms FROM clips")
    assert hashlib.sha256((office.folder / "nghe.mp3").read_bytes()).hexdigest() == sha256
    assert len(peaks) == 300
    seconds = round(duration_ms / 1000)
    drawing = ET.parse(office.folder / "song.svg").getroot()
    assert drawing.findtext(TITLE) == f"Waveform {seconds // 60}:{seconds % 60:02}"
    first, voice, digest = done.stdout.splitlines()
    assert first.startswith(f"nghe.mp3: {duration_ms / 1000:.1f} s, -1")
    assert "LUFS" in first
    assert (voice, digest) == ("Voice: espeak/vi", f"SHA-256: {sha256}")
    office.run("bulletin", "listen", "chay-rung")
    assert (office.folder / "chay-rung.mp3").read_bytes() == (office.folder / "nghe.mp3").read_bytes()


def test_wrong_names_are_told_before_anything_is_written(office: Office) -> None:
    office.settle_in()
    for option, name, ending in (("-o", "nghe.wav", ".mp3"), ("--waveform", "song.png", ".svg")):
        assert f"must end in {ending}" in office.run("bulletin", "listen", "chay-rung", option, name, code=2).stderr
    assert "no bulletin ../x" in office.run("bulletin", "listen", "../x", code=2).stderr
    assert not [path for path in office.folder.glob("*") if path.suffix in {".mp3", ".wav", ".svg", ".png"}]


def test_what_is_said_is_drawn_too(office: Office) -> None:
    office.run("say", "Xin chào bà con.", "-o", "chao.wav", "--waveform", "chao.svg")
    drawing = ET.parse(office.folder / "chao.svg").getroot()
    assert str(drawing.findtext(TITLE)).startswith("Waveform 0:0")
    done = office.run("say", "Xin chào.", "-o", "chao.mp3", "--waveform", "chao.jpg", code=2)
    assert "must end in .svg" in done.stderr
    assert not (office.folder / "chao.mp3").exists()
