"""What a station's configuration may have the program connect to.

This computer itself, private networks and whatever else is not the open internet are out of reach until an
administrator allows their networks; else a line in a file could have the program speak with its own neighbours. A name
is looked up once, and the connection goes to an address that was found and allowed then, so that another answer a
moment later changes nothing. No proxy is asked: it would look names up anew.
"""

import hashlib
import hmac
import secrets
import socket
import ssl
from collections.abc import Callable, Iterable
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase, HTTPDigestAuth
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError, NewConnectionError

from broadcaster import clock, net
from broadcaster.net import Fault, NetError

LOOK_UP_S = 5.0

Network = IPv4Network | IPv6Network

_allowed: tuple[Network, ...] = ()


def allow(networks: Iterable[str]) -> None:
    """Set, for this whole process, the networks that may be reached besides the open internet. Raises ValueError."""
    global _allowed  # noqa: PLW0603  like certificates: no caller can forget to hand it on, or hand on more
    _allowed = tuple(ip_network(network) for network in networks)


def is_allowed(address: str) -> bool:
    """Whether an IP address may be connected to."""
    found = ip_address(address.partition("%")[0])
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    is_open = found.is_global and not found.is_multicast
    return is_open or any(found in network for network in _allowed if network.version == found.version)


class Session(net.Session):
    """A session that goes only where it may."""

    def __init__(self, *, connect_s: float, read_s: float, total_s: float, limit_bytes: int) -> None:
        super().__init__(connect_s=connect_s, read_s=read_s, total_s=total_s, limit_bytes=limit_bytes)
        for scheme in ("http://", "https://"):
            self.mount(scheme, _Guarded())

    def _rules(self, url: str, host: str) -> dict[str, Any]:  # noqa: ARG002
        rules: dict[str, Any] = dict(self.merge_environment_settings(url, {}, True, True, None))
        return rules | {"proxies": {}}


def session(*, timeout_s: float, limit_bytes: int) -> Session:
    """A session for one piece of work; close it. `timeout_s`: to be connected, and of silence; twice that in all."""
    return Session(connect_s=timeout_s, read_s=timeout_s, total_s=2 * timeout_s, limit_bytes=limit_bytes)


class Digest(HTTPDigestAuth):
    """HTTP Digest (RFC 7616): the first answer, 401 with its challenge, is met with a second request; only what is
    refused then is an error. The challenge's own content is never read: it would have no limit."""

    def handle_401(self, r: requests.Response, **kwargs: Any) -> requests.Response:
        if r.status_code == requests.codes.unauthorized:
            r._content = b""
            r.raw.close()
        answer: requests.Response = super().handle_401(r, **kwargs)  # type: ignore[no-untyped-call]
        return answer


class Signed(AuthBase):
    """HMAC-SHA256 over time, nonce, method, target and body, so that no request can be changed, made up or repeated."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._secret:
            at, nonce = f"{clock.now().timestamp():.0f}", secrets.token_hex(16)
            body = request.body.encode() if isinstance(request.body, str) else request.body or b""
            signed = "\n".join([at, nonce, str(request.method), request.path_url, ""]).encode() + body
            signature = hmac.new(self._secret, signed, hashlib.sha256).hexdigest()
            request.headers.update({"X-Time": at, "X-Nonce": nonce, "X-Signature": signature})
        return request


def dial(host: str, port: int, timeout_s: float) -> socket.socket:
    """A connection to an allowed address of the host. Raises NetError."""
    with net.classified(host):
        last: OSError | None = None
        for address in _addresses(host):
            try:
                return socket.create_connection((address, port), timeout=timeout_s)
            except OSError as error:
                last = error
        raise NetError("{host} cannot be reached: {error}", fault=Fault.OFFLINE, host=host, error=last)


def trust() -> ssl.SSLContext:
    """What certificates of a dialled host are verified with: the same bundle as everywhere."""
    bundle = requests.Session().merge_environment_settings("https://", {}, None, True, None)["verify"]
    return ssl.create_default_context(cafile=bundle if isinstance(bundle, str) else DEFAULT_CA_BUNDLE_PATH)


def _addresses(host: str) -> list[str]:
    """The addresses of a host that may be connected to. Raises NetError, OSError or UnicodeError."""
    found = net.look_up(host, LOOK_UP_S)
    allowed = [address for address in found if is_allowed(address)]
    if not allowed:
        raise NetError(
            "{host} ({address}) is in a network that may not be reached. An administrator can add that network to "
            "net.allowed_networks in config.yaml.",
            fault=Fault.FORBIDDEN,
            host=host,
            address=", ".join(dict.fromkeys(found)),
        )
    return list(dict.fromkeys(allowed))


def _connect(connection: HTTPConnection, dial_it: Callable[[], socket.socket]) -> socket.socket:
    """Connect to an allowed address of the connection's host, whose name stays the one that certificates must bear."""
    name = connection._dns_host
    try:
        addresses = _addresses(connection.host.strip("[]"))
    except (OSError, UnicodeError) as error:
        raise NewConnectionError(connection, str(error)) from error
    last: HTTPError | None = None
    for address in addresses:
        connection._dns_host = address
        try:
            return dial_it()
        except HTTPError as error:
            last = error
        finally:
            connection._dns_host = name
    raise last or NewConnectionError(connection, "no address")


class _Connection(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return _connect(self, super()._new_conn)


class _SecureConnection(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return _connect(self, super()._new_conn)


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class _Guarded(HTTPAdapter):
    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}
