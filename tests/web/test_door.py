"""The door for loudspeakers over real connections: by the loudspeaker's own client, and by whoever means it ill."""

import base64
import hashlib
import itertools
import json
import logging
import socket
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
import requests
from sqlalchemy import select

from broadcaster import application, clock
from broadcaster.errors import InputError
from broadcaster.net import NetError
from broadcaster.orders import envelope as envelopes
from broadcaster.orders import keyfolder
from broadcaster.orders.device import ACK_TYPE, DeviceKey, Hello, PlayState, read_ack
from broadcaster.orders.payload import Audio
from broadcaster.orders.topics import Device
from broadcaster.player import identity
from broadcaster.player.door import Door
from broadcaster.services import attending, enrolment, visiting
from broadcaster.services.acknowledging import Acknowledging
from broadcaster.services.visiting import Answering
from broadcaster.store.device_tables import DeviceMessageRow
from broadcaster.store.engine import Store
from broadcaster.web import door as routes
from broadcaster.web import server as web
from tests.fakes.signed import Loudspeaker
from tests.fixtures import Databases
from tests.services.village import ADMINISTRATOR, DUE, LEAD, Village, village_in
from tests.services.world import brought, cast, world_in

SOON = DUE - LEAD + timedelta(seconds=1)
KEP = Device("kep", "kep-01")
PATIENCE_S = 20.0


def cast_filled(store: Store) -> None:
    brought(store, cast())


@dataclass
class House:
    """A village whose order for 17:00 was signed, and its door."""

    village: Village
    url: str
    folder: Path
    password: str

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    @property
    def loudspeaker(self) -> Loudspeaker:
        return self.village.loudspeakers[0]

    @property
    def answering(self) -> Answering:
        return Answering(self.village.world.store, Acknowledging(self.village.world.hand_over.signer))

    def door(self, user: str = KEP.user, password: str | None = None) -> Door:
        return Door(self.url, user, self.password if password is None else password)

    def code(self, name: str = "kep-01") -> str:
        with self.village.world.store.writing() as session:
            return enrolment.new_code(session, "kep", name, SOON, actor=ADMINISTRATOR)

    def ask(self, method: str, path: str, *, is_known: bool = True, **more: object) -> requests.Response:
        auth = (KEP.user, self.password) if is_known else None
        return requests.request(method, f"{self.url}/device/v1{path}", auth=auth, timeout=PATIENCE_S, **more)  # type: ignore[arg-type]


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: SOON)
    monkeypatch.setattr(routes, "REFUSED_AFTER_S", 0.02)


@pytest.fixture
def house(databases: Databases, tmp_path: Path, now: None) -> Iterator[House]:
    with (
        databases.copy("sqlite", tmp_path, cast_filled) as url,
        world_in(tmp_path, url=url) as world,
        village_in(world) as village,
    ):
        world.tick(DUE - LEAD)
        built = application.build(world.config)
        server = web.Server(routes.door(replace(built, studio=world.studio)), "127.0.0.1", 0)
        server.start()
        with world.store.writing() as session:
            code = enrolment.new_code(session, "kep", "kep-01", SOON, actor=ADMINISTRATOR)
            password = enrolment.enroll(session, code, village.loudspeakers[0].key.text, SOON).password
        yield House(village, f"http://127.0.0.1:{server.port}", tmp_path, password)
        server.stop()
        built.close()


def audio(house: House) -> Audio:
    found = house.village.order.audio
    assert found is not None
    return replace(found, url=f"{house.url}/device/v1/clips/{found.sha256}")


def code_of(error: pytest.ExceptionInfo[NetError]) -> tuple[int, str]:
    return error.value.code, str(json.loads(error.value.body)["code"])


def test_a_loudspeaker_enrols_once_with_its_code_and_knows_whom_to_obey(house: House) -> None:
    code = house.code()
    found = identity.enrol(house.folder / "box", house.url, f" {code.lower()} ")
    assert (found.device, found.station, found.zone.key) == (KEP, "kep-loa", "Asia/Ho_Chi_Minh")
    assert [f"{window.start:%H:%M}-{window.end:%H:%M}" for window in found.quiet_hours] == ["21:00-05:00"]
    assert (found.mqtt.host, found.mqtt.port, found.mqtt.tls) == ("127.0.0.1", 8322, False)
    assert identity.load_keys(house.folder / "box").version == 1
    with house.village.world.store.reading() as session:
        assert enrolment.authenticated(session, KEP.user, found.password) == KEP
    with pytest.raises(InputError, match="The server refuses it: This code is unknown or was used already"):
        identity.enrol(house.folder / "other", house.url, code)


def test_a_wrong_code_enrols_nobody(house: House) -> None:
    for code in ("", "x", "A" * 26, "ABCD-" * 12, "!"):
        body = {"v": 1, "code": code, "public": house.loudspeaker.key.text}
        answer = house.ask("POST", "/enroll", is_known=False, json=body)
        assert answer.status_code in {400, 403}, code
        assert "error" in answer.json()


