"""A mail server on a real socket of this computer (RFC 5321), with named vices."""

import base64
import contextlib
import ssl
from collections import deque
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from enum import StrEnum
from typing import Any

from tests.fakes.listening import SocketListening


class Vice(StrEnum):
    NONE = "none"
    REFUSES = "refuses"
    """Wants nothing to do with us: 554 instead of a greeting."""
    SILENT = "silent"
    """Takes the connection and says nothing."""
    DROPS = "drops"
    """Hangs up in the middle of the message."""
    LOST = "lost"
    """Takes the message and hangs up without saying so."""
    BUSY = "busy"
    """451 to every recipient: greylisting."""
    NOBODY = "nobody"
    """550 to every recipient."""
    SPAM = "spam"
    """554 to every message."""


@dataclass(frozen=True)
class Mail:
    sender: str
    to: str
    content: bytes

    @property
    def message(self) -> EmailMessage:
        return message_from_bytes(self.content, policy=default)

    @property
    def text(self) -> str:
        return str(self.message.get_content()).replace("\r\n", "\n")


class MailServer(SocketListening):
    """Behaves by `vice`, but at the next connections by what `next` was told. `mails` keeps what was taken."""

    def __init__(
        self, *, starttls: ssl.SSLContext | None = None, tls: ssl.SSLContext | None = None, password: str | None = None
    ) -> None:
        self.vice = Vice.NONE
        self.next: deque[Vice] = deque()
        self.mails: list[Mail] = []
        self.said: list[str] = []
        self.connections = 0
        self.starttls, self.tls, self.password = starttls, tls, password
        super().__init__()

    def serve(self, connection: Any) -> None:
        self.connections += 1
        vice = self.next.popleft() if self.next else self.vice
        with contextlib.suppress(OSError):  # a caller that hangs up is none of our business
            if vice is Vice.SILENT:
                self.closing.wait()
                return
            if self.tls is not None:
                connection = self.tls.wrap_socket(connection, server_side=True)
            with closing(_Talk(self, connection, vice)) as talk:
                talk.go_on()


@contextmanager
def mail_server(**options: Any) -> Iterator[MailServer]:
    made = MailServer(**options)
    try:
        yield made
    finally:
        made.close()


class _Talk:
    """One connection."""

    def __init__(self, server: MailServer, connection: Any, vice: Vice) -> None:
        self._server, self._connection, self._vice = server, connection, vice
        self._file = connection.makefile("rb")
        self._is_protected = server.tls is not None
        self._is_known = server.password is None
        self._sender = self._to = ""

    def go_on(self) -> None:
        if self._vice is Vice.REFUSES:
            self._say("554 no service here")
            return
        self._say("220 mail.example.vn ready")
        while line := self._file.readline().decode().rstrip("\r\n"):
            verb, _, rest = line.partition(" ")
            self._server.said.append(f"{verb.upper()} {rest}")
            if not getattr(self, f"_{verb.lower()}", self._unknown)(rest):
                return

    def close(self) -> None:
        self._file.close()
        self._connection.close()

    def _say(self, line: str) -> bool:
        self._connection.sendall(line.encode() + b"\r\n")
        return True

    def _unknown(self, _: str) -> bool:
        return self._say("502 not here")

    def _ehlo(self, _: str) -> bool:
        self._say("250-mail.example.vn")
        if self._server.starttls is not None and not self._is_protected:
            self._say("250-STARTTLS")
        return self._say("250 AUTH PLAIN")

    def _starttls(self, _: str) -> bool:
        self._say("220 go on")
        assert self._server.starttls is not None
        self._connection = self._server.starttls.wrap_socket(self._connection, server_side=True)
        self._file = self._connection.makefile("rb")
        self._is_protected = True
        return True

    def _auth(self, rest: str) -> bool:
        given = base64.b64decode(rest.removeprefix("PLAIN ")).decode().split("\0")[-1]
        self._is_known = given == self._server.password
        return self._say("235 welcome" if self._is_known else "535 wrong password")

    def _mail(self, rest: str) -> bool:
        if not self._is_known:
            return self._say("530 who are you?")
        self._sender = rest.partition("<")[2].partition(">")[0]
        return self._say("250 ok")

    def _rcpt(self, rest: str) -> bool:
        self._to = rest.partition("<")[2].partition(">")[0]
        return self._say({Vice.BUSY: "451 come again", Vice.NOBODY: "550 no such user"}.get(self._vice, "250 ok"))

    def _data(self, _: str) -> bool:
        self._say("354 go on")
        if self._vice is Vice.DROPS:
            self._file.readline()
            return False
        lines = []
        while (line := self._file.readline()) not in {b".\r\n", b""}:
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        if self._vice is Vice.SPAM:
            return self._say("554 this looks like spam")
        self._server.mails.append(Mail(self._sender, self._to, b"".join(lines)))
        return self._vice is not Vice.LOST and self._say("250 taken")

    def _quit(self, _: str) -> bool:
        self._say("221 bye")
        return False
