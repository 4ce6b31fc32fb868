"""What connectors over HTTP have in common: where their station is, who could make it speak, and what a fault means."""

import json
import logging
import re
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, field_validator, model_validator

from broadcaster import net
from broadcaster.domain.order import Order, Report
from broadcaster.domain.place import Grade
from broadcaster.errors import BroadcasterError, DeliveryError
from broadcaster.net import Fault, NetError
from broadcaster.strict_yaml import Strict, problem

log = logging.getLogger(__name__)

_PASSING = (Fault.OFFLINE, Fault.SLOW, Fault.BROKEN, Fault.TOO_MANY, Fault.SERVER)
_UNSURE = (Fault.SLOW, Fault.BROKEN, Fault.SERVER)
_UNAUTHORIZED = (401, 403)
_BUSY = 503


class RemoteConfig(Strict):
    """`address` is http:// or https://. A station that anyone on its network could make speak has to be allowed."""

    address: str
    allow_unprotected: bool = False
    timeout_s: float = Field(10.0, gt=0, le=60)

    @property
    def grade(self) -> Grade:
        """A password alone protects itself, not what is sent with it: that takes TLS."""
        return Grade.B if net.is_private_enough(self.address) else Grade.C

    @field_validator("address")
    @classmethod
    def _plain_address(cls, value: str) -> str:
        if not net.is_web_address(value) or urlsplit(value).query:
            raise problem("{value} is no address of a station: write it like https://192.168.10.5", value=value)
        return value.rstrip("/")

    @model_validator(mode="after")
    def _is_protected(self) -> Self:
        if self.grade is Grade.C and not self.allow_unprotected:
            raise problem(
                "anyone on the way to this station could make it speak. Use https:// with the station's own "
                "credential, or write allow_unprotected: true to take that risk",
                key="address",
            )
        return self


@contextmanager
def talking_to(station: str) -> Iterator[None]:
    """Turns a request that failed into DeliveryError; the whole answer goes into the log."""
    try:
        yield
    except NetError as error:
        extra = {"action": "station_answered", "station": station, "answer": error.body[:2000].decode(errors="replace")}
        log.warning("A station did not do as it was asked.", extra={**extra, "error": str(error)})
        if error.code in _UNAUTHORIZED:
            raise DeliveryError(
                "Station {station} does not accept its credential (status {code}). Look at its password or secret, "
                "and at its clock.",
                is_permanent=True,
                station=station,
                code=error.code,
            ) from error
        is_permanent = not is_passing(error)
        raise DeliveryError(
            "Station {station}: {error}", is_permanent=is_permanent, station=station, error=error
        ) from error


def is_passing(error: NetError) -> bool:
    """Whether the same request may be granted later."""
    return error.fault in _PASSING


def is_unsure(error: NetError) -> bool:
    """Whether the station may have done what it was asked, though it did not say so: then it is to be undone."""
    return error.fault in _UNSURE and error.code != _BUSY


def odd_answer(host: str) -> NetError:
    """An answer with a good status and content that nobody expected, such as the sign-in page of a network."""
    return NetError("{host} answered with something that is no answer to this.", fault=Fault.BROKEN, host=host)


def is_airing(text: str) -> bool:
    """Whether a text can be an airing's id: nothing else may get into a path or a name on a device."""
    return re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}", text) is not None


def json_object(content: bytes) -> dict[str, Any] | None:
    """The JSON object that an answer holds, or None."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):  # nested without end
        return None
    return found if isinstance(found, dict) else None


def read_clip(order: Order) -> bytes:
    """The clip of an order. Raises DeliveryError."""
    try:
        return order.clip.read_bytes()
    except OSError as error:
        raise DeliveryError(
            "Station {station}: the clip cannot be read: {error}",
            is_permanent=False,
            station=order.station,
            error=error,
        ) from error


def clip_address(template: str, order: Order) -> str:
    """Where the clip of an order is to be fetched."""
    return template.replace("{sha256}", order.clip_sha256).replace("{airing}", order.airing)


def _is_clip_address(value: str) -> str:
    filled = value.replace("{sha256}", "0").replace("{airing}", "0")
    try:
        is_address = urlsplit(filled).scheme in {"http", "https"} and bool(urlsplit(filled).hostname)
    except ValueError:
        is_address = False
    if value and (not is_address or "{sha256}" not in value or "{" in filled):
        example = "https://am-thanh.example/{sha256}.mp3"
        raise problem("{value} is no address of clips: write it like {example}", value=value, example=example)
    return value


ClipAddress = Annotated[str, AfterValidator(_is_clip_address)]
"""An address with `{sha256}` (and, if wanted, `{airing}`) in it, or nothing; the hash keeps one clip from being put in
another's place."""


class Poller:
    """Asks a station what became of its orders, in a thread of its own, so that one that is slow keeps nobody waiting.

    The thread begins with the first call of `reports`: who only tries a station starts none. With nothing to ask by,
    it only keeps what is added.
    """

    def __init__(self, station: str, ask: Callable[[], Iterable[Report]] | None, every_s: float) -> None:
        self._station = station
        self._ask = ask
        self._every_s = every_s
        self._closing = threading.Event()
        self._reports: deque[Report] = deque()
        self._told: deque[tuple[str, str]] = deque(maxlen=10_000)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._is_answered = True

    def reports(self) -> list[Report]:
        """What has come in since the last call, each report once."""
        with self._lock:
            if self._ask is not None and self._thread is None and not self._closing.is_set():
                self._thread = threading.Thread(
                    target=self._run, args=(self._ask,), name=f"poll-{self._station}", daemon=True
                )
                self._thread.start()
            found = list(self._reports)
            self._reports.clear()
        return found

    def add(self, report: Report) -> None:
        """Take in a report that came by another way."""
        with self._lock:
            if (report.airing, report.state) not in self._told:
                self._told.append((report.airing, report.state))
                self._reports.append(report)

    def forget(self, airing: str) -> None:
        """It was taken back and may be ordered again: then it is told of again."""
        with self._lock:
            kept = [told for told in self._told if told[0] != airing]
            self._told.clear()
            self._told.extend(kept)

    def close(self) -> None:
        self._closing.set()
        if self._thread is not None:
            self._thread.join(timeout=5)

    def _run(self, ask: Callable[[], Iterable[Report]]) -> None:
        while not self._closing.is_set():
            try:
                for report in ask():
                    self.add(report)
                self._is_answered = True
            except Exception as error:
                if self._is_answered:  # else the log would be full of one station that is off for the night
                    extra = {"action": "poll_failed", "station": self._station, "error": str(error)}
                    cause = None if isinstance(error, BroadcasterError) else error
                    log.warning("A station did not say what became of its orders.", exc_info=cause, extra=extra)
                self._is_answered = False
            self._closing.wait(self._every_s)
