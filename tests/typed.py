"""A command as a person types it, in a process of its own, without importing the whole program anew each time.

One process for each that tests has imported it and forks for every command: the command gets its own folder,
environment, input and outputs, and ends as any process does. Where nothing can be forked, it is started from nothing.
"""

import atexit
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, NoReturn

PATIENCE_S = 120.0
_REQUEST_BYTES = 1_000_000
_BACKLOG = 16


def typed(
    folder: Path, *arguments: str, environment: Mapping[str, str], given: str = "", timeout_s: float = PATIENCE_S
) -> subprocess.CompletedProcess[str]:
    """`broadcaster ARGUMENTS` in a folder, to its end; `environment` is all that it has."""
    if not hasattr(os, "fork"):
        return subprocess.run(
            [sys.executable, "-m", "broadcaster", *arguments], cwd=folder, env=environment, input=given,
            capture_output=True, encoding="utf-8", timeout=timeout_s, check=False,
        )  # fmt: skip
    with tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        source.write(given.encode())
        source.seek(0)
        request = {"arguments": arguments, "folder": str(folder), "environment": dict(environment)}
        code = _Forge.here().run(request, [source, out, errors], timeout_s)
        return subprocess.CompletedProcess(arguments, code, _text(out), _text(errors))


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode().replace("\r\n", "\n")  # as a program that reads it as text is given it


class _Forge:
    """The process that forks, as its parent sees it."""

    _made: "tuple[int, _Forge] | None" = None
    _making = threading.Lock()

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="forge-")
        self._path = str(Path(self._folder.name) / "socket")
        self._process = subprocess.Popen([sys.executable, "-m", "tests.typed", self._path], stdin=subprocess.PIPE)
        atexit.register(self._close)

    @classmethod
    def here(cls) -> "_Forge":
        with cls._making:
            if cls._made is None or cls._made[0] != os.getpid():
                cls._made = os.getpid(), cls()
            return cls._made[1]

    def run(self, request: Mapping[str, object], files: list[IO[bytes]], timeout_s: float) -> int:
        """The exit code, negative for a signal. Raises subprocess.TimeoutExpired after killing it."""
        with socket.socket(socket.AF_UNIX) as wire:
            self._connect(wire)
            data = json.dumps(request).encode()
            socket.send_fds(wire, [len(data).to_bytes(4, "big")], [file.fileno() for file in files])
            wire.sendall(data)
            with wire.makefile("r", encoding="ascii") as answers:
                pid = int(answers.readline())
                wire.settimeout(timeout_s)
                try:
                    return int(answers.readline())
                except TimeoutError:
                    os.kill(pid, signal.SIGKILL)
                    raise subprocess.TimeoutExpired(str(request["arguments"]), timeout_s) from None

    def _connect(self, wire: socket.socket) -> None:
        until_s = time.monotonic() + PATIENCE_S
        while True:
            try:
                wire.connect(self._path)
            except (FileNotFoundError, ConnectionRefusedError):
                assert self._process.poll() is None, "the process that forks has ended"
                assert time.monotonic() < until_s, "the process that forks does not start"
                time.sleep(0.01)
            else:
                return

    def _close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
        self._folder.cleanup()


def _serve(path: str) -> None:
    """Fork for each request until standard input ends, which it does with the parent at the latest."""
    import select  # noqa: PLC0415 - all of this is of the other process

    import broadcaster.__main__  # noqa: PLC0415

    # What the program looks up about itself (its name in a usage line, what its children import) is as it is typed.
    sys.modules["__main__"] = sys.modules["broadcaster.__main__"]
    assert broadcaster.__main__.__file__ is not None
    sys.argv = [broadcaster.__main__.__file__]
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(path)
        door.listen(_BACKLOG)
        while True:
            ready = select.select([door.fileno(), 0], [], [])[0]
            if 0 in ready:
                return
            wire, _ = door.accept()
            if os.fork() == 0:
                door.close()
                _attend(wire)
            wire.close()
            with contextlib.suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass


def _attend(wire: socket.socket) -> NoReturn:
    """Run one command in a fork of this fork, and tell how it ended."""
    head, descriptors, _, _ = socket.recv_fds(wire, 4, 3)
    data = b""
    while len(data) < int.from_bytes(head, "big"):
        data += wire.recv(_REQUEST_BYTES)
    request = json.loads(data)
    pid = os.fork()
    if pid == 0:
        wire.close()
        for standard, descriptor in enumerate(descriptors):
            os.dup2(descriptor, standard)
            os.close(descriptor)
        _become(request)
    wire.sendall(f"{pid}\n".encode())
    _, status = os.waitpid(pid, 0)
    with contextlib.suppress(BrokenPipeError):
        wire.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def _become(request: Mapping[str, object]) -> NoReturn:
    """What a new interpreter would do: run the program, flush, and end."""
    from broadcaster.cli.main import main  # noqa: PLC0415

    environment, arguments = request["environment"], request["arguments"]
    assert isinstance(environment, dict)
    assert isinstance(arguments, list)
    os.environ.clear()
    os.environ.update(environment)
    own = [path for path in str(environment.get("PYTHONPATH", "")).split(os.pathsep) if path]
    sys.path[:0] = [path for path in own if path not in sys.path]  # packages that a test has installed there
    os.chdir(str(request["folder"]))
    sys.argv[1:] = arguments
    try:
        main()
        code: object = 0
    except SystemExit as error:
        code = error.code
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(ValueError, OSError):
            stream.flush()
    threading._shutdown()  # type: ignore[attr-defined] # a thread that is no daemon is waited for
    atexit._run_exitfuncs()
    os._exit(code if isinstance(code, int) else int(code is not None))


if __name__ == "__main__":
    _serve(sys.argv[1])
