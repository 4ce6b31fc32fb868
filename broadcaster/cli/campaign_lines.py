"""How far a campaign came and what collides, as it is told in a terminal."""

from collections.abc import Iterator, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from broadcaster.domain.campaign import NO_SLOTS
from broadcaster.services.collisions import Collision
from broadcaster.services.coverage import Cell, Coverage
from broadcaster.store.tables import CommuneRow
from broadcaster.words import Words

_COLLISION = ("day", "place", "due", "schedule", "bulletin", "campaign", "blocked", "first")


def summary(found: Coverage, words: Words) -> Iterator[str]:
    """What was wanted, and how far it is from that."""
    yield f"{found.campaign}: {found.title} ({found.source})"
    if found.target_date is None:
        target = words(
            "Wanted: each bulletin {airings} times in {percent}% of the communes.",
            airings=found.target_airings, percent=found.target_percent,
        )  # fmt: skip
    else:
        target = words(
            "Wanted: each bulletin {airings} times in {percent}% of the communes by {date}.",
            airings=found.target_airings, percent=found.target_percent, date=f"{found.target_date:%d/%m/%Y}",
        )  # fmt: skip
    yield target
    yield words(
        "Reached: {reached} of {communes} communes ({percent}%); {remaining} more are needed.",
        reached=found.reached, communes=len(found.communes), percent=found.percent, remaining=found.remaining,
    )  # fmt: skip
    if found.is_met:
        yield words("The target is met.")
    elif found.is_over:
        yield words("The target was not met in time.")
    if found.ended_at is not None:
        yield words("The source has ended the campaign.")


def matrix(found: Coverage, words: Words) -> tuple[list[dict[str, Any]], list[str]]:
    """A row for each commune, a column for each bulletin: its answer, what aired of what is wanted, what is ahead."""
    bulletins = [cell.bulletin for cell in found.communes[0].bulletins] if found.communes else []
    rows = []
    for commune in found.communes:
        cells = {cell.bulletin: _cell(cell, found.target_airings, words) for cell in commune.bulletins}
        reached = words("yes") if commune.is_reached else words("no")
        rows.append({"commune": commune.name, "reached": reached, **cells})
    return rows, ["commune", "reached", *bulletins]


def _cell(cell: Cell, wanted: int, words: Words) -> str:
    airings = cell.airings
    parts = [f"{cell.answer} {airings.counted}/{wanted}"]
    if airings.planned:
        parts.append(words("{count} ahead", count=airings.planned))
    if airings.blocked:
        parts.append(words("{count} blocked", count=airings.blocked))
    if airings.missed + airings.partial:
        parts.append(words("{count} not aired", count=airings.missed + airings.partial))
    if cell.reason:
        parts.append(words("no slots") if cell.reason == NO_SLOTS else cell.reason)
    return ", ".join(parts)


def collision_rows(session: Session, found: Sequence[Collision]) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
    """A row for each airing of a collision; moments in the commune's own time."""
    rows = []
    for collision in found:
        zone = ZoneInfo(session.get_one(CommuneRow, collision.commune).timezone)
        for one in collision.contenders:
            due = one.due_at.astimezone(zone).isoformat(timespec="seconds")
            values = {"day": collision.day, "place": collision.place, "due": due, "first": collision.first}
            rows.append(values | {name: getattr(one, name) for name in ("schedule", "bulletin", "campaign", "blocked")})
    return rows, _COLLISION
