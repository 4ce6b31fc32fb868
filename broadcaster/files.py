"""Files that are either whole or not there, and cells that no spreadsheet takes for a formula."""

import hashlib
import os
from pathlib import Path

from ulid import ULID


def write(path: Path, data: bytes) -> None:
    """Write a file whole: temporary name in the same folder, flushed to the disk, renamed over the old one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{ULID()}.part")  # short: the name itself may already be as long as the disk allows
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def safe_cell(text: str) -> str:
    """A CSV cell with a leading apostrophe where a spreadsheet would read a formula (OWASP, CSV injection)."""
    return f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t", "\r"} else text
