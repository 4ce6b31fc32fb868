"""Orders that are still to come, on the disk of a loudspeaker as they were signed.

    <folder>/<airing>-<number>.json

A file is there from before its order is accepted until after its end was reported: what lies here after a power cut is
what has to be told or done.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from broadcaster import files
from broadcaster.errors import BroadcasterError
from broadcaster.orders import envelope as envelopes
from broadcaster.orders import payload
from broadcaster.orders.payload import Payload
from broadcaster.orders.verify import Listener, Refusal

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Held:
    """An accepted order. `fault`: what is wrong with its clip, as far as is known; `next_try_s` is monotonic."""

    order: Payload
    has_begun: bool = False
    is_ready: bool = False
    fault: Refusal = Refusal.CLIP_MISSING
    tries: int = 0
    next_try_s: float = 0.0

    @property
    def urgency(self) -> tuple[int, object, int]:
        return self.order.priority.rank, self.order.start, self.order.seq


@dataclass(frozen=True, slots=True)
class Shelf:
    folder: Path
    held: dict[str, Held] = field(default_factory=dict)
    """By airing."""

    def waiting(self) -> list[Held]:
        """What is still to come, the most urgent first."""
        return sorted((held for held in self.held.values() if not held.has_begun), key=lambda held: held.urgency)

    def waits(self, airing: str | None) -> Held | None:
        held = self.held.get(airing or "")
        return None if held is None or held.has_begun else held

    def put(self, order: Payload, envelope: bytes) -> None:
        """Bring an order to the disk; it counts once it is in `held`. Raises OSError."""
        files.write(self._path(order), envelope, is_private=True)
        files.settle(self.folder)

    def remove(self, order: Payload) -> None:
        """Hold it no more. A file that cannot be removed does no harm: what became of its order is remembered."""
        held = self.held.get(order.airing or "")
        if held is not None and held.order.seq == order.seq:
            del self.held[order.airing or ""]
        self._unlink(self._path(order))

    def stored(self, listener: Listener) -> Iterator[Payload]:
        """What lies on the disk and is signed by a key that is trusted still; the rest is removed."""
        for path, order in self._read_all(listener):
            if order is None:
                self._unlink(path)
            else:
                yield order

    def shown(self, listener: Listener) -> list[Payload]:
        """The same, for somebody who only looks."""
        return [order for _, order in self._read_all(listener) if order is not None]

    def _read_all(self, listener: Listener) -> Iterator[tuple[Path, Payload | None]]:
        for path in sorted(self.folder.glob("[0-9A-Z]*-[0-9]*.json")):
            yield path, self._read(path, listener)

    def _read(self, path: Path, listener: Listener) -> Payload | None:
        try:
            return payload.parse(envelopes.opened(path.read_bytes(), listener.keys).payload)
        except (BroadcasterError, OSError) as error:
            log.error("A stored order cannot be used.", exc_info=error, extra={"action": "order_lost"})
            return None

    def _unlink(self, path: Path) -> None:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            log.error("An order cannot be removed.", exc_info=error, extra={"action": "order_left"})

    def _path(self, order: Payload) -> Path:
        return self.folder / f"{order.airing}-{order.seq}.json"
