"""Runs the benchmarks named on the command line, or all of them, with the Python of `.venv`."""

import importlib
import sys
import time
from pathlib import Path

from benchmarks import NAMES, reading
from benchmarks.figures import note
from benchmarks.peers import MissingPeerError


def main(names: list[str]) -> int:
    if names[:1] == ["reading"] and names[1:] and names[1] not in NAMES:
        command = names[names.index("--") + 1 :] if "--" in names else []
        for figure in reading.scored(Path(names[1]), command):
            print(figure.line(), flush=True)
        return 0
    modules = [importlib.import_module(f"benchmarks.{name}") for name in dict.fromkeys(names or NAMES)]
    try:
        for module in modules:
            module.require()
    except MissingPeerError as error:
        note(str(error))
        return 2
    start_s = time.perf_counter()
    for module in modules:
        for figure in module.figures():
            print(figure.line(), flush=True)
    note(f"Done in {time.perf_counter() - start_s:.0f} s.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
