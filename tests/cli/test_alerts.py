"""`broadcaster alerts` as a person types it."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from broadcaster import clock, logs, reach
from broadcaster.cli import alerts as command
from broadcaster.domain.alert import AlertKind
from broadcaster.errors import InputError
from broadcaster.services.alerts import clear_alert, raise_alert
from broadcaster.services.importing import import_all
from tests.cli.programs import database
from tests.fakes.hook import SECRET, Hook
from tests.fakes.http_station import running
from tests.fakes.smtp import Vice, mail_server
from tests.services.world import exchange

COMMUNE = "communes: [{code: kep, name: Kép}]"
CONFIG = """
net: {{allowed_networks: [127.0.0.0/8]}}
alerts:
  mail: {{host: 127.0.0.1, port: {port}, security: none, sender: loa@example.vn}}
  recipients:
    - {{mail: truc-ban@kep.vn, commune: kep}}
    - {{webhook: "{address}", secret_file: hook.secret}}
"""


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BROADCASTER__LANGUAGE", "en")
    monkeypatch.setattr(logs, "start", lambda *_: None)
    monkeypatch.setattr(reach, "_allowed", ())


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command.app, arguments)


def test_what_is_wrong_and_what_was_is_listed(tmp_path: Path) -> None:
    now = clock.now()
    with database(tmp_path) as store:
        assert "no alerts" in run().stdout
        import_all(store, [exchange(COMMUNE)], None, "root", now)
        with store.writing() as session:
            for name in ("kep-01", "kep-02"):
                raise_alert(session, AlertKind.LOUDSPEAKER_OFFLINE, "kep", name, now, loudspeaker=name)
            clear_alert(session, AlertKind.LOUDSPEAKER_OFFLINE, "kep", "kep-01", now)
    lines = run().stdout.splitlines()
    assert [line.split()[2] == "open" for line in lines[1:]] == [True, False]
    assert lines[2].endswith("Loudspeaker kep-01 in Kép is not connected.")
    rows = json.loads(run("--json", "--commune", "kep").stdout)
    assert [(row["subject"], row["cleared_at"] is None) for row in rows] == [("kep-02", True), ("kep-01", False)]
    assert json.loads(run("--json", "--commune", "other").stdout) == []


def test_a_test_says_what_came_of_it(tmp_path: Path) -> None:
    secret = tmp_path / "hook.secret"
    secret.write_text(SECRET, encoding="utf-8")
    secret.chmod(0o600)
    with mail_server() as server, running(Hook()) as hook:
        config = CONFIG.format(port=server.port, address=hook.address)
        (tmp_path / "config.yaml").write_text(config, encoding="utf-8")
        done = run("test").stdout.splitlines()
        assert done == ["t…@kep.vn: sent", f"{hook.address.removeprefix('http://')}: sent"]
        assert server.mails[0].message["Subject"] == "[Broadcaster] Tin thử"
        assert hook.got[0]["alerts"] == []
        server.vice = Vice.NOBODY
        result = run("test")
    assert result.exit_code == 1
    assert "not sent: 127.0.0.1 did not take the mail: 550 no such user" in result.stdout
    assert result.stdout.splitlines()[1].endswith(": sent")


def test_without_recipients_a_test_says_where_to_write_them() -> None:
    result = run("test")
    assert isinstance(result.exception, InputError)
    assert "alerts.recipients" in str(result.exception)
