"""The talk with a province's source system: signed in once, and anew where the token has run out."""

import difflib
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self
from urllib.parse import urlsplit

import requests
from pydantic import Field, field_validator, model_validator
from requests.auth import AuthBase

from broadcaster import reach
from broadcaster.connectors.remote import ClipAddress, RemoteConfig, json_object, odd_answer
from broadcaster.connectors.source_words import FIELDS, OK
from broadcaster.domain.place import Grade
from broadcaster.errors import DeliveryError
from broadcaster.net import Fault, NetError
from broadcaster.strict_yaml import Strict, problem

ANSWER_BYTES = 2_000_000


log = logging.getLogger(__name__)

_NEVER = (400, 410, 413, 422)
"""It understood, and will never take this; everything else can be put right at one end or the other."""


class Paths(Strict):
    login: str = "/login"
    ping: str = "/ping"
    add: str = "/playlist/add"
    delete: str = "/playlist/delete"
    log: str = "/log"
    bulletins: str = "/bulletin/list"
    report: str = "/log/report"

    @field_validator("*")
    @classmethod
    def _begins_with_a_slash(cls, value: str) -> str:
        if not value.startswith("/"):
            raise problem("{value} is no path: begin it with /", value=value)
        return value


class Receives(Strict):
    """How bulletins of the source system are taken into the commune. `source` is whose they are here, for good: what a
    message says of its origin gives nobody a right."""

    source: str = Field(min_length=1, max_length=200)
    destinations: list[str] = Field(default_factory=list)
    language: str = "vi"
    days: int = Field(3, ge=1, le=60)
    every_s: float = Field(60.0, ge=1, le=3600)
    look_back_days: int = Field(7, ge=1, le=60)
    overrides_quiet: bool = False


class SourceSystemConfig(RemoteConfig):
    username: str = Field(min_length=1)
    password: str = Field(min_length=1, repr=False)
    clusters: list[str] = Field(min_length=1)
    clip_url: ClipAddress = Field(min_length=1)
    paths: Paths = Paths()
    fields: dict[str, str] = Field(default_factory=dict)
    reads_log: bool = True
    lead_s: float = Field(3600.0, ge=0)
    poll_s: float = Field(20.0, gt=0, le=600)
    receives: Receives | None = None
    reports: bool = False
    report_as: dict[str, str] = Field(default_factory=dict)

    @field_validator("fields")
    @classmethod
    def _known(cls, value: dict[str, str]) -> dict[str, str]:
        for name in value:
            if name not in FIELDS:
                near = difflib.get_close_matches(name, FIELDS, 1) or sorted(FIELDS)
                raise problem("unknown key {key}. Did you mean {near}?", key=name, near=near[0])
        return value

    @model_validator(mode="after")
    def _override_is_protected(self) -> Self:
        if self.receives is not None and self.receives.overrides_quiet and self.grade is Grade.C:
            raise problem("overrides_quiet needs https://: anyone on the way could wake a commune", key="receives")
        return self


class SourceClient:
    """Safe to use from any thread."""

    def __init__(self, config: SourceSystemConfig) -> None:
        self.names = FIELDS | config.fields
        self._config = config
        self._host = urlsplit(config.address).hostname or config.address
        self._token = ""
        self._signing_in = threading.Lock()

    def ask(self, path: str, message: dict[str, Any]) -> dict[str, Any]:
        """The answer to a message; signed in anew where the token has run out. Raises NetError."""
        token = self._sign_in()
        try:
            return self._post(path, message, token)
        except NetError as error:
            if error.code != 401:
                raise
        return self._post(path, message, self._sign_in(instead_of=token))

    def is_ok(self, answer: dict[str, Any]) -> bool:
        return str(answer.get(self.names["status"])) == OK

    def message(self, answer: dict[str, Any]) -> str:
        return str(answer.get(self.names["message"]) or "refused")[:200]

    def refusal(self, answer: dict[str, Any], code: int = 0) -> NetError:
        return NetError(
            "{host} refused: {reason}", fault=Fault.OTHER, code=code, host=self._host, reason=self.message(answer)
        )

    def odd_answer(self) -> NetError:
        return odd_answer(self._host)

    def _sign_in(self, instead_of: str = "") -> str:
        """The token that all threads use, until it is found to have run out."""
        with self._signing_in:
            if self._token and self._token != instead_of:
                return self._token
            name = self.names
            credential = {name["username"]: self._config.username, name["password"]: self._config.password}
            answer = self._post(self._config.paths.login, credential)
            content = answer.get(name["content"])
            token = content.get(name["token"]) if isinstance(content, dict) else None
            if not self.is_ok(answer) or not isinstance(token, str) or not token.isascii() or not token.isprintable():
                raise self.refusal(answer, code=401)
            self._token = token
            return token

    def _post(self, path: str, message: dict[str, Any], token: str = "") -> dict[str, Any]:
        with reach.session(timeout_s=self._config.timeout_s, limit_bytes=ANSWER_BYTES) as session:
            answer = session.post(self._config.address + path, json=message, auth=Bearer(token))
        found = json_object(answer.content)
        if found is None or self.names["status"] not in found:
            raise self.odd_answer()
        return found


@contextmanager
def asking(station: str) -> Iterator[None]:
    """Turns a request beside the orders that failed into DeliveryError, permanent where asking again is of no use."""
    try:
        yield
    except NetError as error:
        extra = {"action": "station_answered", "station": station, "answer": error.body[:2000].decode(errors="replace")}
        log.warning("A source system did not do as it was asked.", extra={**extra, "error": str(error)})
        is_refused = error.fault is Fault.OTHER and error.code in {0, *_NEVER}
        raise DeliveryError("Station {station}: {error}", is_permanent=is_refused, station=station,
                            error=error) from error  # fmt: skip


class Bearer(AuthBase):
    """The token, if any; and never a password that the computer's own .netrc has for the host."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token:
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request
