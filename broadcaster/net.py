"""The one seam to the web: every request of the program goes out through a session made here.

Certificates are always verified (by the computer's own bundle where REQUESTS_CA_BUNDLE names one), redirects are never
followed, cookies never kept, and every wait and every answer has a limit. Where the address comes from a station's
configuration, the session is one of `reach`.
"""

import contextlib
import queue
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from enum import StrEnum
from http.cookiejar import DefaultCookiePolicy
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from requests.utils import select_proxy
from urllib3.exceptions import MaxRetryError, NewConnectionError, ReadTimeoutError

from broadcaster.errors import BroadcasterError

BLOCK_BYTES = 65_536


class Fault(StrEnum):
    """What kept a request from being answered; it decides whether and when asking again makes sense."""

    OFFLINE = "offline"  # no network, no such name, or nobody there
    UNTRUSTED = "untrusted"  # the certificate is not that of the host
    SLOW = "slow"
    BROKEN = "broken"  # the connection was lost on the way
    TOO_MANY = "too_many"  # 429
    SERVER = "server"  # 5xx
    FORBIDDEN = "forbidden"  # not an address that may be reached
    OTHER = "other"


class NetError(BroadcasterError):
    """A request was not answered as it should be. `retry_after_s` is how long the other side asked us to wait.

    `code` and `body` are the status and the content of an answer that came; 0 and nothing where none did.
    """

    def __init__(
        self, message: str, *, fault: Fault, retry_after_s: float | None = None, code: int = 0, body: bytes = b"",
        **values: object,
    ) -> None:  # fmt: skip
        super().__init__(message, **values)
        self.fault = fault
        self.retry_after_s = retry_after_s
        self.code = code
        self.body = body


class Session(requests.Session):
    """A session whose answers are whole and have a status of 200 to 299; everything else raises NetError."""

    def __init__(self, *, connect_s: float, read_s: float, total_s: float, limit_bytes: int) -> None:
        super().__init__()
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self.headers["Accept-Encoding"] = "identity"  # nothing to unpack, so nothing that grows in unpacking
        self._timeout = (connect_s, read_s)
        self._total_s = total_s
        self._limit_bytes = limit_bytes

    def send(self, request: requests.PreparedRequest, **_loosened: Any) -> requests.Response:
        """The answer to a request. Options of the caller that would loosen the rules of this module are passed over."""
        url = str(request.url)
        host = urlsplit(url).hostname or url
        with classified(host):
            rules = self._rules(url, host)
            answer = super().send(request, timeout=self._timeout, allow_redirects=False, **rules)
            with answer:
                answer._content = self._content(answer, host)
        if not 200 <= answer.status_code < 300:
            raise NetError(
                "{host} answered with status {status}.",
                fault=_of_status(answer.status_code),
                retry_after_s=_retry_after_s(answer),
                code=answer.status_code,
                body=answer.content,
                host=host,
                status=answer.status_code,
            )
        return answer

    def _rules(self, url: str, host: str) -> dict[str, Any]:
        """The environment's proxies and bundle of certificates. Raises OSError or UnicodeError for an unknown name."""
        rules: dict[str, Any] = dict(self.merge_environment_settings(url, {}, True, True, None))
        if select_proxy(url, rules["proxies"]) is None:  # a proxy asks for names itself
            look_up(host, self._timeout[0])
        return rules

    def get_redirect_target(self, resp: requests.Response) -> None:  # noqa: ARG002
        """None: the library looks one step ahead even when told not to follow, and reads the answer without a limit."""
        return

    def _content(self, answer: requests.Response, host: str) -> bytes:
        """All of an answer; one that trickles in must not hold us beyond the whole time a request has."""
        until = time.monotonic() + self._total_s
        content = bytearray()
        while block := answer.raw.read1(BLOCK_BYTES, decode_content=True):
            content += block
            if len(content) > self._limit_bytes:
                raise NetError(
                    "{host} answered with more than {limit} bytes.",
                    fault=Fault.OTHER,
                    host=host,
                    limit=self._limit_bytes,
                )
            if time.monotonic() > until:
                raise _slow(host)
        return bytes(content)


