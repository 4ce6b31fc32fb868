"""What a box is wired to: a microphone that hears or not, a switch, an amplifier."""

from array import array
from collections.abc import Generator
from pathlib import Path

import miniaudio
import pytest

from broadcaster.orders.health import Amplifier, Heard
from broadcaster.player.senses import Microphone, senses
from broadcaster.player.settings import AmplifierSettings, Settings, SwitchSettings


class Capture:
    """Hears what a test lets it hear."""

    def __init__(self, *loudness: int) -> None:
        self.loudness = loudness
        self.is_open = True

    def start(self, take: Generator[None, bytes, None]) -> None:
        for each in self.loudness:  # half a second each
            take.send(array("h", [each, -each] * 4000).tobytes())

    def stop(self) -> None:
        """Nothing more comes."""

    def close(self) -> None:
        self.is_open = False


@pytest.mark.parametrize(
    ("loudness", "heard"),
    [((), Heard.UNKNOWN), ((9000,), Heard.UNKNOWN), ((10, 10, 10), Heard.SILENT), ((9000, 10, 9000), Heard.HEARD),
     ((10, 9000, 10), Heard.SILENT)],
)  # fmt: skip
def test_a_microphone_tells_whether_it_was_loud_for_long_enough(loudness: tuple[int, ...], heard: Heard) -> None:
    capture = Capture(*loudness)
    microphone = Microphone(-45, lambda: capture)
    assert microphone.heard() is Heard.UNKNOWN
    microphone.listen(True)
    assert microphone.heard() is heard
    microphone.listen(False)
    assert microphone.heard() is heard
    assert not capture.is_open


def test_a_microphone_that_is_gone_costs_nothing() -> None:
    def gone() -> Capture:
        raise miniaudio.MiniaudioError("no such device")

    microphone = Microphone(-45, gone)
    microphone.listen(True)
    microphone.listen(False)
    assert microphone.heard() is Heard.UNKNOWN


def test_a_box_without_wires_says_nothing() -> None:
    found = senses(Settings(), None)
    assert (found.heard(), found.amplifier(), found.is_switched_off()) == (Heard.UNKNOWN, Amplifier.UNKNOWN, False)


def test_a_switch_is_a_file_or_a_line(tmp_path: Path) -> None:
    file = tmp_path / "off"
    by_file = senses(Settings(switch=SwitchSettings(file=file)), None)
    by_line = senses(Settings(switch=SwitchSettings(file=file, stops_when="0")), None)
    assert not by_file.is_switched_off()
    assert not by_line.is_switched_off()
    file.write_text("0\n")
    assert by_file.is_switched_off()
    assert by_line.is_switched_off()
    file.write_text("1\n")
    assert not by_line.is_switched_off()


def test_an_amplifiers_line_tells_on_off_or_that_it_cannot_be_read(tmp_path: Path) -> None:
    line = tmp_path / "value"
    found = senses(Settings(amplifier=AmplifierSettings(file=line, on_when="0")), None)
    assert found.amplifier() is Amplifier.FAULT
    line.write_text("0\n")
    assert found.amplifier() is Amplifier.ON
    line.write_text("1\n")
    assert found.amplifier() is Amplifier.OFF
