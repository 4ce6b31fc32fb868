"""The door for loudspeakers: `/device/v1/enroll`, `keys.json`, `clips/<sha256>` and `reports` (docs/loudspeakers.md).

It is open to whoever reaches it, so everything has a limit, and nothing is read before it is counted. Work that
touches the database or the disk runs in threads; the loop only waits.
"""

import asyncio
import base64
import binascii
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from broadcaster import clock
from broadcaster.application import Application
from broadcaster.domain.bulletin import canonical
from broadcaster.errors import BroadcasterError, StoreError
from broadcaster.orders import strict_json
from broadcaster.orders.strict_json import MalformedError
from broadcaster.orders.topics import Device
from broadcaster.services import enrolment, visiting
from broadcaster.services.enrolment import EnrolmentError

MOST_MESSAGES = 64
MOST_BYTES = MOST_MESSAGES * 5_500
"""Of a body: as many messages of 4,096 bytes as may come at once, in base64."""
BODY_S = 20.0
REFUSED_AFTER_S = 1.0
"""So nobody guesses fast; the one who knows waits for nobody."""
MOST_REFUSED = 50
"""Who is wrong beyond these is told so at once, and not asked any further."""

_PREFIX = "/device/v1"
_BLOCK_BYTES = 65_536
_SHA256 = re.compile(r"[0-9a-f]{64}")
_RANGE = re.compile(r"bytes=([0-9]{1,12})-([0-9]{0,12})")
_VERSION = re.compile(r"[0-9]{1,15}")
_BASE64 = re.compile(r"[A-Za-z0-9+/=]{1,12000}")
_CODE = re.compile(r"[A-Za-z0-9 -]{1,64}")
_ENROL_BYTES = 2_000
_LOCKED = {"WWW-Authenticate": 'Basic realm="Broadcaster", charset="UTF-8"'}


