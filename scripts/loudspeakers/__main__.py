"""Run virtual loudspeakers: real ones in all but the sound, with the faults that real ones have.

They are those of a folder of enrolled loudspeakers (--folder), or are added to a data folder of Broadcaster and
enrolled at once (--data), spread over its stations of the connector mqtt. What happens is told on standard output, one
JSON object a line. Faults are switched on and off by lines on standard input, such as "offline kep.ao-0001", "slow all
2", "power-cut kep.ao-0001", "normal all"; they are: offline, slow SECONDS, wrong-clock SECONDS, silent, duplicates,
reorder SECONDS, power-cut, normal. The fleet ends with standard input, or with Ctrl-C.
"""

import argparse
import json
import os
import random
import sys
import tempfile
import threading
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from broadcaster import application, clock, config
from broadcaster.errors import BroadcasterError
from broadcaster.player import names
from broadcaster.player.fleet import EVERYONE
from broadcaster.store import schema
from loudspeakers.enrolling import NoRoomError, enrolled
from loudspeakers.processes import Event, Processes

FAULTS = ("offline", "slow", "wrong-clock", "silent", "duplicates", "reorder")


def main(arguments: list[str]) -> int:
    """0 once it has run; 1 where it could not begin, with a sentence on standard error."""
    options = _options(arguments)
    try:
        folders = _folders(options)
    except (BroadcasterError, NoRoomError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    if not folders:
        print("There are no enrolled loudspeakers.", file=sys.stderr)
        return 1
    guard = threading.Lock()

    def tell(event: Event) -> None:
        with guard:
            print(json.dumps(event), flush=True)

    count = max(1, min(options.processes, len(folders)))
    with tempfile.TemporaryDirectory() as clips:
        processes = Processes(
            folders, Path(clips), count, tell, faults=_faults(options, [path.name for path in folders])
        )
        with closing(processes):
            if processes.until_ready():
                _pass_on(processes)
    if processes.failure:
        print(processes.failure, file=sys.stderr)
    return 1 if processes.failure else 0


def _pass_on(processes: Processes) -> None:
    try:
        for line in sys.stdin:
            if line.strip():
                processes.say(line)
    except KeyboardInterrupt:
        return


def _options(arguments: list[str]) -> argparse.Namespace:
    reader = argparse.ArgumentParser(
        prog="scripts/fleet", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    reader.add_argument(
        "count", nargs="?", type=_number, default=20, metavar="N", help="how many; 20 unless told otherwise"
    )
    where = reader.add_mutually_exclusive_group(required=True)
    where.add_argument("--folder", type=Path, help="a folder of enrolled loudspeakers, one folder each")
    where.add_argument("--data", type=Path, help="a data folder of Broadcaster, such as data")
    reader.add_argument(
        "--processes", type=_number, default=os.cpu_count() or 1, metavar="P", help="how many processes share them"
    )
    for fault in FAULTS:
        reader.add_argument(
            f"--{fault}", type=_share, default="0", metavar="K", help=f"so many begin with this fault, or {EVERYONE}"
        )
    return reader.parse_args(arguments)


def _number(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text} is no number of loudspeakers or processes")
    return int(text)


def _share(text: str) -> str:
    if text != EVERYONE and not text.isdecimal():
        raise argparse.ArgumentTypeError(f"write a number or {EVERYONE}, not {text}")
    return text


def _folders(options: argparse.Namespace) -> list[Path]:
    """Whose loudspeakers run. Raises BroadcasterError, NoRoomError, OSError."""
    if options.folder is not None:
        found = sorted(path.parent.absolute() for path in options.folder.glob(f"*/{names.IDENTITY}"))
        return found[: options.count]
    data: Path = options.data.absolute()
    settings = config.load(data.parent).model_copy(update={"data_folder": data})
    built = application.build(settings)
    try:
        schema.check(built.store)
        return enrolled(built, options.count, clock.now())
    finally:
        built.close()


def _faults(options: argparse.Namespace, names: Sequence[str]) -> list[str]:
    """The lines to begin with: each fault has loudspeakers of its own, as long as there are enough."""
    mixed = list(names)
    random.Random(0).shuffle(mixed)
    lines = []
    for fault in FAULTS:
        wanted = str(vars(options)[fault.replace("-", "_")])
        if wanted == EVERYONE:
            lines.append(f"{fault} {EVERYONE}")
            continue
        chosen, mixed = mixed[: int(wanted)], mixed[int(wanted) :]
        lines += [f"{fault} {name}" for name in chosen]
    return lines


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
