"""The oldest Python that will do, and how the scripts say things and run other programs."""

import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable
from io import TextIOWrapper
from pathlib import Path
from types import FrameType
from typing import NoReturn

PATIENCE_S = 10.0
REMEMBERED_LINES = 200


def python_complaint(major: int, minor: int) -> str:
    """Why this Python cannot be used, or nothing."""
    if (major, minor) >= (3, 11):
        return ""
    return (
        f"Broadcaster needs Python 3.11 or newer, and this is Python {major}.{minor}. "
        "Install a newer Python and run the script with it, for example: python3.12 scripts/start"
    )


# Every script comes through here first. An old Python can parse all of scripts/, but run only the lines above:
# so nothing above may be newer than Python 3.6, and nothing anywhere in scripts/ may be new syntax.
if python_complaint(*sys.version_info[:2]):
    sys.exit(python_complaint(*sys.version_info[:2]))


class SetupError(Exception):
    """Something a person has to put right; the message says what and how."""


def say(sentence: str) -> None:
    """One line, at once, also when the output goes to a file or a pipe."""
    print(sentence, flush=True)


def run_script(main: Callable[[list[str]], int]) -> NoReturn:
    """Leave with what `main(arguments)` returns; 1 and a sentence for SetupError, 130 for Ctrl-C, 143 for SIGTERM."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a console that lacks Vietnamese letters must not end the script
            stream.reconfigure(errors="backslashreplace")
    signal.signal(signal.SIGTERM, _leave)
    try:
        sys.exit(main(sys.argv[1:]))
    except SetupError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        say("Stopped. Run the script again to go on.")
        sys.exit(128 + signal.SIGINT)


def child_environment() -> dict[str, str]:
    """Our environment variables, set so that the Python of `.venv` starts the same way everywhere.

    PYTHONUTF8: before Python 3.13, Windows reads the path that an editable install notes down in the system's
    code page, and a folder with Vietnamese letters would keep Python from starting.
    """
    misleading = ("PYTHONHOME", "__PYVENV_LAUNCHER__")
    return {name: value for name, value in os.environ.items() if name not in misleading} | {"PYTHONUTF8": "1"}


def watch(command: list[str], folder: Path, on_line: Callable[[str], None]) -> tuple[int, list[str]]:
    """Run a program that needs no keyboard, handing on each line it prints; its exit code and its last lines."""
    lines: deque[str] = deque(maxlen=REMEMBERED_LINES)
    with subprocess.Popen(
        command,
        cwd=folder,
        env=child_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
    ) as child:
        try:
            for line in child.stdout or ():
                lines.append(line.rstrip())
                on_line(lines[-1])
        except BaseException:
            child.terminate()
            raise
    return child.returncode, list(lines)


def run(command: list[str], folder: Path) -> int:
    """Run a program on our terminal; its exit code.

    Ctrl-C reaches it by itself, being in our process group; SIGTERM is passed on. Either way it may end in its
    own manner within PATIENCE_S; a second Ctrl-C ends it at once.
    """
    with subprocess.Popen(command, cwd=folder, env=child_environment()) as child:
        try:
            return exit_code(child.wait())
        except KeyboardInterrupt:
            return exit_code(_wait_or_kill(child))
        except SystemExit:
            child.terminate()
            return exit_code(_wait_or_kill(child))


def become(command: list[str], folder: Path) -> int:
    """Run a program in our place: where the system can, this process turns into it, and every signal is its own."""
    if os.name == "posix":
        os.chdir(folder)
        os.execve(command[0], command, child_environment())
    return run(command, folder)


def exit_code(returned: int) -> int:
    """What a shell reports for a program's return code: 128 and the signal's number when a signal ended it."""
    return 128 - returned if returned < 0 else returned


def _wait_or_kill(child: subprocess.Popen[bytes]) -> int:
    try:
        return child.wait(PATIENCE_S)
    except (KeyboardInterrupt, SystemExit, subprocess.TimeoutExpired):
        child.kill()
        return child.wait()


def _leave(number: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(128 + number)
