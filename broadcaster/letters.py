"""What is said to somebody outside: one letter, whichever way it goes, and how it can fail to arrive."""

import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from broadcaster.errors import BroadcasterError, ConfigError

_SECRET_BYTES = 10_000


@dataclass(frozen=True, slots=True)
class Letter:
    """`id` stays the same when it is sent again, so that whoever gets it twice can know. `data` is for programs."""

    id: str
    subject: str
    text: str
    data: Sequence[Mapping[str, object]] = field(default=())


class UndeliveredError(BroadcasterError):
    """A letter did not arrive. `is_permanent`: it never will. `is_shared`: no other of the same server would either."""

    def __init__(
        self, message: str, /, *, is_permanent: bool = False, is_shared: bool = False,
        retry_after_s: float | None = None, **values: object,
    ) -> None:  # fmt: skip
        super().__init__(message, **values)
        self.is_permanent = is_permanent
        self.is_shared = is_shared
        self.retry_after_s = retry_after_s


def secret(path: Path, *, least: int = 1) -> str:
    """The one line of a file that holds a secret. Raises ConfigError where it cannot be one, or others may read it."""
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            found = file.read(_SECRET_BYTES).decode().strip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError("{file} cannot be read: {error}", file=path, error=error) from error
    if os.name != "nt" and mode & 0o077:
        raise ConfigError("Others may read {file}. Run: chmod 600 {file}", file=path)
    if len(found) < least or "\n" in found:
        raise ConfigError(
            "{file} must hold a secret of {count} characters or more on one line.", file=path, count=least
        )
    return found