def test_a_key_that_is_none_does_not_use_the_code_up(house: House) -> None:
    code = house.code()
    answer = house.ask("POST", "/enroll", is_known=False, json={"v": 1, "code": code, "public": "no key"})
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")
    identity.enrol(house.folder / "box", house.url, code)


def test_keys_are_followed_version_by_version(house: House) -> None:
    with closing(house.door()) as door:
        assert door.keys(1) is None
        for days in (80, 160):
            keyfolder.rotate(house.village.world.keys, "kep", SOON + timedelta(days=days))
        first, second = door.keys(1), door.keys(2)
        assert first == keyfolder.document(house.village.world.keys, "kep", 2)
        assert second == keyfolder.document(house.village.world.keys, "kep", 3)
        assert door.keys(3) is None
        assert door.keys(9_999) is None
    assert house.ask("GET", "/keys.json?version=x").status_code == 400


def test_a_clip_comes_whole_in_ranges_and_only_to_whom_it_was_ordered(house: House) -> None:
    found = audio(house)
    whole = house.ask("GET", f"/clips/{found.sha256}")
    assert whole.headers["etag"] == f'"{found.sha256}"'
    assert (len(whole.content), hashlib.sha256(whole.content).hexdigest()) == (found.bytes, found.sha256)
    part = house.ask("GET", f"/clips/{found.sha256}", headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, whole.content[100:200])
    assert part.headers["content-range"] == f"bytes 100-199/{found.bytes}"
    rest = house.ask("GET", f"/clips/{found.sha256}", headers={"Range": f"bytes={found.bytes - 5}-"})
    assert rest.content == whole.content[-5:]
    beyond = house.ask("GET", f"/clips/{found.sha256}", headers={"Range": f"bytes={found.bytes}-"})
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{found.bytes}")
    odd = house.ask("GET", f"/clips/{found.sha256}", headers={"Range": "bytes=0-1,3-4"})
    assert (odd.status_code, odd.content) == (200, whole.content)
    with closing(house.door()) as door:
        assert door.clip(found, 50) == whole.content[50:]
    for other in ("0" * 64, found.sha256.upper(), "..", "x"):
        assert house.ask("GET", f"/clips/{other}").status_code == 404
    assert house.ask("GET", f"/clips/{found.sha256}", is_known=False).status_code == 401


def test_a_clip_is_nobodys_once_its_order_is_over(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: DUE + timedelta(days=2))
    assert house.ask("GET", f"/clips/{audio(house).sha256}").status_code == 404


def test_another_communes_loudspeaker_gets_no_clip_and_is_heard_as_itself_alone(house: House) -> None:
    other = Device("may", "loa-1")
    key = DeviceKey.generate() if hasattr(DeviceKey, "generate") else house.village.loudspeakers[1].key
    with house.village.world.store.writing() as session:
        code = enrolment.add(session, "my-thai", "my-thai-loa", "mt-01", SOON, actor=ADMINISTRATOR)
        enrolled = enrolment.enroll(session, code, key.text, SOON)
    assert enrolled.device != other
    with closing(house.door(enrolled.device.user, enrolled.password)) as door:
        with pytest.raises(NetError) as refused:
            door.clip(audio(house), 0)
        assert code_of(refused) == (404, "unknown")
        answer = door.report([house.loudspeaker.says(PlayState.ACCEPTED, house.village.order, SOON)])
        assert answer.orders == ()
    with house.village.world.store.reading() as session:
        assert session.scalars(select(DeviceMessageRow)).all() == []


def test_a_report_is_kept_once_acknowledged_by_the_worker_and_makes_its_loudspeaker_seen(house: House) -> None:
    hello = house.loudspeaker.key.signed(Hello(KEP, 1, SOON, 1))
    house.loudspeaker.seq = 1
    report = house.loudspeaker.says(PlayState.ACCEPTED, house.village.order, SOON)
    with closing(house.door()) as door:
        first = door.report([hello, report, b"nobody signed this"])
        assert first.ack is None
        assert list(first.orders) == [house.village.wire.sent[0][1]]
        house.answering.run(SOON)
        second = door.report([report])
        keys = keyfolder.load(house.village.world.keys, "kep").document.keys
        assert second.ack is not None
        ack = read_ack(envelopes.verify(second.ack, ACK_TYPE, keys)[0])
        assert (ack.device, ack.seqs) == (KEP, (1, 2))
    with house.village.world.store.reading() as session:
        assert len(session.scalars(select(DeviceMessageRow)).all()) == 2
        (line,) = [line for line in attending.lines(session, "kep", SOON) if line.device == KEP]
        assert (line.presence, line.seen_at) == ("online", SOON)


