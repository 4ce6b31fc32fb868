"""What keeps a computer from airing though the program is well: it goes to sleep, or nothing sets its clock.

Each is asked of the system's own tools and answered with fine, warning or unknown; nothing here raises, changes the
computer, or waits for a tool longer than a few seconds.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

_TIMEOUT_S = 5.0


class Answer(StrEnum):
    FINE = "fine"
    WARNING = "warning"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Finding:
    """One answer. `message` is an English template that `values` fill, as in `errors.py`; empty where all is fine."""

    subject: str
    answer: Answer
    message: str = ""
    values: Mapping[str, object] = field(default_factory=dict)


def findings(platform: str = sys.platform) -> Iterator[Finding]:
    """What is known of this computer; `platform` as in `sys.platform`."""
    yield sleep(platform)
    yield clock(platform)


def sleep(platform: str = sys.platform) -> Finding:
    """Whether this computer, on mains power, goes to sleep by itself."""
    sleeps, remedy = _SLEEP.get(platform, _SLEEP["linux"])
    return _finding(
        "sleep",
        sleeps(),
        "This computer goes to sleep when nobody uses it, and then nothing airs. To keep it awake, run: {command}",
        "Whether this computer goes to sleep by itself is unknown. Asleep it airs nothing: look at its power settings.",
        remedy,
    )


def clock(platform: str = sys.platform) -> Finding:
    """Whether the clock of this computer is set over the network."""
    drifts, remedy = _CLOCK.get(platform, _CLOCK["linux"])
    return _finding(
        "clock",
        drifts(),
        "Nothing sets the clock of this computer, so airings can start at a wrong time. To have it set, run: {command}",
        "Whether the clock of this computer is right is unknown. Compare it with a clock that you trust.",
        remedy,
    )


def _finding(subject: str, is_bad: bool | None, warning: str, unknown: str, remedy: str) -> Finding:
    if is_bad is None:
        return Finding(subject, Answer.UNKNOWN, unknown)
    return Finding(subject, Answer.WARNING, warning, {"command": remedy}) if is_bad else Finding(subject, Answer.FINE)


def _linux_sleeps() -> bool | None:
    if _ask("systemctl", "is-enabled", "sleep.target") == "masked":
        return False
    plugin = "org.gnome.settings-daemon.plugins.power"
    kind = _ask("gsettings", "get", plugin, "sleep-inactive-ac-type").strip("'")
    if kind in {"nothing", "blank"} or _ask("gsettings", "get", plugin, "sleep-inactive-ac-timeout") == "0":
        return False
    return True if kind else None


def _mac_sleeps() -> bool | None:
    minutes = re.search(r"^\s*sleep\s+(\d+)", _ask("pmset", "-g"), re.MULTILINE)
    return int(minutes[1]) > 0 if minutes else None


def _windows_sleeps() -> bool | None:
    """The answer is in the user's language; its figures are least, most, step, on mains, on battery (seconds)."""
    figures = re.findall(
        r"\b0x[0-9a-fA-F]{8}\b", _ask("powercfg", "/query", "SCHEME_CURRENT", "SUB_SLEEP", "STANDBYIDLE")
    )
    return int(figures[-2], 16) > 0 if len(figures) >= 2 else None


def _linux_drifts() -> bool | None:
    synchronized = _ask("timedatectl", "show", "-p", "NTPSynchronized", "--value")
    if synchronized == "yes":
        return False
    # chrony does not tell the kernel of its work unless set to, so that timedatectl may say no although all is well.
    leap = re.search(r"^Leap status\s*:\s*(.+)$", _ask("chronyc", "-n", "tracking"), re.MULTILINE)
    if leap is not None:
        return leap[1].strip() == "Not synchronised"
    return True if synchronized == "no" else None


def _mac_drifts() -> bool | None:
    state = re.search(r"Network Time:\s*(On|Off)", _ask("systemsetup", "-getusingnetworktime"))
    return state[1] == "Off" if state else None


def _windows_drifts() -> bool | None:
    """Read without its words, which are in the user's language; leap indicator 3 is a clock nobody sets (RFC 5905)."""
    said = _ask("w32tm", "/query", "/status")
    if "0x80070426" in said:  # the time service does not run
        return True
    leap = re.search(r":\s*([0-3])\s*\(", said)
    if leap is None:
        return None
    return leap[1] == "3" or "LOCL" in said  # LOCL: set by the computer's own clock


_SLEEP = {
    "linux": (_linux_sleeps, "gsettings set org.gnome.settings-daemon.plugins.power sleep-inactive-ac-type nothing"),
    "darwin": (_mac_sleeps, "sudo pmset -c sleep 0"),
    "win32": (_windows_sleeps, "powercfg /change standby-timeout-ac 0"),
}
_CLOCK = {
    "linux": (_linux_drifts, "sudo timedatectl set-ntp true"),
    "darwin": (_mac_drifts, "sudo systemsetup -setusingnetworktime on"),
    "win32": (_windows_drifts, "net start w32time & w32tm /resync"),
}


def _ask(tool: str, *arguments: str) -> str:
    """What a tool prints, in English where it can; nothing where it is missing, fails or hangs."""
    path = shutil.which(tool)
    if path is None:
        return ""
    try:
        asked = subprocess.run(  # noqa: S603 - one of the system's own tools, with fixed arguments
            [path, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "LC_ALL": "C"},
            timeout=_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return asked.stdout.decode("ascii", errors="replace").strip()
