"""`broadcaster alerts` as a person types it."""

import json

from broadcaster import clock
from broadcaster.domain.alert import AlertKind
from broadcaster.services.alerts import clear_alert, raise_alert
from broadcaster.store.engine import Store
from tests.acceptance.office import Office
from tests.fakes.hook import SECRET, Hook
from tests.fakes.http_station import running
from tests.fakes.smtp import Vice, mail_server

CONFIG = """
net: {{allowed_networks: [127.0.0.0/8]}}
alerts:
  mail: {{host: 127.0.0.1, port: {port}, security: none, sender: loa@example.vn}}
  recipients:
    - {{mail: truc-ban@kep.vn, commune: kep}}
    - {{webhook: "{address}", secret_file: hook.secret}}
"""


def test_what_is_wrong_and_what_was_is_listed(office: Office) -> None:
    assert "no alerts" in office.run("alerts").stdout
    now = clock.now()
    store = Store(f"sqlite:///{office.folder / 'data' / 'broadcaster.db'}")
    with store.writing() as session:
        for number in (1, 2):
            name = f"kep-0{number}"
            raise_alert(session, AlertKind.LOUDSPEAKER_OFFLINE, "kep", name, now, loudspeaker=name)
        clear_alert(session, AlertKind.LOUDSPEAKER_OFFLINE, "kep", "kep-01", now)
    store.close()
    shown = office.run("alerts").stdout
    assert "open" in shown
    assert "Loudspeaker kep-01 in Kép is not connected." in shown
    rows = json.loads(office.run("alerts", "--json", "--commune", "kep").stdout)
    assert [(row["subject"], row["cleared_at"] is None) for row in rows] == [("kep-02", True), ("kep-01", False)]


def test_a_test_says_what_came_of_it(office: Office) -> None:
    assert "alerts.recipients" in office.run("alerts", "test", code=2).stderr
    secret = office.folder / "hook.secret"
    secret.write_text(SECRET, encoding="utf-8")
    secret.chmod(0o600)
    with mail_server() as server, running(Hook()) as hook:
        config = CONFIG.format(port=server.port, address=hook.address)
        (office.folder / "config.yaml").write_text(config, encoding="utf-8")
        done = office.run("alerts", "test").stdout.splitlines()
        assert done == ["t…@kep.vn: sent", f"{hook.address.removeprefix('http://')}: sent"]
        assert server.mails[0].message["Subject"] == "[Broadcaster] Tin thử"
        assert hook.got[0]["alerts"] == []
        server.vice = Vice.NOBODY
        done = office.run("alerts", "test", code=1).stdout.splitlines()
        assert "not sent: 127.0.0.1 did not take the mail: 550 no such user" in done[0]
        assert done[1].endswith(": sent")
