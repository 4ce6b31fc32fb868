"""The loudspeaker without its wires: it obeys what is signed for it, at its time, once, and says what became of it."""

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from broadcaster.audio.play import Gate, Played, Sink, Started, Volume
from broadcaster.domain.bulletin import Priority
from broadcaster.domain.place import Mode
from broadcaster.domain.timetable import Window
from broadcaster.orders import device as devices
from broadcaster.orders.device import Ack, DeviceKey, PlayReport, sign_ack
from broadcaster.orders.hours import Hours
from broadcaster.orders.keydocument import KeyDocument
from broadcaster.orders.keys import PrivateKey
from broadcaster.orders.payload import Audio, Command, Payload
from broadcaster.orders.strict_json import whole
from broadcaster.orders.topics import Device
from broadcaster.player import identity as identities
from broadcaster.player.agent import Agent, Wires
from broadcaster.player.book import Senses
from broadcaster.player.identity import Identity, MqttAddress
from tests.orders.cast import MINUTE, NOW, ORDER_KEY, QUIET, SECOND, STOP_KEY, ZONE, at_once, play, signed

CLIP = b"ID3" + bytes(5000)
AUDIO = Audio("", 0, "audio/mpeg", "http://127.0.0.1/clip")
KEY = DeviceKey(Ed25519PrivateKey.generate())
KEYS = KeyDocument("kep", 1, NOW - timedelta(days=1), (ORDER_KEY.public, STOP_KEY.public))
DUE = NOW + 60 * MINUTE
LENGTH_S = 30.0


class PowerCutError(BaseException):
    """Not an Exception: nothing of the loudspeaker may catch it and go on."""


@dataclass
class Time:
    """Goes on when somebody waits."""

    at: datetime = NOW
    ran_s: float = 0.0

    def now(self) -> datetime:
        return self.at

    def monotonic_s(self) -> float:
        return self.ran_s

    def wait(self, event: threading.Event, timeout_s: float) -> bool:
        if not event.is_set():
            self.run(timeout_s)
        return event.is_set()

    def run(self, seconds: float) -> None:
        self.ran_s += max(0.0, seconds)
        self.at += timedelta(seconds=max(0.0, seconds))


@dataclass
class Horn(Sink):
    """Plays in the time of the test, a second at a time; `while_playing` happens after each."""

    time: Time
    heard: list[tuple[datetime, int]] = field(default_factory=list)
    while_playing: Callable[[float], None] = lambda _: None

    def play(
        self, clip: Path, *, stop: threading.Event, volume_percent: Volume = 100,
        on_start: Started | None = None, gate: Gate | None = None,
    ) -> Played:  # fmt: skip
        if gate is not None:
            gate()
        volume = volume_percent() if callable(volume_percent) else volume_percent
        position_s = 0.0
        if not stop.is_set():
            self.heard.append((self.time.now(), volume))
            if on_start is not None:
                on_start()
        while position_s < LENGTH_S and not stop.is_set():
            self.time.run(1.0)
            position_s += 1.0
            self.while_playing(position_s)
        return Played(position_s, is_finished=position_s >= LENGTH_S)


@dataclass
class Box:
    """A loudspeaker with everything around it; `switch_on` is what happens after a power cut."""

    folder: Path
    time: Time = field(default_factory=Time)
    mode: Mode = Mode.LIVE
    sent: list[bytes] = field(default_factory=list)
    clips: dict[str, bytes] = field(default_factory=dict)
    is_switched_off: bool = False
    identity: Identity | None = None
    """Else that of a first start."""

    def __post_init__(self) -> None:
        self.horn = Horn(self.time)
        self.switch_on()

    def switch_on(self) -> None:
        identity = self.identity or Identity(
            door="http://127.0.0.1", device=Device("kep", "kep-01"), station="kep-loa", mode=self.mode, zone=ZONE,
            quiet_hours=(QUIET,), held=timedelta(hours=24), password="x", mqtt=MqttAddress("127.0.0.1", 1, tls=False),
            key=KEY,
        )  # fmt: skip
        wires = Wires(
            link=self, sink=self.horn, fetch=lambda audio, have: self.clips[audio.sha256][have:],
            fetch_keys=lambda _: None, clock=self.time, senses=Senses(is_switched_off=lambda: self.is_switched_off),
        )  # fmt: skip
        self.agent = Agent(self.folder, identity, KEYS, wires)

    def send(self, number: int, envelope: bytes) -> None:
        self.sent.append(envelope)

    def obey(self, *orders: Payload) -> None:
        """Receive orders, and fetch what they name."""
        for order in orders:
            self.agent.receive(signed(order))
        self.fetch()

    def fetch(self) -> None:
        while self.agent.work():
            self.time.run(0.5)

    def until(self, moment: datetime) -> None:
        """Let it live until then."""
        while self.time.now() < moment:
            self.agent.look()
            wait_s = self.agent.step()
            self.time.run(min(wait_s, max(0.0, (moment - self.time.now()).total_seconds())))

    def reports(self) -> list[PlayReport]:
        key = devices.public_key(KEY.text)
        found = [devices.read_message(envelope, Device("kep", "kep-01"), key) for envelope in self.sent]
        return [report for report in found if isinstance(report, PlayReport)]

    def states(self, airing: str | None = None) -> list[str]:
        return [
            f"{report.state}:{report.code}".rstrip(":")
            for report in self.reports()
            if airing is None or report.airing == airing
        ]


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path)