class _ProblemError(Exception):
    """What is told to whoever asked."""

    def __init__(self, status: int, code: str, text: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(text)
        self.answer = JSONResponse({"error": text, "code": code}, status, dict(headers or {}))


def door(built: Application) -> FastAPI:
    """The routes over one application. Every error is `{"error": text, "code": code}`."""
    app = FastAPI(title="Broadcaster", openapi_url=None, docs_url=None, redoc_url=None)
    app.add_exception_handler(Exception, _failed)
    app.add_exception_handler(HTTPException, _unknown)
    routes = _Door(built)
    for path, route, method in (
        ("/enroll", routes.enroll, "POST"),
        ("/keys.json", routes.keys, "GET"),
        ("/clips/{sha256}", routes.clip, "GET"),
        ("/reports", routes.reports, "POST"),
    ):
        app.add_api_route(_PREFIX + path, _guarded(route), methods=[method])
    return app


class _Door:
    def __init__(self, built: Application) -> None:
        self._built = built
        self._refused = 0

    async def enroll(self, request: Request) -> Response:
        built = self._built
        fields = strict_json.read(await _body(request, _ENROL_BYTES))
        fields.integer("v", 1, 1)
        code, public = fields.text("code", _CODE), fields.any_text("public")
        fields.end()

        def enrolled() -> dict[str, object]:
            with built.store.writing() as session:
                return visiting.enrol(session, built.keys_folder, built.config, code, public, clock.now())

        try:
            return _json(await run_in_threadpool(enrolled))
        except EnrolmentError as error:
            await self._hold_back()
            raise _ProblemError(403, "code", str(error)) from error

    async def keys(self, request: Request) -> Response:
        who = await self._device(request)
        version = request.query_params.get("version", "0")
        if not _VERSION.fullmatch(version):
            raise _ProblemError(400, "malformed", "version is a whole number.")
        found = await run_in_threadpool(visiting.next_keys, self._built.keys_folder, who.commune, int(version))
        return Response(status_code=304) if found is None else Response(found, media_type="application/json")

    async def clip(self, request: Request) -> Response:
        who, sha256 = await self._device(request), str(request.path_params["sha256"])

        def found() -> tuple[Path, int] | None:
            with self._built.store.reading() as session:
                row = visiting.clip(session, who, sha256, clock.now()) if _SHA256.fullmatch(sha256) else None
                path = None if row is None else self._built.studio.path(row.key)
            return (path, path.stat().st_size) if path is not None and path.is_file() else None

        clip = await run_in_threadpool(found)
        if clip is None:
            raise _ProblemError(404, "unknown", "You were not ordered to play such a clip.")
        return _file(*clip, sha256, request.headers.get("range"))

    async def reports(self, request: Request) -> Response:
        who = await self._device(request)
        fields = strict_json.read(await _body(request, MOST_BYTES))
        fields.integer("v", 1, 1)
        messages = [_decoded(text) for text in fields.texts("messages", _BASE64, 0, MOST_MESSAGES)]
        fields.end()

        def answered() -> visiting.Answer:
            with self._built.store.writing() as session:
                return visiting.report(session, who, messages, clock.now())

        answer = await run_in_threadpool(answered)
        ack = None if answer.ack is None else base64.b64encode(answer.ack).decode()
        return _json({"v": 1, "ack": ack, "orders": [base64.b64encode(order).decode() for order in answer.orders]})

    async def _device(self, request: Request) -> Device:
        """Who asks, by name and password."""
        name, password = _credentials(request)

        def known() -> Device | None:
            with self._built.store.reading() as session:
                return enrolment.authenticated(session, name, password)

        found = await run_in_threadpool(known) if name else None
        if found is None:
            await self._hold_back()
            raise _ProblemError(401, "unauthorized", "This is not the name and password of a loudspeaker.", _LOCKED)
        return found

    async def _hold_back(self) -> None:
        """Let whoever was wrong wait, unless so many do that they would fill the house."""
        if self._refused >= MOST_REFUSED:
            raise _ProblemError(429, "too_many", "Too many are refused just now.", {"Retry-After": "5"})
        self._refused += 1
        try:
            await asyncio.sleep(REFUSED_AFTER_S)
        finally:
            self._refused -= 1


def _guarded(route: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """A route that tells what is wrong with what it was given."""

    async def guarded(request: Request) -> Response:
        try:
            return await route(request)
        except _ProblemError as error:
            return error.answer
        except MalformedError as error:
            return _ProblemError(400, "malformed", str(error)).answer
        except StoreError:
            return _ProblemError(503, "unavailable", "The server's database cannot be used just now.").answer
        except BroadcasterError as error:
            return _ProblemError(409, "refused", str(error)).answer

    return guarded


def _credentials(request: Request) -> tuple[str, str]:
    """The name and password of Basic authentication (RFC 7617), both empty where there are none."""
    kind, _, value = request.headers.get("authorization", "").partition(" ")
    try:
        name, _, password = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return "", ""
    return (name, password) if kind.lower() == "basic" and len(name) < 200 else ("", "")


async def _body(request: Request, most_bytes: int) -> bytes:
    """The whole body, counted as it comes, whatever its head says of its length."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise _ProblemError(415, "type", "Send application/json.")
    found = bytearray()
    try:
        async with asyncio.timeout(BODY_S):
            async for part in request.stream():
                found += part
                if len(found) > most_bytes:
                    raise _ProblemError(
                        413, "too_large", f"A body has at most {most_bytes} bytes.", {"Connection": "close"}
                    )
    except TimeoutError as error:
        raise _ProblemError(408, "slow", "The body took too long.", {"Connection": "close"}) from error
    return bytes(found)


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise MalformedError("messages is no base64: {error}", error=error) from error


def _file(path: Path, size: int, sha256: str, wanted: str | None) -> Response:
    """A file whole or one range of it (RFC 9110, 14). What is not understood of a range means the whole."""
    headers = {"ETag": f'"{sha256}"', "Accept-Ranges": "bytes", "Cache-Control": "private, immutable"}
    found = None if wanted is None else _RANGE.fullmatch(wanted)
    first, last = 0, size - 1
    if found is not None:
        first = int(found[1])
        last = min(int(found[2]) if found[2] else last, last)
        if first > last:
            raise _ProblemError(416, "range", "There is nothing there.", {"Content-Range": f"bytes */{size}"})
        headers["Content-Range"] = f"bytes {first}-{last}/{size}"
    headers["Content-Length"] = str(last - first + 1)
    return StreamingResponse(
        _blocks(path, first, last - first + 1), 200 if found is None else 206, headers, media_type="audio/mpeg"
    )


async def _blocks(path: Path, first: int, count: int) -> AsyncIterator[bytes]:
    file = await run_in_threadpool(path.open, "rb")
    try:
        await run_in_threadpool(file.seek, first)
        while count > 0 and (block := await run_in_threadpool(file.read, min(count, _BLOCK_BYTES))):
            count -= len(block)
            yield block
    finally:
        await run_in_threadpool(file.close)


def _json(content: dict[str, object]) -> Response:
    return Response(canonical(content), media_type="application/json", headers={"Cache-Control": "no-store"})


async def _unknown(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _ProblemError(error.status_code, "http", str(error.detail), error.headers).answer


async def _failed(_: Request, _error: Exception) -> Response:
    """What it was stands in the log; a stranger is told nothing of it."""
    return _ProblemError(500, "failed", "This should not have happened.").answer
