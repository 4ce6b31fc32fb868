"""Runs `broadcaster.player` with one fault, which the variable FAULT describes as JSON.

    {"state": "started", "when": "before" | "after"}   kill -9 around the first report of this state

Beside it in its folder, the file `clock-shift` moves what it takes for the time by so many seconds.
"""

import json
import os
import signal
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from broadcaster import clock
from broadcaster.player.__main__ import main
from broadcaster.player.book import Book

_FAULT: dict[str, Any] = json.loads(os.environ.get("FAULT", "{}"))
_now, _report = clock.now, Book.report


def shifted() -> datetime:
    try:
        return _now() + timedelta(seconds=float(Path("clock-shift").read_text()))
    except (OSError, ValueError):
        return _now()


def reported(book: Book, order: Any, state: Any, *arguments: Any, **named: Any) -> None:
    is_it = state == _FAULT.get("state")
    if is_it and _FAULT["when"] == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    _report(book, order, state, *arguments, **named)
    if is_it:
        os.kill(os.getpid(), signal.SIGKILL)


clock.now = shifted
setattr(Book, "report", reported)  # noqa: B010 - its types are those of any call
sys.exit(main())
