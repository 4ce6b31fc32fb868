"""What leaves this computer and what comes back: certificates, limits, and what each fault is called."""

import socket
import threading
from collections.abc import Iterator
from typing import BinaryIO

import pytest

from broadcaster import net
from broadcaster.net import Fault, NetError
from tests.fakes.web import UNTRUSTED, Answer, host, reply, untrusted_tls

LIMIT_BYTES = 100_000


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the computer is set to: the tests speak with this computer only."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "*")


@pytest.fixture
def session() -> Iterator[net.Session]:
    with net.session(connect_s=30, read_s=30, limit_bytes=LIMIT_BYTES) as made:
        yield made


def refused(session: net.Session, answer: Answer) -> NetError:
    with host(answer) as there, pytest.raises(NetError) as caught:
        session.get(there.address)
    return caught.value


def test_a_whole_answer_is_given(session: net.Session) -> None:
    with host(reply("200 OK", b"sound" * 1_000)) as there:
        assert session.get(there.address).content == b"sound" * 1_000


def test_a_certificate_that_nobody_vouches_for_is_refused(session: net.Session) -> None:
    with host(reply("200 OK"), untrusted_tls()) as there:
        with pytest.raises(NetError, match="could not prove who it is") as caught:
            session.get(there.address)
        assert caught.value.fault is Fault.UNTRUSTED
        assert there.asked == []


@pytest.mark.parametrize("loosened", [{"verify": False}, {"verify": None}])
def test_no_caller_can_switch_the_check_of_certificates_off(
    session: net.Session, loosened: dict[str, bool | None]
) -> None:
    session.verify = False
    with host(reply("200 OK"), untrusted_tls()) as there, pytest.raises(NetError, match="could not prove who it is"):
        session.get(there.address, **loosened)  # type: ignore[arg-type]


def test_a_certificate_that_the_computer_vouches_for_is_taken(
    session: net.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(UNTRUSTED))
    with host(reply("200 OK", b"yes"), untrusted_tls()) as there:
        assert session.get(there.address).content == b"yes"


def test_a_certificate_of_another_host_is_refused(session: net.Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(UNTRUSTED))
    with host(reply("200 OK"), untrusted_tls()) as there:
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", there.port))]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
        with pytest.raises(NetError, match="could not prove who it is"):
            session.get(f"https://other.example:{there.port}/")


def test_a_redirect_is_not_followed(session: net.Session) -> None:
    with host(reply("200 OK")) as elsewhere:
        error = refused(session, reply("302 Found", headers={"Location": elsewhere.address}))
        assert elsewhere.asked == []
    assert error.fault is Fault.OTHER
    assert "status 302" in str(error)


def test_a_redirect_without_an_end_is_cut_off(session: net.Session) -> None:
    def endless(file: BinaryIO) -> None:
        file.write(b"HTTP/1.1 302 Found\r\nLocation: /on\r\n\r\n")
        while True:
            file.write(b"x" * LIMIT_BYTES)

    assert refused(session, endless).fault is Fault.OTHER


def test_no_mark_to_know_us_by_is_kept(session: net.Session) -> None:
    with host(reply("200 OK", headers={"Set-Cookie": "NID=1; Path=/"})) as there:
        session.get(there.address)
        session.get(there.address)
        assert all("Cookie" not in head for head in there.asked)


@pytest.mark.parametrize(
    ("status", "fault"),
    [("429 Too Many Requests", Fault.TOO_MANY), ("503 Service Unavailable", Fault.SERVER),
     ("500 Oops", Fault.SERVER), ("403 Forbidden", Fault.OTHER), ("404 Not Found", Fault.OTHER)],
)  # fmt: skip
def test_a_refusal_is_an_error_of_its_own_kind(session: net.Session, status: str, fault: Fault) -> None:
    error = refused(session, reply(status, b"<html>"))
    assert error.fault is fault
    assert f"127.0.0.1 answered with status {status[:3]}" in str(error)


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [({"Retry-After": "120"}, 120), ({"Retry-After": "0"}, 0), ({}, None), ({"Retry-After": "soon"}, None),
     ({"Retry-After": "-5"}, None),
     ({"Date": "Mon, 23 Nov 2026 02:00:00 GMT", "Retry-After": "Mon, 23 Nov 2026 02:05:00 GMT"}, 300),
     ({"Date": "Mon, 23 Nov 2026 02:00:00 GMT", "Retry-After": "Sun, 22 Nov 2026 02:05:00 GMT"}, 0),
     ({"Date": "yesterday", "Retry-After": "Mon, 23 Nov 2026 02:05:00 GMT"}, None),
     ({"Retry-After": "9" * 400}, 999_999_999)],
)  # fmt: skip
def test_how_long_to_wait_is_told_in_seconds_or_as_a_date(
    session: net.Session, headers: dict[str, str], wait_s: float | None
) -> None:
    assert refused(session, reply("429 Too Many Requests", headers=headers)).retry_after_s == wait_s


