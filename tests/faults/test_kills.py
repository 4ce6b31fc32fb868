"""kill -9 of the worker: at each named step, and at random."""

import contextlib
import random
import signal
import subprocess

import pytest

from tests.faults.conftest import FULL
from tests.faults.office import FaultOffice, assert_sound
from tests.fixtures import KINDS

ACTIONS = ("worker_started", "airing_sending", "airing_handed_over", "airing_started", "airing_ended")
STEPS = [(action, when) for action in ACTIONS for when in ("before", "after")]
KILLS_A_ROUND = 4 if FULL else 3
ROUNDS = 50 if FULL else 1


@pytest.mark.parametrize("kind", KINDS if FULL else ["sqlite"])
def test_a_worker_killed_at_each_step_airs_nothing_twice_and_forgets_nothing(office: FaultOffice) -> None:
    airings = office.rehearse()
    for step, when in STEPS:
        worker = office.work({"point": "step", "step": step, "when": when, "act": "kill"})
        assert worker.wait(timeout=60) == -signal.SIGKILL, (step, when, office.said())
    office.finish()
    assert_sound(office, airings)


@pytest.mark.parametrize("kind", KINDS if FULL else ["postgresql"])
@pytest.mark.parametrize("seed", range(ROUNDS))
def test_a_worker_killed_at_random_airs_nothing_twice_and_forgets_nothing(office: FaultOffice, seed: int) -> None:
    airings = office.rehearse(6 if FULL else 4)
    chance = random.Random(seed)
    for _ in range(KILLS_A_ROUND):
        worker = office.work()
        with contextlib.suppress(subprocess.TimeoutExpired):  # it lives until it is killed
            worker.wait(timeout=chance.uniform(0.5, 4.5))
        assert worker.poll() is None, office.said()
        worker.kill()
        worker.wait()
    office.finish()
    assert_sound(office, airings)
