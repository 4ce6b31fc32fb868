"""The log of the program itself: JSON lines in a file, one sentence each, with the action and ids beside it.

Not to be confused with the airing log that operators read (`services/log.py`) or the journal (`store/journal.py`).
"""

import json
import logging
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path

_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


class JsonLines(logging.Formatter):
    """One record is one line of JSON: text with newlines or terminal codes can neither forge nor hide a line."""

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "room": record.name,
            "message": record.getMessage(),
        }
        entry |= {key: value for key, value in record.__dict__.items() if key not in _STANDARD}
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=False, default=str)


class LogFile(RotatingFileHandler):
    """A file that cannot be written, as on a full disk, costs its lines and nothing else."""

    def handleError(self, record: logging.LogRecord) -> None:
        """Prints no traceback over what a person reads: the trouble that filled the disk is told where it is met."""


def start(folder: Path, name: str, level: str) -> None:
    """Send the program's log to `folder/name.log`, at most five files of 5 MB each."""
    folder.mkdir(parents=True, exist_ok=True)
    handler = LogFile(folder / f"{name}.log", maxBytes=5_000_000, backupCount=4, encoding="utf-8")
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # Its sentences about every tick drown ours; what matters of them is journalled by jobs/metronome.py.
    logging.getLogger("apscheduler").setLevel(logging.WARNING)
