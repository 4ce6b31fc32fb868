"""A loudspeaker without a network: orders, keys and clips come on a stick, and reports leave on it.

The stick is laid out as `connectors/stick.py` writes it. It is looked at again and again; whatever lies on it is obeyed
only where it is signed, like anything else that comes.
"""

import logging
import re
import threading
from collections.abc import Callable
from pathlib import Path

from broadcaster import files
from broadcaster.net import Fault, NetError
from broadcaster.orders.envelope import ORDER_LIMIT_BYTES
from broadcaster.orders.keydocument import LIMIT_BYTES as KEYS_LIMIT_BYTES
from broadcaster.orders.payload import Audio
from broadcaster.orders.topics import Device
from broadcaster.player.door import BLOCK_BYTES
from broadcaster.player.link import Owner

log = logging.getLogger(__name__)

_CLIP = re.compile(r"[0-9a-f]{64}\.(mp3|wav)")
_MOST_ORDERS = 2_000


class Stick:
    """Takes the place of a link and of the door."""

    def __init__(self, folder: Path, device: Device, *, poll_s: float, on_state: Callable[[str], None]) -> None:
        self._folder, self._device = folder, device
        self._poll_s, self._on_state = poll_s, on_state
        self._seen: set[tuple[str, int]] = set()
        self._is_over = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, owner: Owner) -> None:
        self._thread = threading.Thread(target=self._run, args=(owner,), name="stick", daemon=True)
        self._thread.start()

    def send(self, number: int, envelope: bytes) -> None:
        """It is on the disk, and goes onto the stick when that is there."""

    def close(self) -> None:
        self._is_over.set()
        if self._thread is not None:
            self._thread.join(2.0)

    def clip(self, audio: Audio, offset: int) -> bytes:
        """Some bytes of a clip that lies on the stick. Raises NetError where it does not."""
        if not _CLIP.fullmatch(audio.url):
            raise NetError("{name} is no file of a stick.", fault=Fault.OTHER, name=audio.url)
        try:
            with (self._folder / "clips" / audio.url).open("rb") as file:
                file.seek(offset)
                return file.read(BLOCK_BYTES)
        except OSError as error:
            raise NetError("The stick has no {name}.", fault=Fault.OFFLINE, name=audio.url) from error

    def keys(self, version: int) -> bytes | None:
        """The `keys.json` that follows on a version, where it lies on the stick."""
        return _content(self._folder / "keys" / f"keys-{version + 1:06d}.json", KEYS_LIMIT_BYTES)

    def visit(self, owner: Owner) -> None:
        """Obey what is new on the stick, and leave on it what the server does not have. Raises OSError."""
        ack = self._folder / "acks" / f"{self._device.user}.json"
        for path in (ack, *sorted((self._folder / "orders").glob("[0-9]*.json"))[:_MOST_ORDERS]):
            if not path.is_file():
                continue
            mark = path.name, path.stat().st_mtime_ns
            content = _content(path, ORDER_LIMIT_BYTES) if mark not in self._seen else None
            if content is not None:
                owner.receive(content)
                self._seen.add(mark)
        receipts = self._folder / "receipts"
        for number, envelope in owner.unacknowledged():
            name = f"{self._device.user}-{number:016d}.json"
            if not (receipts / name).exists() and not (receipts / "read" / name).exists():
                files.write(receipts / name, envelope)

    def _run(self, owner: Owner) -> None:
        told = ""
        while not self._is_over.is_set():
            is_there = self._folder.is_dir()
            state = "the stick is there" if is_there else "offline: there is no stick"
            if state != told:
                told = state
                self._on_state(state)
            if is_there:
                try:
                    self.visit(owner)
                except OSError as error:  # it was pulled out
                    log.warning("The stick was not read.", exc_info=error, extra={"action": "stick_failed"})
            self._is_over.wait(self._poll_s)


def _content(path: Path, most_bytes: int) -> bytes | None:
    try:
        return path.read_bytes() if path.stat().st_size <= most_bytes else None
    except OSError:
        return None
