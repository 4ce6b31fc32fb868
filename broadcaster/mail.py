"""The one seam to mail: a letter to one address through the mail server of the settings (SMTP, RFC 5321).

The way is encrypted and the server's certificate verified unless the settings say otherwise; all of it has a limit.
"""

import base64
import re
import smtplib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import localtime
from enum import StrEnum
from pathlib import Path

from broadcaster import letters, net, reach
from broadcaster.errors import BroadcasterError
from broadcaster.letters import Letter, UndeliveredError

TOTAL_S = 60.0
_SUBJECT_CHARACTERS = 200
_PERMANENT = range(500, 600)
_ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}[A-Za-z0-9])?")
_UNPRINTABLE = re.compile(r"[\s\x00-\x1f\x7f-\x9f]+")


class Security(StrEnum):
    TLS = "tls"
    """Encrypted from the first byte on, usually port 465 (RFC 8314)."""
    STARTTLS = "starttls"
    """Encrypted before anything is said, usually port 587 (RFC 3207); where the server cannot, nothing is sent."""
    NONE = "none"


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where letters are handed in, and as whom. `password_file` is read anew for each, so that it can be changed."""

    host: str
    port: int
    sender: str
    security: Security = Security.STARTTLS
    user: str | None = None
    password_file: Path | None = None
    timeout_s: float = 10.0

    def check(self) -> None:
        """Raise ConfigError where the password cannot be read."""
        if self.password_file is not None:
            letters.secret(self.password_file)

    def send(self, to: str, letter: Letter) -> None:
        """Hand a letter in. Raises UndeliveredError, NetError or ConfigError."""
        password = letters.secret(self.password_file) if self.password_file is not None else None
        message = _composed(letter, self.sender, to)
        with self._connected(password) as connection:
            # Each step for itself: only what is said of this address or this letter can be the end of it.
            with self._understood(is_shared=True):
                _accepted(*connection.mail(self.sender))
            with self._understood():
                _accepted(*connection.rcpt(to))
            with self._understood():
                _accepted(*connection.data(message))

    @contextmanager
    def _connected(self, password: str | None) -> Iterator[smtplib.SMTP]:
        """A connection over which letters may be handed in. Raises NetError or UndeliveredError."""
        with net.classified(self.host):
            net.look_up(self.host, self.timeout_s)
            connection = self._connection()
            # Every wait has a limit, but a server that says one letter at a time would never reach it.
            end = threading.Timer(TOTAL_S, _cut, (connection,))
            end.daemon = True
            end.start()
            try:
                with self._understood(is_shared=True):
                    _accepted(*connection.ehlo())
                    if self.security is Security.STARTTLS:
                        _accepted(*connection.starttls(context=reach.trust()))
                        _accepted(*connection.ehlo())
                    if self.user is not None:
                        _sign_in(connection, self.user, password or "")
                yield connection
            finally:
                end.cancel()
                connection.close()  # what was accepted is accepted; a QUIT that hangs must not make it unsent

    def _connection(self) -> smtplib.SMTP:
        name = _own_name()
        with self._understood(is_shared=True):
            if self.security is not Security.TLS:
                return smtplib.SMTP(self.host, self.port, name, self.timeout_s)
            return smtplib.SMTP_SSL(self.host, self.port, name, timeout=self.timeout_s, context=reach.trust())

    @contextmanager
    def _understood(self, *, is_shared: bool = False) -> Iterator[None]:
        """What the server answered, as UndeliveredError; a lost connection is left to `net.classified`."""
        try:
            yield
        except smtplib.SMTPResponseException as error:
            is_permanent = not is_shared and error.smtp_code in _PERMANENT
            said, code = _said(error.smtp_error), error.smtp_code
            raise self._refusal(said, code, is_permanent=is_permanent, is_shared=is_shared) from error
        except smtplib.SMTPNotSupportedError as error:
            raise self._refusal(str(error), 0, is_permanent=False, is_shared=is_shared) from error

    def _refusal(self, said: str, code: int, *, is_permanent: bool, is_shared: bool) -> BroadcasterError:
        return UndeliveredError(
            "{host} did not take the mail: {code} {reason}",
            is_permanent=is_permanent, is_shared=is_shared, host=self.host, code=code or "", reason=said,
        )  # fmt: skip


def is_address(text: str) -> bool:
    """Whether this is a plain mail address in ASCII, with nothing in it that a header or a command could end at."""
    return _ADDRESS.fullmatch(text) is not None and ".." not in text


def _composed(letter: Letter, sender: str, to: str) -> bytes:
    """The letter as a message (RFC 5322) in seven bits; nothing in its subject can begin another header."""
    message = EmailMessage(policy=SMTP_POLICY)
    message["From"] = sender
    message["To"] = to
    message["Subject"] = _UNPRINTABLE.sub(" ", letter.subject).strip()[:_SUBJECT_CHARACTERS]
    message["Date"] = localtime()
    message["Message-ID"] = f"<{letter.id}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no answers of people who are away
    message.set_content(letter.text, cte="base64")
    return message.as_bytes()


def _sign_in(connection: smtplib.SMTP, user: str, password: str) -> None:
    """By AUTH PLAIN in UTF-8 (RFC 4616) where the server takes it: the library's own way takes only ASCII."""
    if "PLAIN" in connection.esmtp_features.get("auth", "").upper().split():
        credentials = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
        _accepted(*connection.docmd("AUTH", f"PLAIN {credentials}"))
    else:
        connection.login(user, password)


def _accepted(code: int, said: bytes) -> None:
    if not 200 <= code < 300:
        raise smtplib.SMTPResponseException(code, said)


def _said(answer: bytes | str) -> str:
    text = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
    return _UNPRINTABLE.sub(" ", text).strip()[:_SUBJECT_CHARACTERS]


def _own_name() -> str:
    """What we call ourselves; asking the network for it, as the library does, can take half a minute."""
    name = socket.gethostname()
    return name if re.fullmatch(r"[A-Za-z0-9.-]{1,255}", name) else "localhost"


def _cut(connection: smtplib.SMTP) -> None:
    """Have whoever waits for this connection wait no more."""
    sock = connection.sock
    if sock is not None:
        try:
            sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # it has ended meanwhile
