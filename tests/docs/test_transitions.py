"""The tables of docs/architecture.md say what may become of what, exactly as the program has it."""

import re
from collections.abc import Mapping
from enum import StrEnum

import pytest

from _environment import ROOT
from broadcaster.domain import airing, bulletin, campaign


def told(noun: str) -> dict[str, set[str]]:
    """A table of the page, by state."""
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    found = re.search(rf"^\| {noun} that is \| becomes \|\n\|---\|---\|\n((?:\|.*\n)+)", page, re.MULTILINE)
    assert found is not None, noun
    rows = [line.split("|")[1:3] for line in found[1].splitlines()]
    return {before: set(codes(after)) for befores, after in rows for before in codes(befores)}


def codes(cell: str) -> list[str]:
    return re.findall(r"`(\w+)`", cell)


@pytest.mark.parametrize(
    ("noun", "table"),
    [
        ("an airing", airing.TRANSITIONS),
        ("a station's part in an airing", airing.STATION_TRANSITIONS),
        ("a bulletin", bulletin.TRANSITIONS),
        ("an answer to a campaign", campaign.TRANSITIONS),
    ],
)
def test_the_page_has_the_table_of_the_program(noun: str, table: Mapping[StrEnum, frozenset[StrEnum]]) -> None:
    assert told(noun) == {str(before): set(map(str, afters)) for before, afters in table.items()}
