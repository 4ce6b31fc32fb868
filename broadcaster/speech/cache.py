"""Sentences already spoken, on disk, named by the hash of what made them.

A file is one line (`MAGIC rate_hz sha256 of the samples`) and the raw samples, so a cut or damaged file is noticed
and spoken again. The cache may be deleted at any time.
"""

import contextlib
import hashlib
import logging
import os
from collections.abc import Callable
from pathlib import Path

from broadcaster import files
from broadcaster.domain.sound import Pcm

log = logging.getLogger(__name__)

MAGIC = b"broadcaster-pcm-1"
HEADER_BYTES = 128


class SpeechCache:
    """A folder of spoken sentences, shared by processes and threads without locks: files appear whole or not at all."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get_or_make(self, key: str, make: Callable[[], Pcm]) -> Pcm:
        """The sound under `key`, made and kept when absent or damaged. A disk that is full or read-only is logged."""
        found = self.get(key)
        if found is not None:
            return found
        sound = make()
        try:
            self.put(key, sound)
        except OSError as error:
            log.warning(
                "A spoken sentence could not be kept.", extra={"action": "speech_not_cached", "error": repr(error)}
            )
        return sound

    def get(self, key: str) -> Pcm | None:
        """The sound under `key`; None when it is absent, cut or damaged."""
        path = self._path(key)
        try:
            content = path.read_bytes()
            os.utime(path)  # what was used last is pruned last
        except OSError:
            return None
        header, _, samples = content.partition(b"\n")
        words = header[:HEADER_BYTES].split(b" ")
        is_whole = len(words) == 3 and words[0] == MAGIC and words[2] == _digest(samples) and words[1].isdigit()
        return Pcm(samples, int(words[1])) if is_whole else None

    def put(self, key: str, sound: Pcm) -> None:
        """Keep `sound`; on disk before it gets its name. OSError when it cannot be written."""
        header = b"%s %d %s\n" % (MAGIC, sound.rate_hz, _digest(sound.samples))
        files.write(self._path(key), header + sound.samples)

    def prune(self, limit_bytes: int) -> int:
        """Remove the sentences used longest ago until at most `limit_bytes` are left; returns how many went."""
        found = []
        for path in self._folder.glob("*/*"):
            with contextlib.suppress(FileNotFoundError):  # another process prunes too
                status = path.stat()
                found.append((status.st_mtime_ns, status.st_size, path))
        excess = sum(size for _, size, _ in found) - limit_bytes
        removed = 0
        for _, size, path in sorted(found):
            if excess <= 0:
                break
            path.unlink(missing_ok=True)
            excess -= size
            removed += 1
        return removed

    def _path(self, key: str) -> Path:
        return self._folder / key[:2] / f"{key}.pcm"


def key_of(engine: str, version: str, voice: str, text: str) -> str:
    """The name of one sentence: sha256 in hexadecimal over all that decides how it sounds."""
    return hashlib.sha256("\0".join((engine, version, voice, text)).encode("utf-8", "replace")).hexdigest()


def _digest(samples: bytes) -> bytes:
    return hashlib.sha256(samples).hexdigest().encode()
