"""What is to sound, for people and simple players: an M3U playlist and a CSV table."""

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from broadcaster import files
from broadcaster.domain.order import Order

ORDER_SUFFIX = ".order.json"
"""Of the files that hold a signed order."""

_COLUMNS = ("start", "duration_s", "airing", "title", "file", "sha256", "repeats", "gap_s")


@dataclass(frozen=True, slots=True)
class Line:
    """One airing of a plan; `duration_s` is that of the clip once, `title` stands on one line."""

    start: datetime
    duration_s: float
    airing: str
    title: str
    file: str
    sha256: str
    repeats: int
    gap_s: float


def line(order: Order, file: str) -> Line:
    return Line(
        order.start, order.duration_ms / 1000, order.airing, one_line(order.title), file, order.clip_sha256,
        order.repeats, order.gap_s,
    )  # fmt: skip


def one_line(title: str) -> str:
    return " ".join(title.split())


def playlist(lines: Iterable[Line]) -> bytes:
    """An M3U playlist in UTF-8, in the order of the times."""
    found = ["#EXTM3U"]
    for each in _sorted(lines):
        found += [f"#EXTINF:{each.duration_s:.0f},{each.title}", each.file] * each.repeats
    return ("\n".join(found) + "\n").encode()


def table(lines: Iterable[Line]) -> bytes:
    """A CSV table that a spreadsheet reads as UTF-8, in the order of the times."""
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(_COLUMNS)
    for each in _sorted(lines):
        rows.writerow([
            each.start.isoformat(), f"{each.duration_s:.1f}", each.airing, files.safe_cell(each.title), each.file,
            each.sha256, each.repeats, each.gap_s,
        ])  # fmt: skip
    return text.getvalue().encode("utf-8-sig")


def _sorted(lines: Iterable[Line]) -> list[Line]:
    return sorted(lines, key=lambda each: (each.start, each.airing))
