"""What a station's configuration may have the program connect to, and what it may not."""

import socket
from collections.abc import Iterator
from typing import Any, BinaryIO

import pytest

from broadcaster import config, reach
from broadcaster.errors import ConfigError
from broadcaster.net import Fault, NetError
from tests.fakes.axis import Axis
from tests.fakes.http_station import running
from tests.fakes.web import UNTRUSTED, host, reply, untrusted_tls

LOOPBACK = "127.0.0.0/8"
real_getaddrinfo = socket.getaddrinfo


@pytest.fixture(autouse=True)
def _nothing_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reach, "_allowed", ())
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def session() -> Iterator[reach.Session]:
    with reach.session(timeout_s=30, limit_bytes=100_000) as made:
        yield made


class Names:
    """A name service of the test's own; asked for an address itself, it gives that."""

    def __init__(self, **names: list[str]) -> None:
        self.names = names
        self.asked: list[str] = []

    def __call__(self, name: str, port: Any, *more: Any, **options: Any) -> Any:
        if name not in self.names:
            return real_getaddrinfo(name, port, *more, **options)
        self.asked.append(name)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (found, port or 0)) for found in self.names[name]]


def named(monkeypatch: pytest.MonkeyPatch, **names: list[str]) -> Names:
    found = Names(**names)
    monkeypatch.setattr(socket, "getaddrinfo", found)
    return found


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "127.9.9.9", "::1", "10.0.0.5", "172.16.0.1", "192.168.1.1", "169.254.169.254", "fe80::1%eth0",
     "fd00::1", "100.64.0.1", "0.0.0.0", "::", "::ffff:127.0.0.1", "::ffff:192.168.1.1", "224.0.0.1"],
)  # fmt: skip
def test_what_is_not_the_open_internet_is_out_of_reach(address: str) -> None:
    assert not reach.is_allowed(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "203.162.4.190", "2405:4800::1"])
def test_the_open_internet_is_in_reach(address: str) -> None:
    assert reach.is_allowed(address)


@pytest.mark.parametrize(
    ("address", "is_allowed"),
    [("192.168.10.7", True), ("::ffff:192.168.10.7", True), ("192.168.11.7", False), ("fd00::7", True),
     ("fd01::7", False), ("127.0.0.1", False), ("8.8.8.8", True)],
)  # fmt: skip
def test_exactly_the_networks_that_an_administrator_names_are_in_reach_too(address: str, is_allowed: bool) -> None:
    reach.allow(["192.168.10.0/24", "fd00::/64"])
    assert reach.is_allowed(address) == is_allowed


def test_nothing_is_sent_to_what_is_out_of_reach(session: reach.Session) -> None:
    with host(reply("200 OK")) as there:
        with pytest.raises(NetError, match=r"net\.allowed_networks") as caught:
            session.get(there.address)
        assert there.asked == []
    assert caught.value.fault is Fault.FORBIDDEN


def test_what_is_allowed_answers(session: reach.Session) -> None:
    reach.allow([LOOPBACK])
    with host(reply("200 OK", b"yes")) as there:
        assert session.get(there.address).content == b"yes"


def test_a_name_counts_as_its_address(session: reach.Session, monkeypatch: pytest.MonkeyPatch) -> None:
    named(monkeypatch, **{"loa.example": ["127.0.0.1"]})
    with host(reply("200 OK", b"yes")) as there:
        with pytest.raises(NetError) as caught:
            session.get(f"http://loa.example:{there.port}/")
        assert there.asked == []
        assert caught.value.fault is Fault.FORBIDDEN
        reach.allow([LOOPBACK])
        assert session.get(f"http://loa.example:{there.port}/").content == b"yes"
        assert f"Host: loa.example:{there.port}" in there.asked[0]


