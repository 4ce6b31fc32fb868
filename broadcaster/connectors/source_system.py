"""A province's source system (hệ thống thông tin nguồn), asked to have a commune's clusters play a bulletin.

The messages are those seen in public device and client code, not in an official annex: REST and JSON, every value a
text. What a province names otherwise is configuration (`fields`, `paths`); the codes are known to this file alone.
"""

import difflib
import logging
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import requests
from pydantic import Field, field_validator
from requests.auth import AuthBase

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
    talking_to,
)
from broadcaster.domain.airing import Evidence
from broadcaster.domain.bulletin import Priority
from broadcaster.domain.order import Order, Report, ReportState
from broadcaster.domain.place import Station
from broadcaster.net import Fault, NetError
from broadcaster.strict_yaml import Strict, problem

log = logging.getLogger(__name__)

ANSWER_BYTES = 2_000_000
LOOK_BACK = timedelta(hours=1)
OURS = "bc-"
"""Begins the ids that we give, so that the log's entries about other bulletins can be told apart."""
_OK = "0"
_AUDIO = "3"
_GENERAL = "1"
_AT_ONCE, _AFTER_A_WHILE = "1", "2"
_PRIORITIES = {Priority.EMERGENCY: "1", Priority.PRIORITY: "2", Priority.NORMAL: "3"}

FIELDS = {
    "username": "Username",
    "password": "Password",
    "status": "TrangThaiGui",
    "message": "MoTa",
    "content": "NoiDung",
    "token": "Token",
    "playlist": "LichPhatID",
    "clusters": "DanhSachThietBi",
    "cluster": "CumLoaID",
    "dates": "DanhSachNgayPhat",
    "date": "NgayPhat",
    "times": "ThoiDiemPhat",
    "start": "ThoiGianBatDau",
    "end": "ThoiGianKetThuc",
    "bulletins": "DanhSachBanTin",
    "bulletin": "BanTinID",
    "title": "TieuDe",
    "kind": "LoaiBanTin",
    "priority": "MucDoUuTien",
    "field": "LoaiLinhVuc",
    "summary": "NoiDungTomTat",
    "audio": "NoiDung",
    "duration": "ThoiLuong",
    "produced_at": "ThoiGianSanXuat",
    "repeat_kind": "KieuLapLai",
    "repeat_after": "ThoiGianLapLai",
    "repeats": "SoLanLapLai",
    "since": "TuThoiDiem",
    "started_at": "ThoiDiemBatDau",
}
"""Our names of what stands in a message -> the names in use."""


class Paths(Strict):
    login: str = "/login"
    ping: str = "/ping"
    add: str = "/playlist/add"
    delete: str = "/playlist/delete"
    log: str = "/log"

    @field_validator("*")
    @classmethod
    def _begins_with_a_slash(cls, value: str) -> str:
        if not value.startswith("/"):
            raise problem("{value} is no path: begin it with /", value=value)
        return value


