"""A ready `.venv`: made once, kept in step with the lock file, left alone otherwise.

`.venv/broadcaster-stamp` holds one line for every step that was finished, with the hash of what it was made
from. A step is due when its line is missing; its line is written only after it, so an interrupted step is done
again. Programs are always started as `.venv`'s `python -m ...`: the scripts that pip writes into `.venv` name
their Python on a line that many systems cut off, and that breaks at spaces.
"""

import hashlib
import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from _processes import SetupError, child_environment, python_complaint, say, watch

ROOT = Path(__file__).resolve().parent.parent
RUN_LOCK = "requirements.lock"
TEST_LOCK = "requirements-dev.lock"
INCLUDES = {RUN_LOCK: (RUN_LOCK,), TEST_LOCK: (TEST_LOCK, RUN_LOCK)}  # same versions in both, proven by a test
SHOWN_LINES = 12
SHOWN_LETTERS = 160

PIP_TROUBLES = (
    (
        r"No space left|Errno 28|not enough space",
        "The disk is full. Free about 1 GB, then run the script again.",
    ),
    (
        r"DO NOT MATCH THE HASHES",
        "A download differs from what the lock file names: it was damaged or changed on the way. Run the script "
        "again; if it stays so, use another network and tell us.",
    ),
    (
        r"Permission denied|Access is denied|Errno 13|WinError 5\b|WinError 32\b",
        "A file cannot be written. Stop a running Broadcaster, check who owns this folder, then run the script again.",
    ),
    (
        r"(?i)connection|getaddrinfo|name resolution|timed? ?out|proxy|ssl|HTTP error|Retrying",
        "The network did not answer. Check the connection (or the proxy: HTTPS_PROXY), then run the script again.",
    ),
    (
        r"No matching distribution|Could not find a version|not a supported wheel",
        "A package does not exist for this Python or system. Python 3.11, 3.12 and 3.13 are supported.",
    ),
    (
        r"Failed (to build|building)|Failed to build",
        "A package has to be compiled here, and that failed. On Debian or Ubuntu: "
        "sudo apt install build-essential python3-dev, then run the script again.",
    ),
)


def prepare(root: Path, lock: str) -> None:
    """Do what is due until `.venv` holds the packages of `lock` and the project itself, editable."""
    done = _keep_or_make_venv(root)
    if _lock_line(root, lock) not in done:
        done = {line for line in done if line.startswith("python ")}
        write_stamp(root, done)
        say(f"Installing {_package_count(root / lock)} packages, as pinned in {lock}; the first time takes minutes ...")
        # The lock is complete. Were pip to look for dependencies, it would meet `coverage[toml]>=7` beside our
        # `coverage==7.17.3`, choose a newer one, and refuse that for want of a hash.
        _pip_install(root, "--require-hashes", "--no-deps", "-r", lock)
        done |= {_lock_line(root, name) for name in INCLUDES[lock]}
        write_stamp(root, done)
    if _project_line(root) not in done:
        say("Installing Broadcaster itself ...")
        _pip_install(root, "--no-index", "--no-build-isolation", "--no-deps", "-e", ".")
        done = {line for line in done if not line.startswith("project ")}
        write_stamp(root, done | {_project_line(root)})
        say("The environment is ready.")


def venv_python(root: Path) -> Path:
    """The Python of `.venv`, there or not."""
    return root / ".venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def read_stamp(root: Path) -> set[str]:
    """The lines of the steps that were finished."""
    try:
        return set(_stamp(root).read_text(encoding="utf-8").splitlines())
    except FileNotFoundError:
        return set()


def write_stamp(root: Path, lines: Iterable[str]) -> None:
    """Replace the stamp in one move, so that a crash leaves the old or the new one."""
    unfinished = _stamp(root).with_suffix(".new")
    unfinished.write_text("".join(f"{line}\n" for line in sorted(lines)), encoding="utf-8")
    unfinished.replace(_stamp(root))


def pip_failure(lines: list[str]) -> str:
    """What went wrong and what to do, from what pip printed, with the last of it."""
    said = "\n".join(lines)
    advice = (advice for pattern, advice in PIP_TROUBLES if re.search(pattern, said))
    remedy = next(
        advice, "Read pip's last lines below; deleting the folder .venv and running the script again often helps."
    )
    return f"The packages could not be installed. {remedy}\nThe last that pip said:\n{_tail(lines)}"


def download_note(line: str) -> str:
    """What to show of a line of pip's: the downloads of a megabyte and more, so that one sees it going on."""
    found = re.match(r"\s*Downloading \S*?([^\s/]+?-\d[^\s-]*)-\S* \((\d+\.\d MB)\)", line)
    return f"  {found[1]} ({found[2]})" if found else ""


def _keep_or_make_venv(root: Path) -> set[str]:
    """The stamp's lines that hold for `.venv` as it is; a `.venv` that is absent or broken is made anew."""
    version = _ask(root, "-c", "import sys; print('%d.%d' % sys.version_info[:2])")
    if version and f"python {version}" in read_stamp(root):
        return read_stamp(root)
    if version and not python_complaint(*map(int, version.split("."))) and _ask(root, "-m", "pip", "--version"):
        return {f"python {version}"}
    if importlib.util.find_spec("ensurepip") is None:
        wanted = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
        raise SetupError(
            "This Python cannot make environments: its module `ensurepip` is missing. On Debian or Ubuntu: "
            f"sudo apt install python3-venv (or {wanted}), then run the script again."
        )
    say("Making the Python environment .venv ...")
    code, lines = watch([sys.executable, "-m", "venv", "--clear", ".venv"], root, lambda _line: None)
    if code:
        raise SetupError(
            f"The folder .venv could not be made; is this folder yours, and the disk not full?\n{_tail(lines)}"
        )
    return {f"python {sys.version_info[0]}.{sys.version_info[1]}"}


def _ask(root: Path, *arguments: str) -> str:
    """What the Python of `.venv` prints, or nothing when it is absent or fails."""
    command = [str(venv_python(root)), *arguments]
    try:
        answer = subprocess.run(command, cwd=root, env=child_environment(), capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return "" if answer.returncode else answer.stdout.strip()


def _pip_install(root: Path, *arguments: str) -> None:
    command = [str(venv_python(root)), "-m", "pip", "--no-input", "--disable-pip-version-check", "install"]
    command += ["--no-user", "--progress-bar=off", *arguments]
    code, lines = watch(command, root, lambda line: say(download_note(line)) if download_note(line) else None)
    if code:
        raise SetupError(pip_failure(lines))


def _tail(lines: list[str]) -> str:
    return "\n".join(f"  | {line[:SHOWN_LETTERS]}" for line in lines[-SHOWN_LINES:] if line)


def _stamp(root: Path) -> Path:
    return root / ".venv" / "broadcaster-stamp"


def _lock_line(root: Path, lock: str) -> str:
    return f"{lock} {_digest((root / lock).read_bytes())}"


def _project_line(root: Path) -> str:
    """An editable install notes down where the project lies: a moved folder is installed again."""
    return f"project {_digest(os.fsencode(root) + (root / 'pyproject.toml').read_bytes())}"


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _package_count(lock: Path) -> int:
    return len(re.findall(r"^\S+==", lock.read_text(encoding="utf-8"), re.MULTILINE))
