"""How exactly loudspeakers start what they hold: a thousand agents over a real broker, each with an order of its own.

Each loudspeaker is a box of its own, and a thousand of them share two cores here; so their due times are spread evenly
over `SPREAD_S`, which leaves each about what its own slow box would have. Beside it, as the limit: as many threads in
as many processes that only sleep until the same spread of moments.
"""

import hashlib
import os
import subprocess
import sys
import threading
import time
import wave
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

from ulid import ULID

from benchmarks.figures import Figure, note
from benchmarks.village import Village, percentile, require, scratch, village
from broadcaster.connectors.mqtt_link import Link
from broadcaster.domain.bulletin import Priority
from broadcaster.domain.place import Mode
from broadcaster.orders import envelope, payload
from broadcaster.orders.keys import Purpose
from broadcaster.orders.payload import Approval, Audio, Command, Lateness, LatePolicy, Payload
from broadcaster.orders.strict_json import whole
from broadcaster.orders.topics import Part
from loudspeakers.processes import Event, Processes

__all__ = ["figures", "require"]

COMMUNES, OF_EACH = 50, 20
COUNT = COMMUNES * OF_EACH
SPREAD_S = 30.0
PROMISE_MS = 50.0
CLIP_S = 1.0
PATIENCE_S = 120.0


class Ears:
    """What the fleet told, and how often."""

    def __init__(self) -> None:
        self.late_ms: dict[str, float] = {}
        self.ended: list[str] = []
        self.online = 0
        self._changed = threading.Condition()

    def hear(self, event: Event) -> None:
        with self._changed:
            if event["event"] == "online":
                self.online += 1
            elif event["event"] == "played":
                self.ended.append(f"{event['state']} {event['code']}".strip())
                if event["offset_ms"] is not None:
                    self.late_ms[event["loudspeaker"]] = event["offset_ms"]
            self._changed.notify_all()

    def until_online(self, count: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.online >= count, PATIENCE_S), f"{self.online} are online."

    def until_ended(self, count: int, timeout_s: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: len(self.ended) >= count, timeout_s)


def figures() -> Iterator[Figure]:
    processes = max(2, os.cpu_count() or 1)
    note(f"{COUNT} bare timers ...")
    timers = _timers(processes)
    note(f"{COUNT} loudspeakers ...")
    ears, rest = Ears(), {}
    with scratch() as folder, village(folder, COMMUNES, OF_EACH) as found:
        rest = _play(found, processes, ears)
    late = list(ears.late_ms.values())
    spread = {
        "loudspeakers": COUNT, "processes": processes, "due_over_s": SPREAD_S,
        "due": "one loudspeaker after the other, evenly", "started": len(late), **rest,
    }  # fmt: skip
    limit = {"what": "threads that sleep until the same moments", **_told(timers)}
    yield Figure(
        "fleet.start_late_p99_ms", percentile(late, 0.99), "ms", PROMISE_MS, peer=spread | _told(late), limit=limit
    )
    yield Figure("fleet.not_started", COUNT - len(late), "loudspeakers", 0, peer=spread)


def _play(found: Village, count: int, ears: Ears) -> dict[str, object]:
    with closing(Link(found.broker)) as link:
        assert link.wait(PATIENCE_S), "The broker does not answer."
        clip = _clip_in(found.clips, count)
        processes = Processes(found.folders, found.clips, count, ears.hear)
        with closing(processes):
            assert processes.until_ready(), processes.failure
            ears.until_online(len(found.devices))
            first = whole(datetime.now(UTC)) + timedelta(seconds=20)
            began_s = time.monotonic()
            items = _orders(found, clip, first)
            errors = [error for error in link.publish_all(items, PATIENCE_S) if error is not None]
            sent_s = time.monotonic() - began_s
            note(f"The orders were signed and sent in {sent_s:.1f} s ...")
            ears.until_ended(len(found.devices), SPREAD_S + 20 + CLIP_S + 30)
    states = {state: ears.ended.count(state) for state in sorted(set(ears.ended))}
    return {"orders_sent_in_s": round(sent_s, 2), "not_sent": len(errors), "ended": states}


def _orders(found: Village, clip: Audio, first: datetime) -> list[tuple[str, bytes]]:
    """An order to each loudspeaker alone, by topic."""
    now = whole(datetime.now(UTC))
    items = []
    for number, device in enumerate(found.devices):
        key = found.rings[device.commune].signer(Purpose.ORDER, now)
        assert key is not None, "The key is new."
        start = whole(first + timedelta(seconds=SPREAD_S * number / len(found.devices)))
        order = _order(clip, now, start, device.loudspeaker, number + 1)
        items.append((device.topic(Part.ORDER), envelope.sign(order.as_bytes(), payload.TYPE, key)))
    return items


def _order(clip: Audio, now: datetime, start: datetime, loudspeaker: str, number: int) -> Payload:
    return Payload(
        cmd=Command.PLAY, mode=Mode.LIVE, airing=str(ULID()), ref="", targets=(loudspeaker,), seq=number, nbf=now,
        start=start, exp=start + timedelta(minutes=5), max_s=60, volume_max=80, priority=Priority.NORMAL,
        late=Lateness(LatePolicy.START, 300), audio=clip, approvals=(Approval("minh", now, "cd" * 32),),
    )  # fmt: skip


def _clip_in(folder: Path, processes: int) -> Audio:
    """A second of silence that the loudspeakers have already: what is measured is how they keep time."""
    made = BytesIO()
    with wave.open(made, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(bytes(int(32_000 * CLIP_S)))
    data = made.getvalue()
    sha256 = hashlib.sha256(data).hexdigest()
    for number in range(processes):
        home = folder / str(number)
        home.mkdir(parents=True)
        (home / sha256).write_bytes(data)
    return Audio(sha256, len(data), "audio/wav", "http://127.0.0.1:9/clip")


def _timers(processes: int) -> list[float]:
    """How late, in ms, each of as many sleeping threads was."""
    first = time.time() + 3
    due = [first + SPREAD_S * number / COUNT for number in range(COUNT)]
    children = []
    for number in range(processes):
        child = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.timers"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert child.stdin is not None
        child.stdin.write("".join(f"{moment}\n" for moment in due[number::processes]))
        child.stdin.close()
        children.append(child)
    found = []
    for child in children:
        assert child.stdout is not None
        with child.stdout:
            found += [float(line) for line in child.stdout]
        child.wait()
    return found


def _told(late_ms: Sequence[float]) -> dict[str, object]:
    return {
        "p50_ms": round(percentile(late_ms, 0.5), 2), "p99_ms": round(percentile(late_ms, 0.99), 2),
        "max_ms": round(max(late_ms), 2),
    }  # fmt: skip
