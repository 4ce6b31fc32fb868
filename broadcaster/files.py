"""Files that are either whole or not there, and cells that no spreadsheet takes for a formula."""

import errno
import hashlib
import os
import stat
from pathlib import Path

from ulid import ULID


def write(path: Path, data: bytes, *, is_private: bool = False) -> None:
    """Write a file whole: temporary name in the same folder, flushed to the disk, renamed over the old one.

    A private one can be read by its owner only, from its first byte on.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{ULID()}.part")  # short: the name itself may already be as long as the disk allows
    try:
        if is_private:
            temporary.touch(0o600, exist_ok=False)
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def settle(folder: Path) -> None:
    """Bring the names in a folder to the disk: without it, a power cut can undo the last renames. Raises OSError."""
    if os.name == "nt":
        return  # NTFS keeps its own journal of names, and folders cannot be opened
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read_plain(path: Path, limit_bytes: int, offset: int = 0) -> bytes:
    """At most so many bytes of a file that anybody may have made, from a byte on.

    Raises OSError, also for a link, a folder or a device: nothing is followed, and nothing is waited for.
    """
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    with os.fdopen(os.open(path, flags), "rb") as file:
        if path.is_symlink() or not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "It is no plain file", str(path))
        file.seek(offset)
        return file.read(limit_bytes)


def sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def safe_cell(text: str) -> str:
    """A CSV cell with a leading apostrophe where a spreadsheet would read a formula (OWASP, CSV injection)."""
    return f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t", "\r"} else text
