"""A folder that loudspeakers read which verify every order: on a stick that is carried to them, or on a share.

    <folder>/<YYYY-MM-DD>/<sha256>.mp3, <airing>.json, <airing>.order.json, plan.m3u8, plan.csv
    <folder>/stop.order.json, release.order.json, <loudspeaker>.volume.order.json, <loudspeaker>.test.order.json

`<airing>.order.json` is the newest envelope about an airing: the order, or what takes it back, so that whoever carries
the stick brings that along. A clip lies once in each day. What loudspeakers report, `services.receipts` reads.
"""

import os
from pathlib import Path

from broadcaster import files
from broadcaster.connectors.base import Capabilities
from broadcaster.connectors.folder import FolderConnector
from broadcaster.connectors.folder_plan import ORDER_SUFFIX
from broadcaster.connectors.loudspeakers import require_signed, unsigned_stop
from broadcaster.domain.airing import Evidence
from broadcaster.domain.order import Order
from broadcaster.domain.place import Grade, Station
from broadcaster.errors import BroadcasterError
from broadcaster.orders import payload
from broadcaster.orders.payload import Command


class SignedFolder(FolderConnector):
    _names_by_hash = True

    def __init__(self, station: Station, config: FolderConnector.Config) -> None:
        super().__init__(station, config)
        self.receipts = config.receipts
        confirms = config.receipts_at_once
        self.capabilities = Capabilities(
            holds_orders=True, confirms_start=confirms, confirms_finish=confirms, can_stop=True, plays_here=False,
            lead_s=config.lead_s, grade=Grade.A, confirms_stop=confirms,
            evidence=Evidence.ACCEPTED if config.receipts is None else Evidence.FINISHED,
        )  # fmt: skip

    def clip_name(self, order: Order) -> str:
        return self._clip_file(order.airing, order.clip_sha256)

    def deliver(self, order: Order) -> None:
        require_signed(order, self._station)
        super().deliver(order)

    def send(self, envelope: bytes, only: str | None = None) -> None:
        """Raises MalformedError for what was never an order."""
        order = payload.unverified(envelope)
        with self._writing():
            if order.airing is not None and order.cmd in {Command.CANCEL, Command.STOP}:
                for day in self._drop(order.airing) or [self._root]:
                    files.write(day / f"{order.airing}{ORDER_SUFFIX}", envelope)
                return
            whose = "" if only is None else f"{only}."
            files.write(self._root / f"{whose}{order.cmd}{ORDER_SUFFIX}", envelope)
            undone = {Command.STOP: Command.RELEASE, Command.RELEASE: Command.STOP}.get(order.cmd)
            if undone is not None:
                (self._root / f"{undone}{ORDER_SUFFIX}").unlink(missing_ok=True)

    def stop(self, airing: str) -> None:
        raise unsigned_stop(self._station, airing)

    def check(self) -> None:
        super().check()
        try:
            if self.receipts is not None:
                self.receipts.mkdir(parents=True, exist_ok=True)
                os.scandir(self.receipts).close()
        except OSError as error:
            raise BroadcasterError(
                "The receipts in {folder} cannot be read: {error}", folder=self.receipts, error=error
            ) from error

    def _write_order(self, day: Path, order: Order) -> None:
        files.write(day / f"{order.airing}{ORDER_SUFFIX}", order.envelope)
        super()._write_order(day, order)
