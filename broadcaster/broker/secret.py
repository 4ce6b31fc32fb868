"""The server's own password at its broker: made once, kept in a file that its owner alone can read."""

import os
import secrets
import stat
from pathlib import Path

from filelock import FileLock

from broadcaster import files
from broadcaster.errors import BroadcasterError

SERVER_USER = "server"
_BYTES = 32


def server_password(data_folder: Path) -> str:
    """The password in `<data>/broker/server.password`, made with the first call. Raises BroadcasterError.

    Whoever knows it may listen to all loudspeakers and send them anything; what they obey is signed all the same.
    """
    path = data_folder / "broker" / "server.password"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_name(".lock")):  # two processes may ask at once
            if not path.exists():
                files.write(path, secrets.token_urlsafe(_BYTES).encode(), is_private=True)
        if os.name != "nt" and stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise BroadcasterError("{file} can be read by others: run chmod 600 {file}", file=path)
        found = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BroadcasterError("{file} cannot be used: {error}", file=path, error=error) from error
    if not found:
        raise BroadcasterError("{file} is empty: delete it, and a new password is made.", file=path)
    return found
