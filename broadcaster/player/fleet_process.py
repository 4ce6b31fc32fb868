"""A process of virtual loudspeakers: `python -m broadcaster.player.fleet_process CLIPS [-f LINE ...] FOLDER ...`.

Faults that are there from the start come with `-f`, others by lines on standard input; it ends with that. What happens
is told on standard output, one JSON object a line.
"""

import argparse
import gc
import json
import logging
import sys
import threading
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from broadcaster.errors import BroadcasterError
from broadcaster.player.fleet import Fleet

_STACK_BYTES = 512 * 1024


class _Teller:
    """Writes events in a thread of its own: whoever plays does not wait for whoever reads."""

    def __init__(self) -> None:
        self._waiting: SimpleQueue[dict[str, Any] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._write, name="fleet-tell", daemon=True)
        self._thread.start()

    def tell(self, event: dict[str, Any]) -> None:
        self._waiting.put(event)

    def close(self) -> None:
        self._waiting.put(None)
        self._thread.join()

    def _write(self) -> None:
        while (event := self._waiting.get()) is not None:
            sys.stdout.write(json.dumps(event) + "\n")
            if self._waiting.empty():
                sys.stdout.flush()
        sys.stdout.flush()


def main() -> int:
    reader = argparse.ArgumentParser(prog="fleet_process", description=__doc__)
    reader.add_argument("-f", "--fault", action="append", default=[], metavar="LINE")
    reader.add_argument("clips", type=Path)
    reader.add_argument("folders", type=Path, nargs="*")
    options = reader.parse_args()
    logging.basicConfig(level=logging.ERROR, format="%(message)s")  # what is refused is told by reports
    threading.stack_size(_STACK_BYTES)
    sys.setswitchinterval(0.0002)
    teller = _Teller()
    try:
        fleet = Fleet(options.folders, options.clips, teller.tell)
    except (BroadcasterError, OSError) as error:
        teller.tell({"event": "failed", "error": str(error)})
        teller.close()
        return 1
    _obey(fleet, teller, options.fault)
    fleet.begin()
    gc.collect()
    gc.freeze()  # what lives as long as the process is not looked through again and again
    teller.tell({"event": "ready", "loudspeakers": sorted(fleet.boxes)})
    _obey(fleet, teller, sys.stdin)
    fleet.close()
    teller.close()
    return 0


def _obey(fleet: Fleet, teller: _Teller, lines: Any) -> None:
    for line in lines:
        try:
            fleet.obey(line)
        except (BroadcasterError, OSError) as error:
            teller.tell({"event": "refused", "line": line.strip(), "error": str(error)})
        else:
            teller.tell({"event": "obeyed", "line": line.strip()})


if __name__ == "__main__":
    sys.exit(main())
