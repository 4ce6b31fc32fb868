"""Configurations of stations over HTTP: where they are, who could make them speak, and what does not fit together."""

import pytest

from broadcaster.connectors.base import check_configuration, connect
from broadcaster.domain.place import Grade
from broadcaster.errors import InputError
from tests.connectors.orders import station
from tests.fakes.vendor import SECRET

AXIS = {"address": "https://192.168.1.5", "username": "loa", "password": "x"}
HTTP = {"address": "https://loa.example", "secret": SECRET}
SOURCE = {
    "address": "https://nguon.example", "username": "xa-kep", "password": "x", "clusters": ["loa-1"],
    "clip_url": "https://am-thanh.example/{sha256}.mp3",
}  # fmt: skip


@pytest.mark.parametrize(
    "address", ["", "192.168.1.5", "ftp://192.168.1.5", "https://loa:mat-khau@192.168.1.5", "https://192.168.1.5/?a=1",
                "https://192.168.1.5:port", "https://"],
)  # fmt: skip
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(InputError, match="is no address of a station"):
        check_configuration(station("axis", **{**AXIS, "address": address}))


def test_plain_http_has_to_be_allowed_and_is_of_grade_c() -> None:
    plain = {**AXIS, "address": "http://192.168.1.5"}
    with pytest.raises(InputError, match="allow_unprotected: true"):
        check_configuration(station("axis", **plain))
    assert connect(station("axis", **plain, allow_unprotected=True)).capabilities.grade is Grade.C
    assert connect(station("axis", **AXIS)).capabilities.grade is Grade.B


@pytest.mark.parametrize("missing", ["username", "password"])
def test_a_device_without_a_credential_is_refused(missing: str) -> None:
    with pytest.raises(InputError, match=missing):
        check_configuration(station("axis", **{**AXIS, missing: ""}))


@pytest.mark.parametrize(
    ("config", "message"),
    [({"confirms_start": False}, "confirms the start too"), ({"secret": "short"}, "16 characters"),
     ({"clip": "url"}, "where the clips are"), ({"clip_url": "https://am-thanh.example/tin.mp3"}, "address of clips"),
     ({"clip_url": "https://am-thanh.example/{sha256}/{password}"}, "address of clips"),
     ({"clip_url": "file:///{sha256}"}, "address of clips"), ({"secret": ""}, "allow_unprotected")],
)  # fmt: skip
def test_a_configuration_of_an_endpoint_that_does_not_fit_is_refused(config: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_configuration(station("http", **{**HTTP, **config}))


def test_a_station_without_a_secret_is_of_grade_c_even_with_tls() -> None:
    config = {"address": "https://loa.example", "allow_unprotected": True}
    assert connect(station("http", **config)).capabilities.grade is Grade.C
    assert connect(station("http", address="http://10.0.0.5", secret=SECRET)).capabilities.grade is Grade.B


@pytest.mark.parametrize(
    ("config", "message"),
    [({"fields": {"titel": "Ten"}}, "Did you mean title"), ({"clip_url": ""}, "clip_url"),
     ({"clip_url": "https://am-thanh.example/tin.mp3"}, "address of clips"), ({"clusters": []}, "clusters"),
     ({"paths": {"login": "login"}}, "begin it with /"), ({"paths": {"logon": "/login"}}, "logon"),
     ({"address": "http://nguon.example"}, "allow_unprotected"), ({"username": ""}, "username")],
)  # fmt: skip
def test_a_configuration_of_a_source_system_that_does_not_fit_is_refused(
    config: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        check_configuration(station("source_system", **{**SOURCE, **config}))


def test_a_password_in_the_clear_is_of_grade_c() -> None:
    config = {**SOURCE, "address": "http://nguon.example", "allow_unprotected": True}
    assert connect(station("source_system", **config)).capabilities.grade is Grade.C
