"""A vendor's own endpoint, as `docs/connectors.md` describes it: orders in, reports out, each request signed.

What it can do is what its maker declares in the station's configuration.
"""

import json
import logging
import threading
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AwareDatetime, BaseModel, Field, ValidationError, model_validator

from broadcaster import clock, reach
from broadcaster.connectors.base import Capabilities
from broadcaster.connectors.remote import (
    ClipAddress,
    Poller,
    RemoteConfig,
    clip_address,
    is_airing,
    is_unsure,
    json_object,
    odd_answer,
    read_clip,
    talking_to,
)
from broadcaster.connectors.timer import Met, Timer
from broadcaster.domain.airing import Evidence
from broadcaster.domain.order import Order, Report, ReportState
from broadcaster.domain.place import Grade, Station
from broadcaster.errors import DeliveryError
from broadcaster.net import NetError
from broadcaster.strict_yaml import problem

log = logging.getLogger(__name__)

ANSWER_BYTES = 500_000
CODE_CHARACTERS = 200
_GONE = (404, 410)
_MULTIPART_JSON = "application/json; charset=utf-8"
_STATES = {str(state): state for state in ReportState}


class HttpConnector:
    """Without `holds_orders` the order is sent at its due time. `clip: url` sends an address instead of the sound."""

    class Config(RemoteConfig):
        secret: str = Field("", repr=False)
        clip: Literal["upload", "url"] = "upload"
        clip_url: ClipAddress = ""
        holds_orders: bool = True
        confirms_start: bool = True
        confirms_finish: bool = True
        lead_s: float = Field(3600.0, ge=0)
        poll_s: float = Field(5.0, gt=0, le=600)

        @property
        def grade(self) -> Grade:
            """The signature covers the whole request, so that nobody else speaks even over plain HTTP."""
            return Grade.B if self.secret else Grade.C

        @model_validator(mode="after")
        def _fits_together(self) -> Self:
            if self.confirms_finish and not self.confirms_start:
                raise problem("a station that confirms the end confirms the start too", key="confirms_start")
            if self.secret and len(self.secret) < 16:
                raise problem("a secret has 16 characters or more", key="secret")
            if self.clip == "url" and not self.clip_url:
                raise problem("write where the clips are", key="clip_url")
            return self

    def __init__(self, station: Station, config: Config) -> None:
        self._station = station
        self._config = config
        self._poller = Poller(station.code, self._ask_for_reports if config.confirms_start else None, config.poll_s)
        self._timer = Timer(station.code, self._send_on_time)
        self._open: dict[str, datetime] = {}
        """What was begun from here, and when it will be over."""
        self._after = ""
        evidence = Evidence.ACCEPTED
        if config.confirms_start:
            evidence = Evidence.FINISHED if config.confirms_finish else Evidence.STARTED
        self.capabilities = Capabilities(
            holds_orders=config.holds_orders, confirms_start=config.confirms_start,
            confirms_finish=config.confirms_finish, can_stop=True, plays_here=not config.holds_orders,
            lead_s=config.lead_s, grade=config.grade, evidence=evidence,
        )  # fmt: skip

    def deliver(self, order: Order) -> None:
        if self._config.holds_orders:
            self._send(order)
        else:
            self._timer.add(order)

    def reports(self) -> list[Report]:
        told = self._poller.reports()
        for report in told:
            if report.state is not ReportState.STARTED:
                self._open.pop(report.airing, None)
        return [*self._timer.reports(), *told]

    def stop(self, airing: str) -> None:
        if is_airing(airing) and self._timer.stop(airing) is not Met.WAITING:
            self._take_back(airing)

    def check(self) -> None:
        with talking_to(self._station.code):
            self._ask("GET", "/reports")

    def close(self) -> None:
        self._timer.close()
        self._poller.close()
        for airing, end in list(self._open.items()):
            if end > clock.now():
                self._withdraw(airing)

    def _send_on_time(self, order: Order, stop: threading.Event) -> None:
        if stop.is_set():
            self._timer.report(order, ReportState.STOPPED, code="stopped_before_start")
            return
        now = clock.now()
        self._open = {airing: end for airing, end in self._open.items() if end > now} | {
            order.airing: now + order.length
        }
        try:
            self._send(order)
        except DeliveryError as error:
            self._open.pop(order.airing, None)
            self._timer.report(order, ReportState.REFUSED, code=str(error))

    def _send(self, order: Order) -> None:
        files: dict[str, tuple[str, bytes, str]] = {
            "order": ("order.json", json.dumps(self._as_json(order), ensure_ascii=False).encode(), _MULTIPART_JSON)
        }
        if order.envelope:
            files["envelope"] = ("envelope.json", order.envelope, _MULTIPART_JSON)
        if self._config.clip == "upload":
            files["clip"] = (f"{order.airing}.mp3", read_clip(order), "audio/mpeg")
        with talking_to(self._station.code):
            try:
                answer = self._ask("POST", "/orders", files=files)
            except NetError as error:
                answer = (json_object(error.body) or {}) if 400 <= error.code < 500 else {}
                if is_unsure(error):
                    self._withdraw(order.airing)
                if answer.get("state") != ReportState.REFUSED:
                    raise
        if answer.get("state") == ReportState.REFUSED:
            code = str(answer.get("code", ""))[:CODE_CHARACTERS]
            self._poller.add(Report(order.airing, order.station, ReportState.REFUSED, clock.now(), 0.0, code))

    def _as_json(self, order: Order) -> dict[str, object]:
        address = {"url": clip_address(self._config.clip_url, order)} if self._config.clip == "url" else {}
        return {
            "v": 1, "cmd": "play", "mode": order.mode, "airing": order.airing, "commune": order.commune,
            "station": order.station, "title": order.title, "priority": order.priority,
            "start": order.start.isoformat(), "expires": order.expires.isoformat(), "duration_ms": order.duration_ms,
            "repeats": order.repeats, "gap_s": order.gap_s,
            "audio": {"sha256": order.clip_sha256, "type": "audio/mpeg", **address},
        }  # fmt: skip

    def _take_back(self, airing: str) -> None:
        with talking_to(self._station.code):
            try:
                self._ask("DELETE", f"/orders/{airing}")
            except NetError as error:
                if error.code not in _GONE:
                    raise
        self._open.pop(airing, None)
        self._poller.forget(airing)

    def _withdraw(self, airing: str) -> None:
        """Take back what this process began, or what may have arrived; as well as may be."""
        try:
            self._take_back(airing)
        except DeliveryError as error:
            ids = {"airing": airing, "station": self._station.code, "error": str(error)}
            log.error("An order was not taken back.", extra={"action": "recall_failed", **ids})

    def _ask_for_reports(self) -> Iterator[Report]:
        try:
            answer = self._ask("GET", "/reports", params={"after": self._after} if self._after else {})
        except NetError as error:
            if error.code in {400, *_GONE}:
                self._after = ""  # it has forgotten how far we were
            raise
        found = answer.get("reports", [])
        for item in found if isinstance(found, list) else []:
            try:
                told = _Told.model_validate(item)
            except ValidationError as error:
                extra = {"action": "report_unreadable", "station": self._station.code, "error": str(error)}
                log.warning("A station sent a report that cannot be read.", extra=extra)
                continue
            if told.state in _STATES:
                state = _STATES[told.state]
                yield Report(told.airing, self._station.code, state, told.at, told.position_s, told.code)
        after = answer.get("next")
        if isinstance(after, str) and len(after) <= CODE_CHARACTERS:
            self._after = after

    def _ask(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        """The JSON object of an answer, empty for an answer without content. Raises NetError."""
        with reach.session(timeout_s=self._config.timeout_s, limit_bytes=ANSWER_BYTES) as session:
            answer = session.request(
                method, self._config.address + path, auth=reach.Signed(self._config.secret), **more
            )
        if not answer.content:
            return {}
        found = json_object(answer.content)
        if found is None:
            raise odd_answer(urlsplit(self._config.address).hostname or self._config.address)
        return found


class _Told(BaseModel):
    airing: str = Field(max_length=64)
    state: str
    at: AwareDatetime
    position_s: float = Field(0.0, ge=0, allow_inf_nan=False)
    code: str = Field("", max_length=CODE_CHARACTERS)
