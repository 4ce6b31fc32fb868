"""One process to a loudspeaker's folder, and how others find out whether there is one.

.lock    held by the one that runs
.runs    held by it too: who only asks tries this one, so that no question keeps a loudspeaker from starting
"""

from contextlib import ExitStack
from pathlib import Path

from filelock import FileLock, Timeout

from broadcaster.errors import InputError

_LOCK, _RUNS = ".lock", ".runs"
_PATIENCE_S = 10.0


def be_alone(folder: Path, stack: ExitStack) -> None:
    """Hold the folder until the stack is closed. Raises InputError where another process does."""
    try:
        stack.enter_context(FileLock(folder / _LOCK, timeout=0))
    except Timeout as error:
        raise InputError("The loudspeaker in {folder} runs already.", folder=folder) from error
    stack.enter_context(FileLock(folder / _RUNS, timeout=_PATIENCE_S))  # somebody may just be asking


def is_running(folder: Path) -> bool:
    """Whether a process holds the folder. Makes no file: it would belong to whoever asks, root for instance."""
    path = folder / _RUNS
    if not path.exists():
        return False
    try:
        with FileLock(path, timeout=0):
            return False
    except Timeout:
        return True
