"""Faults and attacks around a loudspeaker that is a process of its own: what sounds, sounds once and by right."""

import base64
import json
import threading
from datetime import UTC, datetime, timedelta

import pytest

from broadcaster.orders import envelope as envelopes
from broadcaster.orders import keyfolder
from broadcaster.orders.keys import Purpose, new_key
from broadcaster.orders.payload import TYPE, parse
from tests.faults.conftest import FULL
from tests.faults.office import WORDS, FaultOffice
from tests.faults.village import AIRED, Village, signalled, village_in

KILLS = 20 if FULL else 3
FLIPS = 16


pytestmark = pytest.mark.parametrize("kind", ["sqlite"])


def pause(seconds: float) -> None:
    threading.Event().wait(seconds)


def resigned(order: bytes, **changes: object) -> bytes:
    """The order with other fields under the signature that it had."""
    found = json.loads(order)
    payload = envelopes.unverified_payload(order, limit_bytes=9000)
    changed = json.dumps(json.loads(payload) | changes, sort_keys=True, separators=(",", ":")).encode()
    return json.dumps(found | {"payload": base64.b64encode(changed).decode()}).encode()


def flipped(order: bytes, number: int) -> bytes:
    """The order with one bit of what was signed, or of the signature, turned over."""
    found = json.loads(order)
    fields, name = (found["signatures"][0], "sig") if number % 2 else (found, "payload")
    data = bytearray(base64.b64decode(fields[name]))
    data[number * len(data) // FLIPS] ^= 1 << number % 8
    fields[name] = base64.b64encode(data).decode()
    return json.dumps(found).encode()


def test_a_broker_that_is_killed_again_and_again_costs_no_airing(village: Village) -> None:
    with village.office.worker():
        village.until_online()
        village.office.rehearse(4, first_in_s=12)
        for _ in range(KILLS):
            pause(0.5)
            village.broker.stop()
            pause(0.2)
            village.broker.start()
        village.until_ended()
    assert village.outcomes() == [AIRED] * 4, "\n".join(village.story())
    assert len(village.heard()) == 4


def test_whatever_an_intruder_sends_nothing_sounds_but_what_was_signed_and_that_once(village: Village) -> None:
    with village.office.worker():
        village.until_online()
        village.office.rehearse(1, first_in_s=10)
        village.until_ready()
        order = village.order()
        payload = parse(envelopes.unverified_payload(order, limit_bytes=9000))
        soon = datetime.now(UTC) + timedelta(seconds=1)
        stranger = new_key(Purpose.ORDER, "kep", datetime.now(UTC))
        other = keyfolder.make(village.office.folder / "elsewhere", "may", datetime.now(UTC))
        assert other is not None
        signed = json.loads(order)["payload"]
        forged = [
            resigned(order, mode="live"),
            resigned(order, start=f"{soon:%Y-%m-%dT%H:%M:%S}.000Z"),
            order.replace(b'"sig":"', b'"sig":"AAAA', 1),
            order[:-20],
            envelopes.sign(base64.b64decode(signed), TYPE, stranger),
            envelopes.sign(base64.b64decode(signed), TYPE, other.private[0]),
            b"{}",
            b"\xff" * 9000,
            *(flipped(order, number) for number in range(FLIPS)),
        ]
        village.intrude(*forged, order, order)
        village.intrude(order, retained=True)
        village.until_ended()
        village.intrude(order)
        village.kill_player()
        village.start_player()
        village.until_online()
        village.intrude(order, *forged)
        village.office.wait_for(
            "SELECT count(*) FROM device_messages WHERE airing IS NOT NULL", lambda found: found[0][0] >= 4
        )
        pause(2.0)
    assert village.outcomes() == [AIRED]
    assert len(village.heard()) == 1
    assert payload.airing is not None
    assert {"signature", "envelope"} <= village.refusals()


@pytest.mark.parametrize(
    ("state", "when", "outcome"),
    [
        pytest.param("accepted", "before", AIRED, marks=pytest.mark.campaign),
        pytest.param("accepted", "after", AIRED, marks=pytest.mark.campaign),
        pytest.param("ready", "before", AIRED, marks=pytest.mark.campaign),
        pytest.param("ready", "after", AIRED, marks=pytest.mark.campaign),
        pytest.param("started", "before", ("cancelled", "stopped", "none"), marks=pytest.mark.campaign),
        ("started", "after", ("partial", "stopped", "started")),
        pytest.param("finished", "before", AIRED, marks=pytest.mark.campaign),
    ],
)
def test_a_loudspeaker_killed_at_each_step_plays_nothing_twice_and_says_what_became_of_it(
    village: Village, state: str, when: str, outcome: tuple[str, str | None, str]
) -> None:
    village.kill_player()
    with village.office.worker():
        player = village.start_player({"state": state, "when": when})
        village.until_online()
        village.office.rehearse(1, first_in_s=12)
        assert signalled(player)
        village.start_player()
        village.until_ended()
    assert len(village.heard()) <= 1
    assert village.outcomes() == [outcome], village.story()


@pytest.mark.campaign
def test_a_network_that_is_cut_after_the_hand_over_changes_nothing_but_when_it_is_known(village: Village) -> None:
    with village.office.worker():
        village.until_online()
        village.office.rehearse(2, first_in_s=10)
        village.until_ready(2)
        village.proxy.cut()
        village.office.until(lambda: len(village.heard()) == 2)
        pause(3.0)
        assert {outcome for outcome, _, _ in village.outcomes()} == {"None"}, "nobody can know yet"
        village.proxy.mend()
        village.until_ended()
    assert village.outcomes() == [AIRED] * 2
    lateness = village.office.query("SELECT lateness_ms FROM airings WHERE commune = 'kep'")
    assert all(0 <= late < 1000 for (late,) in lateness)


@pytest.mark.campaign
def test_what_is_heard_by_nobody_is_missed_and_told_late(office: FaultOffice) -> None:
    with village_in(office, confirm_within_s=3) as village, office.worker():
        village.until_online()
        office.rehearse(1, first_in_s=10)
        village.until_ready()
        village.proxy.is_deaf = True
        village.until_ended()
        assert village.outcomes()[0][0] == "missed"
        village.proxy.cut()
        village.proxy.mend()
        told = "SELECT count(*) FROM journal WHERE action = 'play_reported_late'"
        office.wait_for(told, lambda found: found[0][0] >= 1)
    assert len(village.heard()) == 1


@pytest.mark.campaign
@pytest.mark.parametrize("keeps_length", [True, False], ids=["swapped", "cut short"])
def test_a_clip_that_was_exchanged_under_its_name_is_never_played(village: Village, keeps_length: bool) -> None:
    with village.office.worker():
        village.until_online()
        village.office.rehearse(1, first_in_s=12)
        village.until_ready()
        (clip,) = [path for path in (village.box / "clips").iterdir() if path.suffix != ".part"]
        whole = clip.read_bytes()
        clip.write_bytes(whole[: len(whole) // 2] * (2 if keeps_length else 1))
        village.until_ended()
    assert village.outcomes() == [AIRED], "it was fetched anew"
    assert clip.read_bytes() == whole


@pytest.mark.campaign
def test_an_order_that_comes_again_a_second_later_after_its_end_and_after_a_restart_sounds_once(
    office: FaultOffice,
) -> None:
    with village_in(office, grace_s=3) as village, office.worker():
        village.until_online()
        office.rehearse(1, first_in_s=10)
        village.until_ready()
        order = village.order()
        expires = parse(envelopes.unverified_payload(order, limit_bytes=9000)).exp
        village.until_ended()
        pause(1.0)
        village.intrude(order)
        office.until(lambda: datetime.now(UTC) > expires + timedelta(seconds=1))
        village.intrude(order)
        office.until(lambda: "expired" in village.refusals())
        village.kill_player()
        village.start_player()
        village.until_greeted()
        village.intrude(order)
        pause(2.0)
    assert village.outcomes() == [AIRED]
    assert len(village.heard()) == 1


@pytest.mark.campaign
def test_a_cancel_that_overtakes_its_order_counts_as_if_it_had_not(village: Village) -> None:
    village.kill_player()
    with village.office.worker():
        village.office.rehearse(1, first_in_s=20)
        village.office.wait_for("SELECT count(*) FROM outbox WHERE cmd = 'play'", lambda found: found[0][0] == 1)
        order = village.order()
        village.office.withdraw(WORDS[0])
        village.start_player()
        village.until_greeted()
        village.office.until(lambda: "cancelled" in [report.state for report in village.reports()])
        village.intrude(order)
        due = parse(envelopes.unverified_payload(order, limit_bytes=9000)).start
        village.office.until(lambda: datetime.now(UTC) > due + timedelta(seconds=3))
    assert village.outcomes() == [("cancelled", "withdrawn", "none")]
    assert village.heard() == []


@pytest.mark.campaign
@pytest.mark.parametrize("shift_s", [3600, -3600])
def test_a_clock_that_is_an_hour_off_plays_nothing(village: Village, shift_s: int) -> None:
    (village.box / "clock-shift").write_text(str(shift_s))
    with village.office.worker():
        village.until_online()
        village.office.rehearse(1, first_in_s=10)
        village.until_ended()
    assert village.heard() == []
    assert village.outcomes()[0][0] == "failed"
    assert village.refusals() & {"clock", "expired", "early", "late"}


@pytest.mark.campaign
def test_keys_that_are_changed_during_a_day_of_airings_cost_none(village: Village) -> None:
    office = village.office
    with office.worker():
        village.until_online()
        for number, at_once in enumerate((False, True)):
            office.rehearse(1, first_in_s=12, skip=number)
            village.until_ready(number + 1)
            keyfolder.rotate(office.built().keys_folder, "kep", datetime.now(UTC), at_once=at_once)
            if not at_once:
                village.until_ended()
        village.until_ended()
        office.rehearse(1, first_in_s=12, skip=2)
        village.until_ended()
    assert set(village.outcomes()) <= {AIRED, ("failed", "refused", "none")}
    assert village.outcomes()[0] == village.outcomes()[-1] == AIRED


@pytest.mark.campaign
@pytest.mark.parametrize("times", [5 if FULL else 1])
def test_a_worker_that_is_killed_while_loudspeakers_play_loses_no_report(village: Village, times: int) -> None:
    office = village.office
    worker = office.work()
    village.until_online()
    airings = 4
    office.rehearse(airings, first_in_s=15)
    village.until_ready(airings)
    for _ in range(times):
        worker.kill()
        worker.wait()
        worker = office.work()
        pause(3.0)
    village.until_ended()
    office.stop(worker)
    assert village.outcomes() == [AIRED] * airings
    assert len(village.heard()) == airings
