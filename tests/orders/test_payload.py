"""The order itself: what is written is read again, and whatever differs from the page is refused."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcaster.domain.bulletin import Priority
from broadcaster.domain.place import Mode
from broadcaster.orders import payload
from broadcaster.orders.payload import (
    Approval,
    Audio,
    Command,
    Lateness,
    LatePolicy,
    Payload,
    VersionError,
    next_seq,
    parse,
)
from broadcaster.orders.strict_json import MalformedError
from tests.orders.cast import NOW, at_once, play

ids = st.text("abcXYZ019-", min_size=2, max_size=64)
hashes = st.text("0123456789abcdef", min_size=64, max_size=64)
ulids = st.text("0123456789ABCDEFGHJKMNPQRSTVWXYZ", min_size=25, max_size=25).map("0".__add__)
milliseconds = st.integers(0, 10**9).map(lambda ms: NOW + timedelta(milliseconds=ms))


def seconds(low: float, high: float) -> st.SearchStrategy[float]:
    return st.integers(round(low * 1000), round(high * 1000)).map(lambda ms: ms / 1000)


@st.composite
def orders(draw: st.DrawFn) -> Payload:
    """Any order that is as the page says."""
    cmd = draw(st.sampled_from(Command))
    is_play = cmd is Command.PLAY
    nbf = draw(milliseconds)
    start = nbf + timedelta(milliseconds=draw(st.integers(-3_600_000, 10**9)))
    priority = draw(st.sampled_from(Priority))
    return Payload(
        cmd=cmd,
        mode=draw(st.sampled_from(Mode)),
        airing=draw(ulids if cmd not in {Command.STOP, Command.RELEASE} else st.none() | ulids),
        ref=draw(st.just("") | ids),
        targets=tuple(draw(st.lists(ids, min_size=1, max_size=64, unique=True))),
        seq=draw(st.integers(1, 2**53 - 1)),
        nbf=nbf,
        start=start,
        exp=max(nbf, start) + timedelta(milliseconds=draw(st.integers(1, 10**9))),
        max_s=draw(seconds(0.001, 14_400)) if cmd.sounds else 0,
        volume_max=draw(st.integers(0, 100)) if cmd.sounds or cmd is Command.VOLUME else 0,
        priority=priority,
        quiet_override=is_play and priority is Priority.EMERGENCY and draw(st.booleans()),
        repeats=draw(st.integers(1, 20)) if is_play else 1,
        gap_s=draw(seconds(0, 3600)) if is_play else 0,
        late=Lateness(draw(st.sampled_from(LatePolicy)), draw(seconds(0, 3600))) if is_play else None,
        audio=Audio(draw(hashes), draw(st.integers(1, 200_000_000)), "audio/mpeg", "ab.mp3") if is_play else None,
        approvals=tuple(
            draw(st.lists(st.builds(Approval, ids, milliseconds, hashes), min_size=1, max_size=8)) if is_play else ()
        ),
    )


@given(orders())
def test_what_is_written_is_read_again(order: Payload) -> None:
    assert parse(order.as_bytes()) == order
    assert parse(order.as_bytes()).as_bytes() == order.as_bytes()


@given(orders(), st.data())
def test_a_cut_order_is_none(order: Payload, data: st.DataObject) -> None:
    whole = order.as_bytes()
    with pytest.raises(MalformedError):
        parse(whole[: data.draw(st.integers(0, len(whole) - 1))])


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_bytes_that_are_no_order_are_refused_and_nothing_else_happens(data: bytes) -> None:
    with pytest.raises(MalformedError):
        parse(data)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


@given(st.sampled_from(sorted(json.loads(play().as_bytes()))), json_values)
def test_any_value_in_any_place_is_either_read_or_refused(name: str, value: object) -> None:
    content = json.dumps(json.loads(play().as_bytes()) | {name: value}).encode()
    try:
        parse(content)
    except MalformedError:
        return
    assert json.loads(parse(content).as_bytes())[name] == value


def written(order: Payload | None = None, /, **changes: Any) -> bytes:
    """An order's JSON with other values."""
    return json.dumps(json.loads((order or play()).as_bytes()) | changes).encode()


@pytest.mark.parametrize("name", sorted(json.loads(play().as_bytes())))
def test_every_field_must_be_there(name: str) -> None:
    fields = json.loads(play().as_bytes())
    del fields[name]
    with pytest.raises(MalformedError, match=name):
        parse(json.dumps(fields).encode())


@pytest.mark.parametrize(
    ("name", "values"),
    {
        "cmd": ["Play", "", None, ["play"], {}],
        "mode": ["LIVE", 1],
        "airing": [None, "01kar000000000000000000000", "81KAR000000000000000000000", "01KAR",
                   "01KARU00000000000000000000"],
        "ref": ["cắt điện", "a" * 65, "a b", None],
        "targets": [[], "kep-01", ["k"], ["kep/01"], ["kep-01", "kep-01"], ["+"], ["#"], ["a" * 65], [1],
                    [f"kep-{n}" for n in range(65)], ["kep-01\n"]],
        "seq": [0, -1, 2**53, 1.0, True, "1", None],
        "nbf": ["2026-11-23T09:00:00Z", "2026-11-23T16:00:00.000+07:00", "2026-11-23 09:00:00.000Z",
                "2026-02-30T09:00:00.000Z", "2026-11-23T24:00:00.000Z", "1999-11-23T09:00:00.000Z", 1, None],
        "start": ["2026-11-23T07:59:59.999Z", "2026-11-23T10:05:00.001Z"],
        "exp": ["2026-11-23T09:00:00.000Z", "2026-11-23T08:00:00.000Z"],
        "max_s": [0, -1, 14_400.001, 0.0001, True, "1", None, 10**400],
        "volume_max": [-1, 101, 50.5, True],
        "priority": ["urgent", 1],
        "quiet_override": [True, 0, None, "false"],
        "repeats": [0, 21, 1.0],
        "gap_s": [-0.5, 3600.5],
        "late": [None, {}, {"policy": "start"}, {"policy": "next_slot", "grace_s": 1},
                 {"policy": "skip", "grace_s": 3601},
                 {"policy": "skip", "grace_s": 1, "more": 1}],
        "audio": [None, {}, {"sha256": "AB" * 32}],
        "approvals": [[], None, [{}], [{"user": "minh", "at": "2026-11-23T09:00:00.000Z", "sha256": "x"}]],
    }.items(),
)  # fmt: skip
def test_each_field_has_its_type_and_its_limits(name: str, values: list[object]) -> None:
    for value in values:
        with pytest.raises(MalformedError, match=rf"{name}|JSON|'[-0-9]"):
            parse(written(**{name: value}))


