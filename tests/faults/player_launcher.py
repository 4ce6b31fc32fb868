"""Runs `broadcaster.player` with one fault, which the variable FAULT describes as JSON.

    {"state": "started", "when": "before" | "after"}   kill -9 around the first report of this state
    {"state": "started", "after_s": 0.7}               the same, so long after it
    {"write": 4, "when": "before" | "after"}           kill -9 around the fourth file that is brought to the disk

Beside it in its folder, the file `clock-shift` moves what it takes for the time by so many seconds.
"""

import itertools
import json
import os
import signal
import sys
import threading
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from broadcaster import clock, files
from broadcaster.player.__main__ import main
from broadcaster.player.book import Book

_FAULT: dict[str, Any] = json.loads(os.environ.get("FAULT", "{}"))
_now, _report, _write = clock.now, Book.report, files.write
_writes = itertools.count(1)


def shifted() -> datetime:
    try:
        return _now() + timedelta(seconds=float(Path("clock-shift").read_text()))
    except (OSError, ValueError):
        return _now()


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def reported(book: Book, order: Any, state: Any, *arguments: Any, **named: Any) -> None:
    is_it = state == _FAULT.get("state")
    if is_it and _FAULT.get("when") == "before":
        die()
    _report(book, order, state, *arguments, **named)
    if is_it and "after_s" in _FAULT:
        threading.Timer(_FAULT["after_s"], die).start()
    elif is_it:
        die()


def written(path: Path, data: bytes, *, is_private: bool = False) -> None:
    is_it = next(_writes) == _FAULT.get("write")
    if is_it and _FAULT["when"] == "before":
        die()
    _write(path, data, is_private=is_private)
    if is_it:
        die()


clock.now = shifted
files.write = written
setattr(Book, "report", reported)  # noqa: B010 - its types are those of any call
sys.exit(main())
