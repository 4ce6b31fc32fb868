"""How fast orders leave: 3,321 communes due in the same second, and 500 stations of which 50 are dead.

The first goes through the services, the database on the disk and a real Mosquitto, to stations whose loudspeakers hold
nothing: signed and kept ahead, published in the due second, each confirmed by the broker. Beside it a bare client of
the library publishes the very same messages through the same broker.
"""

import json
import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import datetime, timedelta

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from benchmarks.figures import Figure, note, timed
from benchmarks.office import BULLETIN, ZONE, Office, office
from benchmarks.village import percentile, require
from broadcaster import clock, strict_yaml
from broadcaster.connectors import mqtt_link
from broadcaster.domain.roles import Actor
from broadcaster.errors import DeliveryError
from broadcaster.services import planning
from broadcaster.services.dispatching import Errand, Job, Pools
from broadcaster.services.exchange import Exchange
from broadcaster.services.importing import import_all

__all__ = ["figures", "require"]

COMMUNES = 3_321
PROMISE_S = 1.0
PATIENCE_S = 60.0
AHEAD = timedelta(seconds=180)
"""Time enough to sign for all; what is not needed of it is waited for."""
ROUNDS = 5
STATIONS, DEAD, DEAD_S = 500, 50, 10.0
DELAY_PROMISE_S = 0.1

Sent = list[tuple[str, bytes]]


def figures() -> Iterator[Figure]:
    yield from _due_at_once()
    yield from _dead_stations()


def _due_at_once() -> Iterator[Figure]:
    note(f"{COMMUNES} communes with a loudspeaker each are made ...")
    with office(COMMUNES, COMMUNES, priority="normal", holds_orders=False, lead_s=1800) as found:
        due = clock.now() + AHEAD
        _schedule(found, due)
        mqtt_link.use(found.broker).wait(PATIENCE_S)
        hand_over = found.built.hand_over(lambda _: None)
        ended = _Ear()
        ahead_s, count = timed(lambda: hand_over.run(clock.now()))
        note(f"{count} orders were signed and kept in {ahead_s:.0f} s ...")
        sent, last_out = ended.until_all_are_out()
        late_s = last_out - due.timestamp()
        note(f"The last was out {late_s:.2f} s after its time ...")
        hand_over.dispatch.close()
        mqtt_link.close()  # the bare client has the same name
        bare = [_bare(found, sent) for _ in range(ROUNDS)]
    middle = percentile(bare, 0.5)
    yield Figure(
        "dispatch.last_of_3321_out_s", late_s, "s", PROMISE_S,
        peer={"what": "bare paho-mqtt, the same messages and broker", "median_s": round(middle, 3), "rounds": ROUNDS,
              "ratio": round(late_s / middle, 2)},
        limit={"orders": len(sent), "signed_and_kept_ahead_s": round(ahead_s, 1), "cores": os.cpu_count() or 1},
    )  # fmt: skip


def _schedule(found: Office, due: datetime) -> None:
    at = due.replace(microsecond=0).astimezone(ZONE)
    schedule = {
        "id": "cung-luc", "bulletin": BULLETIN, "communes": list(found.communes), "times": [f"{at:%H:%M:%S}"],
        "dtstart": f"{at:%Y-%m-%d}", "rrule": "FREQ=DAILY;COUNT=1",
    }  # fmt: skip
    document = strict_yaml.parse(json.dumps({"schedules": [schedule]}), "dispatch").validate(Exchange)
    import_all(found.built.store, [document], "operator", "root", clock.now())
    planning.plan(found.built.store, found.built.config, Actor(None, "root"), clock.now())


class _Ear:
    """Notes what this process publishes, and when the broker had confirmed it."""

    def __init__(self) -> None:
        link = mqtt_link.link()
        assert link is not None
        self._publish_all, self._sent, self._out_at = link.publish_all, Sent(), 0.0
        self._came = threading.Event()
        link.publish_all = self._noted  # type: ignore[method-assign]

    def until_all_are_out(self) -> tuple[Sent, float]:
        assert self._came.wait(AHEAD.total_seconds() + PATIENCE_S), "Nothing was published."
        while len(self._sent) < COMMUNES:
            time.sleep(0.01)
        return self._sent, self._out_at

    def _noted(self, items: Sequence[tuple[str, bytes]], timeout_s: float) -> list[DeliveryError | None]:
        errors = self._publish_all(items, timeout_s)
        assert not any(errors), errors[0]
        self._out_at = time.time()
        self._sent += items
        self._came.set()
        return errors


def _bare(found: Office, sent: Sent) -> float:
    """Seconds from the first publish to the last confirmation."""
    client = Client(CallbackAPIVersion.VERSION2, client_id="server")
    client.username_pw_set(found.broker.user, found.broker.password)
    client.max_inflight_messages_set(len(sent))
    client.connect(found.broker.host, found.broker.port)
    client.loop_start()
    while not client.is_connected():
        time.sleep(0.01)
    began_s = time.perf_counter()
    for info in [client.publish(*item, qos=1) for item in sent]:
        info.wait_for_publish(PATIENCE_S)
    took_s = time.perf_counter() - began_s
    client.disconnect()
    client.loop_stop()
    return took_s


def _dead_stations() -> Iterator[Figure]:
    """How long stations that answer wait for those that do not: in the threads that talk to all of them."""
    note(f"{STATIONS} stations, {DEAD} of them dead ...")
    alone, beside = _last_answer(0), _last_answer(DEAD)
    yield Figure(
        "dispatch.delay_by_50_dead_of_500_s", max(0.0, beside - alone), "s", DELAY_PROMISE_S,
        peer={"what": "the same 450 stations alone", "last_s": round(alone, 3)},
        limit={"last_s": round(beside, 3), "timeout_s": DEAD_S, "orders_each": 3},
    )  # fmt: skip


def _last_answer(dead: int) -> float:
    """Seconds until the last of 450 living stations has its third order, given every second one."""
    alive, answered, guard = STATIONS - DEAD, list[float](), threading.Lock()
    over = threading.Event()

    def answer(due: float) -> None:
        time.sleep(0.005)
        with guard:
            answered.append(time.time() - due)
            if len(answered) == 3 * alive:
                over.set()

    with closing(Pools()) as pools:
        for number in range(3):
            due = time.time()
            for station in range(dead):
                pools.submit(Job(f"dead-{station}", str(number), Errand.DELIVER, _time_out))
            for station in range(alive):
                pools.submit(Job(f"loa-{station}", str(number), Errand.DELIVER, lambda due=due: answer(due)))  # type: ignore[misc]
            time.sleep(1.0)
        over.wait(PATIENCE_S)
    return max(answered)


def _time_out() -> None:
    time.sleep(DEAD_S)
    raise TimeoutError
