"""Receipts: what loudspeakers without a network have signed, left as files in a folder, and taken in like any report.

    <receipts>/<name>.json   one envelope each
    <receipts>/taken/        those that are kept now
    <receipts>/refused/      those that nobody believes

Anybody may have written there: each file is small and plain or set aside, and is believed by its signature alone. It is
moved only after it is stored; where that is cut short, it is stored once all the same.
"""

import errno
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from pathlib import Path

from sqlalchemy.orm import Session
from ulid import ULID

from broadcaster import files
from broadcaster.connectors.base import Carried
from broadcaster.domain.place import Station
from broadcaster.errors import BroadcasterError
from broadcaster.orders import device as devices
from broadcaster.orders.health import LIMIT_BYTES
from broadcaster.services import enrolment, inbox
from broadcaster.services.dispatching import Dispatch, Errand, Job
from broadcaster.services.stations import Stations
from broadcaster.store import communes as places
from broadcaster.store.engine import Store

log = logging.getLogger(__name__)

EVERY = timedelta(seconds=5)
AT_ONCE = 200
LOOKED_AT = 20_000
"""Names in a folder of which more are not looked at: one that somebody has filled holds nothing up."""
TAKEN, REFUSED = "taken", "refused"
_LONGEST_NAME = 100


@dataclass(slots=True)
class Receipts:
    """`_doubtful` holds, by station, what was no receipt when it was looked at: somebody may just be copying it."""

    store: Store
    stations: Stations
    dispatch: Dispatch
    _next: datetime | None = None
    _doubtful: dict[str, dict[Path, tuple[int, int]]] = field(default_factory=dict)
    _complained: set[str] = field(default_factory=set)

    def run(self, now: datetime) -> None:
        """Have the receipts of all stations read that have any, every few seconds, and by nobody who airs."""
        for done in self.dispatch.done(Errand.READ):
            self._complain(done.job.station, done.error)
        if self._next is not None and self._next - EVERY <= now < self._next:
            return
        self._next = now + EVERY
        with self.store.reading() as session:
            stations = [station for found in places.stations(session).values() for station in found]
        for station in stations:
            folder = self._folder(station)
            if folder is not None:
                self.dispatch.submit(Job(station.code, "", Errand.READ, partial(self.read, station, folder, now)))

    def read(self, station: Station, folder: Path, now: datetime) -> int:
        """Take in what lies in a station's folder; how many are kept now. Raises OSError, StoreError: then all stay."""
        found = _candidates(folder)
        before = self._doubtful.get(station.code, {})
        kept: list[Path] = []
        refused: dict[Path, tuple[int, int]] = {}
        with self.store.writing() as session:
            for path in found:
                is_kept = _receive(session, station, path, now)
                if is_kept:
                    kept.append(path)
                elif is_kept is not None:
                    refused[path] = _state(path)
        for path in kept:
            _move(path, TAKEN)
        for path, state in refused.items():
            if before.get(path) == state:
                _move(path, REFUSED)
                extra = {"action": "receipt_refused", "station": station.code, "file": path.name[:_LONGEST_NAME]}
                log.warning("A receipt is not believed and was set aside.", extra=extra)
        self._doubtful[station.code] = {path: state for path, state in refused.items() if before.get(path) != state}
        return len(kept)

    def _folder(self, station: Station) -> Path | None:
        try:
            connector = self.stations.connector(station)
        except BroadcasterError:
            return None
        return connector.receipts if isinstance(connector, Carried) else None

    def _complain(self, station: str, error: Exception | None) -> None:
        """Once, as long as it lasts; a stick that is not in is no fault."""
        if error is None or isinstance(error, FileNotFoundError):
            self._complained.discard(station)
        elif station not in self._complained:
            self._complained.add(station)
            extra = {"action": "receipts_failed", "station": station, "error": str(error)}
            log.error("Receipts cannot be read.", exc_info=error, extra=extra)


def _candidates(folder: Path) -> Sequence[Path]:
    if folder.is_symlink():  # who has made the stick would choose what is moved away on this computer
        raise OSError(errno.ELOOP, "It is a link", str(folder))
    with os.scandir(folder) as entries:
        names = [entry.name for entry in islice(entries, LOOKED_AT)]
    wanted = sorted(name for name in names if name.endswith(".json") and not name.startswith("."))
    return [folder / name for name in wanted[:AT_ONCE]]


def _receive(session: Session, station: Station, path: Path, now: datetime) -> bool | None:
    """Whether a receipt is kept now; None where there is no room for it yet, or it is not there any more."""
    try:
        envelope = files.read_plain(path, LIMIT_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError:
        return False
    try:
        device = devices.sender(envelope)
    except BroadcasterError:
        return False
    row = enrolment.known(session, device)
    if row is None or row.station != station.code:
        return False
    received = inbox.receive(session, device, [envelope], now)
    return None if received.put_off else bool(received.ack_seqs)


def _state(path: Path) -> tuple[int, int]:
    found = path.lstat()
    return found.st_size, found.st_mtime_ns


def _move(path: Path, where: str) -> None:
    """Into a folder beside, under a name that nothing there has. Raises OSError."""
    folder = path.parent / where
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        folder.rename(folder.with_name(f".{ULID()}"))  # somebody wants it to lie elsewhere
    folder.mkdir(exist_ok=True)
    target = folder / path.name
    if os.path.lexists(target):
        target = folder / f"{ULID()}-{path.name[-_LONGEST_NAME:]}"
    path.rename(target)
