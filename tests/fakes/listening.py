"""Listening on a real socket of this computer, in threads, until the last answer was given."""

import socketserver
import threading
from abc import abstractmethod
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Listening:
    """Listens from when it is made until it is closed; a vice that makes somebody wait waits for `closing`."""

    def __init__(self, server: socketserver.ThreadingTCPServer | ThreadingHTTPServer) -> None:
        self.closing = threading.Event()
        self.port: int = server.server_address[1]
        self._server = server
        self._server.daemon_threads = False  # so that closing waits for the last answer
        self._thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def close(self) -> None:
        if not self.closing.is_set():
            self.closing.set()
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()


class HttpListening(Listening):
    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(ThreadingHTTPServer(("127.0.0.1", 0), handler))
        self.address = f"http://127.0.0.1:{self.port}"


class SocketListening(Listening):
    """Whose connections are served byte for byte."""

    def __init__(self) -> None:
        super().__init__(socketserver.ThreadingTCPServer(("127.0.0.1", 0), _handler(self)))

    @abstractmethod
    def serve(self, connection: Any) -> None:
        """One connection, in a thread of its own."""


def _handler(server: SocketListening) -> type[socketserver.BaseRequestHandler]:
    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            server.serve(self.request)

    return Handler
