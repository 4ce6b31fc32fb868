"""A USB stick, or a folder, for loudspeakers that obey signed orders and have no network.

    <folder>/orders/<number>.json   signed orders, cancels and stops, as a loudspeaker receives them by any other way
    <folder>/clips/<sha256>.mp3     each clip once; an order names its file
    <folder>/keys/keys-<n>.json     every version of the commune's keys
    <folder>/acks/<user>.json       for each loudspeaker, what of its reports the server has
    <folder>/plan.csv               what will sound and when, for people
    <folder>/receipts/              what loudspeakers report, signed; read back, and then moved to receipts/read

Every file is written under a temporary name, flushed, then renamed: a stick that is pulled out holds no half a file.
The worker writes as far ahead as `lead_s` says, whenever the stick is there. What loudspeakers have played is known
when it comes back; until then an airing is `accepted`.
"""

import csv
import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import Field as Setting

from broadcaster import files
from broadcaster.connectors.base import Capabilities
from broadcaster.domain.airing import Evidence
from broadcaster.domain.loudspeaker import MAX_PER_STATION
from broadcaster.domain.order import Order, Report
from broadcaster.domain.place import Grade, Station
from broadcaster.errors import BroadcasterError, DeliveryError
from broadcaster.orders import envelope as envelopes
from broadcaster.orders import payload
from broadcaster.orders.health import LIMIT_BYTES
from broadcaster.orders.payload import Command, Payload
from broadcaster.orders.strict_json import ID
from broadcaster.strict_yaml import Strict

log = logging.getLogger(__name__)

MOST_RECEIPTS = 5_000
"""Files that are read at once; the next time brings the rest."""
_LONGEST_LEAD_S = 7 * 86_400
"""An order on a stick is good for 8 days."""

Id = Annotated[str, Setting(pattern=f"^{ID.pattern}$")]


class StickConnector:
    class Config(Strict):
        folder: Path
        loudspeakers: list[Id] = Setting([], max_length=MAX_PER_STATION)
        lead_s: float = Setting(float(_LONGEST_LEAD_S), ge=0, le=_LONGEST_LEAD_S)
        timezone: str = "Asia/Ho_Chi_Minh"

    def __init__(self, station: Station, config: Config) -> None:
        self._station = station
        self._root = config.folder
        self._zone = ZoneInfo(config.timezone)
        self.capabilities = Capabilities(
            holds_orders=True, confirms_start=False, confirms_finish=False, can_stop=True, plays_here=False,
            lead_s=config.lead_s, grade=Grade.A, evidence=Evidence.ACCEPTED,
        )  # fmt: skip

    def deliver(self, order: Order) -> None:
        """The clip first, so that no order is there without it."""
        if not order.envelope:
            raise DeliveryError("An order for {station} has to be signed.", is_permanent=True,
                                station=self._station.code)  # fmt: skip
        with self._writing():
            clip = self._root / "clips" / f"{order.clip_sha256}{order.clip.suffix}"
            if not clip.exists():
                files.write(clip, order.clip.read_bytes())
        self.send(order.envelope)

    def send(self, envelope: bytes, only: str | None = None) -> None:  # noqa: ARG002 - whom it is for stands in it
        try:
            order = _read(envelope)
        except BroadcasterError as error:
            raise DeliveryError(
                "{station}: {error}", is_permanent=True, station=self._station.code, error=error
            ) from error
        with self._writing():
            files.write(self._root / "orders" / f"{order.seq:016d}.json", envelope)
            self._tidy(order)
            self._write_plan()

    def receipts(self) -> Iterator[tuple[Path, bytes]]:
        """What loudspeakers have left: a signed report each, unverified. `taken` moves one away once it is kept."""
        try:
            found = sorted(path for path in (self._root / "receipts").glob("*.json") if path.is_file())
        except OSError:
            return  # the stick is not there
        for path in found[:MOST_RECEIPTS]:
            try:
                if not path.is_symlink() and path.stat().st_size <= LIMIT_BYTES:
                    yield path, path.read_bytes()
                else:
                    self.taken(path)
            except OSError as error:
                log.warning("A receipt cannot be read.", exc_info=error, extra={"action": "receipt_unread"})

    def put(self, name: str, content: bytes) -> None:
        """Leave keys or an acknowledgement under a name of ours, unless that is there already. Raises DeliveryError."""
        path = self._root / name
        with self._writing():
            path.parent.mkdir(exist_ok=True)
            if not path.exists() or path.read_bytes() != content:
                files.write(path, content)

    @property
    def is_there(self) -> bool:
        return self._root.is_dir()

    def taken(self, path: Path) -> None:
        try:
            done = path.parent / "read"
            done.mkdir(exist_ok=True)
            path.replace(done / path.name)
        except OSError as error:  # it is read again, and counts once
            log.warning("A receipt cannot be moved.", exc_info=error, extra={"action": "receipt_unmoved"})

    def reports(self) -> list[Report]:
        """None: what loudspeakers have signed is taken as it comes over every other way (`services.receipts`)."""
        return []

    def stop(self, airing: str) -> None:
        raise BroadcasterError(
            "The loudspeakers of {station} obey signed orders alone, also to stop {airing}.",
            station=self._station.code, airing=airing,
        )  # fmt: skip

    def check(self) -> None:
        with self._writing():
            files.write(self._root / ".writable", b"")
            (self._root / ".writable").unlink()

    def close(self) -> None:
        """Nothing to let go of."""

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """A folder that is not there is a stick that was pulled out: it is never made, only what belongs into it."""
        try:
            if not self._root.is_dir():
                raise FileNotFoundError(f"{self._root} is not there")
            for name in ("orders", "clips", "receipts"):
                (self._root / name).mkdir(exist_ok=True)
            yield
        except OSError as error:
            raise DeliveryError(
                "The folder {folder} cannot be written: {error}", is_permanent=False, folder=self._root, error=error
            ) from error

    def _tidy(self, newest: Payload) -> None:
        """Drop orders that are over by the time of the newest one, and clips that none names any more."""
        named = set()
        for path, order in self._orders():
            if order.exp < newest.nbf:
                path.unlink(missing_ok=True)
            elif order.audio is not None:
                named.add(order.audio.url)
        for clip in (self._root / "clips").glob("*.mp3"):
            if clip.name not in named:
                clip.unlink(missing_ok=True)

    def _write_plan(self) -> None:
        orders = [order for _, order in self._orders()]
        cancelled = {order.airing: order.seq for order in orders if order.cmd is Command.CANCEL}
        table = io.StringIO()
        rows = csv.writer(table)
        rows.writerow(["start", "longest_s", "airing", "bulletin", "file", "mode"])
        for order in sorted(orders, key=lambda order: order.start):
            if order.cmd is Command.PLAY and order.audio is not None and cancelled.get(order.airing, 0) < order.seq:
                start = f"{order.start.astimezone(self._zone):%Y-%m-%d %H:%M:%S}"
                rows.writerow([start, order.max_s, order.airing, order.ref, order.audio.url, order.mode])
        files.write(self._root / "plan.csv", table.getvalue().encode("utf-8-sig"))

    def _orders(self) -> Iterator[tuple[Path, Payload]]:
        """What lies there; a file of somebody else's is passed over."""
        for path in sorted((self._root / "orders").glob("[0-9]*.json")):
            try:
                yield path, _read(path.read_bytes())
            except BroadcasterError:
                continue


def _read(envelope: bytes) -> Payload:
    return payload.parse(envelopes.unverified_payload(envelope, limit_bytes=envelopes.ORDER_LIMIT_BYTES))