def held(box: Box, number: int = 0, **changes: Any) -> Payload:
    """An order whose clip lies at the door."""
    sha256 = hashlib.sha256(CLIP).hexdigest()
    box.clips[sha256] = CLIP
    values: dict[str, Any] = {
        "audio": replace(AUDIO, sha256=sha256, bytes=len(CLIP)),
        "targets": ("kep-loa",),
    } | changes
    return play(number, **values)


def test_a_held_order_sounds_at_its_second_with_nobody_there_and_is_told_step_by_step(box: Box) -> None:
    box.obey(held(box))
    assert box.states() == ["accepted", "ready"]
    box.until(DUE + MINUTE)
    assert [at for at, _ in box.horn.heard] == [DUE]
    assert box.states() == ["accepted", "ready", "started", "finished"]
    assert box.reports()[-1].position_s == LENGTH_S


def test_the_same_order_twice_sounds_once_and_is_answered(box: Box) -> None:
    order = held(box)
    box.obey(order, order)
    box.until(DUE + MINUTE)
    box.obey(order)
    box.until(DUE + 2 * MINUTE)
    assert len(box.horn.heard) == 1
    assert box.states()[-1] == "finished"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"targets": ("other-loa",)}, "target"),
        ({"mode": Mode.TEST}, "mode"),
        ({"exp": NOW + timedelta(hours=30)}, "too_long"),
        ({"nbf": NOW + 5 * MINUTE, "start": NOW + 10 * MINUTE, "exp": NOW + 20 * MINUTE}, "early"),
        ({"start": NOW + timedelta(hours=6), "exp": NOW + timedelta(hours=7)}, "quiet_hours"),
    ],
)
def test_what_is_not_for_it_is_silence_and_a_report(box: Box, changes: dict[str, Any], code: str) -> None:
    box.obey(held(box, **changes))
    assert box.states() == [f"refused:{code}"]
    box.until(DUE + MINUTE)
    assert box.horn.heard == []


