"""What a schedule would have on air, as it is told in a terminal."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import typer

from broadcaster.application import Application
from broadcaster.cli.context import LocalTimes, console, show
from broadcaster.domain.airing import Reason
from broadcaster.domain.plan import PlannedAiring
from broadcaster.services.foresight import Foresight
from broadcaster.services.scheduling import DoesNotFitError
from broadcaster.services.telling import REASONS
from broadcaster.words import Words


@contextmanager
def choosing(built: Application, words: Words) -> Iterator[None]:
    """What does not fit is shown with the choices there are, before the error that says so."""
    try:
        yield
    except DoesNotFitError as error:
        err = console(stderr=True)
        for line in blocked_lines(built, words, error.foresight.not_fitting):
            err.print(line, markup=False, soft_wrap=True)
        for offer in error.offers:
            text = words("--if-full {choice}: {count} do not fit then", choice=offer.choice, count=offer.blocked)
            if offer.entry.repeats != error.entry.repeats:
                text += words(" (played {repeats} times)", repeats=offer.entry.repeats)
            err.print(text, markup=False, soft_wrap=True)
        raise


def show_foresight(built: Application, words: Words, foresight: Foresight, *, as_json: bool) -> None:
    rows = rows_of(built, foresight.airings)
    if not as_json:
        for row in rows:
            row["blocked"] = words(REASONS[row["blocked"]]) if row["blocked"] is not None else None
    if rows or as_json:
        show(rows, ("due", "ends", "commune", "blocked"), as_json=as_json)
    else:
        typer.echo(words("Nothing of it would air in the next 14 days."))
    if not as_json:
        for line in lost_lines(built, words, foresight.lost):
            console().print(line, markup=False, soft_wrap=True)


def rows_of(built: Application, airings: Sequence[PlannedAiring]) -> list[dict[str, Any]]:
    local = LocalTimes(built)
    return [
        {
            "due": local(airing.key.commune, airing.due_at),
            "ends": local(airing.key.commune, airing.ends_at),
            "commune": airing.key.commune,
            "blocked": airing.blocked,
        }
        for airing in airings
    ]


def blocked_lines(built: Application, words: Words, airings: Sequence[PlannedAiring]) -> Iterator[str]:
    """One line for each reason: how many, and the first of them."""
    by_reason: dict[Reason, list[PlannedAiring]] = defaultdict(list)
    for airing in airings:
        by_reason[airing.blocked or Reason.SLOT_FULL].append(airing)
    for reason, blocked in by_reason.items():
        yield words(
            "{count} will not air: {reason}, the first {first}",
            count=len(blocked),
            reason=words(REASONS[reason]),
            first=first_of(built, blocked),
        )


def lost_lines(built: Application, words: Words, airings: Sequence[PlannedAiring]) -> Iterator[str]:
    """What others lose by it."""
    by_schedule: dict[str, list[PlannedAiring]] = defaultdict(list)
    for airing in airings:
        by_schedule[airing.key.schedule].append(airing)
    for schedule, lost in by_schedule.items():
        yield words(
            "{schedule} loses {count} airings by it, the first {first}",
            schedule=schedule,
            count=len(lost),
            first=first_of(built, lost),
        )


def first_of(built: Application, airings: Sequence[PlannedAiring]) -> str:
    """Where and when the first of some airings is due."""
    first = airings[0]
    return f"{first.key.commune} {LocalTimes(built)(first.key.commune, first.due_at)}"
