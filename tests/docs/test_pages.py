"""The pages of docs/ say what the program does: every link, command, key, column and code of them is checked."""

import re
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from _environment import ROOT
from _pages import COMMANDS_PAGE, commands, commands_page
from broadcaster import strict_yaml
from broadcaster.connectors.base import KINDS
from broadcaster.domain.airing import Evidence, Outcome, Reason
from broadcaster.domain.roles import Actor
from broadcaster.services import exchange
from broadcaster.services.exchange import Exchange
from broadcaster.services.log import COLUMNS
from broadcaster.store import journal, schema
from broadcaster.store.engine import Store
from broadcaster.store.journal import Action
from broadcaster.strict_yaml import Strict

PAGES = [*(ROOT.glob("*.md")), *(ROOT / "docs").glob("*.md")]
NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def block(name: str, language: str) -> str:
    found = re.search(rf"^```{language}\n(.*?)^```", page(name), re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_linked_file_exists(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8")):
        assert (path.parent / target).exists(), target


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_file_of_the_project_that_is_named_exists(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    named = re.findall(r"`((?:broadcaster|tests|scripts|docs|audio_templates)/[\w./-]+)`", text)
    for name in named:
        assert (ROOT / name).exists() or re.search(r"\b(NAME|CODE)\b", name), name


def test_the_page_of_commands_equals_the_help() -> None:
    assert COMMANDS_PAGE.read_text(encoding="utf-8") == commands_page(), "run scripts/commands"


def test_every_command_stands_on_the_page_of_commands() -> None:
    titles = re.findall(r"^##+ broadcaster ?(.*)$", page("commands.md"), re.MULTILINE)
    assert titles == [" ".join(path) for path in commands()]


@pytest.mark.parametrize("code", [*Outcome, *Reason, *Evidence])
def test_every_code_of_the_log_stands_in_the_glossary_in_both_languages(code: str) -> None:
    row = re.search(rf"^\| `{code}` \| (.+) \| (.+) \|$", page("glossary.md"), re.MULTILINE)
    assert row is not None
    assert row[1].strip() and row[2].strip()


def test_the_example_of_the_schema_is_valid() -> None:
    strict_yaml.parse(block("schema.md", "yaml"), "schema.md").validate(Exchange)


def test_every_key_of_the_schema_stands_on_its_page_and_in_its_example() -> None:
    entries = [value for value in vars(exchange).values() if isinstance(value, type) and issubclass(value, Strict)]
    keys = {field.alias or key for entry in entries for key, field in entry.model_fields.items()}
    assert {key for key in keys if f"`{key}`" not in page("schema.md")} - set(Exchange.model_fields) == set()
    assert {key for key in keys if f"{key}:" not in block("schema.md", "yaml")} == {
        "times"
    }  # a schedule has slots or times


def test_every_connector_stands_on_the_page_of_the_schema() -> None:
    assert all(f"| `{kind}` |" in page("schema.md") for kind in KINDS)


def test_the_page_of_the_log_has_every_column_and_action() -> None:
    assert all(f"`{column}`" in page("log.md") for column in COLUMNS)
    assert all(f"`{action}`" in page("log.md") for action in Action)


def check_as_the_page_says(folder: Path) -> subprocess.CompletedProcess[str]:
    program = block("log.md", "python")
    return subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a journal of two chains."""
    (tmp_path / "data").mkdir()
    store = Store(f"sqlite:///{tmp_path / 'data' / 'broadcaster.db'}")
    schema.upgrade(store, tmp_path, NOW)
    with store.writing() as session:
        for chain in ("kep", "system", "kep"):
            actor = Actor("lan", "lan")
            journal.append(session, chain=chain, action=Action.PLANNED, now=NOW, actor=actor, subject="kế hoạch")
    store.close()
    return tmp_path


def test_the_check_of_the_page_passes_a_whole_journal(folder: Path) -> None:
    done = check_as_the_page_says(folder)
    assert done.returncode == 0, done.stderr
    assert "'kep': (2, " in done.stdout


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE journal SET payload = CAST(replace(CAST(payload AS TEXT), 'lan', 'nam') AS BLOB) WHERE seq = 2",
        "DELETE FROM journal WHERE chain = 'kep' AND seq = 1",
        "DELETE FROM journal WHERE chain = 'kep' AND seq = 2",
    ],
)
def test_the_check_of_the_page_finds_tampering(folder: Path, tampering: str) -> None:
    database = sqlite3.connect(folder / "data" / "broadcaster.db")
    database.execute(tampering)
    database.commit()
    database.close()
    assert check_as_the_page_says(folder).returncode != 0
