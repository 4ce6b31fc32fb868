"""kill -9 of the worker: at each named step, and at random."""

import contextlib
import itertools
import random
import signal
import subprocess

import pytest

from tests.faults.conftest import FULL
from tests.faults.office import FaultOffice, assert_sound
from tests.faults.test_places import write_new_bulletin
from tests.fixtures import KINDS

STEPS = (
    ("worker_started",),
    ("planned",),
    ("airing_sending", "airing_returned"),  # what a killed worker was sending is given back by the next
    ("airing_handed_over",),
    ("airing_started",),
    ("airing_ended",),
)
KILLS_A_ROUND = 4 if FULL else 3
RENDERED = "SELECT count(*) FROM journal WHERE action = 'clip_rendered' AND subject IN"
CLIP = "SELECT key FROM clips WHERE written LIKE '%mới%'"
ROUNDS = 25 if FULL else 1
"""In the campaign 200 kills: in each round, on both databases."""


@pytest.mark.parametrize("kind", KINDS if FULL else ["sqlite"])
@pytest.mark.parametrize("steps", STEPS, ids="-".join)
def test_a_worker_killed_at_each_step_airs_nothing_twice_and_forgets_nothing(
    office: FaultOffice, steps: tuple[str, ...]
) -> None:
    # Far enough ahead for the starts of several workers: only what is not due yet can be planned and given back.
    airings = office.rehearse(4, plans=False, first_in_s=20 * len(steps))
    for step, when in itertools.product(steps, ("before", "after")):
        lead = {"lead_s": 60} if len(steps) > 1 else {}
        worker = office.work({"point": "step", "step": step, "when": when, "act": "kill", **lead})
        assert worker.wait(timeout=60) == -signal.SIGKILL, (step, when, office.said())
    office.finish()
    assert_sound(office, airings)


@pytest.mark.parametrize("kind", KINDS if FULL else ["postgresql"])
@pytest.mark.parametrize("when", ["before", "after"] if FULL else ["before"])
def test_a_worker_killed_as_it_finishes_a_clip_leaves_one_clip_that_can_be_approved(
    office: FaultOffice, when: str
) -> None:
    write_new_bulletin(office)
    no_child = {"point": "process", "nth": 1, "act": "raise"}
    assert office.launch("bulletin", "submit", "tin-moi", "--as", "writer", fault=no_child).returncode == 1
    worker = office.work({"point": "step", "step": "clip_rendered", "when": when, "act": "kill"})
    assert worker.wait(timeout=60) == -signal.SIGKILL, office.said()
    office.render()
    assert office.query(f"{RENDERED} ({CLIP})") == [(1,)]
    office.extra = {}
    office.run("bulletin", "approve", "tin-moi", "--as", "approver")
    office.run("log", "verify")


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
