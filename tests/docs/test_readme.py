"""The README is short, its commands parse, what it links exists, and its picture loads nothing."""

import os
import re
import shlex
from pathlib import Path

import pytest

from _environment import ROOT
from _pages import parse
from broadcaster import strict_yaml
from broadcaster.connectors.base import KINDS
from broadcaster.services.exchange import Exchange
from tests.typed import typed

README = (ROOT / "README.md").read_text(encoding="utf-8")
CONSOLE = re.findall(r"^```console\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
YAML = re.findall(r"^```yaml\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
SHELL = re.findall(r"^```sh\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
TYPED = [line.removeprefix("$ ") for block in CONSOLE for line in block.splitlines() if line.startswith("$ ")]


def test_the_readme_has_at_most_150_lines() -> None:
    assert len(README.splitlines()) <= 150


def test_the_readme_shows_the_way_of_a_bulletin() -> None:
    shown = {" ".join(shlex.split(line)[1:3]) for line in TYPED}
    assert {"bulletin submit", "bulletin approve", "log list", "log verify"} <= shown
    assert {line.split()[1] for line in TYPED} >= {"import", "schedule", "timetable", "say", "spoken"}


@pytest.mark.parametrize("line", TYPED)
def test_a_command_of_the_readme_is_one_the_program_takes(line: str) -> None:
    program, *arguments = shlex.split(line)
    assert program == "broadcaster"
    parse(arguments)


def test_a_command_that_the_program_does_not_take_is_noticed() -> None:
    with pytest.raises(Exception, match="--nowhere"):
        parse(["plan", "--nowhere"])


def test_the_commands_of_the_readme_run_in_their_order(tmp_path: Path) -> None:
    (tmp_path / "cat-dien.yaml").write_text(YAML[0], encoding="utf-8")
    samples = sorted(str(path) for path in (ROOT / "broadcaster" / "samples").glob("*.yaml"))
    for arguments in (["import", *samples], *(shlex.split(line)[1:] for line in TYPED)):
        environment = {**os.environ, "BROADCASTER__LANGUAGE": "en"}
        done = typed(tmp_path, *arguments, environment=environment, given="Nợ 692.000đ.\n")
        assert done.returncode == 0, (arguments, done.stderr)
        if arguments[0] == "plan":
            assert "cat-dien-lang-giang" in done.stdout
    assert (tmp_path / "thu.mp3").stat().st_size > 10_000


def test_the_bulletin_of_the_readme_is_valid() -> None:
    strict_yaml.parse(YAML[0], "README.md").validate(Exchange)


def test_every_script_of_the_readme_can_be_run() -> None:
    scripts = [line for block in SHELL for line in block.split()]
    assert scripts == ["scripts/start", "scripts/test"]
    assert all((ROOT / script).is_file() for script in scripts)


def test_every_connector_has_its_row_in_the_readme() -> None:
    assert set(re.findall(r"^\| `(\w+)` \|", README, re.MULTILINE)) == set(KINDS)


def test_the_picture_of_the_readme_loads_nothing_from_elsewhere() -> None:
    picture = (ROOT / "docs" / "demo.svg").read_text(encoding="utf-8")
    assert "@font-face" not in picture
    assert "url(http" not in picture
    assert set(re.findall(r"https?://[^\"'\s)]+", picture)) == {"http://www.w3.org/2000/svg"}  # the name of the format
    assert "broadcaster" in picture