class SourceSystemConnector:
    """Its log has an entry for each cluster at its start, and none at its end. `reads_log: false`: there is no log."""

    class Config(RemoteConfig):
        username: str = Field(min_length=1)
        password: str = Field(min_length=1, repr=False)
        clusters: list[str] = Field(min_length=1)
        clip_url: ClipAddress = Field(min_length=1)
        paths: Paths = Paths()
        fields: dict[str, str] = Field(default_factory=dict)
        reads_log: bool = True
        lead_s: float = Field(3600.0, ge=0)
        poll_s: float = Field(20.0, gt=0, le=600)

        @field_validator("fields")
        @classmethod
        def _known(cls, value: dict[str, str]) -> dict[str, str]:
            for name in value:
                if name not in FIELDS:
                    near = difflib.get_close_matches(name, FIELDS, 1) or sorted(FIELDS)
                    raise problem("unknown key {key}. Did you mean {near}?", key=name, near=near[0])
            return value

    def __init__(self, station: Station, config: Config) -> None:
        self._station = station
        self._config = config
        self._names = FIELDS | config.fields
        self._host = urlsplit(config.address).hostname or config.address
        self._poller = Poller(station.code, self._read_log if config.reads_log else None, config.poll_s)
        self._token = ""
        self._signing_in = threading.Lock()
        self._given: set[str] = set()
        self.capabilities = Capabilities(
            holds_orders=True, confirms_start=config.reads_log, confirms_finish=False, can_stop=True, plays_here=False,
            lead_s=config.lead_s, grade=config.grade,
            evidence=Evidence.STARTED if config.reads_log else Evidence.ACCEPTED,
        )  # fmt: skip

    def deliver(self, order: Order) -> None:
        with talking_to(self._station.code):
            try:
                answer = self._ask(self._config.paths.add, self._playlist(order))
            except NetError as error:
                if is_unsure(error):
                    self._withdraw(order.airing)
                raise
        if self._is_ok(answer):
            self._given.add(order.airing)
        else:
            code = self._message(answer)
            self._poller.add(Report(order.airing, order.station, ReportState.REFUSED, clock.now(), 0.0, code))

    def reports(self) -> list[Report]:
        return self._poller.reports()

    def stop(self, airing: str) -> None:
        if not is_airing(airing):
            return
        with talking_to(self._station.code):
            answer = self._ask(self._config.paths.delete, {self._names["playlist"]: OURS + airing})
            if not self._is_ok(answer) and airing in self._given:
                raise self._refusal(answer)
        self._given.discard(airing)
        self._poller.forget(airing)

    def _withdraw(self, airing: str) -> None:
        """Take back what may have arrived, as well as may be."""
        try:
            self._ask(self._config.paths.delete, {self._names["playlist"]: OURS + airing})
        except NetError as error:
            ids = {"airing": airing, "station": self._station.code, "error": str(error)}
            log.error("An order was not taken back.", extra={"action": "recall_failed", **ids})

    def check(self) -> None:
        with talking_to(self._station.code):
            answer = self._ask(self._config.paths.ping, {})
            if not self._is_ok(answer):
                raise self._refusal(answer)

    def close(self) -> None:
        self._poller.close()

    def _playlist(self, order: Order) -> dict[str, object]:
        """One date with one time and one bulletin, for all clusters of the station."""
        name = self._names
        bulletin = {
            name["bulletin"]: OURS + order.airing,
            name["title"]: order.title,
            name["kind"]: _AUDIO,
            name["priority"]: _PRIORITIES[order.priority],
            name["field"]: _GENERAL,
            name["summary"]: order.title,
            name["audio"]: clip_address(self._config.clip_url, order),
            name["duration"]: str(timedelta(seconds=round(order.duration_ms / 1000))).zfill(8),
            name["produced_at"]: _epoch(clock.now()),
            name["repeat_kind"]: _AFTER_A_WHILE if order.gap_s else _AT_ONCE,
            name["repeat_after"]: f"{order.gap_s:.0f}",
            name["repeats"]: str(order.repeats - 1),
        }
        time = {
            name["start"]: _epoch(order.start),
            name["end"]: _epoch(order.start + order.length),
            name["bulletins"]: [bulletin],
        }
        return {
            name["playlist"]: OURS + order.airing,
            name["clusters"]: {name["cluster"]: self._config.clusters},
            name["dates"]: [{name["date"]: _epoch(order.start), name["times"]: [time]}],
        }

    def _read_log(self) -> Iterator[Report]:
        """A start for each airing of ours, as the first cluster tells it."""
        name = self._names
        since = _epoch(clock.now() - LOOK_BACK)
        answer = self._ask(self._config.paths.log, {name["since"]: since})
        entries = answer.get(name["content"])
        for entry in entries if isinstance(entries, list) else []:
            try:
                airing, at = str(entry[name["bulletin"]]), datetime.fromtimestamp(int(entry[name["started_at"]]), UTC)
            except (TypeError, KeyError, ValueError, OverflowError, OSError) as error:
                extra = {"action": "report_unreadable", "station": self._station.code, "error": repr(error)}
                log.warning("An entry of a source system's log cannot be read.", extra=extra)
                continue
            if airing.startswith(OURS):
                yield Report(airing.removeprefix(OURS), self._station.code, ReportState.STARTED, at)

    def _ask(self, path: str, message: dict[str, Any]) -> dict[str, Any]:
        """The answer to a message; signed in anew where the token has run out. Raises NetError."""
        token = self._sign_in()
        try:
            return self._post(path, message, token)
        except NetError as error:
            if error.code != 401:
                raise
        return self._post(path, message, self._sign_in(instead_of=token))

    def _sign_in(self, instead_of: str = "") -> str:
        """The token that all threads use, until it is found to have run out."""
        with self._signing_in:
            if self._token and self._token != instead_of:
                return self._token
            name = self._names
            credential = {name["username"]: self._config.username, name["password"]: self._config.password}
            answer = self._post(self._config.paths.login, credential)
            content = answer.get(name["content"])
            token = content.get(name["token"]) if isinstance(content, dict) else None
            if not self._is_ok(answer) or not isinstance(token, str) or not token.isascii() or not token.isprintable():
                raise self._refusal(answer, code=401)
            self._token = token
            return token

    def _post(self, path: str, message: dict[str, Any], token: str = "") -> dict[str, Any]:
        with reach.session(timeout_s=self._config.timeout_s, limit_bytes=ANSWER_BYTES) as session:
            answer = session.post(self._config.address + path, json=message, auth=_Bearer(token))
        found = json_object(answer.content)
        if found is None or self._names["status"] not in found:
            raise odd_answer(self._host)
        return found

    def _is_ok(self, answer: dict[str, Any]) -> bool:
        return str(answer.get(self._names["status"])) == _OK

    def _message(self, answer: dict[str, Any]) -> str:
        return str(answer.get(self._names["message"]) or "refused")[:200]

    def _refusal(self, answer: dict[str, Any], code: int = 0) -> NetError:
        return NetError(
            "{host} refused: {reason}", fault=Fault.OTHER, code=code, host=self._host, reason=self._message(answer)
        )


class _Bearer(AuthBase):
    """The token, if any; and never a password that the computer's own .netrc has for the host."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token:
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def _epoch(at: datetime) -> str:
    return f"{at.timestamp():.0f}"