def session(*, connect_s: float, read_s: float, total_s: float | None = None, limit_bytes: int) -> Session:
    """A session for one piece of work; close it. Times in seconds: to be connected, of silence, for a whole answer."""
    return Session(connect_s=connect_s, read_s=read_s, total_s=total_s or 2 * read_s, limit_bytes=limit_bytes)


def is_web_address(address: str) -> bool:
    """Whether this is an address of the web that others can be told: with a host, without user and fragment."""
    try:
        parts = urlsplit(address)
        _ = parts.port  # one that is no number raises here
    except ValueError:
        return False
    is_plain = bool(parts.hostname) and not (parts.username or parts.password or parts.fragment)
    return is_plain and parts.scheme in {"http", "https"}


def is_private_enough(address: str) -> bool:
    """Whether nobody on the way can read or change what is sent to an address: https, or http within this computer."""
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname or "", parts.port  # a port that is no number raises here
    except ValueError:
        return False
    if parts.scheme == "https" or not host:
        return bool(host)
    return parts.scheme == "http" and (host == "localhost" or _is_loopback(host))


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def look_up(host: str, limit_s: float) -> list[str]:
    """The host's addresses, asked for first: without a network the system's resolver can be silent for half a minute,
    and it takes no limit of ours. Raises OSError or UnicodeError."""
    answers: queue.SimpleQueue[list[str] | Exception] = queue.SimpleQueue()

    def ask() -> None:
        try:
            found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
            answers.put([str(address[0]) for *_, address in found])
        except (OSError, UnicodeError) as error:
            answers.put(error)

    threading.Thread(target=ask, name="look-up", daemon=True).start()
    try:
        answer = answers.get(timeout=limit_s)
    except queue.Empty:
        raise socket.gaierror(f"no answer from the name service within {limit_s:g} s") from None
    if isinstance(answer, Exception):
        raise answer
    return answer


@contextlib.contextmanager
def classified(host: str) -> Iterator[None]:
    """Every way in which a request can fail, as NetError."""
    try:
        yield
    except (requests.exceptions.SSLError, urllib3.exceptions.SSLError, ssl.SSLError) as error:
        raise NetError(
            "{host} could not prove who it is: {error}", fault=Fault.UNTRUSTED, host=host, error=error
        ) from error
    except (requests.ReadTimeout, ReadTimeoutError) as error:
        raise _slow(host) from error
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, UnicodeError) as error:
        if _is_unreachable(error):
            raise NetError("{host} cannot be reached: {error}", fault=Fault.OFFLINE, host=host, error=error) from error
        raise NetError("{host} broke off: {error}", fault=Fault.BROKEN, host=host, error=error) from error


def _is_unreachable(error: Exception) -> bool:
    """Whether it failed before there was a connection."""
    if isinstance(error, requests.ConnectTimeout | requests.exceptions.ProxyError | socket.gaierror | UnicodeError):
        return True
    cause = error.args[0] if error.args else None
    return isinstance(cause, MaxRetryError) and isinstance(cause.reason, NewConnectionError)


def _slow(host: str) -> NetError:
    return NetError("{host} is too slow to answer.", fault=Fault.SLOW, host=host)


def _of_status(status: int) -> Fault:
    if status == 429:
        return Fault.TOO_MANY
    return Fault.SERVER if status >= 500 else Fault.OTHER


def _retry_after_s(answer: requests.Response) -> float | None:
    """Retry-After in seconds (RFC 9110, 10.2.3); a date is measured from the answer's own, so no clock is trusted."""
    given = answer.headers.get("Retry-After", "")
    if given.isdecimal():
        return float(given[:9])
    try:
        until, sent = parsedate_to_datetime(given), parsedate_to_datetime(answer.headers.get("Date", ""))
        return max(0.0, (until - sent).total_seconds())
    except (ValueError, TypeError):
        return None
