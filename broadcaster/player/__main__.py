"""`python -m broadcaster.player`: the loudspeaker alone, without what only a server needs."""

import argparse
import os
import signal
import sys
import threading
from pathlib import Path

from broadcaster import clock
from broadcaster.errors import BroadcasterError, InputError
from broadcaster.orders.topics import Device
from broadcaster.player import identity, status
from broadcaster.player.names import FOLDER
from broadcaster.player.run import running
from broadcaster.words import Words


def enrol(folder: Path, address: str, code: str, words: Words, *, over_http: bool) -> None:
    """Enrol, and say as whom."""
    found = identity.enrol(folder, address, code, over_http=over_http)
    text = words("Enrolled as {loudspeaker} of {commune}.", loudspeaker=found.device.loudspeaker,
                 commune=found.device.commune)  # fmt: skip
    print(f"{text} {words('Start it: broadcaster player run')}")


def run(folder: Path, words: Words, *, until_stdin_closes: bool) -> None:
    """Be a loudspeaker until a signal comes, or standard input ends."""
    is_over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: is_over.set())
    if until_stdin_closes:
        threading.Thread(target=_wait_for_end, args=(is_over,), name="stdin", daemon=True).start()
    with running(folder, is_over) as agent:
        print(words("{loudspeaker} of {commune} is listening.", **_names(agent.identity.device)), flush=True)
        while not is_over.wait(0.5):
            """On Windows a signal handler runs only when its main thread does something."""


def show(folder: Path, words: Words) -> None:
    """Print what the folder tells."""
    found = status.read(folder, clock.now())
    known = found.identity
    print(words("{loudspeaker} of {commune}, station {station}", station=known.station, **_names(known.device)))
    print(words("Server: {url}; keys version {version}", url=known.door, version=found.keys_version))
    print(words("It runs: {state}", state=found.link) if found.is_running else words("It does not run."))
    if found.is_stopped:
        print(words("A stop is in force: it stays silent until it is released."))
    for order in found.waiting:
        at = order.start.astimezone(known.zone)
        print(words("{time} {airing} ({seconds} s)", time=f"{at:%d/%m %H:%M:%S}", airing=order.airing or order.cmd,
                    seconds=f"{order.max_s:g}"))  # fmt: skip
    if not found.waiting:
        print(words("It holds nothing that is still to come."))
    print(words("{count} reports wait for the server.", count=found.reports))


def main(arguments: list[str] | None = None) -> int:
    """The exit code: 0 done, 1 failed, 2 what was given cannot be used."""
    parser = argparse.ArgumentParser(prog="broadcaster player")
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("enroll", "run", "status"):
        each = commands.add_parser(name)
        each.add_argument("--folder", type=Path, default=FOLDER)
        if name == "enroll":
            each.add_argument("address")
            each.add_argument("code")
            each.add_argument("--over-http", action="store_true")
        elif name == "run":
            each.add_argument("--until-stdin-closes", action="store_true")
    given, words = parser.parse_args(arguments), Words(os.environ.get("BROADCASTER__LANGUAGE", "auto"))
    try:
        if given.command == "enroll":
            enrol(given.folder, given.address, given.code, words, over_http=given.over_http)
        elif given.command == "run":
            run(given.folder, words, until_stdin_closes=given.until_stdin_closes)
        else:
            show(given.folder, words)
    except (BroadcasterError, OSError) as error:
        print(words.error(error) if isinstance(error, BroadcasterError) else error, file=sys.stderr)
        return 2 if isinstance(error, InputError) else 1
    return 0


def _names(device: Device) -> dict[str, str]:
    return {"loudspeaker": device.loudspeaker, "commune": device.commune}


def _wait_for_end(is_over: threading.Event) -> None:
    while os.read(0, 4096):
        pass
    is_over.set()


if __name__ == "__main__":
    sys.exit(main())
