"""Bare subscribers to the order topics of loudspeakers, which do nothing but tell when something has come.

`python -m benchmarks.subscribers CLIPS FOLDER ...`, as a process of a fleet is started; it ends with standard input.
"""

import json
import sys
import time
from pathlib import Path

from broadcaster.player import identity as identities
from broadcaster.player.fleet_link import Connection, Loop
from broadcaster.player.identity import Identity


class Subscriber:
    def __init__(self, loop: Loop, identity: Identity) -> None:
        self._name = identity.device.user
        Connection(loop, identity, self._heard, self._came_up, lambda: None).connect()

    def _heard(self, _: bytes) -> None:
        self._tell("heard")

    def _came_up(self) -> None:
        self._tell("online")

    def _tell(self, event: str) -> None:
        at = round(time.time() * 1000, 1)
        print(json.dumps({"event": event, "loudspeaker": self._name, "at": at}), flush=True)


def main(folders: list[str]) -> None:
    loop = Loop()
    for folder in folders:
        Subscriber(loop, identities.load(Path(folder)))
    print(json.dumps({"event": "ready", "loudspeakers": []}), flush=True)
    sys.stdin.read()
    loop.close()


if __name__ == "__main__":
    main(sys.argv[2:])