def test_one_bit_that_was_flipped_makes_it_nothing(box: Box) -> None:
    data = bytearray(signed(held(box)))
    data[len(data) // 3] ^= 1
    box.agent.receive(bytes(data))
    box.fetch()
    box.until(DUE + MINUTE)
    assert box.horn.heard == []
    assert all(state.startswith("refused") for state in box.states())


def test_another_clip_under_the_right_name_never_sounds(box: Box) -> None:
    order = held(box)
    assert order.audio is not None
    box.clips[order.audio.sha256] = CLIP[:-1] + b"x"
    box.obey(order)
    box.until(DUE + 6 * MINUTE)
    assert box.horn.heard == []
    assert box.states() == ["accepted", "refused:clip_damaged"]


def test_no_louder_than_the_order_allows(box: Box) -> None:
    box.obey(held(box, volume_max=40))
    box.until(DUE + SECOND)
    assert [volume for _, volume in box.horn.heard] == [40]


def test_it_is_silent_after_max_s_by_its_own_timer(box: Box) -> None:
    box.obey(held(box, max_s=10))
    box.until(DUE + MINUTE)
    assert box.states()[-1] == "stopped:max_s"
    assert box.reports()[-1].position_s == pytest.approx(10, abs=1)


def test_a_stop_silences_holds_over_a_restart_and_ends_with_its_release(box: Box) -> None:
    box.obey(held(box, 0), held(box, 1, seq=2, start=DUE + 10 * MINUTE, exp=DUE + 15 * MINUTE))
    stop = at_once(Command.STOP, seq=3, nbf=DUE, targets=("kep-loa",))
    box.horn.while_playing = lambda position_s: box.obey(stop) if position_s == 5 else None
    box.until(DUE + MINUTE)
    assert "stopped:stopped" in box.states()
    box.switch_on()
    box.until(DUE + 12 * MINUTE)
    assert len(box.horn.heard) == 1
    assert box.agent.health().is_stopped
    now = box.time.now()
    box.obey(at_once(Command.RELEASE, seq=4, nbf=now, targets=("kep-loa",)))
    later = held(box, 2, seq=5, nbf=now, start=now + 10 * MINUTE, exp=now + 15 * MINUTE)
    box.obey(later)
    box.until(now + 11 * MINUTE)
    assert len(box.horn.heard) == 2


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_in_whatever_order_play_cancel_and_stop_come_nothing_sounds(box: Box, order: tuple[int, ...]) -> None:
    said = [held(box, seq=1), at_once(Command.CANCEL, 0, seq=2, targets=("kep-loa",), exp=NOW + timedelta(hours=2)),
            at_once(Command.STOP, 0, seq=3, targets=("kep-loa",))]  # fmt: skip
    for number in order:
        box.obey(said[number])
    box.until(DUE + 10 * MINUTE)
    assert box.horn.heard == []


def test_a_power_cut_while_it_plays_is_told_and_it_does_not_go_on(box: Box) -> None:
    def cut(position_s: float) -> None:
        if position_s == 7:
            raise PowerCutError

    box.obey(held(box))
    box.horn.while_playing = cut
    with pytest.raises(PowerCutError):
        box.until(DUE + MINUTE)
    box.horn.while_playing = lambda _: None
    box.switch_on()
    box.until(DUE + 10 * MINUTE)
    assert len(box.horn.heard) == 1
    assert box.states()[-1] == "stopped:power_cut"


def test_what_is_to_come_is_played_after_a_power_cut(box: Box) -> None:
    box.obey(held(box))
    box.switch_on()
    box.fetch()
    box.until(DUE + MINUTE)
    assert [at for at, _ in box.horn.heard] == [DUE]


def test_reports_wait_over_a_power_cut_until_they_are_acknowledged(box: Box) -> None:
    box.obey(held(box))
    box.switch_on()
    numbers = [number for number, _ in box.agent.unacknowledged()]
    assert len(numbers) == 2
    ack = Ack(Device("kep", "kep-01"), tuple(numbers), whole(box.time.now()), 1)
    box.agent.receive(sign_ack(ack, STOP_KEY))
    assert [number for number, _ in box.agent.unacknowledged()][:2] == numbers
    box.agent.receive(sign_ack(ack, ORDER_KEY))
    assert not set(numbers) & {number for number, _ in box.agent.unacknowledged()}


def test_a_clock_an_hour_off_plays_nothing_by_it(box: Box) -> None:
    box.obey(held(box))
    numbers = tuple(number for number, _ in box.agent.unacknowledged())
    box.agent.receive(sign_ack(Ack(Device("kep", "kep-01"), numbers, whole(NOW - 60 * MINUTE), 1), ORDER_KEY))
    box.until(DUE + MINUTE)
    assert box.horn.heard == []
    assert box.states()[-1] == "refused:clock"


def hours(box: Box, at: datetime, *windows: Window, signer: PrivateKey = ORDER_KEY) -> None:
    """The server says when the commune is quiet."""
    told = Ack(Device("kep", "kep-01"), (), whole(at), 1, Hours(ZONE, windows))
    box.agent.receive(sign_ack(told, signer))


AROUND_DUE = Window(time(16), time(18))


def test_quiet_hours_that_have_changed_hold_from_then_on_also_after_a_power_cut(box: Box) -> None:
    hours(box, NOW, AROUND_DUE)
    box.obey(held(box))
    assert box.states()[-1] == "refused:quiet_hours"
    box.identity = identities.load(box.folder)
    box.switch_on()
    assert list(box.agent.identity.quiet_hours) == [AROUND_DUE]
    hours(box, NOW + MINUTE)
    assert list(box.agent.identity.quiet_hours) == []
    assert identities.load(box.folder).told_at == NOW + MINUTE


def test_what_was_accepted_does_not_sound_in_quiet_hours_that_came_later(box: Box) -> None:
    box.obey(held(box))
    hours(box, NOW, AROUND_DUE)
    box.until(DUE + MINUTE)
    assert box.horn.heard == []
    assert box.states()[-1] == "refused:quiet_hours"


def test_older_hours_or_those_of_another_key_change_nothing(box: Box) -> None:
    hours(box, NOW, QUIET)
    hours(box, NOW - MINUTE)
    hours(box, NOW + MINUTE, signer=STOP_KEY)
    assert box.agent.identity.quiet_hours == (QUIET,)


def test_hours_that_cannot_be_stored_are_not_believed(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(identities, "keep", full)
        hours(box, NOW)
    assert list(box.agent.identity.quiet_hours) == [QUIET]
    hours(box, NOW)
    assert list(box.agent.identity.quiet_hours) == []


def test_that_nothing_has_changed_is_written_once_an_hour(box: Box) -> None:
    for minutes in (0, 59, 61):
        hours(box, NOW + minutes * MINUTE, QUIET)
    assert identities.load(box.folder).told_at == NOW + 61 * MINUTE
    hours(box, NOW + 90 * MINUTE, QUIET)
    assert identities.load(box.folder).told_at == NOW + 61 * MINUTE


def test_the_switch_by_hand_wins(box: Box) -> None:
    def switch_off(position_s: float) -> None:
        box.is_switched_off = position_s >= 3
        box.agent.look()

    box.obey(held(box))
    box.horn.while_playing = switch_off
    box.until(DUE + MINUTE)
    assert box.states()[-1] == "stopped:switch"


def test_what_is_meant_at_once_sounds_at_once_though_the_clock_is_behind(box: Box) -> None:
    server = box.time.now() + 100 * SECOND
    at_once = {"nbf": server, "start": server, "exp": server + 5 * MINUTE, "priority": Priority.EMERGENCY}
    box.obey(held(box, 1, seq=9, **at_once))
    before = box.time.now()
    box.until(before + SECOND)
    assert [at for at, _ in box.horn.heard] == [before]


def test_an_emergency_ends_what_sounds_and_sounds_itself(box: Box) -> None:
    def alarm(position_s: float) -> None:
        if position_s == 4:
            now = box.time.now()
            box.obey(held(box, 1, seq=9, nbf=now, start=now, exp=now + 5 * MINUTE, priority=Priority.EMERGENCY))
        box.agent.look()

    box.obey(held(box))
    box.horn.while_playing = alarm
    box.until(DUE + 2 * MINUTE)
    assert len(box.horn.heard) == 2
    assert "stopped:preempted" in box.states()
    assert box.states()[-1] == "finished"


def test_too_late_is_silence(box: Box) -> None:
    box.obey(held(box))
    box.time.run(70 * 60)
    box.until(DUE + 11 * MINUTE)
    assert box.horn.heard == []
    assert box.states()[-1] in {"refused:expired", "refused:late"}


def test_a_file_that_cannot_be_removed_stops_nothing(box: Box) -> None:
    order = held(box)
    box.obey(order)
    path = box.folder / "orders" / f"{order.airing}-{order.seq}.json"
    path.unlink()
    path.mkdir()
    box.until(DUE + MINUTE)
    assert box.states() == ["accepted", "ready", "started", "finished"]
    box.switch_on()
    box.obey(held(box, 1, seq=2, nbf=box.time.now(), start=DUE + 10 * MINUTE, exp=DUE + 15 * MINUTE))
    box.until(DUE + 11 * MINUTE)
    assert len(box.horn.heard) == 2


def test_that_somebody_moves_the_switch_is_one_line_in_the_log(box: Box, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "broadcaster.player")
    for is_off in (False, True, True, False):
        box.is_switched_off = is_off
        box.until(box.time.now() + SECOND)
    moved = [vars(record)["is_off"] for record in caplog.records if vars(record).get("action") == "switch"]
    assert moved == [True, False]
