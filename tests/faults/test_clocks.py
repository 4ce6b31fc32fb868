"""The server's clock is moved while the worker runs: an hour back, a day ahead, to 1970; and put right again.

What the program takes for the time is moved, as the launcher says; the loudspeakers play by the same clock.
"""

import time

import pytest

from tests.faults.conftest import FULL
from tests.faults.office import COMMUNES, STARTS, FaultOffice, assert_sound
from tests.fixtures import KINDS

HOUR_S, DAY_S = 3600, 86_400
MOVES = {"hour_back": -HOUR_S, "day_ahead": DAY_S, "to_1970": -round(time.time())}
AIRED = "SELECT count(*) FROM airings WHERE outcome = 'aired'"


@pytest.mark.parametrize("kind", KINDS if FULL else ["sqlite"])
@pytest.mark.parametrize("move", list(MOVES) if FULL else ["to_1970"])
def test_a_clock_that_is_moved_and_put_right_repeats_nothing_and_loses_nothing(office: FaultOffice, move: str) -> None:
    airings = office.rehearse(3)
    worker = office.work()
    office.wait_while(worker, AIRED, lambda found: found[0][0] >= len(COMMUNES))
    shift = office.folder / "clock-shift"
    shift.write_text(str(MOVES[move]))
    before = office.outcomes()["aired"]
    worker.kill()
    worker.wait()
    worker = office.work()  # settles and plans by the wrong clock
    office.wait_while(worker, STARTS, lambda found: found[0][0] == 2)
    assert office.outcomes()["aired"] - before <= len(COMMUNES)  # no burst: at most what was on air
    shift.unlink()
    office.wait_until_all_have_ended(worker)
    office.stop(worker)
    assert_sound(office, airings)
