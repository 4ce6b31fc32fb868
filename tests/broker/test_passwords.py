"""Passwords of loudspeakers, as Mosquitto keeps them too."""

import pytest

from broadcaster.broker import passwords

OF_MOSQUITTO = (
    "$7$101$M2pCdHcfwR5t8+YP$5IY3ZqOpcQDlqRkRwbD+w+gmF82g3lmP8HogQRAXb12vb3K8rv6jRabwjNKisCJQlK55oMAyVHOmYIHTJRJfDA=="
)
"""What `mosquitto_passwd -b` of Mosquitto 2.0.11 wrote for "mật khẩu"."""


def test_a_hash_fits_its_password_alone_and_is_another_one_each_time() -> None:
    password = passwords.new_password()
    kept = passwords.hashed(password)
    assert passwords.is_right(password, kept)
    assert not passwords.is_right(password[:-1], kept)
    assert not passwords.is_right("", kept)
    assert kept != passwords.hashed(password)
    assert password != passwords.new_password()
    assert password not in kept


def test_a_hash_by_mosquitto_is_understood() -> None:
    assert passwords.is_right("mật khẩu", OF_MOSQUITTO)
    assert not passwords.is_right("mat khau", OF_MOSQUITTO)


def test_ours_is_written_as_theirs_is() -> None:
    ours, theirs = passwords.hashed("x").split("$"), OF_MOSQUITTO.split("$")
    assert [len(part) for part in ours[3:]] == [len(part) for part in theirs[3:]]
    assert ours[:2] == theirs[:2]


@pytest.mark.parametrize(
    "kept",
    ["", "x", "$6$x$y", "$7$0$AAAA$AAAA", "$7$99999999999$AAAA$AAAA", "$7$²$AAAA$AAAA", "$7$9$!$AAAA", "$7$9$A$A$A"],
)
def test_what_is_no_hash_fits_no_password(kept: str) -> None:
    assert not passwords.is_right("", kept)


def test_a_password_without_end_is_not_even_looked_at() -> None:
    assert not passwords.is_right("x" * 10_000, passwords.hashed("x" * 10_000))


def test_letters_that_cannot_be_written_are_simply_wrong() -> None:
    assert not passwords.is_right("\ud800", passwords.hashed("x"))
