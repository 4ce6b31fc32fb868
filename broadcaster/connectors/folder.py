"""A folder or USB stick: each clip and order as files, and the day's plan as M3U and CSV.

    <folder>/<YYYY-MM-DD>/<airing>.mp3, <airing>.json, plan.m3u8, plan.csv

Names come from ids and dates only. Every file is written under a temporary name, flushed, then renamed, so that
whoever reads the folder never meets half a file. Nothing here knows whether anyone played it: evidence `accepted`.
With `signed`, loudspeakers that verify read the folder (`folder_signed`).
"""

import errno
import glob
import json
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import Field, field_validator, model_validator

from broadcaster import files
from broadcaster.connectors.base import Capabilities
from broadcaster.connectors.folder_plan import Line, one_line, playlist, table
from broadcaster.connectors.loudspeakers import Loudspeakers
from broadcaster.domain.airing import Evidence
from broadcaster.domain.order import Order, Report
from broadcaster.domain.place import Grade, Station
from broadcaster.errors import BroadcasterError, DeliveryError
from broadcaster.strict_yaml import problem

_LONGEST_SIGNED_LEAD_S = 7 * 86_400
"""An order on a stick is good for 8 days, and is signed when it is handed over."""


class FolderConnector:
    class Config(Loudspeakers):
        """`stick` is where a stick is mounted: nothing is written while none is there.

        `receipts` is the folder in which loudspeakers leave what they report. Only with `receipts_at_once` is a report
        that stays away a sign of silence: from a stick it comes days later.
        """

        folder: Path
        timezone: str = "Asia/Ho_Chi_Minh"
        lead_s: float = Field(86_400.0, ge=0)
        stick: Path | None = None
        signed: bool = False
        receipts: Path | None = None
        receipts_at_once: bool = False

        @field_validator("timezone")
        @classmethod
        def _known_zone(cls, value: str) -> str:
            if value not in available_timezones():
                raise problem("unknown time zone {value}. Write it like Asia/Ho_Chi_Minh", value=value)
            return value

        @model_validator(mode="after")
        def _fits_together(self) -> Self:
            if not self.signed and (self.loudspeakers or self.receipts is not None):
                raise problem("only loudspeakers that obey signed orders leave receipts: signed: true", key="signed")
            if self.receipts_at_once and self.receipts is None:
                raise problem("write where the receipts are left", key="receipts")
            if self.signed and self.lead_s > _LONGEST_SIGNED_LEAD_S:
                raise problem("a signed order is written 7 days ahead at most", key="lead_s")
            return self

    _names_by_hash = False

    def __init__(self, station: Station, config: Config) -> None:
        self._guard = threading.Lock()
        self._station = station
        self._root = config.folder
        self._stick = config.stick
        self._zone = ZoneInfo(config.timezone)
        self.capabilities = Capabilities(
            holds_orders=True, confirms_start=False, confirms_finish=False, can_stop=True, plays_here=False,
            lead_s=config.lead_s, grade=Grade.B, evidence=Evidence.ACCEPTED, confirms_stop=False,
        )  # fmt: skip

    @classmethod
    def of(cls, station: Station, config: Config) -> "FolderConnector":
        """For loudspeakers that verify, or for anyone who plays files."""
        from broadcaster.connectors.folder_signed import SignedFolder  # noqa: PLC0415 - it builds on this

        return SignedFolder(station, config) if config.signed else cls(station, config)

    def deliver(self, order: Order) -> None:
        day = self._root / f"{order.start.astimezone(self._zone):%Y-%m-%d}"
        with self._writing():
            if day.is_symlink():  # whoever made the stick would choose where files are written
                raise OSError(errno.ELOOP, "It is a link", str(day))
            day.mkdir(parents=True, exist_ok=True)
            files.write(day / self._clip_file(order.airing, order.clip_sha256), order.clip.read_bytes())
            self._write_order(day, order)
            self._write_plan(day)

    def reports(self) -> list[Report]:
        return []

    def stop(self, airing: str) -> None:
        with self._writing():
            self._drop(airing)

    def check(self) -> None:
        self._require_stick()
        try:
            self._root.mkdir(parents=True, exist_ok=True)
            files.write(self._root / ".writable", b"")
            (self._root / ".writable").unlink()
            free = shutil.disk_usage(self._root).free
        except OSError as error:
            raise BroadcasterError(
                "The folder {folder} cannot be written: {error}", folder=self._root, error=error
            ) from error
        if free < 50_000_000:
            raise BroadcasterError("The folder {folder} has less than 50 MB left.", folder=self._root)

    def close(self) -> None:
        """Nothing to let go of."""

    def _clip_file(self, airing: str, sha256: str) -> str:
        """The name under which the clip of an airing lies in the folder of its day."""
        return f"{sha256 if self._names_by_hash else airing}.mp3"

    def _write_order(self, day: Path, order: Order) -> None:
        files.write(day / f"{order.airing}.json", _as_json(order).encode())

    def _drop(self, airing: str) -> list[Path]:
        """Take an airing out of folder and plan; the days in which it was."""
        days = []
        for order_file in self._root.glob(f"*/{glob.escape(airing)}.json"):
            day = order_file.parent
            clip = self._clip_file(airing, json.loads(order_file.read_bytes())["clip_sha256"])
            order_file.unlink()
            if clip not in {line.file for line in self._lines(day)}:
                (day / clip).unlink(missing_ok=True)
            self._write_plan(day)
            days.append(day)
        return days

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Turns what can go wrong with the folder into DeliveryError; ValueError: an order in it is damaged."""
        self._require_stick()
        try:
            with self._guard:  # a clip that one order needs must not go with another one
                yield
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DeliveryError(
                "The folder {folder} cannot be written: {error}", is_permanent=False, folder=self._root, error=error
            ) from error

    def _require_stick(self) -> None:
        """Without it, files would be written into the empty folder where it is mounted, and nobody would notice."""
        if self._stick is not None and not (self._stick.exists() and os.path.ismount(self._stick)):
            raise DeliveryError(
                "{station}: no stick is there at {folder}.", is_permanent=False, station=self._station.code,
                folder=self._stick,
            )  # fmt: skip

    def _lines(self, day: Path) -> list[Line]:
        # A stick that was in a Mac holds a "._" file beside each of ours; what has two dots is signed.
        written = [path for path in day.glob("*.json") if "." not in path.stem and path.stem]
        return [self._line(json.loads(path.read_bytes())) for path in written]

    def _line(self, order: dict[str, Any]) -> Line:
        return Line(
            datetime.fromisoformat(order["start"]), order["duration_ms"] / 1000, order["airing"], order["title"],
            self._clip_file(order["airing"], order["clip_sha256"]), order["clip_sha256"], order["repeats"],
            order["gap_s"],
        )  # fmt: skip

    def _write_plan(self, day: Path) -> None:
        lines = self._lines(day)
        files.write(day / "plan.m3u8", playlist(lines))
        files.write(day / "plan.csv", table(lines))


def _as_json(order: Order) -> str:
    values: dict[str, Any] = asdict(order)
    del values["clip"], values["envelope"]  # a path of this machine says nothing elsewhere; bytes are no JSON
    values |= {"start": order.start.isoformat(), "expires": order.expires.isoformat()}
    values["title"] = one_line(order.title)  # it stands in the playlist too
    return json.dumps(values, ensure_ascii=False, indent=1)
