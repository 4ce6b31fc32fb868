"""The plan of the country written down with nothing in between: what no planner can be faster than.

It knows in advance what `planning` has to find out: every day is alike, all slots lie outside quiet hours, nothing
was planned before, and nothing is in the way of anything.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import psycopg
from sqlalchemy import make_url

from benchmarks.country import BULLETINS, COMMUNES, DAYS, TODAY, code
from broadcaster.domain.airing import Phase
from broadcaster.domain.place import Mode

COLUMNS = (
    "id", "schedule", "commune", "local_date", "place_in_day", "bulletin", "revision", "submission", "clip", "mode",
    "phase", "due_at", "ends_at",
)  # fmt: skip
SLOTS = (("Buổi sáng", 6), ("Buổi trưa", 11), ("Buổi chiều", 17))
DURATIONS_MS = [60_000 + 7_000 * number for number in range(BULLETINS)]
Row = tuple[str | int, ...]


def write(url: str) -> int:
    """Expand and insert everything in one transaction; returns how many rows."""
    address = make_url(url)
    names = ", ".join(COLUMNS)
    if address.get_backend_name() == "sqlite":
        with closing(sqlite3.connect(str(address.database))) as database:
            database.execute("PRAGMA synchronous=FULL")
            marks = ", ".join("?" * len(COLUMNS))
            count = database.executemany(f"INSERT INTO airings ({names}) VALUES ({marks})", rows("")).rowcount
            database.commit()
            return count
    plain = address.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain) as server, server.cursor() as cursor:
        with cursor.copy(f"COPY airings ({names}) FROM STDIN") as copy:
            for row in rows("+00"):
                copy.write_row(row)
        return cursor.rowcount


def rows(zone: str) -> Iterator[Row]:
    """Every airing, with moments as text of this time zone's mark."""
    number = 0
    fixed = [(f"bt-{n}", 1, f"{n:026d}", f"{n:064d}", str(Mode.LIVE), str(Phase.PLANNED)) for n in range(BULLETINS)]
    starts: dict[int, list[tuple[str, str, list[tuple[str, str]]]]] = {}
    for commune in range(COMMUNES):
        minute = commune % 25
        days = starts.get(minute) or starts.setdefault(minute, list(_days(minute, zone)))
        schedules = [f"lich-{bulletin}-{commune:04d}" for bulletin in range(BULLETINS)]
        name = code(commune)
        for day, slot, times in days:
            for bulletin, schedule in enumerate(schedules):
                number += 1
                yield (f"{number:026d}", schedule, name, day, slot, *fixed[bulletin], *times[bulletin])


def _days(minute: int, zone: str) -> Iterator[tuple[str, str, list[tuple[str, str]]]]:
    """Date, slot, and the start and end of each bulletin, laid end to end; slots begin at this minute."""
    local = ZoneInfo("Asia/Ho_Chi_Minh")
    for ahead in range(1, DAYS + 1):
        day = TODAY + timedelta(days=ahead)
        for slot, hour in SLOTS:
            due = datetime.combine(day, time(hour, minute), local).astimezone(UTC)
            times = []
            for duration_ms in DURATIONS_MS:
                ends = due + timedelta(milliseconds=duration_ms)
                times.append((_text(due, zone), _text(ends, zone)))
                due = ends
            yield day.isoformat(), slot, times


def _text(moment: datetime, zone: str) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S.%f") + zone
