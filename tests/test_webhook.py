"""Letters by webhook: signed, and only to where they may go."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from broadcaster import reach
from broadcaster.errors import ConfigError
from broadcaster.letters import Letter, UndeliveredError
from broadcaster.net import Fault, NetError
from broadcaster.webhook import Webhook
from tests.fakes.hook import SECRET, Hook
from tests.fakes.http_station import Vice, running

LETTER = Letter("0123abcd", "Cụm loa ở Kép", "text", [{"id": "01A", "change": "opened"}])


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hook]:
    monkeypatch.setattr(reach, "_allowed", ())
    reach.allow(["127.0.0.0/8"])
    with running(Hook()) as made:
        yield made


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "hook.secret"
    path.write_text(SECRET + "\n", encoding="utf-8")
    path.chmod(0o600)
    return path


def refused(out: Webhook) -> UndeliveredError:
    with pytest.raises(UndeliveredError) as raised:
        out.send(LETTER)
    return raised.value


def test_a_letter_arrives_signed(hook: Hook, secret: Path) -> None:
    Webhook(f"{hook.address}/alerts?from=loa", secret).send(LETTER)
    assert hook.got == [{"v": 1, "id": "0123abcd", "subject": "Cụm loa ở Kép", "alerts": list(LETTER.data)}]


def test_another_secret_is_refused_for_now(hook: Hook, secret: Path) -> None:
    secret.write_text("mot-bi-mat-khac-han", encoding="utf-8")
    error = refused(Webhook(hook.address, secret))
    assert not error.is_permanent
    assert "mot-bi-mat" not in str(error)
    assert hook.got == []


@pytest.mark.parametrize(
    ("status", "is_permanent"), [(503, False), (404, False), (400, True), (410, True), (302, False)]
)
def test_an_answer_says_whether_another_try_makes_sense(
    hook: Hook, secret: Path, status: int, is_permanent: bool
) -> None:
    hook.status, hook.headers = status, {"Retry-After": "90", "Location": "/elsewhere"}
    error = refused(Webhook(hook.address, secret))
    assert (error.is_permanent, error.retry_after_s) == (is_permanent, 90.0)
    assert len(hook.asked) == 1


def test_a_lost_answer_is_no_answer(hook: Hook, secret: Path) -> None:
    hook.vice = Vice.LOST
    assert not refused(Webhook(hook.address, secret)).is_permanent


def test_a_network_that_is_not_allowed_is_not_reached(hook: Hook, secret: Path) -> None:
    reach.allow([])
    cause = refused(Webhook(hook.address, secret)).values["error"]
    assert isinstance(cause, NetError)
    assert cause.fault is Fault.FORBIDDEN
    assert hook.asked == []


def test_a_secret_is_long_enough(secret: Path) -> None:
    secret.write_text("short", encoding="utf-8")
    with pytest.raises(ConfigError, match="16 characters"):
        Webhook("https://example.vn", secret).check()
