"""A network between a loudspeaker and its broker that can be cut, in both directions or in one."""

import contextlib
import socket
import threading


class Proxy:
    """Listens when made; what comes is passed on to `port` as long as the way is open."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._server.getsockname()[1])
        self.is_deaf = False
        """What the loudspeaker says gets lost; what it is told arrives."""
        self._is_cut = False
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._guard = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Nothing passes, and nobody comes through, until `mend`."""
        with self._guard:
            self._is_cut = True
            pairs, self._pairs = self._pairs, []
        for wire in (wire for pair in pairs for wire in pair):
            _close(wire)

    def mend(self) -> None:
        self._is_cut = self.is_deaf = False

    def close(self) -> None:
        _close(self._server)
        self.cut()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                here, _ = self._server.accept()
                with self._guard:
                    if self._is_cut:
                        _close(here)
                        continue
                    try:
                        there = socket.create_connection(("127.0.0.1", self._to))
                    except OSError:
                        _close(here)
                        continue
                    self._pairs.append((here, there))
                for source, target, is_upward in ((here, there, True), (there, here, False)):
                    threading.Thread(target=self._pass, args=(source, target, is_upward), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket, is_upward: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                if not (is_upward and self.is_deaf):
                    target.sendall(data)
        _close(source)
        _close(target)


def _close(wire: socket.socket) -> None:
    with contextlib.suppress(OSError):
        wire.shutdown(socket.SHUT_RDWR)
    wire.close()
