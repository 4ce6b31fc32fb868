"""`broadcaster pattern` as a person types it."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import yaml

from tests.acceptance.office import LIMIT_S, Office

FILL = ("pattern", "fill", "tam-ngung-cap-dien", "cat-dien")
VALUES = ("--set", "day=31/12/2099", "--set", "since=7h30", "--set", "until=11:00", "--set", "area=thôn Vôi")


def test_patterns_are_listed_and_shown_without_a_database(tmp_path: Path) -> None:
    office = Office(tmp_path)
    rows = json.loads(office.run("pattern", "list", "--json").stdout)
    assert "tam-ngung-cap-dien" in {row["id"] for row in rows}
    shown = office.run("pattern", "show", "hoan-tien-doi-no").stdout
    assert "whole number from 1 to 240" in shown
    assert "(EVNNPC, theo báo chí, 2026-01)" in shown
    assert json.loads(office.run("pattern", "show", "dien-tap", "--language", "bn", "--json").stdout)["title"] == "মহড়া"
    assert list(tmp_path.iterdir()) == []


def test_a_filled_pattern_is_a_draft(office: Office) -> None:
    done = office.run(*FILL, *VALUES, "--source", "Điện lực", "--as", "writer")
    assert "cat-dien is a draft now" in done.stdout
    found = json.loads(office.run("bulletin", "show", "cat-dien", "--json").stdout)[0]
    assert (found["state"], found["source"], found["author"]) == ("draft", "Điện lực", "writer")
    assert found["expires"].startswith("2099-12-31T04:00:00")


def test_a_dry_run_prints_what_import_takes_and_changes_nothing(office: Office) -> None:
    printed = office.run(*FILL, *VALUES, "--dry-run").stdout
    assert yaml.safe_load(printed)["bulletins"][0]["expires"] == "2099-12-31T11:00:00+07:00"
    assert json.loads(office.run("bulletin", "list", "--json").stdout) == []
    (office.folder / "filled.yaml").write_text(printed, encoding="utf-8")
    office.run("import", "filled.yaml", "--as", "writer")


def test_what_is_wrong_is_told_for_every_field_and_nothing_is_made(office: Office) -> None:
    done = office.run(*FILL, "--set", "day=hôm nay", "--set", "since=7h30", "--as", "writer", code=2)
    told = done.stderr
    assert all(words in told for words in ("day: write a date", "until is missing", "area is missing"))
    assert json.loads(office.run("bulletin", "list", "--json").stdout) == []
    assert "an equals sign" in office.run(*FILL, "--set", "day", "--as", "writer", code=2).stderr


def test_a_number_that_nobody_verified_is_told(office: Office) -> None:
    done = office.run(*FILL, *VALUES[:-1], "area=thôn Vôi, hỏi số 1900 292900", "--as", "writer")
    assert "1900 292900 is a premium-rate number" in done.stderr


def test_at_a_terminal_what_is_missing_is_asked_for(office: Office) -> None:
    mine, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "broadcaster", *FILL, *VALUES[:-2], "--as", "writer"],
        cwd=office.folder, env=office.environment(), stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        encoding="utf-8",
    ) as process:  # fmt: skip
        os.write(mine, "thôn Đông\n\n".encode())
        said, _ = process.communicate(timeout=LIMIT_S)
    os.close(mine)
    os.close(theirs)
    assert "Where (text of at most 300 characters), for example" in said
    assert "tại thôn Đông." in said
