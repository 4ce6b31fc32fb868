"""Clips on the disk of a loudspeaker: whole or not there, named by their hash, within a quota.

<folder>/<sha256>        a whole clip; its time is when it was used last
<folder>/<sha256>.part   what has come of one so far
"""

import logging
import os
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from broadcaster import files
from broadcaster.orders.payload import Audio
from broadcaster.orders.verify import Refusal, clip_fault

log = logging.getLogger(__name__)

Fetch = Callable[[Audio, int], bytes]
"""Some bytes of a clip from an offset on, nothing at its end. Raises NetError."""


@dataclass(frozen=True, slots=True)
class Clips:
    """What is fetched by one thread may be played by another."""

    folder: Path
    quota_bytes: int

    def path(self, audio: Audio) -> Path:
        return self.folder / audio.sha256

    def has(self, audio: Audio) -> bool:
        """Whether it was fetched; `fault` asks whether it is still whole."""
        return self.path(audio).is_file()

    def fault(self, audio: Audio) -> Refusal | None:
        """What keeps a clip from being played. One that is damaged is removed, so that it is fetched anew."""
        path = self.path(audio)
        try:
            found = clip_fault(audio, path.stat().st_size, files.sha256(path))
            if found is None:
                os.utime(path)
        except FileNotFoundError:
            return Refusal.CLIP_MISSING
        except OSError as error:
            log.error("A clip cannot be read.", exc_info=error, extra={"action": "clip_unreadable"})
            return Refusal.CLIP_DAMAGED
        if found is not None:
            _is_removed(path)
        return found

    def fetch_some(self, audio: Audio, fetch: Fetch, needed: Collection[str]) -> Refusal | None:
        """Fetch the next piece: None while it goes on or is done (`has` says which), else what is wrong with it.

        Clips that are not `needed` make room. Raises NetError, OSError: what has come so far is kept.
        """
        part = self.folder / f"{audio.sha256}.part"
        self.folder.mkdir(parents=True, exist_ok=True)
        have = part.stat().st_size if part.exists() else 0
        if have < audio.bytes:
            if not self._has_room(audio.bytes - have, needed):
                log.error("There is no room for a clip.", extra={"action": "clip_no_room", "clip": audio.sha256})
                return Refusal.CLIP_MISSING
            more = self._append(part, audio, have, fetch)
            if not more:
                return Refusal.CLIP_DAMAGED
            have += more
        return self._complete(part, audio) if have >= audio.bytes else None

    def used_bytes(self) -> int:
        return sum(path.stat().st_size for path in self.folder.glob("*"))

    def _append(self, part: Path, audio: Audio, have: int, fetch: Fetch) -> int:
        """How many bytes came; 0 where it is of another length than it should be, and all of it is dropped."""
        piece = fetch(audio, have)
        if not piece or have + len(piece) > audio.bytes:
            _is_removed(part)
            return 0
        with part.open("ab") as file:
            file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        return len(piece)

    def _complete(self, part: Path, audio: Audio) -> Refusal | None:
        found = clip_fault(audio, part.stat().st_size, files.sha256(part))
        if found is not None:
            _is_removed(part)
            return found
        part.replace(self.path(audio))
        files.settle(self.folder)
        return None

    def _has_room(self, more_bytes: int, needed: Collection[str]) -> bool:
        """Whether so much fits into the quota; what is not needed goes, the one first that was used longest ago."""
        there = sorted((path.stat().st_mtime, path.stat().st_size, path) for path in self.folder.glob("*"))
        over = sum(size for _, size, _ in there) + more_bytes - self.quota_bytes
        for _, size, path in there:
            if over <= 0:
                break
            if path.name.removesuffix(".part") not in needed and _is_removed(path):
                over -= size
        return over <= 0


def _is_removed(path: Path) -> bool:
    """Whether a clip is gone: a disk that lets nothing go costs the room, and the loudspeaker goes on."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        log.error("A clip cannot be removed.", exc_info=error, extra={"action": "clip_left", "clip": path.name})
        return False
    return True
