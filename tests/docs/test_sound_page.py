"""docs/sound.md names every key of a template with its range, and the limits that the program has."""

import pytest
from annotated_types import Ge, Le

from _environment import ROOT
from broadcaster.audio import horn, intake, template, waveform
from broadcaster.audio.template import Settings

PAGE = (ROOT / "docs" / "sound.md").read_text(encoding="utf-8")
TIMES = {"once |": 1, "twice |": 2, "three times |": 3}


def row(key: str) -> str:
    (found,) = [line for line in PAGE.splitlines() if line.startswith("| `") and f"`{key}`" in line.split(" | ")[0]]
    return found


@pytest.mark.parametrize("key", Settings.model_fields)
def test_every_key_of_a_template_stands_on_the_page_with_its_range_and_default(key: str) -> None:
    field = Settings.model_fields[key]
    least = [bound.ge for bound in field.metadata if isinstance(bound, Ge)]
    most = [bound.le for bound in field.metadata if isinstance(bound, Le)]
    if least and most:
        assert f"| {least[0]} to {most[0]}" in row(key)
        assert row(key).endswith(f"| {field.default:g} |")
    if field.is_required():
        assert row(key).endswith("| required |")


def test_every_template_that_comes_along_stands_on_the_page() -> None:
    for name in template.names([ROOT / "audio_templates"]):
        assert template.find(name, [ROOT / "audio_templates"]).settings.readings == TIMES[row(name).split(" | ")[-1]]


@pytest.mark.parametrize(
    "told",
    [
        f"below {horn.LOW_HZ} Hz and above {horn.HIGH_HZ:,} Hz",
        f"raised by {horn.PRESENCE_DB:g} dB",
        f"compressed {horn.RATIO:g} to 1",
        f"within {horn.ATTACK_MS:g} ms",
        f"within {horn.RELEASE_MS:g} ms",
        f"at most {intake.LARGEST_BYTES // 1_000_000} MB",
        f"{intake.SHORTEST_MS / 1000} s to {intake.LONGEST_S // 60} min long",
        f"{intake.RATES_HZ[0]:,} to {intake.RATES_HZ[-1]:,} Hz, {intake.MOST_CHANNELS} channels at most",
        f"mono at {intake.RATE_HZ:,} Hz",
        f"{waveform.COUNT} columns",
    ],
)
def test_the_figures_are_those_of_the_program(told: str) -> None:
    assert told in " ".join(PAGE.split())
