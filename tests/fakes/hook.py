"""Who is told of alerts by webhook: it checks the signature, the time and that nothing comes twice."""

import hashlib
import hmac
import json
from typing import Any

from broadcaster import clock
from tests.fakes.http_station import HttpStation, Reply, Request

SECRET = "mot-bi-mat-cua-webhook"
WINDOW_S = 300


class Hook(HttpStation):
    """Keeps the bodies of what was well signed; the others get 401."""

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        self.status = 204
        self.headers: dict[str, str] = {}
        self._nonces: set[str] = set()
        super().__init__()

    def reply(self, request: Request) -> Reply:
        at, nonce = request.headers.get("X-Time", "0"), request.headers.get("X-Nonce", "")
        signed = "\n".join([at, nonce, request.method, request.target, ""]).encode() + request.body
        expected = hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
        is_timely = abs(clock.now().timestamp() - float(at)) <= WINDOW_S
        is_signed = hmac.compare_digest(expected, request.headers.get("X-Signature", ""))
        if not (is_signed and is_timely and nonce and nonce not in self._nonces):
            return Reply(401)
        self._nonces.add(nonce)
        if self.status < 300:
            self.got.append(json.loads(request.body))
        return Reply(self.status, headers=self.headers)
