"""`stop`, `stops` and `release`: a zone is named with its commune."""

import json
from pathlib import Path

from broadcaster import clock
from broadcaster.services.importing import import_all
from tests.cli.programs import database, ran
from tests.services.world import exchange

COMMUNE = """
communes: [{code: kep, name: Kép, zones: [Thôn Đông, Thôn Tây]}]
people: [{code: operator, roles: [{role: operator, commune: "*"}]}]
"""


def test_a_zone_is_stopped_listed_and_released(tmp_path: Path) -> None:
    with database(tmp_path) as store:
        import_all(store, [exchange(COMMUNE)], None, "root", clock.now())
    stopped = ran(tmp_path, "stop", "--commune", "kep", "--zone", "Thôn Tây", "--reason", "thử", "--as", "operator")
    assert stopped.returncode == 0, stopped.stderr
    (row,) = json.loads(ran(tmp_path, "stops", "--json").stdout)
    assert (row["scope"], row["target"], row["zone"], row["reason"]) == ("zone", "kep", "Thôn Tây", "thử")
    assert row["id"] in stopped.stdout
    assert ran(tmp_path, "release", row["id"], "--as", "operator").returncode == 0
    assert json.loads(ran(tmp_path, "stops", "--json").stdout) == []


def test_what_to_stop_has_to_be_said(tmp_path: Path) -> None:
    with database(tmp_path) as store:
        import_all(store, [exchange(COMMUNE)], None, "root", clock.now())
    told = {
        ("--everything", "--zone", "Thôn Tây"): "Say in which commune the zone lies",
        ("--zone", "Thôn Tây"): "Say what to stop",
        ("--commune", "kep", "--zone", "Thôn Bắc"): "It has: Thôn Đông, Thôn Tây.",
    }
    for options, words in told.items():
        refused = ran(tmp_path, "stop", *options, "--as", "operator")
        assert refused.returncode != 0
        assert words in refused.stderr