def test_an_answer_that_is_too_large_is_cut_off(session: net.Session) -> None:
    assert "more than 100000 bytes" in str(refused(session, reply("200 OK", b"x" * (LIMIT_BYTES + 1))))


def test_an_answer_that_never_ends_is_cut_off(session: net.Session) -> None:
    def endless(file: BinaryIO) -> None:
        file.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            file.write(b"400\r\n" + b"x" * 1024 + b"\r\n")

    assert "more than 100000 bytes" in str(refused(session, endless))


def test_an_answer_that_trickles_in_is_too_slow() -> None:
    with net.session(connect_s=30, read_s=30, total_s=1e-9, limit_bytes=LIMIT_BYTES) as hurried:
        assert refused(hurried, reply("200 OK", b"x" * 1_000)).fault is Fault.SLOW


def test_a_host_that_takes_the_request_and_is_silent_is_too_slow() -> None:
    held = threading.Event()
    hurried = net.session(connect_s=30, read_s=0.1, limit_bytes=LIMIT_BYTES)
    with hurried, host(lambda _: held.wait()) as there:
        with pytest.raises(NetError, match="too slow") as caught:
            hurried.get(there.address)
        held.set()
    assert caught.value.fault is Fault.SLOW


@pytest.mark.parametrize(
    "sent",
    [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", b"\0\1\2\3\r\n\r\n",
     b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhalf",
     b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nhalf"],
    ids=["nothing", "half", "no http", "half a chunk", "no gzip"],
)  # fmt: skip
def test_an_answer_that_breaks_off_is_broken_and_not_offline(session: net.Session, sent: bytes) -> None:
    assert refused(session, lambda file: file.write(sent)).fault is Fault.BROKEN


def test_where_nobody_listens_is_offline(session: net.Session) -> None:
    with host(reply("200 OK")) as there:
        address = there.address
    with pytest.raises(NetError, match=r"127\.0\.0\.1 cannot be reached") as caught:
        session.get(address)
    assert caught.value.fault is Fault.OFFLINE


@pytest.mark.parametrize("name", ["nowhere.invalid", "a..b", "x" * 70 + ".invalid"])
def test_a_name_that_does_not_exist_is_offline(
    session: net.Session, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(NetError) as caught:
        session.get(f"https://{name}/")
    assert caught.value.fault is Fault.OFFLINE


def test_a_name_service_that_is_silent_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    held = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: held.wait() and [])
    hurried = net.session(connect_s=0.05, read_s=30, limit_bytes=LIMIT_BYTES)
    with hurried, pytest.raises(NetError, match="name service") as caught:
        hurried.get("https://translate.google.com/")
    held.set()
    assert caught.value.fault is Fault.OFFLINE


def test_a_proxy_that_is_not_there_is_offline(session: net.Session, monkeypatch: pytest.MonkeyPatch) -> None:
    with host(reply("200 OK")) as there:
        proxy = there.address
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    with pytest.raises(NetError) as caught:
        session.get("https://translate.google.com/")
    assert caught.value.fault is Fault.OFFLINE


@pytest.mark.parametrize(
    "address",
    ["https://translate.google.com", "https://translate.google.com.vn/", "http://127.0.0.1:8080", "http://localhost",
     "http://[::1]:80"],
)  # fmt: skip
def test_https_and_this_computer_itself_are_private_enough(address: str) -> None:
    assert net.is_private_enough(address)


@pytest.mark.parametrize(
    "address",
    ["http://translate.google.com", "http://10.0.0.1", "http://localhost.example.com", "http://127.0.0.1.nip.io",
     "ftp://127.0.0.1", "translate.google.com", "", "https://", "http://[::1", "https://host:port", "file:///etc/passwd"],
)  # fmt: skip
def test_what_others_could_read_is_not(address: str) -> None:
    assert not net.is_private_enough(address)
