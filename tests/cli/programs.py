"""The program as a person starts it: a process of its own, in a folder of its own."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import broadcaster
from broadcaster import clock
from broadcaster.store import schema
from broadcaster.store.engine import Store
from tests.typed import PATIENCE_S, typed

__all__ = ["PATIENCE_S", "database", "line_with", "ran", "running"]

_ENVIRONMENT = {
    "PYTHONPATH": str(Path(broadcaster.__file__).parents[1]),
    "BROADCASTER__LANGUAGE": "en",
    "BROADCASTER__SPEECH__GTTS__ENABLED": "false",  # no test asks the real service
    "BROADCASTER__DOOR__ENABLED": "false",  # its port is one for all
}


def ran(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A command that ends by itself."""
    return typed(folder, *arguments, environment=_environment(environment))


@contextmanager
def running(folder: Path, *arguments: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """A command that runs until it is stopped, at the latest with the block; its input and outputs are pipes."""
    pipe = subprocess.PIPE
    with subprocess.Popen(
        _command(*arguments), cwd=folder, env=_environment(environment), stdin=pipe, stdout=pipe, stderr=pipe,
        encoding="utf-8",
    ) as process:  # fmt: skip
        limit = threading.Timer(PATIENCE_S, process.kill)  # who waits for a line that never comes hears the end
        limit.start()
        try:
            yield process
        finally:
            limit.cancel()
            process.kill()


def line_with(process: subprocess.Popen[str], words: str) -> str:
    """The next line of its output that holds these words."""
    assert process.stdout is not None
    seen = []
    for line in process.stdout:
        seen.append(line)
        if words in line:
            return line.rstrip("\n")
    raise AssertionError(f"It ended without saying {words!r}: {seen}, {process.stderr and process.stderr.read()}")


@contextmanager
def database(folder: Path) -> Iterator[Store]:
    """An empty database of this version in the data folder."""
    data = folder / "data"
    data.mkdir(exist_ok=True)
    store = Store(f"sqlite:///{data / 'broadcaster.db'}")
    try:
        schema.upgrade(store, data / "backups", clock.now())
        yield store
    finally:
        store.close()


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "broadcaster", *arguments]


def _environment(more: Mapping[str, str]) -> dict[str, str]:
    return {**os.environ, **_ENVIRONMENT, **more}
