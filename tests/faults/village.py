"""A commune whose loudspeaker is a process of its own, with door, broker and worker: all of them can be killed."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from broadcaster.broker import mosquitto
from broadcaster.broker.passwords import hashed
from broadcaster.broker.secret import server_password
from broadcaster.orders import device as devices
from broadcaster.orders import keyfolder
from broadcaster.orders.device import PlayReport, PlayState
from broadcaster.orders.strict_json import whole
from broadcaster.orders.topics import Device, Part, everyone
from broadcaster.player import identity as identities
from broadcaster.services import enrolment
from broadcaster.services.samples import codes
from tests.acceptance.office import LIMIT_S
from tests.fakes.mosquitto import Mosquitto, free_port
from tests.fakes.mqtt_client import MqttClient
from tests.faults.office import FaultOffice
from tests.faults.proxy import Proxy

KEP = Device("kep", "kep-01")
AIRED = ("aired", None, "finished")
INTRUDER = "intruder"
Told = tuple[str, str, datetime]
"""The airing, the state and the time of a report."""
LAUNCHER = Path(__file__).with_name("player_launcher.py")
AIRING = "SELECT id FROM airings WHERE commune = 'kep' ORDER BY due_at"
ENDED = "SELECT outcome IS NOT NULL FROM airings WHERE commune = 'kep'"


@dataclass
class Village:
    """Kép, with its one loudspeaker enrolled and running; the communes beside it have sound cards of their own."""

    office: FaultOffice
    broker: Mosquitto
    proxy: Proxy
    player: "subprocess.Popen[bytes] | None" = None
    others: "list[subprocess.Popen[bytes]]" = field(default_factory=list)

    @property
    def box(self) -> Path:
        return self.office.folder / "kep-01"

    def start_player(self, fault: Mapping[str, object] | None = None) -> "subprocess.Popen[bytes]":
        environment = {**self.office.environment(), "FAULT": json.dumps(fault or {})}
        with (self.office.folder / "player.txt").open("ab") as output:
            self.player = subprocess.Popen(
                [sys.executable, str(LAUNCHER), "run", "--folder", "."], cwd=self.box, env=environment,
                stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            )  # fmt: skip
        return self.player

    def kill_player(self) -> None:
        assert self.player is not None
        self.player.kill()
        self.player.wait()

    def until_online(self) -> None:
        self.office.wait_for("SELECT is_online FROM loudspeakers", lambda found: bool(found) and bool(found[0][0]))

    def until_greeted(self) -> None:
        """It has said hello once more than by now."""
        query = "SELECT count(*) FROM device_messages WHERE kind = 'hello'"
        before = self.office.query(query)[0][0]
        self.office.wait_for(query, lambda found: found[0][0] > before)

    def until_ready(self, count: int = 1) -> None:
        query = "SELECT count(*) FROM plays WHERE ready_at IS NOT NULL"
        self.office.wait_for(query, lambda found: found[0][0] >= count)

    def until_ended(self) -> None:
        self.office.wait_for(ENDED, lambda found: bool(found) and all(ended for (ended,) in found))

    def has_ended(self) -> bool:
        found = self.office.query(ENDED)
        return bool(found) and all(ended for (ended,) in found)

    def heard(self) -> list[str]:
        """The names of what sounded in Kép, one for each play, whole or in part."""
        return sorted(path.stem for path in (self.office.plays / "kep").glob("*.wav") if path.stat().st_size > 44)

    def outcomes(self) -> list[tuple[str, str | None, str]]:
        query = "SELECT outcome, reason, evidence FROM airings WHERE commune = 'kep' ORDER BY due_at"
        return [(str(outcome), reason, str(evidence)) for outcome, reason, evidence in self.office.query(query)]

    def order(self) -> bytes:
        """The last order that was signed for Kép."""
        found = self.office.query("SELECT envelope FROM outbox WHERE cmd = 'play' ORDER BY id DESC LIMIT 1")
        return bytes(found[0][0])

    def reports(self) -> list[PlayReport]:
        """What the loudspeaker has said, as far as the server has it."""
        query = "SELECT envelope, public_key FROM device_messages ORDER BY seq"
        found = [
            devices.read_message(bytes(envelope), KEP, devices.public_key(key))
            for envelope, key in self.office.query(query)
        ]
        return [message for message in found if isinstance(message, PlayReport)]

    def airings(self) -> list[str]:
        return [str(key) for (key,) in self.office.query(AIRING)]

    def ignored(self) -> list[Told]:
        """What was journalled and not believed."""
        query = "SELECT payload FROM journal WHERE action = 'report_ignored' AND chain = 'kep' ORDER BY seq"
        found = [json.loads(payload)["data"] for (payload,) in self.office.query(query)]
        return [(each["airing"], each["state"], datetime.fromisoformat(each["at"])) for each in found]

    def until_ignored(self, lies: "list[Told]") -> None:
        self.office.until(lambda: set(lies) <= set(self.ignored()))

    def story(self) -> list[str]:
        """The same, for people."""
        return [f"{each.at:%H:%M:%S.%f} {each.airing} {each.state} {each.code}" for each in self.reports()]

    def refusals(self) -> set[str]:
        return {report.code for report in self.reports() if report.state == "refused"}

    def intrude(self, *envelopes: bytes, retained: bool = False) -> None:
        """Somebody whom the broker takes for the server sends these to the loudspeaker."""
        with closing(MqttClient(self.broker.port, INTRUDER, INTRUDER)) as client:
            for envelope in envelopes:
                client.publish(KEP.topic(Part.ORDER), envelope, retained=retained)


@dataclass
class Liar:
    """Somebody who has the loudspeaker's own key and password; it is pushed out meanwhile, and comes back by itself."""

    village: Village
    client: MqttClient
    identity: identities.Identity
    lies: list[Told] = field(default_factory=list)

    def says(self, airing: str, state: PlayState) -> None:
        """A report as the loudspeaker would sign it; the order's number is the one it was given, if any."""
        now = whole(datetime.now(UTC)) + timedelta(milliseconds=len(self.lies))  # two in one millisecond are two
        found = self.village.office.query(f"SELECT number FROM plays WHERE airing = '{airing}'")
        number = int(found[0][0]) if found else None
        report = PlayReport(KEP, int(now.timestamp() * 1000), airing, number, state, now, position_s=1.0)
        assert self.client.publish(KEP.topic(Part.REPORT), self.identity.key.signed(report))
        self.lies.append((airing, str(state), now))


