"""The web server's own process: uvicorn with limits that an open port needs."""

import asyncio
import socket
import threading
from typing import Any

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

from broadcaster.errors import BroadcasterError

MOST_CONNECTIONS = 500
LONGEST_REQUEST_S = 120.0
"""From the first byte of a request, or from the beginning of a connection that sends none, to the end of the answer."""
IDLE_S = 15
_HEAD_BYTES = 16_384
_FAREWELL_S = 3


class _Timed(H11Protocol):
    """uvicorn waits for ever for the head of a request, and for whoever reads an answer slowly. This does not."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._timer.cancel()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        self._timer.cancel()
        super().on_response_complete()
        self._watch()

    def _watch(self) -> None:
        self._timer: asyncio.TimerHandle = self.loop.call_later(LONGEST_REQUEST_S, self.transport.abort)


class Server:
    """Serves an application in a thread of its own. `port` is where it listens, once it has started."""

    def __init__(self, app: FastAPI, host: str, port: int) -> None:
        self._host, self.port = host, port
        self._server = uvicorn.Server(
            uvicorn.Config(
                app, http=_Timed, ws="none", lifespan="off", loop="asyncio", log_config=None, access_log=False,
                server_header=False, proxy_headers=False, limit_concurrency=MOST_CONNECTIONS,
                timeout_keep_alive=IDLE_S, h11_max_incomplete_event_size=_HEAD_BYTES,
                timeout_graceful_shutdown=_FAREWELL_S,
            )
        )  # fmt: skip
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Returns once the port is taken. Raises BroadcasterError."""
        try:
            family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
            wire = socket.create_server((self._host, self.port), family=family, backlog=512)
        except (OSError, OverflowError) as error:
            raise BroadcasterError(
                "The door cannot listen on {host}, port {port}: {error}. Another program may have that port: set "
                "door.port in config.yaml.",
                host=self._host, port=self.port, error=error,
            ) from error  # fmt: skip
        self.port = wire.getsockname()[1]
        self._thread = threading.Thread(target=self._run, args=(wire,), name="web")
        self._thread.start()

    def stop(self) -> None:
        """What is being answered has some seconds to end."""
        self._server.should_exit = True
        if self._thread is not None:
            self._thread.join()

    def _run(self, wire: socket.socket) -> None:
        with wire:
            self._server.run(sockets=[wire])