def test_who_says_no_hello_is_given_what_is_new(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(house.door()) as door:
        assert len(door.report([]).orders) == 1
        later = SOON + timedelta(minutes=5)
        monkeypatch.setattr(clock, "now", lambda: later)
        assert len(door.report([]).orders) == 0 + 1, "an answer may have been lost, so the last minutes are told twice"
        monkeypatch.setattr(clock, "now", lambda: later + timedelta(minutes=5))
        assert door.report([]).orders == ()


def test_without_keys_nothing_is_acknowledged_and_nothing_lost(house: House) -> None:
    for path in (house.village.world.keys / "kep").glob("*.pem"):
        path.unlink()
    report = house.loudspeaker.says(PlayState.ACCEPTED, house.village.order, SOON)
    with closing(house.door()) as door:
        door.report([report])
        house.answering.run(SOON)
        assert door.report([report]).ack is None


def test_without_name_and_password_there_is_nothing(house: House) -> None:
    users, paths = ("", "kep.kep-01", "kep.nobody", "server", "x" * 300), ("/keys.json", f"/clips/{'0' * 64}")
    for user, path in itertools.product(users, paths):
        answer = requests.get(f"{house.url}/device/v1{path}", auth=(user, "wrong"), timeout=PATIENCE_S)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
        assert "Basic" in answer.headers["www-authenticate"]


def test_when_too_many_are_wrong_the_one_who_knows_still_comes_in(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "MOST_REFUSED", 0)
    refused = house.ask("GET", "/keys.json", is_known=False)
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many")
    assert house.ask("GET", "/keys.json?version=1").status_code == 304


def test_a_body_that_is_no_report_is_told_so(house: House) -> None:
    kind = {"Content-Type": "application/json"}
    for body, status in (
        (b"", 400),
        (b"[]", 400),
        (b'{"v":1}', 400),
        (b'{"v":2,"messages":[]}', 400),
        (b'{"v":1,"messages":[],"messages":[]}', 400),
        (b'{"v":1,"messages":["%"]}', 400),
        (b'{"v":1,"messages":["A"]}', 400),
        (b'{"v":1,"messages":[],"more":1}', 400),
        (b'{"v":1,"messages":[' + b",".join([b'"QQ=="'] * 65) + b"]}", 400),
        (b'{"v":1,"messages":["' + b"A" * routes.MOST_BYTES + b'"]}', 413),
        (b"\xff\xfe", 400),
        (b"[" * 100_000, 400),
    ):
        answer = house.ask("POST", "/reports", data=body, headers=kind)
        assert answer.status_code == status, body[:50]
        assert set(answer.json()) == {"error", "code"}
        # In pieces, so that no head tells its length.
        pieces = house.ask("POST", "/reports", data=iter([body[:1], body[1:]]), headers=kind)
        assert pieces.status_code == status, body[:50]


def test_what_is_no_json_or_no_route_is_told_so(house: House) -> None:
    assert house.ask("POST", "/reports", data=b"{}").status_code == 415
    assert house.ask("GET", "/reports").status_code == 405
    for path in ("/", "/docs", "/openapi.json", "/device/v1", "/device/v1/keys.json/.."):
        answer = requests.get(house.url + path, timeout=PATIENCE_S)
        assert (answer.status_code, answer.json()["code"]) == (404, "http")
        assert "server" not in answer.headers


def test_who_sends_slowly_is_hung_up_on(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "BODY_S", 0.2)
    monkeypatch.setattr(web, "LONGEST_REQUEST_S", 0.4)
    secret = base64.b64encode(f"{KEP.user}:{house.password}".encode()).decode()
    head = (
        "POST /device/v1/reports HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 50\r\n"
        f"Authorization: Basic {secret}\r\n\r\n"
    )
    assert b" 408 " in said(house, head.encode() + b"{")
    assert said(house, b"POST /device/v1/reports HTTP/1.1\r\nHost: x\r\n") == b""
    assert said(house, b"") == b""
    assert b" 400 " in said(house, b"GET / HTTP/1.1\r\nX: " + b"x" * 20_000)


def test_no_password_and_no_code_stands_in_the_log(house: House, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    code = house.code()
    identity.enrol(house.folder / "box", house.url, code)
    house.ask("GET", "/keys.json?version=1")
    house.ask("POST", "/enroll", is_known=False, json={"v": 1, "code": code, "public": house.loudspeaker.key.text})
    for secret in (code, house.password, base64.b64encode(f"{KEP.user}:{house.password}".encode()).decode()):
        assert secret not in caplog.text


def test_a_database_that_is_away_and_what_nobody_thought_of_are_told_without_details(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a secret of the house")

    monkeypatch.setattr(visiting, "next_keys", broken)
    answer = house.ask("GET", "/keys.json")
    assert (answer.status_code, answer.json()["code"]) == (500, "failed")
    assert "secret" not in answer.text


def test_a_port_that_is_taken_is_told(house: House) -> None:
    with pytest.raises(Exception, match=r"cannot listen on 127\.0\.0\.1, port \d+.*door\.port"):
        web.Server(routes.door(None), "127.0.0.1", house.port).start()  # type: ignore[arg-type]


def said(house: House, head: bytes) -> bytes:
    """All that is answered to these bytes, and nothing more, until the other side hangs up."""
    with socket.create_connection(("127.0.0.1", house.port), PATIENCE_S) as wire:
        found = b""
        try:
            wire.sendall(head)
            while more := wire.recv(4096):
                found += more
        except ConnectionError:
            pass
        return found
