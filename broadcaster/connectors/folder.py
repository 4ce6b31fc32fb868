"""A folder or USB stick: each clip and order as files, and the day's plan as M3U and CSV.

    <folder>/<YYYY-MM-DD>/<airing>.mp3, <airing>.json, plan.m3u8, plan.csv

Names come from ids and dates only. Every file is written under a temporary name, flushed, then renamed, so that
whoever reads the folder never meets half a file. Nothing here knows whether anyone played it: evidence `accepted`.
"""

import csv
import glob
import io
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from pydantic import Field, field_validator

from broadcaster import files
from broadcaster.connectors.base import Capabilities
from broadcaster.domain.airing import Evidence
from broadcaster.domain.order import Order, Report
from broadcaster.domain.place import Grade, Station
from broadcaster.errors import BroadcasterError, DeliveryError
from broadcaster.strict_yaml import Strict, problem


class FolderConnector:
    class Config(Strict):
        folder: Path
        timezone: str = "Asia/Ho_Chi_Minh"
        lead_s: float = Field(86_400.0, ge=0)

        @field_validator("timezone")
        @classmethod
        def _known_zone(cls, value: str) -> str:
            if value not in available_timezones():
                raise problem("unknown time zone {value}. Write it like Asia/Ho_Chi_Minh", value=value)
            return value

    def __init__(self, station: Station, config: Config) -> None:
        self._station = station
        self._root = config.folder
        self._zone = ZoneInfo(config.timezone)
        self.capabilities = Capabilities(
            holds_orders=True, confirms_start=False, confirms_finish=False, can_stop=True, plays_here=False,
            lead_s=config.lead_s, grade=Grade.B, evidence=Evidence.ACCEPTED,
        )  # fmt: skip

    def deliver(self, order: Order) -> None:
        day = self._root / f"{order.start.astimezone(self._zone):%Y-%m-%d}"
        with self._writing():
            day.mkdir(parents=True, exist_ok=True)
            files.write(day / f"{order.airing}.mp3", order.clip.read_bytes())
            files.write(day / f"{order.airing}.json", _as_json(order).encode())
            self._write_plan(day)

    def reports(self) -> list[Report]:
        return []

    def stop(self, airing: str) -> None:
        with self._writing():
            for order_file in self._root.glob(f"*/{glob.escape(airing)}.json"):
                order_file.unlink()
                order_file.with_suffix(".mp3").unlink(missing_ok=True)
                self._write_plan(order_file.parent)

    def check(self) -> None:
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

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Turns what can go wrong with the folder into DeliveryError; ValueError: an order in it is damaged."""
        try:
            yield
        except (OSError, ValueError, KeyError) as error:
            raise DeliveryError(
                "The folder {folder} cannot be written: {error}", is_permanent=False, folder=self._root, error=error
            ) from error

    def _write_plan(self, day: Path) -> None:
        # A stick that was in a Mac holds a "._" file beside each of ours.
        written = [path for path in day.glob("*.json") if not path.name.startswith(".")]
        orders = sorted((json.loads(path.read_bytes()) for path in written), key=lambda order: order["start"])
        playlist = ["#EXTM3U"]
        table = io.StringIO()
        rows = csv.writer(table)
        rows.writerow(["start", "duration_s", "airing", "title", "file", "sha256", "repeats", "gap_s"])
        for order in orders:
            seconds = order["duration_ms"] / 1000
            playlist += [f"#EXTINF:{seconds:.0f},{order['title']}", f"{order['airing']}.mp3"] * order["repeats"]
            rows.writerow([
                order["start"], f"{seconds:.1f}", order["airing"], files.safe_cell(order["title"]),
                f"{order['airing']}.mp3", order["clip_sha256"], order["repeats"], order["gap_s"],
            ])  # fmt: skip
        files.write(day / "plan.m3u8", ("\n".join(playlist) + "\n").encode())
        files.write(day / "plan.csv", table.getvalue().encode("utf-8-sig"))


def _as_json(order: Order) -> str:
    values: dict[str, Any] = asdict(order)
    del values["clip"], values["envelope"]  # a path of this machine says nothing elsewhere; bytes are no JSON
    values |= {"start": order.start.isoformat(), "expires": order.expires.isoformat()}
    values["title"] = " ".join(order.title.split())  # one line: it stands in the playlist too
    return json.dumps(values, ensure_ascii=False, indent=1)
