"""Who is in no hurry waits for who is, and not for ever."""

import threading

from broadcaster.services.precedence import Precedence

PATIENCE_S = 20.0


def test_who_is_in_no_hurry_waits_until_all_who_are_have_done() -> None:
    precedence, waits, went_on = Precedence(), threading.Event(), threading.Event()

    def give_way() -> None:
        waits.set()
        precedence.give_way(PATIENCE_S)
        went_on.set()

    thread = threading.Thread(target=give_way)
    with precedence:
        with precedence:
            thread.start()
            assert waits.wait(PATIENCE_S)
        assert not went_on.wait(0.05)
    assert went_on.wait(PATIENCE_S)
    thread.join()


def test_nobody_waits_for_ever() -> None:
    precedence = Precedence()
    with precedence:
        precedence.give_way(0.01)
    precedence.give_way(PATIENCE_S)