def test_a_name_is_looked_up_once_and_another_answer_afterwards_changes_nothing(
    session: reach.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    reach.allow(["127.0.0.1/32"])
    names = named(monkeypatch, **{"loa.example": ["127.0.0.1"]})
    allowed = reach.is_allowed

    def then_another(address: str) -> bool:
        names.names["loa.example"] = ["127.0.0.2"]
        return allowed(address)

    monkeypatch.setattr(reach, "is_allowed", then_another)
    with host(reply("200 OK", b"yes")) as there:
        assert session.get(f"http://loa.example:{there.port}/").content == b"yes"
    assert names.asked == ["loa.example"]


def test_of_several_addresses_only_the_allowed_ones_are_tried(
    session: reach.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    reach.allow(["127.0.0.1/32"])
    named(monkeypatch, **{"loa.example": ["10.255.255.1", "127.0.0.1"]})
    with host(reply("200 OK", b"yes")) as there:
        assert session.get(f"http://loa.example:{there.port}/").content == b"yes"


def test_no_proxy_is_asked(session: reach.Session, monkeypatch: pytest.MonkeyPatch) -> None:
    reach.allow([LOOPBACK])
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with host(reply("200 OK", b"proxy")) as proxy, host(reply("200 OK", b"station")) as there:
        monkeypatch.setenv("HTTP_PROXY", proxy.address)
        assert session.get(there.address).content == b"station"
        assert proxy.asked == []


def test_no_redirect_is_followed(session: reach.Session) -> None:
    reach.allow([LOOPBACK])
    with host(reply("200 OK")) as elsewhere:
        with host(reply("302 Found", headers={"Location": elsewhere.address})) as there, pytest.raises(NetError):
            session.get(there.address)
        assert elsewhere.asked == []


def test_a_certificate_must_bear_the_name_that_was_asked_for(
    session: reach.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    reach.allow([LOOPBACK])
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(UNTRUSTED))
    with host(reply("200 OK", b"yes"), untrusted_tls()) as there:
        assert session.get(there.address).content == b"yes"
        named(monkeypatch, **{"loa.example": ["127.0.0.1"]})
        with pytest.raises(NetError, match="could not prove who it is"):
            session.get(f"https://loa.example:{there.port}/")


@pytest.mark.parametrize("name", ["nowhere.invalid", "a..b"])
def test_a_name_that_does_not_exist_is_offline(
    session: reach.Session, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    for ask in (lambda: session.get(f"http://{name}/"), lambda: reach.dial(name, 80, 1)):
        with pytest.raises(NetError) as caught:
            ask()
        assert caught.value.fault is Fault.OFFLINE


def test_where_nobody_listens_is_offline(session: reach.Session) -> None:
    reach.allow([LOOPBACK])
    with host(reply("200 OK")) as there:
        address, port = there.address, there.port
    for ask in (lambda: session.get(address), lambda: reach.dial("127.0.0.1", port, 1)):
        with pytest.raises(NetError) as caught:
            ask()
        assert caught.value.fault is Fault.OFFLINE


def test_a_line_is_dialled_only_to_what_is_in_reach() -> None:
    with host(reply("200 OK")) as there:
        with pytest.raises(NetError) as caught:
            reach.dial("127.0.0.1", there.port, 1)
        assert caught.value.fault is Fault.FORBIDDEN
        reach.allow([LOOPBACK])
        reach.dial("127.0.0.1", there.port, 1).close()


def test_a_refusal_keeps_its_status_and_its_words(session: reach.Session) -> None:
    reach.allow([LOOPBACK])
    with host(reply("400 Bad Request", b"No such clip")) as there, pytest.raises(NetError) as caught:
        session.get(there.address)
    assert (caught.value.code, caught.value.body) == (400, b"No such clip")


def test_digest_answers_a_challenge_and_tells_a_wrong_password(session: reach.Session) -> None:
    reach.allow([LOOPBACK])
    with running(Axis()) as axis:
        url = f"{axis.address}/axis-cgi/param.cgi"
        assert "MaxGroups" in session.get(url, auth=reach.Digest("loa", axis.password)).text
        with pytest.raises(NetError) as caught:
            session.get(url, auth=reach.Digest("loa", "guessed"))
        assert caught.value.code == 401
        assert axis.asked == ["challenge", "list", "challenge", "list"]


def test_a_challenge_without_an_end_is_not_read(session: reach.Session) -> None:
    reach.allow([LOOPBACK])

    def endless(file: BinaryIO) -> None:
        file.write(b'HTTP/1.1 401 No\r\nWWW-Authenticate: Digest realm="a", nonce="b", qop="auth"\r\n\r\n')
        while True:
            file.write(b"x" * 100_000)

    with host(endless) as there:
        with pytest.raises(NetError, match="more than 100000 bytes"):
            session.get(there.address, auth=reach.Digest("loa", "x"))
        assert len(there.asked) == 2


@pytest.mark.parametrize("network", ["192.168.1.5/24", "loa", "", "300.0.0.0/8"])
def test_a_network_that_is_none_is_refused_in_the_settings(tmp_path: Any, network: str) -> None:
    (tmp_path / "config.yaml").write_text(f'net: {{allowed_networks: ["{network}"]}}\n', encoding="utf-8")
    with pytest.raises(ConfigError, match="is no network"):
        config.load(tmp_path, {})
