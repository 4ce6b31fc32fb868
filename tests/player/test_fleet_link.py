"""Connections of virtual loudspeakers: whatever goes wrong with one, it is made again, and not too fast."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from broadcaster.orders.topics import Part
from broadcaster.player import identity as identities
from broadcaster.player.fleet_link import Connection, Loop
from tests.connectors.orders import until
from tests.fakes.head_end import DEVICE, HeadEnd, Vice


@pytest.fixture
def head_end() -> Iterator[HeadEnd]:
    found = HeadEnd()
    yield found
    found.close()


class Box:
    """Counts how often it was connected, and cannot take in what is bad."""

    def __init__(self, head_end: HeadEnd, loop: Loop, folder: Path) -> None:
        self.taken: list[bytes] = []
        self.times_up = 0
        head_end.enrol(folder)
        self.connection = Connection(loop, identities.load(folder), self.take, self.came_up, lambda: None)
        self.connection.connect()

    def take(self, envelope: bytes) -> None:
        if envelope == b"bad":
            raise KeyError("bad")
        self.taken.append(envelope)

    def came_up(self) -> None:
        self.times_up += 1


def test_a_message_that_cannot_be_taken_in_costs_itself_and_nothing_else(head_end: HeadEnd, tmp_path: Path) -> None:
    with closing(Loop()) as loop:
        box = Box(head_end, loop, tmp_path)
        until(lambda: box.connection.is_up)
        for payload in (b"bad", b"good"):
            head_end.broker.publish(DEVICE.topic(Part.ORDER), payload)
        until(lambda: box.taken == [b"good"])
        assert box.times_up == 1


def test_a_packet_that_the_library_cannot_read_costs_the_connection_and_it_is_made_again(
    head_end: HeadEnd, tmp_path: Path
) -> None:
    with closing(Loop()) as loop:
        box = Box(head_end, loop, tmp_path)
        until(lambda: box.connection.is_up)
        head_end.broker.send_raw(b"\x32\x01\x00")
        until(lambda: box.times_up == 2)
        head_end.broker.publish(DEVICE.topic(Part.ORDER), b"good")
        until(lambda: box.taken == [b"good"])


def test_a_broker_that_drops_it_at_once_is_asked_later_and_later(head_end: HeadEnd, tmp_path: Path) -> None:
    head_end.vice = Vice.DROPS
    with closing(Loop()) as loop:
        Box(head_end, loop, tmp_path)
        until(lambda: len(head_end.broker.came_s) >= 4)
    came_s = head_end.broker.came_s
    assert came_s[3] - came_s[0] >= 1.75, "half of 0.5 s, of 1 s and of 2 s, at least"
