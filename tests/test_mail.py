"""Letters by mail: protected, in Vietnamese, and whatever the server does, it is known whether they were taken."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from broadcaster import mail
from broadcaster.errors import ConfigError
from broadcaster.letters import Letter, UndeliveredError
from broadcaster.mail import Security
from broadcaster.net import Fault, NetError
from tests.fakes.smtp import MailServer, Vice, mail_server
from tests.fakes.web import UNTRUSTED, untrusted_tls

LETTER = Letter("0123abcd", "[Broadcaster] Cụm loa kep-01 ở Kép mất kết nối.", "- 17:00  Cụm loa kep-01\n.\n.chấm\n")
TO = "truc-ban@kep.example.vn"


@pytest.fixture
def server() -> Iterator[MailServer]:
    with mail_server() as made:
        yield made


def post(server: MailServer, security: Security = Security.NONE, **more: object) -> mail.MailServer:
    values: dict[str, object] = {"timeout_s": 30.0} | more
    return mail.MailServer("127.0.0.1", server.port, "loa@example.vn", security, **values)  # type: ignore[arg-type]


def fault(out: mail.MailServer, letter: Letter = LETTER) -> UndeliveredError | NetError:
    with pytest.raises((UndeliveredError, NetError)) as raised:
        out.send(TO, letter)
    assert isinstance(raised.value, UndeliveredError | NetError)
    return raised.value


def test_a_letter_arrives_with_its_vietnamese_subject_and_text(server: MailServer) -> None:
    post(server).send(TO, LETTER)
    (found,) = server.mails
    assert (found.sender, found.to) == ("loa@example.vn", TO)
    assert found.message["Subject"] == LETTER.subject
    assert found.message["Auto-Submitted"] == "auto-generated"
    assert found.message["Message-ID"] == "<0123abcd@example.vn>"
    assert found.text == LETTER.text
    assert found.content.isascii()


def test_a_subject_cannot_begin_another_header(server: MailServer) -> None:
    post(server).send(TO, Letter("1", "A\r\nBcc: other@example.vn\n\nbody\x00 \u2028B", "text\n"))
    (found,) = server.mails
    assert found.message["Bcc"] is None
    assert found.message["Subject"].startswith("A Bcc: other@example.vn body ")
    assert [line for line in server.said if line.startswith("RCPT")] == [f"RCPT TO:<{TO}>"]


def test_what_could_end_a_command_is_no_address() -> None:
    good = ("a@b.vn", "truc.ban+loa@xa-kep.bacninh.gov.vn", "root@localhost")
    bad = (
        "",
        "a",
        "a@",
        "@b.vn",
        "a b@c.vn",
        "a@b.vn\r\nDATA",
        "a@b.vn>",
        "<a@b.vn",
        "a@b.vn,c@d.vn",
        "á@b.vn",
        "a@b..vn",
    )
    assert [text for text in (*good, *bad) if mail.is_address(text)] == [*good]


@pytest.mark.parametrize("security", [Security.TLS, Security.STARTTLS])
def test_a_letter_goes_over_a_protected_way_with_a_password(
    security: Security, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(UNTRUSTED))
    (tmp_path / "password").write_text("mật khẩu\n", encoding="utf-8")
    (tmp_path / "password").chmod(0o600)
    with mail_server(**{security.value: untrusted_tls()}, password="mật khẩu") as server:
        post(server, security, user="loa", password_file=tmp_path / "password").send(TO, LETTER)
        assert [found.to for found in server.mails] == [TO]


@pytest.mark.parametrize("security", [Security.TLS, Security.STARTTLS])
def test_nothing_is_said_to_a_server_that_cannot_prove_who_it_is(
    security: Security, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    with mail_server(**{security.value: untrusted_tls()}) as server:
        error = fault(post(server, security))
        assert isinstance(error, NetError)
        assert error.fault is Fault.UNTRUSTED
        assert not any(line.startswith("MAIL") for line in server.said)


def test_nothing_is_said_to_a_server_that_cannot_encrypt(server: MailServer) -> None:
    error = fault(post(server, Security.STARTTLS))
    assert isinstance(error, UndeliveredError)
    assert (error.is_permanent, error.is_shared) == (False, True)
    assert not any(line.startswith("MAIL") for line in server.said)


def test_a_wrong_password_is_worth_another_try_but_not_for_others(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("other", encoding="utf-8")
    (tmp_path / "password").chmod(0o600)
    with mail_server(password="right") as server:
        error = fault(post(server, user="loa", password_file=tmp_path / "password"))
    assert isinstance(error, UndeliveredError)
    assert (error.is_permanent, error.is_shared) == (False, True)
    assert "535" in str(error)
    assert "other" not in str(error)


@pytest.mark.parametrize(
    ("vice", "is_permanent", "is_shared"),
    [(Vice.REFUSES, False, True), (Vice.BUSY, False, False), (Vice.NOBODY, True, False), (Vice.SPAM, True, False)],
)
def test_what_a_server_refuses_says_whether_another_try_makes_sense(
    server: MailServer, vice: Vice, is_permanent: bool, is_shared: bool
) -> None:
    server.vice = vice
    error = fault(post(server))
    assert isinstance(error, UndeliveredError)
    assert (error.is_permanent, error.is_shared) == (is_permanent, is_shared)
    assert server.mails == []


@pytest.mark.parametrize("vice", [Vice.DROPS, Vice.LOST])
def test_a_server_that_hangs_up_has_not_said_that_it_took_it(server: MailServer, vice: Vice) -> None:
    server.vice = vice
    error = fault(post(server))
    assert isinstance(error, NetError)
    assert error.fault is Fault.BROKEN


def test_a_server_that_says_nothing_is_not_waited_for_for_ever(server: MailServer) -> None:
    server.vice = Vice.SILENT
    assert isinstance(fault(post(server, timeout_s=0.1)), NetError)


def test_a_server_that_never_comes_to_an_end_is_cut_off(server: MailServer, monkeypatch: pytest.MonkeyPatch) -> None:
    server.vice = Vice.DROPS
    monkeypatch.setattr(mail, "TOTAL_S", 0.0)
    assert isinstance(fault(post(server)), NetError)


def test_nobody_there_is_told_as_that() -> None:
    with mail_server() as server:
        pass
    error = fault(post(server))
    assert isinstance(error, NetError)


def test_a_password_that_others_may_read_is_refused(server: MailServer, tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_text("x", encoding="utf-8")
    path.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        post(server, user="loa", password_file=path).send(TO, LETTER)
    with pytest.raises(ConfigError, match="cannot be read"):
        post(server, user="loa", password_file=tmp_path / "none").check()
    path.chmod(0o600)
    path.write_text("\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="on one line"):
        post(server, user="loa", password_file=path).check()
    assert server.connections == 0
