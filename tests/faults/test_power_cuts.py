"""kill -9 of a loudspeaker in any moment of an airing and around each write to its disk, and of the worker beside."""

import random
import signal

import pytest

from tests.faults.conftest import FULL
from tests.faults.village import AIRED, Village

pytestmark = [pytest.mark.parametrize("kind", ["sqlite"]), pytest.mark.campaign]

Ending = tuple[str, str | None, str]
PARTLY = ("partial", "stopped", "started")
RECALLED = ("cancelled", "stopped", "none")
"""It was cut off between storing the start and the first sound: it may cost an airing, and repeats none."""
POSSIBLE: dict[str, tuple[Ending, ...]] = {"started": (PARTLY,), "finished": (AIRED,)}
TIMES = 5 if FULL else 1
LATEST_S = {"accepted": 4.0, "ready": 5.0, "started": 1.3, "finished": 1.0}
"""How long after each report the power is cut, at most; a clip takes about 1.4 s."""
WRITES = 12
"""What one airing makes a loudspeaker write: the hello, the order, memory and reports, and what is acknowledged."""
STEPS = ("planned", "airing_sending", "airing_handed_over", "airing_started", "airing_ended")


def cut(village: Village, fault: dict[str, object]) -> bool:
    """An airing during which the power is cut, and comes back; whether it came to that before the airing had ended."""
    village.kill_player()
    with village.office.worker() as worker:
        player = village.start_player(fault)
        village.office.rehearse(1, first_in_s=10)
        village.office.until(lambda: player.poll() is not None or village.has_ended())
        was_cut = player.poll() == -signal.SIGKILL
        village.kill_player()
        village.start_player()
        village.until_ended()
        assert worker.poll() is None
    assert len(village.heard()) <= 1, village.story()
    return was_cut


@pytest.mark.parametrize("state", list(LATEST_S))
@pytest.mark.parametrize("seed", range(TIMES))
def test_power_that_is_cut_in_any_moment_repeats_nothing_and_what_became_of_it_is_told(
    village: Village, state: str, seed: int
) -> None:
    after_s = random.Random(f"{state} {seed}").uniform(0.0, LATEST_S[state])
    cut(village, {"state": state, "after_s": after_s})
    told = (f"cut {after_s:.3f} s after {state}", village.outcomes(), village.story())
    assert village.outcomes()[0] in POSSIBLE.get(state, (AIRED, RECALLED)), told
    assert len(village.heard()) == (village.outcomes()[0] != RECALLED), told


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", range(1, WRITES + 1))
def test_power_that_is_cut_around_each_write_repeats_nothing_and_what_became_of_it_is_told(
    village: Village, number: int, when: str
) -> None:
    assert cut(village, {"write": number, "when": when})
    told = (number, when, village.outcomes(), village.story())
    assert village.outcomes()[0] in {AIRED, PARTLY, RECALLED}, told
    assert village.heard() or village.outcomes()[0] == RECALLED, told


@pytest.mark.parametrize("step", STEPS)
def test_a_worker_killed_at_each_step_while_a_loudspeaker_holds_the_order_costs_it_nothing(
    village: Village, step: str
) -> None:
    office = village.office
    plans = step != "planned"
    office.rehearse(2, first_in_s=30, plans=plans)
    for when in ("before", "after"):
        worker = office.work({"point": "step", "step": step, "when": when, "act": "kill"})
        assert worker.wait(timeout=90) == -signal.SIGKILL, (step, when, office.said())
    with office.worker():
        village.until_ended()
    assert village.outcomes() == [AIRED] * 2, (village.story(), office.said())
    assert len(village.heard()) == 2
