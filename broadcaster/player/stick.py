"""A loudspeaker's way to its server where there is no network: a stick that somebody carries, or a shared folder.

What is on it may be anybody's: only plain files are read, small ones and not too many, and orders, keys and clips are
believed by their signatures and hashes alone. A pack lies in a folder of the loudspeaker's station (see
`docs/loudspeakers.md`), what the server writes into a folder day by day in one for each date.
"""

import logging
import os
import re
import threading
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Protocol

from broadcaster import files
from broadcaster.orders import keydocument
from broadcaster.orders.envelope import ORDER_LIMIT_BYTES
from broadcaster.orders.payload import Audio
from broadcaster.orders.strict_json import BIGGEST
from broadcaster.player.identity import Identity

log = logging.getLogger(__name__)

LOOK_S = 2.0
BLOCK_BYTES = 1_048_576
MAX_FOLDERS = 64
MAX_FILES = 4_000
"""In each of them; of a week there are some hundreds."""
RECEIPTS = "receipts"
_NAMES = re.compile(r"[A-Za-z0-9-]{2,64}\.(?:mp3|wav)")
_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_PACK_ID = r"[0-9A-HJKMNP-TV-Z]{26}"
_SUFFIXES = {"audio/mpeg": ".mp3", "audio/wav": ".wav"}


class Owner(Protocol):
    """The loudspeaker, as `agent.Agent` is one."""

    def receive(self, envelope: bytes) -> None: ...

    def follow_keys(self) -> None: ...

    def unacknowledged(self) -> list[tuple[int, bytes]]: ...


class Stick:
    """`folder` is where the stick is mounted. `start` looks for ever again, until `close`; `visit` looks once."""

    def __init__(self, folder: Path, identity: Identity, *, on_state: Callable[[str], None] = lambda _: None) -> None:
        device = identity.device
        self._folder = folder
        self._prefix = f"{device.commune}.{device.loudspeaker}-"
        self._acks = re.compile(rf"{re.escape(device.loudspeaker)}\.[0-9]{{1,6}}\.ack\.json")
        own = rf"{re.escape(device.loudspeaker)}\.(?:volume|test)"
        self._order = re.compile(rf"(?:[A-Za-z0-9]{{1,40}}|{own})\.order\.json")
        self._ours = re.compile(rf"{_DAY}|{re.escape(identity.station)}-{_PACK_ID}")
        self._seen: set[tuple[Path, int, int]] = set()
        self._is_over = threading.Event()
        self._thread: threading.Thread | None = None
        self._on_state, self._told = on_state, ""

    def start(self, owner: Owner) -> None:
        self._thread = threading.Thread(target=self._run, args=(owner,), name="stick", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._is_over.set()
        if self._thread is not None:
            self._thread.join(LOOK_S)

    def send(self, number: int, envelope: bytes) -> None:
        """Nothing is sent: what nobody has acknowledged is left on the stick with the next look."""

    def visit(self, owner: Owner) -> None:
        """Take what is new on the stick, keys first, and leave there what the server has not acknowledged.

        A stick that was out is read anew. Raises OSError where it cannot be written.
        """
        folders = self._folders()
        if not folders:
            self._seen.clear()
            self._tell("offline: no stick with a folder of its station is in")
            return
        new = [path for folder in folders for path in self._new(folder)]
        if new:
            owner.follow_keys()  # else only some of what they have signed would be kept until they are known
        for path in new:
            try:
                owner.receive(files.read_plain(path, ORDER_LIMIT_BYTES + 1))
            except OSError as error:
                log.warning("A file on the stick cannot be read.", exc_info=error, extra={"action": "stick_unreadable"})
        if owner.unacknowledged():
            self._leave(owner)
        self._tell("online, by the stick")

    def clip(self, audio: Audio, offset: int) -> bytes:
        """Up to 1 MB of a clip from this byte on. Raises OSError."""
        names = [audio.url] if _NAMES.fullmatch(audio.url) else []
        names.append(audio.sha256 + _SUFFIXES.get(audio.type, ""))
        for folder in self._folders():
            for name in dict.fromkeys(names):
                path = folder / name
                if path.is_file():
                    return files.read_plain(path, BLOCK_BYTES, offset)
        raise FileNotFoundError(f"no clip {audio.sha256} on the stick")

    def keys(self, version: int) -> bytes | None:
        """The `keys.json` to follow from a version, as far as one is on the stick. Raises OSError."""
        following = f"keys-{min(version, BIGGEST) + 1}.json"
        for name in (following, "keys.json"):
            for folder in self._folders():
                path = folder / name
                if path.is_file():
                    return files.read_plain(path, keydocument.LIMIT_BYTES + 1)
        return None

    def _run(self, owner: Owner) -> None:
        while not self._is_over.is_set():
            try:
                self.visit(owner)
            except OSError as error:
                self._tell(f"offline: {error}")
            except Exception as error:  # this thread must go on
                log.exception("The stick failed.", extra={"action": "link_failed"})
                self._tell(f"offline: {error}")
            self._is_over.wait(LOOK_S)

    def _folders(self) -> list[Path]:
        """The folder itself where an order of everything lies, and those in it that are ours, the newest first."""
        try:
            with os.scandir(self._folder) as entries:
                found = [
                    Path(entry.path) for entry in islice(entries, MAX_FILES)
                    if self._ours.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False)
                ]  # fmt: skip
        except OSError:
            return []
        return [*sorted(found, reverse=True)[:MAX_FOLDERS], self._folder] if found else []

    def _new(self, folder: Path) -> Iterator[Path]:
        """Orders and acknowledgements that were not read since the stick is in."""
        with os.scandir(folder) as entries:
            listed = sorted(islice(entries, MAX_FILES), key=lambda entry: entry.name)
        for entry in listed:
            is_wanted = self._order.fullmatch(entry.name) or self._acks.fullmatch(entry.name)
            if is_wanted and entry.is_file(follow_symlinks=False):
                found = entry.stat(follow_symlinks=False)
                state = Path(entry.path), found.st_size, found.st_mtime_ns
                if state not in self._seen:
                    self._seen.add(state)
                    yield state[0]

    def _leave(self, owner: Owner) -> None:
        folder = self._folder / RECEIPTS
        if folder.is_symlink():
            raise OSError(f"{folder} is a link")
        folder.mkdir(exist_ok=True)
        there = {entry.name for each in (folder, folder / "taken") if each.is_dir() for entry in os.scandir(each)}
        for number, envelope in owner.unacknowledged():
            name = f"{self._prefix}{number:016d}.json"
            if name not in there:
                files.write(folder / name, envelope)
        files.settle(folder)

    def _tell(self, state: str) -> None:
        if state != self._told:
            self._told = state
            self._on_state(state)
            log.info("The stick has changed.", extra={"action": "link", "state": state})
