"""A host on a real socket of this computer that answers whatever a test says, byte for byte."""

import contextlib
import itertools
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from tests.fakes.listening import SocketListening

Answer = Callable[[BinaryIO], object]

UNTRUSTED = Path(__file__).with_name("untrusted.pem")
"""A certificate for this computer that nobody has vouched for, and its key."""


def untrusted_tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(UNTRUSTED)
    return context


class Host(SocketListening):
    """Gives `answer` to every request; `asked` keeps the heads of the requests."""

    def __init__(self, answer: Answer, tls: ssl.SSLContext | None = None) -> None:
        self.asked: list[str] = []
        self._answer = answer
        self._tls = tls
        super().__init__()
        self.address = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}/"

    def serve(self, connection: Any) -> None:
        """One connection; a caller that hangs up is none of our business."""
        with contextlib.suppress(OSError):
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
            with connection, connection.makefile("rwb") as file:
                head = list(itertools.takewhile(lambda line: line.strip(), file))
                self.asked.append(b"".join(head).decode("latin-1"))
                self._answer(file)
                file.flush()


@contextmanager
def host(answer: Answer, tls: ssl.SSLContext | None = None) -> Iterator[Host]:
    made = Host(answer, tls)
    try:
        yield made
    finally:
        made.close()


def reply(status: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Answer:
    """An ordinary answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    content = "\r\n".join(lines).encode() + b"\r\n\r\n" + body

    def write(file: BinaryIO) -> None:
        file.write(content)

    return write
