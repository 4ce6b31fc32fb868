"""Talking to many stations: a dead one costs nobody else anything, and what concerns one airing keeps its order."""

import threading
from functools import partial

import pytest

from broadcaster.services.dispatching import Errand, Job, Pools

WAIT_S = 20.0


@pytest.fixture
def pools() -> "Pools":
    return Pools()


def test_dead_stations_keep_no_other_waiting(pools: Pools) -> None:
    hung = threading.Event()
    dead = [Job(f"dead-{n}", f"airing-{n}", Errand.DELIVER, partial(hung.wait, WAIT_S)) for n in range(50)]
    alive = [Job(f"alive-{n}", f"airing-{n}", Errand.DELIVER, lambda: None) for n in range(450)]
    for job in (*dead, *alive):
        pools.submit(job)
    pools.wait(alive, WAIT_S)
    done = {found.job.station for found in pools.done(Errand.DELIVER)}
    hung.set()
    pools.wait(dead, WAIT_S)
    pools.close()
    assert done == {job.station for job in alive}


def test_a_stop_waits_for_the_order_that_it_takes_back(pools: Pools) -> None:
    came, go_on = [], threading.Event()

    def deliver() -> None:
        go_on.wait(WAIT_S)
        came.append("order")

    stop = Job("loa", "a", Errand.STOP, lambda: came.append("stop"))
    other = Job("loa", "b", Errand.STOP, lambda: came.append("other"))
    pools.submit(Job("loa", "a", Errand.DELIVER, deliver))
    for job in (stop, stop, other):
        pools.submit(job)
    pools.wait([other], WAIT_S)
    assert came == ["other"]  # another airing has its own turn
    go_on.set()
    pools.wait([stop], WAIT_S)
    pools.close()
    assert came == ["other", "order", "stop"]


def test_a_failure_is_told_and_the_next_errand_goes_on(pools: Pools) -> None:
    def fail() -> None:
        raise ValueError("broken")

    jobs = [Job("loa", "a", Errand.DELIVER, fail), Job("loa", "b", Errand.DELIVER, lambda: None)]
    for job in jobs:
        pools.submit(job)
    pools.wait(jobs, WAIT_S)
    pools.close()
    errors = {found.job.airing: repr(found.error) for found in pools.done(Errand.DELIVER)}
    assert errors == {"a": "ValueError('broken')", "b": "None"}
    pools.submit(jobs[0])
    assert pools.done(Errand.DELIVER) == []
