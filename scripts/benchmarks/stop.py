"""How fast a thousand loudspeakers fall silent, and how fast an emergency sounds: services, worker, broker, agents.

Everything is real but the sound: the services that people's decisions go through, a `broadcaster worker` of its own
with its database on the disk, Mosquitto, and a thousand agents that verify, store, play and report. A thousand boxes
share the cores of one computer with their server here, which no real ones do. So it is measured twice: with a thousand
agents, and with a thousand connections of which every tenth is an agent and the others only note when something has
come. The parts stand beside it: when orders arrive at those, how long the thousand agents take without any server, and
how fast a bare client of the library and the broker are.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion
from sqlalchemy import select
from ulid import ULID

from benchmarks.figures import Figure, note
from benchmarks.office import BULLETIN, Office, office, program
from benchmarks.village import percentile, require
from broadcaster import clock
from broadcaster.domain.airing import Scope
from broadcaster.domain.bulletin import Priority
from broadcaster.domain.place import Mode
from broadcaster.orders import envelope, keyfolder, payload
from broadcaster.orders.payload import IMMEDIATE, Approval, Audio, Command, Lateness, LatePolicy, Payload
from broadcaster.orders.strict_json import whole
from broadcaster.orders.topics import Part
from broadcaster.services import emergencies, stops
from broadcaster.store.tables import ClipRow
from loudspeakers.processes import Event, Processes

__all__ = ["figures", "require"]

COMMUNES, COUNT = 50, 1000
TENTH = 10
ROUNDS = 3
PATIENCE_S = 60.0
PLAYED_S = 8.0
"""So long an emergency sounds before it is stopped: what loudspeakers reported of its start has arrived by then."""
CALM_S = 8.0
NICENESS = 5
"""The loudspeakers' processes give way to the server's: each real one has a processor of its own."""
STOP_PROMISE_S, EMERGENCY_PROMISE_S = 2.0, 3.0
ORDER_BYTES = 900


class Ears:
    """What so many loudspeakers have told: of each event and loudspeaker, when it was first, in unix ms."""

    def __init__(self, count: int = COUNT) -> None:
        self.count = count
        self._heard: dict[str, dict[str, float]] = {}
        self._changed = threading.Condition()

    def hear(self, event: Event) -> None:
        if "loudspeaker" in event:
            with self._changed:
                self._heard.setdefault(event["event"], {}).setdefault(event["loudspeaker"], event["at"])
                self._changed.notify_all()

    def forget(self) -> None:
        with self._changed:
            self._heard.clear()

    def until(self, event: str, began: float = 0.0) -> list[float]:
        """Wait until all have told it; how many seconds after a moment. Who says nothing counts with the patience."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._heard.get(event, ())) >= self.count, PATIENCE_S)
            found = [at / 1000 - began for at in self._heard.get(event, {}).values()]
        return found + [PATIENCE_S] * (self.count - len(found))


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds, of each loudspeaker, to the first sound of an emergency and to the silence of a stop."""

    sound: list[float] = field(default_factory=list)
    silence: list[float] = field(default_factory=list)


def figures() -> Iterator[Figure]:
    processes = max(2, os.cpu_count() or 1)
    note(f"{COUNT} loudspeakers in {COMMUNES} communes are enrolled ...")
    with office(COMMUNES, COUNT) as found:
        tenth, arrived = _with_a_tenth(found, processes)
        whole, alone = _with_loudspeakers(found, processes)  # the last stop is never released
        bare = _with_subscribers(found, processes)
    beside: dict[str, object] = {
        "connected": COUNT, "communes": COMMUNES, "rounds": ROUNDS, "processes": processes,
        "cores": os.cpu_count() or 1, "tick_s": found.built.config.worker.air_every_s,
        "clips": "fetched once by each process",
    }  # fmt: skip
    of_all = {"loudspeakers": COUNT} | beside
    of_a_tenth = {"loudspeakers": COUNT // TENTH, "the others": "only note when something has come"} | beside
    for name, promise, pick in (
        ("silent", STOP_PROMISE_S, attrgetter("silence")),
        ("emergency_sounds", EMERGENCY_PROMISE_S, attrgetter("sound")),
    ):
        limit: dict[str, object] = {
            "bare client to bare subscribers": _told(bare),
            "the order arrives at bare subscribers": _told(pick(arrived)),
            "loudspeakers without a server, orders signed before": _told(pick(alone)),
        }
        for kind, seconds, peer in ((name, pick(whole), of_all), (f"{name}_tenth", pick(tenth), of_a_tenth)):
            yield Figure(
                f"stop.{kind}_p99_s", percentile(seconds, 0.99), "s", promise, peer=peer | _told(seconds), limit=limit
            )


def _with_loudspeakers(found: Office, processes: int) -> tuple[Times, Times]:
    """Everything together; and then the loudspeakers without a server."""
    ears, times, alone = Ears(), Times(), Times()
    with closing(Processes(found.folders, found.clips, processes, ears.hear, niceness=NICENESS)):
        with program(found, "door"), program(found, "worker"):
            ears.until("online")
            for number in range(ROUNDS):
                _round(found, ears, times)
                note(f"Round {number + 1}: {_told(times.sound)} to sound, {_told(times.silence)} to silence ...")
            time.sleep(CALM_S)
        plays, halts = _signed(found)
        with _client(found) as client:
            alone.sound.extend(_published(found, client, ears, plays, "sound"))
            time.sleep(PLAYED_S)
            alone.silence.extend(_published(found, client, ears, halts, "silence"))
    return times, alone


def _with_a_tenth(found: Office, processes: int) -> tuple[Times, Times]:
    """The same while nine of ten are bare subscribers, and when orders came to these."""
    folders = found.folders[::TENTH]
    others = [folder for folder in found.folders if folder not in folders]
    ears, times, note_takers, arrived = Ears(len(folders)), Times(), Ears(len(others)), Times()
    bare = Processes(others, found.clips, processes, note_takers.hear, module="benchmarks.subscribers")
    agents = Processes(folders, found.clips, processes, ears.hear, niceness=NICENESS)
    with closing(bare), closing(agents), program(found, "door"), program(found, "worker"):
        ears.until("online")
        note_takers.until("online")
        for number in range(ROUNDS):
            _round(found, ears, times, note_takers, arrived)
            note(f"A tenth, round {number + 1}: {_told(times.sound)} to sound, {_told(times.silence)} to silence ...")
    return times, arrived


def _with_subscribers(found: Office, processes: int) -> list[float]:
    """The broker alone."""
    ears = Ears()
    with closing(Processes(found.folders, found.clips, processes, ears.hear, module="benchmarks.subscribers")):
        ears.until("online")
        with _client(found) as client:
            return _published(found, client, ears, [bytes(ORDER_BYTES)] * COUNT, "heard")


def _round(
    found: Office, ears: Ears, times: Times, note_takers: Ears | None = None, arrived: Times | None = None
) -> None:
    """An emergency, and a stop of everything while it sounds."""
    time.sleep(CALM_S)
    times.sound.extend(_emergency(found, ears, note_takers, arrived))
    time.sleep(PLAYED_S)
    times.silence.extend(_stop(found, ears, note_takers, arrived))


def _emergency(found: Office, ears: Ears, note_takers: Ears | None, arrived: Times | None) -> list[float]:
    """Seconds from the second person's yes to the first sound of each loudspeaker."""
    store = found.built.store
    asked = emergencies.ask(
        store, BULLETIN, found.communes, found.names, found.person("writer"), clock.now(), overrides_quiet=True
    )
    confirmer = found.person("operator")
    _forget(ears, note_takers)
    began = time.time()
    emergencies.confirm(store, asked, found.names, confirmer, clock.now(), overrides_quiet=True)
    told = ears.until("sound", began)
    if note_takers is not None and arrived is not None:
        arrived.sound.extend(note_takers.until("heard", began))
    return told


