"""Pages of docs/ that are made from the program itself; tests hold them equal to it."""

from collections.abc import Iterator
from typing import Any

from typer.main import get_command
from typer.testing import CliRunner

from _environment import ROOT
from broadcaster.cli.main import app

COMMANDS_PAGE = ROOT / "docs" / "commands.md"
_INTRODUCTION = """\
# Commands

Every command with its help, as `--help` prints it. This page is written by `scripts/commands`; a test holds the two
equal.

- A command works on the folder it runs in: `config.yaml` there, if any, and the data folder that it names.
- In a checkout without an installation, write `.venv/bin/python -m broadcaster` (on Windows
  `.venv\\Scripts\\python -m broadcaster`) for `broadcaster`.
- Exit codes: 0 done, 1 failed, 2 what was given cannot be used (nothing was changed), 130 interrupted.
- Results go to standard output; progress, notes and errors go to standard error.
- `--as CODE` names the person who acts. Submitting needs a writer, deciding an approver who did not write or submit
  the bulletin. There is no sign-in yet: whoever can start the program on this computer can name anyone. The journal
  keeps the person and the user of the operating system.
"""


def commands(group: Any = None, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The path of every command and group, in the order of the help; first the program itself."""
    group = group or get_command(app)
    yield path
    for name, command in getattr(group, "commands", {}).items():
        if not command.hidden:
            yield from commands(command, (*path, name))


def help_of(path: tuple[str, ...]) -> str:
    """What `--help` prints for a command, 80 columns wide."""
    result = CliRunner().invoke(app, [*path, "--help"], prog_name="broadcaster", terminal_width=80, color=False)
    if result.exit_code:
        raise RuntimeError(result.output)
    return "\n".join(line.rstrip() for line in result.output.strip().splitlines())


def commands_page() -> str:
    """docs/commands.md as it should be."""
    parts = [_INTRODUCTION]
    for path in commands():
        title = " ".join(("broadcaster", *path))
        parts.append(f"{'##' if len(path) < 2 else '###'} {title}\n\n```text\n{help_of(path)}\n```\n")
    return "\n".join(parts)


def parse(arguments: list[str]) -> None:
    """Raise what the command line raises for arguments it does not take; nothing is run."""
    command: Any = get_command(app)
    parent: Any = None
    while hasattr(command, "commands"):
        parent = command.make_context("broadcaster", arguments[:1], parent=parent)
        command, arguments = command.commands[arguments[0]], arguments[1:]
    command.make_context(command.name, arguments, parent=parent)
