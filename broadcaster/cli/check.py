"""`broadcaster check`: whether everything that airing needs is there, this computer included."""

from collections.abc import Iterator
from dataclasses import dataclass

import typer

from broadcaster import computer
from broadcaster.application import Application, State, Status
from broadcaster.cli.airing_line import on_one_line, tell
from broadcaster.cli.context import Json, opened, show
from broadcaster.computer import Answer, Finding
from broadcaster.words import Words

_BAD = (State.FAILING, State.MISCONFIGURED)
_STATE_WIDTH = 14


@dataclass(frozen=True, slots=True)
class _Line:
    component: str
    state: str
    fault: str | None
    is_bad: bool


def register(app: typer.Typer) -> None:
    app.command("check")(check)


def check(*, as_json: Json = False) -> None:
    """Try everything that airing needs: database, voices, templates, stations, and this computer's sleep and clock.

    Exit code 1 where something fails; warnings about the computer alone leave it 0.
    """
    lines = []
    with opened("check", needs_database=False) as (built, words):
        for line in _lines(built, words):
            lines.append(line)
            if not as_json:
                tell("  ".join(part for part in (_padded(words(line.state)), line.component, line.fault) if part))
    if as_json:
        columns = ("component", "state", "fault")
        show([{column: getattr(line, column) for column in columns} for line in lines], columns, as_json=True)
    if any(line.is_bad for line in lines):
        raise typer.Exit(1)


def _lines(built: Application, words: Words) -> Iterator[_Line]:
    for status in built.statuses():
        yield _of_status(status, words)
    for finding in computer.findings():
        yield _of_finding(finding, words)


def _of_status(status: Status, words: Words) -> _Line:
    fault = None if status.fault is None else on_one_line(words.error(status.fault))
    return _Line(on_one_line(status.component), str(status.state), fault, status.state in _BAD)


def _of_finding(finding: Finding, words: Words) -> _Line:
    state = str(State.READY if finding.answer is Answer.FINE else finding.answer)
    message = words(finding.message, **finding.values) if finding.message else None
    return _Line(f"computer {finding.subject}", state, message, is_bad=False)


def _padded(state: str) -> str:
    return state.ljust(_STATE_WIDTH)
