"""How fast a thousand loudspeakers fall silent, and how fast an emergency sounds: services, worker, broker, agents.

Everything is real but the sound: the services that people's decisions go through, a `broadcaster worker` of its own
with its database on the disk, Mosquitto, and a thousand agents that verify, store, play and report. They share the
processor cores of this one computer with the server, which costs more than all the rest: so what is told is an upper
bound. Beside it: the same number of messages from a bare client of the library through the same broker, to subscribers
that only note when one has come.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import Any

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from benchmarks.figures import Figure, note
from benchmarks.office import BULLETIN, Office, office, worker
from benchmarks.village import percentile, require
from broadcaster import clock
from broadcaster.domain.airing import Scope
from broadcaster.orders.topics import Part
from broadcaster.services import emergencies, stops
from loudspeakers.processes import Event, Processes

__all__ = ["figures", "require"]

COMMUNES, COUNT = 50, 1000
ROUNDS = 3
PATIENCE_S = 60.0
PLAYED_S = 8.0
"""So long an emergency sounds before it is stopped: what loudspeakers reported of its start has arrived by then."""
CALM_S = 8.0
STOP_PROMISE_S, EMERGENCY_PROMISE_S = 2.0, 3.0
ORDER_BYTES = 900


class Ears:
    """What the fleet told since `since`: for each loudspeaker, when it was, in unix ms."""

    def __init__(self) -> None:
        self._heard: dict[str, dict[str, float]] = {}
        self._changed = threading.Condition()

    def hear(self, event: Event) -> None:
        if "loudspeaker" in event:
            with self._changed:
                self._heard.setdefault(event["event"], {})[event["loudspeaker"]] = event["at"]
                self._changed.notify_all()

    def forget(self) -> None:
        with self._changed:
            self._heard.clear()

    def until(self, event: str, count: int = COUNT) -> dict[str, float]:
        """Wait until so many have told it; when each did, also where some never do."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._heard.get(event, ())) >= count, PATIENCE_S)
            return dict(self._heard.get(event, {}))


def figures() -> Iterator[Figure]:
    processes = max(2, os.cpu_count() or 1)
    note(f"{COUNT} loudspeakers in {COMMUNES} communes are enrolled ...")
    sounds: list[float] = []
    silences: list[float] = []
    with office(COMMUNES, COUNT) as found:
        ears = Ears()
        with worker(found), closing(Processes(found.folders, found.clips, processes, ears.hear)):
            online = ears.until("online")
            note(f"{len(online)} loudspeakers are online ...")
            for number in range(ROUNDS):
                time.sleep(CALM_S)
                sounds += _emergency(found, ears)
                note(f"Round {number + 1}: {_told(sounds)} s to sound ...")
                time.sleep(PLAYED_S)
                silences += _stop(found, ears)
                note(f"Round {number + 1}: {_told(silences)} s to silence ...")
        bare = _bare(found, processes)
    beside = {
        "loudspeakers": COUNT, "communes": COMMUNES, "rounds": ROUNDS, "processes": processes,
        "cores": os.cpu_count() or 1, "tick_s": found.built.config.worker.air_every_s,
    }  # fmt: skip
    limit = {"what": "bare client and subscribers, same broker and number of messages", **_told(bare)}
    yield Figure(
        "stop.silent_p99_s", percentile(silences, 0.99), "s", STOP_PROMISE_S, peer=beside | _told(silences), limit=limit
    )
    yield Figure(
        "stop.emergency_sounds_p99_s",
        percentile(sounds, 0.99),
        "s",
        EMERGENCY_PROMISE_S,
        peer=beside | _told(sounds),
        limit=limit,
    )


def _emergency(found: Office, ears: Ears) -> list[float]:
    """Seconds from the second person's yes to the first sound of each loudspeaker."""
    store = found.built.store
    asked = emergencies.ask(
        store, BULLETIN, found.communes, found.names, found.person("writer"), clock.now(), overrides_quiet=True
    )
    confirmer = found.person("operator")
    ears.forget()
    began = time.time()
    emergencies.confirm(store, asked, found.names, confirmer, clock.now(), overrides_quiet=True)
    note(f"The confirmation took {time.time() - began:.2f} s ...")
    return _after(began, ears.until("sound"))


def _stop(found: Office, ears: Ears) -> list[float]:
    """Seconds from the order to stop everything to the silence of each loudspeaker; it is released afterwards."""
    store, operator = found.built.store, found.person("operator")
    ears.forget()
    began = time.time()
    key = stops.stop(store, Scope.EVERYTHING, "", "đo thử", operator, clock.now())
    silent = _after(began, ears.until("silence"))
    time.sleep(CALM_S)
    stops.release(store, key, operator, clock.now())
    return silent


def _bare(found: Office, processes: int) -> list[float]:
    """Seconds from the first publish of a bare client to the arrival of each subscriber's message."""
    ears = Ears()
    subscribers = Processes(found.folders, found.clips, processes, ears.hear, module="benchmarks.subscribers")
    with closing(subscribers):
        ears.until("online")
        client = _client(found)
        ears.forget()
        began = time.time()
        for device in found.devices:
            client.publish(device.topic(Part.ORDER), bytes(ORDER_BYTES), qos=1)
        arrived = _after(began, ears.until("heard"))
        client.disconnect()
        client.loop_stop()
    return arrived


def _client(found: Office) -> Client:
    client = Client(CallbackAPIVersion.VERSION2, client_id=found.broker.user)
    client.username_pw_set(found.broker.user, found.broker.password)
    client.max_inflight_messages_set(COUNT)
    is_up = threading.Event()
    connected: Callable[..., Any] = lambda *_: is_up.set()  # noqa: E731
    client.on_connect = connected
    client.connect(found.broker.host, found.broker.port)
    client.loop_start()
    assert is_up.wait(PATIENCE_S), "The broker does not answer."
    return client


def _after(began: float, at_ms: dict[str, float]) -> list[float]:
    """Seconds after a moment, of all loudspeakers; one that said nothing counts with the whole patience."""
    found = [at / 1000 - began for at in at_ms.values()]
    return found + [PATIENCE_S] * (COUNT - len(found))


def _told(seconds: Sequence[float]) -> dict[str, object]:
    return {
        "p50_s": round(percentile(seconds, 0.5), 3), "p99_s": round(percentile(seconds, 0.99), 3),
        "max_s": round(max(seconds), 3),
    }  # fmt: skip