@contextmanager
def liar_in(village: Village) -> Iterator[Liar]:
    identity = identities.load(village.box)
    with closing(MqttClient(village.broker.port, KEP.user, identity.password)) as client:
        assert client.is_in
        yield Liar(village, client, identity)


@contextmanager
def village_in(
    office: FaultOffice, *, confirm_within_s: float = 60.0, grace_s: float = 60.0, keys_age: timedelta = timedelta()
) -> Iterator[Village]:
    """The loudspeaker is enrolled and runs; no worker does. Kép's keys were made so long ago."""
    door = free_port()
    broker = Mosquitto(office.folder / "mosquitto", "none yet", {})
    proxy = Proxy(broker.port)
    office.settings = {
        "BROKER__EMBEDDED": "false", "BROKER__PORT": str(broker.port), "BROKER__PUBLIC_PORT": str(proxy.port),
        "DOOR__ENABLED": "true", "DOOR__PORT": str(door), "WORKER__CONFIRM_WITHIN_S": str(confirm_within_s),
        "TIMETABLE__GRACE_S": str(grace_s), "ALERTS__WATCH_EVERY_S": "1",
    }  # fmt: skip
    _settle(office, door, keys_age)
    village = Village(office, broker, proxy)
    village.others.append(
        subprocess.Popen(
            [sys.executable, "-m", "broadcaster", "door"], cwd=office.folder, env=office.environment(),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        )
    )  # fmt: skip
    village.start_player()
    try:
        office.until((village.box / "identity.json").exists)
        _admit(village)
        yield village
    finally:
        for process in (village.player, *village.others):
            if process is not None:
                process.kill()
                process.wait(LIMIT_S)
        proxy.close()
        broker.stop()


def _settle(office: FaultOffice, door: int, keys_age: timedelta) -> None:
    built, now = office.built(), datetime.now(UTC)
    station = {"code": "kep-loa", "commune": "kep", "connector": "mqtt", "mode": "test", "config": {"lead_s": 300}}
    office.bring(built, {"stations": [station]})
    keyfolder.make(built.keys_folder, "kep", now - keys_age)
    (code,) = codes(built.store, "root", now, lambda _: False).values()
    built.close()
    box = office.folder / "kep-01"
    box.mkdir()
    (box / "player.yaml").write_text(f"sink: file:{office.plays / 'kep'}\nlink: mqtt\n", encoding="utf-8")
    (box / "enrol.code").write_text(f"http://127.0.0.1:{door} {code}\n", encoding="utf-8")


def _admit(village: Village) -> None:
    """Tell Mosquitto who has enrolled, as `broadcaster broker-config` does, and let the intruder in."""
    office = village.office
    built = office.built()
    with built.store.reading() as session:
        hashes = enrolment.credentials(session)
    mosquitto.write(
        office.folder / "mosquitto", server_password(office.folder / "data"), {KEP: hashes[KEP.user]},
        host="127.0.0.1", port=village.broker.port,
    )  # fmt: skip
    built.close()
    files = office.folder / "mosquitto"
    with (files / mosquitto.PASSWORDS).open("a") as passwords, (files / mosquitto.ACCESS).open("a") as access:
        passwords.write(f"{INTRUDER}:{hashed(INTRUDER)}\n")
        access.write(f"\nuser {INTRUDER}\ntopic write {everyone(Part.ORDER)}\n")
    village.broker.stop()
    village.broker.start()


def signalled(process: "subprocess.Popen[bytes]") -> bool:
    """Whether it was killed, as its fault says; waits for it."""
    return process.wait(LIMIT_S) == -signal.SIGKILL
