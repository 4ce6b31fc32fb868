"""One line for each schedule and reason of what will not air, for whoever has just changed something."""

from collections.abc import Collection
from datetime import datetime

from broadcaster.application import Application
from broadcaster.cli.context import console
from broadcaster.services.fitting import BlockedAhead, blocked_ahead
from broadcaster.services.telling import REASONS
from broadcaster.words import Words

DAYS = 7


def tell_blocked(built: Application, words: Words, schedules: Collection[str], now: datetime) -> None:
    """Say on standard error what of these schedules will not air in the next days, as it is planned now."""
    with built.store.reading() as session:
        found = blocked_ahead(session, schedules, now, DAYS)
    for item in found:
        console(stderr=True).print(blocked_line(words, item), markup=False, soft_wrap=True)


def blocked_line(words: Words, item: BlockedAhead) -> str:
    return words(
        "{schedule}: {count} of {all} airings in the next {days} days will not air: {reason}, first {first}; "
        "see: broadcaster timetable show --commune {commune}",
        schedule=item.schedule, count=item.count, all=item.of, days=DAYS, reason=words(REASONS[item.reason]),
        first=f"{item.first:%d/%m %H:%M}", commune=item.commune,
    )  # fmt: skip