def _stop(found: Office, ears: Ears, note_takers: Ears | None, arrived: Times | None) -> list[float]:
    """Seconds from the order to stop everything to the silence of each loudspeaker; it is released afterwards."""
    store, operator = found.built.store, found.person("operator")
    _forget(ears, note_takers)
    began = time.time()
    key = stops.stop(store, Scope.EVERYTHING, "", "đo thử", operator, clock.now())
    told = ears.until("silence", began)
    if note_takers is not None and arrived is not None:
        arrived.silence.extend(note_takers.until("heard", began))
    time.sleep(CALM_S)
    stops.release(store, key, operator, clock.now())
    return told


def _forget(*all_ears: Ears | None) -> None:
    for ears in all_ears:
        if ears is not None:
            ears.forget()


def _signed(found: Office) -> tuple[list[bytes], list[bytes]]:
    """An order to play at once and one to stop for each loudspeaker alone, ready to be sent."""
    with found.built.store.reading() as session:
        clip = session.scalars(select(ClipRow)).one()
    audio = Audio(str(clip.sha256), clip.bytes or 0, "audio/mpeg", "http://127.0.0.1:9/clip")
    now = whole(clock.now())
    number = int(now.timestamp() * 1000)
    rings = {commune: keyfolder.load(found.built.keys_folder, commune) for commune in found.communes}
    plays: list[bytes] = []
    halts: list[bytes] = []
    for device in found.devices:
        to = (device.loudspeaker,)
        play = Payload(
            cmd=Command.PLAY, mode=Mode.LIVE, airing=str(ULID()), ref="", targets=to, seq=number, nbf=now, start=now,
            exp=now + IMMEDIATE, max_s=600, volume_max=80, priority=Priority.EMERGENCY, quiet_override=True,
            late=Lateness(LatePolicy.START, 600), audio=audio, approvals=(Approval("operator", now, "cd" * 32),),
        )  # fmt: skip
        halt = Payload(Command.STOP, Mode.LIVE, None, "", to, number + 1, now, now, now + IMMEDIATE)
        for orders, order in ((plays, play), (halts, halt)):
            key = rings[device.commune].signer(order.cmd.purpose, now)
            assert key is not None, "The keys are new."
            orders.append(envelope.sign(order.as_bytes(), payload.TYPE, key))
    return plays, halts


def _published(found: Office, client: Client, ears: Ears, messages: Sequence[bytes], event: str) -> list[float]:
    """Seconds from the first publish of a bare client to what each loudspeaker tells then."""
    ears.forget()
    began = time.time()
    for device, message in zip(found.devices, messages, strict=True):
        client.publish(device.topic(Part.ORDER), message, qos=1)
    return ears.until(event, began)


@contextmanager
def _client(found: Office) -> Iterator[Client]:
    client = Client(CallbackAPIVersion.VERSION2, client_id=found.broker.user)
    client.username_pw_set(found.broker.user, found.broker.password)
    client.max_inflight_messages_set(COUNT)
    is_up = threading.Event()
    connected: Callable[..., Any] = lambda *_: is_up.set()  # noqa: E731
    client.on_connect = connected
    client.connect(found.broker.host, found.broker.port)
    client.loop_start()
    assert is_up.wait(PATIENCE_S), "The broker does not answer."
    yield client
    client.disconnect()
    client.loop_stop()


def _told(seconds: Sequence[float]) -> dict[str, object]:
    return {
        "p50_s": round(percentile(seconds, 0.5), 3), "p99_s": round(percentile(seconds, 0.99), 3),
        "max_s": round(max(seconds), 3),
    }  # fmt: skip
