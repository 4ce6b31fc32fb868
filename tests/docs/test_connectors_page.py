"""docs/connectors.md says of each connector what is spoken, how it is known, and who else could make it speak."""

import re
from pathlib import Path

import pytest

from _environment import ROOT
from broadcaster import strict_yaml
from broadcaster.connectors.base import KINDS, connect
from broadcaster.connectors.source_client import Paths
from broadcaster.connectors.source_system import SourceSystemConnector
from broadcaster.connectors.source_words import FIELDS
from broadcaster.domain.airing import Evidence
from broadcaster.domain.place import Grade
from tests.connectors.orders import station

PAGE = (ROOT / "docs" / "connectors.md").read_text(encoding="utf-8")
SECRET = "0123456789abcdef"
CONFIGURATIONS: dict[str, dict[str, object]] = {
    "mqtt": {"loudspeakers": ["loa-1"]},
    "soundcard": {"sink": "none"},
    "folder": {"folder": "out"},
    "memory": {},
    "axis": {"address": "https://192.0.2.5", "username": "loa", "password": "x"},
    "http": {"address": "https://192.0.2.5", "secret": SECRET},
    "source_system": {
        "address": "https://192.0.2.5", "username": "xa", "password": "x", "clusters": ["loa-1"],
        "clip_url": "https://192.0.2.6/{sha256}.mp3",
    },
}  # fmt: skip


@pytest.fixture(params=sorted(KINDS))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_the_page_gives_each_kind_the_grade_that_it_has(kind: str) -> None:
    grade = Grade.A if kind == "mqtt" else Grade.B
    row = re.search(rf"^\| {grade} \|.*$", PAGE, re.MULTILINE)
    assert connect(station(kind, **CONFIGURATIONS[kind])).capabilities.grade is grade
    assert row is not None
    assert f"`{kind}`" in row[0]


def test_the_page_gives_each_kind_the_evidence_that_it_has(kind: str, tmp_path: Path) -> None:
    if kind == "memory":  # it can be told to say anything
        return
    row = re.search(rf"^\| `{kind}` \| .* \| `(\w+)` \|$", PAGE, re.MULTILINE)
    assert row is not None
    assert connect(station(kind, **CONFIGURATIONS[kind])).capabilities.evidence is Evidence(row[1])


def test_the_page_has_every_word_and_call_of_a_source_system() -> None:
    ours = PAGE[PAGE.index("Our names are") :]
    assert [name for name in FIELDS if not re.search(rf"\b{name}\b", ours)] == []
    assert [name for name in Paths.model_fields if f"| `{name}` |" not in PAGE] == []


def test_the_example_of_a_source_system_is_valid() -> None:
    found = re.search(r"^```yaml\nconfig:\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None
    strict_yaml.parse(found[1], "connectors.md").validate(SourceSystemConnector.Config)


@pytest.mark.parametrize(
    "word",
    ["X-Time", "X-Nonce", "X-Signature", "holds_orders", "allow_unprotected", "net.allowed_networks", '"sha256"',
     "/orders", "/reports?after", "bc-"],
)  # fmt: skip
def test_the_page_names_what_is_sent(word: str) -> None:
    assert word in PAGE
