"""One line per airing, for those who watch the program run."""

import contextlib
import logging
from zoneinfo import ZoneInfo

import typer

from broadcaster.services.outcomes import OnEnd
from broadcaster.store.engine import Store
from broadcaster.store.tables import AiringRow, CommuneRow, RevisionRow

log = logging.getLogger(__name__)

_JOINERS = "\u200c\u200d"  # invisible, but Bengali is misspelt without them


def airing_line(store: Store, row: AiringRow) -> str:
    """`17:05:31  Lạng Giang  Cảnh giác mã QR giả  aired`: when it started (or was due), where, what, how it ended.

    The time is the commune's. The reason's code follows where an airing did not simply air, and an airing that has
    not ended yet ends with its title.
    """
    with store.reading() as session:
        commune = session.get_one(CommuneRow, row.commune)
        title = session.get_one(RevisionRow, (row.bulletin, row.revision)).title
    local = (row.started_at or row.due_at).astimezone(ZoneInfo(commune.timezone))
    parts = [f"{local:%H:%M:%S}", on_one_line(commune.name), on_one_line(title), row.outcome, row.reason]
    return "  ".join(part for part in parts if part)


def on_one_line(text: str) -> str:
    """A text from outside that can neither start a new line, nor move the cursor, nor pass for two fields."""
    collapsed = " ".join(text.split())
    return "".join(
        letter if letter.isprintable() or letter in _JOINERS else letter.encode("unicode_escape").decode()
        for letter in collapsed
    )


def tell(line: str) -> None:
    """Print a line at once. A terminal or pipe that is gone is no reason to stop airing."""
    with contextlib.suppress(OSError, ValueError):
        typer.echo(line)


def teller(store: Store) -> OnEnd:
    """What prints the line of every airing that ended; whatever goes wrong here must not disturb the airing."""

    def on_end(row: AiringRow) -> None:
        try:
            tell(airing_line(store, row))
        except Exception:
            log.exception("An airing's line was not printed.", extra={"action": "line_failed", "airing": row.id})

    return on_end
