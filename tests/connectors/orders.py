"""Orders and clips for tests of connectors."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

import pytest

from broadcaster import files
from broadcaster.audio import encode
from broadcaster.connectors.base import Connector, connect
from broadcaster.domain.order import Order, Report
from broadcaster.domain.place import Mode, Station
from broadcaster.errors import DeliveryError
from tests.audio.sounds import sine

RATE_HZ = 8_000
PATIENCE_S = 20.0


def clip_in(folder: Path, duration_ms: int = 60) -> Path:
    """A tone of this length as a WAV file, which sinks play as they play MP3."""
    path = folder / f"tone-{duration_ms}.mp3"
    path.write_bytes(encode.wav(sine(440, duration_ms, rate_hz=RATE_HZ)))
    return path


def station(kind: str, **config: object) -> Station:
    return Station("kep-loa", "kep", kind, Mode.TEST, config)


def order(clip: Path, start: datetime, airing: str = "A1", *, grace_s: float = 300, title: str = "Bản tin") -> Order:
    """Play this clip at `start`, or up to `grace_s` later."""
    return Order(
        airing=airing,
        commune="kep",
        station="kep-loa",
        mode=Mode.TEST,
        title=title,
        start=start,
        expires=start + timedelta(seconds=grace_s),
        duration_ms=60,
        clip=clip,
        clip_sha256=files.sha256(clip) if clip.is_file() else "0" * 64,
    )


Made = TypeVar("Made", bound=Connector)


@contextmanager
def connecting(kind: str, made_of: type[Made], **usual: object) -> Iterator[Callable[..., Made]]:
    """Makes connectors of a kind with what is said of their configuration; all are closed at the end."""
    made: list[Made] = []

    def make(**config: object) -> Made:
        found = connect(station(kind, **{**usual, **config}))
        assert isinstance(found, made_of)
        made.append(found)
        return found

    yield make
    for connector in made:
        connector.close()


def refusal(connector: Connector, given: Order) -> DeliveryError:
    """Why a connector does not take an order."""
    with pytest.raises(DeliveryError, match="kep-loa") as refused:
        connector.deliver(given)
    return refused.value


def reports(connector: Connector, count: int) -> list[Report]:
    """The next reports, as soon as there are so many."""
    found: list[Report] = []
    pause = threading.Event()
    for _ in range(int(PATIENCE_S / 0.005)):
        found += connector.reports()
        if len(found) >= count:
            return found
        pause.wait(0.005)
    raise AssertionError(f"only {found}")


def until(is_so: Callable[[], bool]) -> None:
    """Wait until it is so."""
    pause = threading.Event()
    for _ in range(int(PATIENCE_S / 0.005)):
        if is_so():
            return
        pause.wait(0.005)
    raise AssertionError("it never was so")
