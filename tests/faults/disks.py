"""A real disk that is small enough to be filled: a file system in memory, mounted over a folder."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_BLOCK = 4096


class SmallDisk:
    """Mounted at `folder`, which it hides meanwhile."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._balloon = folder / "balloon"

    def fill(self) -> None:
        """Leave no room at all."""
        with self._balloon.open("ab", buffering=0) as balloon:
            try:
                while balloon.write(b"x" * _BLOCK) == _BLOCK:
                    pass
            except OSError:  # that is when it is full
                return

    def make_room(self) -> None:
        self._balloon.unlink()


@contextmanager
def small_disk(folder: Path, *, megabytes: int) -> Iterator[SmallDisk]:
    """Skips where nothing may be mounted, as on most computers without root's rights."""
    folder.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"A small disk cannot be mounted here ({done.stderr.strip()}). It needs root's rights.")
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
