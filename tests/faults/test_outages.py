"""The broker is down for a while: what was handed over before plays on time, what could not be is lost, and no more."""

import threading
from datetime import UTC, datetime, timedelta

import pytest

from tests.faults.office import APART_S, FaultOffice
from tests.faults.village import AIRED, village_in

DOWN_S = (20, 600)
GRACE_S = 6.0
UNREACHABLE = ("failed", "station_unreachable", "none")
UNCONFIRMED = ("missed", "not_confirmed", "accepted")
CONFIRM_WITHIN_S = 60
LATE = "SELECT count(*) FROM journal WHERE action = 'play_reported_late' AND chain = 'kep'"


@pytest.mark.campaign
@pytest.mark.parametrize("kind", ["sqlite"])
@pytest.mark.parametrize("down_s", DOWN_S)
def test_a_broker_that_is_down_costs_what_was_due_meanwhile_and_afterwards_there_is_no_burst(
    office: FaultOffice, down_s: float
) -> None:
    with village_in(office, grace_s=GRACE_S, confirm_within_s=CONFIRM_WITHIN_S) as village, office.worker():
        village.until_online()
        office.rehearse(1, first_in_s=10)
        village.until_ready()
        village.broker.stop()
        up_at = datetime.now(UTC) + timedelta(seconds=down_s)
        office.rehearse(2, first_in_s=10 + APART_S, skip=1)
        office.until(lambda: village.outcomes()[1:] == [UNREACHABLE] * 2)
        threading.Event().wait((up_at - datetime.now(UTC)).total_seconds())
        # What came in time was heard, though in ten minutes it is given up before that can be told.
        is_given_up = village.outcomes()[0] == UNCONFIRMED
        assert is_given_up is (down_s > CONFIRM_WITHIN_S)
        assert len(village.heard()) == 1
        village.broker.start()
        village.until_greeted()
        office.wait_for(LATE, lambda found: found[0][0] >= is_given_up)
        office.rehearse(1, first_in_s=12, skip=3)
        village.until_ended()
    first = UNCONFIRMED if is_given_up else AIRED
    assert village.outcomes() == [first, UNREACHABLE, UNREACHABLE, AIRED], village.story()
    assert len(village.heard()) == 2
