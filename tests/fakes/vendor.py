"""A vendor's endpoint as `docs/connectors.md` describes it: it checks signatures and holds orders."""

import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from broadcaster.domain.plan import whole_length
from tests.fakes.http_station import HttpStation, Reply, Request

SECRET = "mot-bi-mat-dai-hon-16"
WINDOW_S = 300


@dataclass
class Held:
    order: dict[str, Any]
    envelope: bytes
    clip: bytes
    told: set[str] = field(default_factory=set)

    @property
    def start(self) -> datetime:
        return datetime.fromisoformat(self.order["start"])

    @property
    def end(self) -> datetime:
        one, gap = timedelta(milliseconds=self.order["duration_ms"]), timedelta(seconds=self.order["gap_s"])
        return self.start + whole_length(one, self.order["repeats"], gap)


class Vendor(HttpStation):
    """Calls are named `order`, `cancel`, `reports`. `refuses` is the reason for which it takes no order."""

    def __init__(self) -> None:
        self.orders: dict[str, Held] = {}
        self.cancelled: list[str] = []
        self.refuses = ""
        self.refuses_with = 409
        self.most_bytes = 10_000_000
        self.clock_is_off_by = timedelta()
        self.reported: list[Any] = []
        self.odd_answers: list[bytes] = []
        """Given to the next requests for reports."""
        self.on_request: Callable[[Request], object] = lambda _: None
        self._nonces: set[str] = set()
        super().__init__()

    def name(self, request: Request) -> str:
        return {"POST": "order", "DELETE": "cancel"}.get(request.method, "reports")

    def now(self) -> datetime:
        return datetime.now(UTC) + self.clock_is_off_by

    def reply(self, request: Request) -> Reply:
        self.on_request(request)
        if not self._is_signed(request):
            return _json(401, {"message": "signature"})
        if request.method == "POST":
            return self._take(request.parts())
        if request.method == "DELETE":
            return self._cancel(request.path.rsplit("/", 1)[-1])
        return self._report(request.query.get("after", "0"))

    def _is_signed(self, request: Request) -> bool:
        at, nonce = request.headers.get("X-Time", ""), request.headers.get("X-Nonce", "")
        signed = "\n".join([at, nonce, request.method, request.target, ""]).encode() + request.body
        expected = hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
        is_good = hmac.compare_digest(expected, request.headers.get("X-Signature", ""))
        is_new = nonce not in self._nonces and abs(self.now().timestamp() - float(at or 0)) <= WINDOW_S
        self._nonces.add(nonce)
        return is_good and is_new

    def _take(self, parts: dict[str, bytes]) -> Reply:
        order, clip = json.loads(parts["order"]), parts.get("clip", b"")
        if self.refuses:
            return _json(self.refuses_with, {"state": "refused", "code": self.refuses})
        if order["airing"] in self.orders:
            return _json(200, {"state": "accepted"})
        if len(clip) > self.most_bytes:
            return _json(413, {"message": "too large"})
        if clip and hashlib.sha256(clip).hexdigest() != order["audio"]["sha256"]:
            return _json(422, {"state": "refused", "code": "clip_differs"})
        self.orders[order["airing"]] = Held(order, parts.get("envelope", b""), clip)
        return _json(202, {"state": "accepted"})

    def _cancel(self, airing: str) -> Reply:
        held = self.orders.pop(airing, None)
        if held is None:
            return _json(404, {"message": "unknown"})
        self.cancelled.append(airing)
        if held.start <= self.now() < held.end:
            self._live(held)
            position_s = (self.now() - held.start).total_seconds()
            self._tell(held, "stopped", self.now(), position_s=position_s)
        return Reply(204)

    def _report(self, after: str) -> Reply:
        if self.odd_answers:
            return Reply(200, self.odd_answers.pop(), "application/json")
        for held in list(self.orders.values()):
            self._live(held)
        return _json(200, {"reports": self.reported[int(after) :], "next": str(len(self.reported))})

    def _live(self, held: Held) -> None:
        """What has become of an order by now."""
        if held.start <= self.now():
            self._tell(held, "started", held.start)
        if held.end <= self.now():
            self._tell(held, "finished", held.end, position_s=(held.end - held.start).total_seconds())

    def _tell(self, held: Held, state: str, at: datetime, **more: object) -> None:
        if state not in held.told:
            held.told.add(state)
            self.reported.append({"airing": held.order["airing"], "state": state, "at": at.isoformat(), **more})


def _json(status: int, content: object) -> Reply:
    return Reply(status, json.dumps(content).encode(), "application/json")