@pytest.mark.parametrize(
    "url",
    [
        "", "ftp://loa.example/a.mp3", "https://user:pass@loa.example/a.mp3", "https://loa.example/a b.mp3",
        "https://loa.example/a#b", "file:///etc/passwd", "../clip.mp3", "/clip.mp3", "-.mp3", "https://lóa.example/a",
        "https://loa.example\\@evil/", "javascript:alert(1)", "https://" + "a" * 600,
    ],
)  # fmt: skip
def test_a_clip_is_looked_for_at_plain_addresses_only(url: str) -> None:
    audio = json.loads(play().as_bytes())["audio"] | {"url": url}
    with pytest.raises(MalformedError, match="url"):
        parse(written(audio=audio))


@pytest.mark.parametrize(
    "url", ["01KAR000000000000000000000.mp3", "http://10.0.0.1:8080/clips/ab.mp3?k=1", "https://[fd00::1]/a"]
)
def test_addresses_and_names_beside_the_order_are_taken(url: str) -> None:
    audio = json.loads(play().as_bytes())["audio"] | {"url": url}
    found = parse(written(audio=audio)).audio
    assert found is not None
    assert found.url == url


@pytest.mark.parametrize("cmd", [cmd for cmd in Command if cmd is not Command.PLAY])
def test_what_a_command_does_not_use_has_its_neutral_value(cmd: Command) -> None:
    order = at_once(cmd, 0)
    assert parse(order.as_bytes()) == order
    played = json.loads(play().as_bytes())
    for name in ("late", "audio", "approvals"):
        with pytest.raises(MalformedError, match=name):
            parse(written(order, **{name: played[name]}))
    for name, value in {"repeats": 2, "gap_s": 1, "quiet_override": True, "priority": "emergency"}.items():
        if name != "priority":
            with pytest.raises(MalformedError, match=name):
                parse(written(order, **{name: value, "priority": "emergency"}))
    if cmd not in {Command.STOP, Command.RELEASE}:
        with pytest.raises(MalformedError, match="airing"):
            parse(written(order, airing=None))


def test_only_an_emergency_overrides_quiet_hours() -> None:
    assert parse(written(quiet_override=True, priority="emergency")).quiet_override
    with pytest.raises(MalformedError, match="quiet_override"):
        parse(written(quiet_override=True, priority="priority"))


def test_keys_that_nobody_knows_or_that_stand_twice_are_refused() -> None:
    with pytest.raises(MalformedError, match="volume"):
        parse(written(volume=100))
    with pytest.raises(MalformedError, match="max_s"):
        parse(play().as_bytes().replace(b'{"airing"', b'{"max_s":9,"airing"', 1))


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"1e2", b"1E2", b"-0", b"0.1234", b"9" * 17, b"9" * 5000])
def test_numbers_that_two_programs_could_read_differently_are_refused(number: bytes) -> None:
    with pytest.raises(MalformedError):
        parse(play().as_bytes().replace(b'"max_s":42.5', b'"max_s":' + number))


def test_another_version_is_told_from_a_wrong_order() -> None:
    with pytest.raises(VersionError):
        parse(written(v=2, anything="else"))
    with pytest.raises(MalformedError, match="v"):
        parse(written(v="1"))


def test_parts_of_a_millisecond_are_cut_off() -> None:
    order = play(nbf=NOW + timedelta(microseconds=1999))
    assert parse(order.as_bytes()).nbf == NOW + timedelta(milliseconds=1)


@pytest.mark.parametrize(
    ("order", "longest"),
    [
        (play(), payload.HELD),
        (play(start=NOW), payload.IMMEDIATE),
        (play(start=NOW - timedelta(minutes=5)), payload.IMMEDIATE),
        (at_once(Command.CANCEL, 0), payload.HELD),
        (at_once(Command.STOP), payload.IMMEDIATE),
        (at_once(Command.RELEASE), payload.IMMEDIATE),
        (at_once(Command.VOLUME, 0), payload.IMMEDIATE),
        (at_once(Command.TEST, 0), payload.IMMEDIATE),
    ],
)
def test_how_long_an_order_may_be_good_for(order: Payload, longest: timedelta) -> None:
    assert order.longest_validity() == longest
    is_held = longest == payload.HELD
    assert order.longest_validity(payload.PACK) == (payload.PACK if is_held else payload.IMMEDIATE)


def test_numbers_of_orders_grow_with_the_clock_and_never_fall() -> None:
    now = datetime(2026, 11, 23, tzinfo=UTC)
    milliseconds_now = 1_795_392_000_000
    assert next_seq(0, now) == milliseconds_now
    assert next_seq(milliseconds_now, now) == milliseconds_now + 1
    assert next_seq(milliseconds_now + 5_000, now - timedelta(days=1)) == milliseconds_now + 5_001
