"""Whatever arrives, in whatever order, how often and how damaged: nothing plays twice, unsigned, or against a stop."""

import json
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from broadcaster.orders import memory as memories
from broadcaster.orders import payload
from broadcaster.orders.keys import PrivateKey
from broadcaster.orders.memory import Memory, State
from broadcaster.orders.payload import Command, Payload
from broadcaster.orders.verify import Accepted, Duplicate, Refusal, Refused, examine, may_start
from tests.orders.cast import AIRINGS, LISTENER, NOW, ORDER_KEY, STOP_KEY, at_once, code, play, signed
from tests.orders.test_payload import json_values, orders

SECOND = timedelta(seconds=1)
KEYS = (ORDER_KEY, STOP_KEY)


anything = st.binary(max_size=400) | json_values.map(lambda value: json.dumps(value).encode())


@given(anything | st.text(max_size=400).map(str.encode))
def test_the_verifier_refuses_any_bytes_and_raises_nothing(data: bytes) -> None:
    assert code(examine(data, LISTENER, Memory(), NOW)) in {Refusal.ENVELOPE, Refusal.SIGNATURE}


@given(anything, st.sampled_from(KEYS))
def test_a_known_key_that_signs_nonsense_is_refused_too(data: bytes, key: PrivateKey) -> None:
    assert code(examine(signed(data, key), LISTENER, Memory(), NOW)) in {Refusal.MALFORMED, Refusal.VERSION}


@given(st.dictionaries(st.sampled_from(sorted(json.loads(play().as_bytes()))), json_values, min_size=1, max_size=3))
def test_a_signed_order_with_strange_values_is_obeyed_as_it_stands_or_refused(values: dict[str, object]) -> None:
    fields = json.loads(play().as_bytes()) | values
    verdict = examine(signed(json.dumps(fields).encode()), LISTENER, Memory(), NOW)
    if isinstance(verdict, Accepted):
        assert json.loads(verdict.order.as_bytes()) == fields
    else:
        assert isinstance(verdict, Refused)


@given(orders(), st.sampled_from(KEYS), st.integers(-(10**10), 10**10), st.booleans())
def test_any_well_formed_order_gets_a_verdict(order: Payload, key: PrivateKey, ms: int, is_known: bool) -> None:
    listener = replace(LISTENER, mode=order.mode, ids=frozenset(order.targets[:1]) if is_known else LISTENER.ids)
    now = order.nbf + timedelta(milliseconds=ms)
    verdict = examine(signed(order, key), listener, Memory(), now)
    assert isinstance(verdict, Accepted | Refused)
    if isinstance(verdict, Accepted):
        assert order.nbf - 120 * SECOND <= now <= order.exp
        assert is_known
        assert key.public.purpose is order.cmd.purpose


ENVELOPE = signed(play())


@given(st.integers(0, len(ENVELOPE) - 1), st.integers(0, 7))
def test_an_envelope_with_a_flipped_bit_is_refused_or_says_the_same(byte: int, bit: int) -> None:
    """The key id and the white space between members are not signed, and mean nothing."""
    flipped = bytearray(ENVELOPE)
    flipped[byte] ^= 1 << bit
    verdict = examine(bytes(flipped), LISTENER, Memory(), NOW)
    if isinstance(verdict, Accepted):
        assert verdict.order == play()
        assert json.loads(flipped)["payload"] == json.loads(ENVELOPE)["payload"]
    else:
        assert code(verdict) in {Refusal.ENVELOPE, Refusal.SIGNATURE}


@dataclass
class Loudspeaker:
    """Does with its verdicts what a player does, over a disk that a power cut may leave it with."""

    memory: Memory = field(default_factory=Memory)
    held: dict[str, Payload] = field(default_factory=dict)
    accepted: Counter[int] = field(default_factory=Counter)
    played: list[Payload] = field(default_factory=list)
    stopped: set[str | None] = field(default_factory=set)

    def hear(self, number: int, order: Payload) -> None:
        verdict = examine(signed(order), LISTENER, self.memory, NOW)
        if not isinstance(verdict, Accepted):
            assert isinstance(verdict, Duplicate | Refused)
            return
        self.accepted[number] += 1
        self.memory = memories.parse(verdict.memory.as_bytes())
        if order.cmd is Command.PLAY:
            self.held[order.airing or ""] = order
        elif order.cmd is Command.STOP:
            self.stopped.add(order.airing)
        elif order.cmd is Command.RELEASE:
            self.stopped.discard(order.airing)

    def try_to_start(self, airing: str) -> None:
        order = self.held.get(airing)
        if order is None or may_start(order, LISTENER, self.memory, order.start) is not None:
            return
        assert self.stopped.isdisjoint({None, airing})
        self.memory = memories.parse(self.memory.noted(airing, State.STARTED).as_bytes())
        self.played.append(order)


def one_order(cmd: Command, number: int | None, seq: int) -> Payload:
    return play(number or 0, seq=seq) if cmd is Command.PLAY else at_once(cmd, number, seq=seq)


@st.composite
def said(draw: st.DrawFn) -> list[Payload]:
    """What a server signs one after the other, for three airings and for everything."""
    commands = st.sampled_from([Command.PLAY, Command.PLAY, Command.CANCEL, Command.STOP, Command.RELEASE])
    found = []
    for seq, cmd in enumerate(draw(st.lists(commands, min_size=1, max_size=10)), start=1):
        is_of_one = cmd in {Command.PLAY, Command.CANCEL} or draw(st.booleans())
        found.append(one_order(cmd, draw(st.integers(0, 2)) if is_of_one else None, seq))
    return found


@settings(max_examples=300)
@given(said(), st.data())
def test_in_any_order_and_however_often_nothing_plays_twice_or_against_a_stop(
    given_orders: list[Payload], data: st.DataObject
) -> None:
    speaker = Loudspeaker()
    deliveries = st.lists(st.integers(0, len(given_orders) - 1), max_size=25)
    for number in data.draw(deliveries):
        speaker.hear(number, given_orders[number])
        if data.draw(st.booleans()):
            speaker.try_to_start(AIRINGS[data.draw(st.integers(0, 2))])
    for airing in AIRINGS[:3]:
        speaker.try_to_start(airing)
    assert all(count == 1 for count in speaker.accepted.values())
    assert all(count == 1 for count in Counter(order.airing for order in speaker.played).values())


@given(said(), st.permutations(range(10)))
def test_once_everything_has_arrived_only_the_last_word_counts(given_orders: list[Payload], places: list[int]) -> None:
    """Of plays and cancels, in whatever order they come, the one that was signed last decides."""
    own = [order for order in given_orders if order.cmd in {Command.PLAY, Command.CANCEL}]
    speaker = Loudspeaker()
    for place in places:
        if place < len(own):
            speaker.hear(place, own[place])
    for airing in AIRINGS[:3]:
        speaker.try_to_start(airing)
    last = {order.airing: order for order in own}
    assert {o.seq for o in speaker.played} == {o.seq for o in last.values() if o.cmd is Command.PLAY}


def test_the_payload_type_of_an_order_is_the_one_of_the_page() -> None:
    assert payload.TYPE == "application/vnd.broadcaster.order.v1+json"
