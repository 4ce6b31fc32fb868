"""Clips are whole or not there, whatever breaks off and whatever comes."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from broadcaster.net import Fault, NetError
from broadcaster.orders.payload import Audio
from broadcaster.orders.verify import Refusal
from broadcaster.player.clips import Clips, Fetch


def audio_of(data: bytes) -> Audio:
    sha256 = hashlib.sha256(data).hexdigest()
    return Audio(sha256, len(data), "audio/mpeg", f"http://127.0.0.1/device/v1/clips/{sha256}")


def server(data: bytes, *, piece: int = 4, asked: list[int] | None = None) -> Fetch:
    def fetch(_: Audio, offset: int) -> bytes:
        if asked is not None:
            asked.append(offset)
        return data[offset : offset + piece]

    return fetch


def fetch_all(clips: Clips, audio: Audio, fetch: Fetch, needed: set[str] | None = None) -> Refusal | None:
    while not clips.has(audio):
        fault = clips.fetch_some(audio, fetch, needed or {audio.sha256})
        if fault is not None:
            return fault
    return None


def test_a_clip_comes_piece_by_piece_and_is_not_there_before_it_is_whole(tmp_path: Path) -> None:
    clips, audio = Clips(tmp_path, 1000), audio_of(b"tin dien")
    assert clips.fetch_some(audio, server(b"tin dien"), {audio.sha256}) is None
    assert not clips.has(audio)
    assert clips.fault(audio) is Refusal.CLIP_MISSING
    assert fetch_all(clips, audio, server(b"tin dien")) is None
    assert clips.path(audio).read_bytes() == b"tin dien"
    assert clips.fault(audio) is None


def test_what_broke_off_goes_on_where_it_was_after_a_power_cut(tmp_path: Path) -> None:
    audio, asked = audio_of(b"tin dien"), list[int]()
    Clips(tmp_path, 1000).fetch_some(audio, server(b"tin dien", asked=asked), {audio.sha256})

    def broken(_: Audio, offset: int) -> bytes:
        raise NetError("gone", fault=Fault.BROKEN)

    with pytest.raises(NetError):
        Clips(tmp_path, 1000).fetch_some(audio, broken, {audio.sha256})
    assert fetch_all(Clips(tmp_path, 1000), audio, server(b"tin dien", asked=asked)) is None
    assert asked == [0, 4]


@pytest.mark.parametrize("sent", [b"tin giax", b"tin", b"tin dien them qua dai", b""])
def test_another_clip_than_was_signed_is_never_there(tmp_path: Path, sent: bytes) -> None:
    clips, audio = Clips(tmp_path, 1000), audio_of(b"tin dien")
    assert fetch_all(clips, audio, server(sent, piece=100)) is Refusal.CLIP_DAMAGED
    assert list(tmp_path.iterdir()) == []


def test_a_clip_that_went_bad_on_the_disk_is_removed(tmp_path: Path) -> None:
    clips, audio = Clips(tmp_path, 1000), audio_of(b"tin dien")
    fetch_all(clips, audio, server(b"tin dien"))
    clips.path(audio).write_bytes(b"tin diex")
    assert clips.fault(audio) is Refusal.CLIP_DAMAGED
    assert not clips.has(audio)


def test_the_clip_that_was_used_longest_ago_makes_room_unless_it_is_needed(tmp_path: Path) -> None:
    clips = Clips(tmp_path, 25)
    made: list[Audio] = []
    for age, data in ((30, b"12345678"), (20, b"abcdefgh"), (10, b"ABCDEFGH")):
        audio = audio_of(data)
        fetch_all(clips, audio, server(data))
        os.utime(clips.path(audio), (age and 1_700_000_000 - age, 1_700_000_000 - age))
        made.append(audio)
    new = audio_of(b"tin dien")
    assert fetch_all(clips, new, server(b"tin dien"), {made[0].sha256, new.sha256}) is None
    assert [clips.has(audio) for audio in made] == [True, False, True]


def test_what_is_needed_is_not_given_up_for_what_does_not_fit(tmp_path: Path) -> None:
    clips, old, new = Clips(tmp_path, 10), audio_of(b"12345678"), audio_of(b"tin dien")
    fetch_all(clips, old, server(b"12345678"))
    asked: list[int] = []
    needed = {old.sha256, new.sha256}
    assert clips.fetch_some(new, server(b"tin dien", asked=asked), needed) is Refusal.CLIP_MISSING
    assert clips.has(old)
    assert asked == []


def test_a_full_disk_leaves_no_half_clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clips, audio = Clips(tmp_path, 1000), audio_of(b"tin dien")
    full: Callable[[int], None] = lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device"))  # noqa: E731
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        clips.fetch_some(audio, server(b"tin dien"), {audio.sha256})
    monkeypatch.undo()
    assert not clips.has(audio)
    assert fetch_all(clips, audio, server(b"tin dien")) is None
