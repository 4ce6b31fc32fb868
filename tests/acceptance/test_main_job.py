"""The main job as a person does it: processes, files, the log."""

import csv
import io
import json
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

from broadcaster.orders import envelope as envelopes
from tests.acceptance.office import LIMIT_S, Office


def test_demo_airs_in_five_communes_and_the_log_shows_it(office: Office) -> None:
    done = office.run("demo")
    assert done.stdout.count("  aired") == 10, done.stdout  # a line when each ends, a row in the table
    rows = list(csv.DictReader(io.StringIO(office.run("log", "export", "--format", "csv").stdout)))
    assert len(rows) == 5
    optional = {"reason"}  # an airing that simply aired has none
    for row in rows:
        assert row["outcome"] == "aired"
        assert row["evidence"] == "finished"
        assert row["approved_by"] == "approver"
        assert [name for name, value in row.items() if not value and name not in optional] == []
    assert len({row["clip_sha256"] for row in rows}) == 1
    office.run("log", "verify")


def test_start_airs_the_first_bulletin_on_real_loudspeakers_and_continues_when_started_again(office: Office) -> None:
    office.open_door()
    server = office.start("serve", "--samples")
    title = "Cảnh giác mã QR"
    told = office.lines_with(server, title, 6)[1:]  # the first says what comes next
    assert [line for line in told if not line.endswith("  aired")] == []
    server.send_signal(signal.SIGINT)
    assert server.wait(timeout=LIMIT_S) == 0
    plays = office.query("SELECT loudspeaker, state FROM plays ORDER BY loudspeaker")
    names = ("kep-01", "lang-giang-01", "my-thai-01", "tan-dinh-01", "tien-luc-01")
    assert plays == [(name, "finished") for name in names]
    assert {row["evidence"] for row in office.log() if row["outcome"] == "aired"} == {"finished"}
    airings = office.query("SELECT count(*) FROM airings WHERE outcome = 'aired'")
    again = office.start("serve", "--samples")
    office.wait_for("SELECT count(*) FROM journal WHERE action = 'worker_started'", lambda found: found[0][0] == 2)
    again.send_signal(signal.SIGINT)
    assert again.wait(timeout=LIMIT_S) == 0
    assert office.query("SELECT count(*) FROM airings WHERE outcome = 'aired'") == airings
    office.run("log", "verify")


def test_a_worker_that_dies_before_the_due_time_stops_no_airing_and_the_log_is_complete_after_it_is_back(
    office: Office,
) -> None:
    office.open_door()
    office.kind = "mqtt"
    office.settle_in()
    office.add_loudspeaker("kep-01")
    worker = office.start("worker")
    office.start("door")
    office.start("player", "run", "--folder", "kep-01")
    office.wait_for("SELECT count(*) FROM loudspeakers WHERE is_online", lambda found: found == [(1,)])
    office.rehearse_in(20)
    office.wait_for("SELECT ready_at FROM plays", lambda found: bool(found) and found[0][0] is not None)
    worker.kill()
    worker.wait()
    reports = office.folder / "kep-01" / "reports"
    office.until(lambda: any(b"finished" in told(path) for path in reports.glob("*.json")))
    assert office.query("SELECT outcome FROM airings") == [(None,)], "nobody was there to write it down"
    office.start("worker")
    office.wait_for("SELECT outcome FROM airings", lambda found: found[0][0] is not None)
    (row,) = office.log()
    assert (row["outcome"], row["evidence"], row["lateness_ms"]) == ("aired", "finished", row["lateness_ms"])
    assert row["lateness_ms"] < 1000
    _check_journal_of_one_airing(office, row["airing"])


def told(path: Path) -> bytes:
    """What a loudspeaker's report on its disk says; nothing where it was just acknowledged."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return b""
    return envelopes.unverified_payload(content, limit_bytes=4096) if content else b""


def test_one_changed_byte_of_the_journal_is_found(office: Office) -> None:
    office.settle_in()
    office.run("log", "verify")
    with closing(sqlite3.connect(office.folder / "data" / "broadcaster.db")) as connection, connection:
        ((payload,),) = connection.execute("SELECT payload FROM journal WHERE chain = 'system' AND seq = 2")
        changed = payload[:-2] + bytes([payload[-2] ^ 1]) + payload[-1:]
        connection.execute("UPDATE journal SET payload = ? WHERE chain = 'system' AND seq = 2", (changed,))
    done = office.run("log", "verify", code=1)
    assert "entry 2 of chain system" in done.stdout


def test_a_worker_killed_after_the_hand_over_leaves_exactly_one_outcome(office: Office) -> None:
    office.settle_in()
    office.rehearse_in(15)
    worker = office.start("worker")
    office.wait_for("SELECT phase FROM airings", lambda found: found[:1] == [("handed_over",)])
    worker.kill()
    worker.wait()
    office.start("worker")
    office.wait_for("SELECT outcome FROM airings", lambda found: found[0][0] is not None)
    (row,) = office.log()
    assert row["outcome"] in {"aired", "missed"}
    _check_journal_of_one_airing(office, row["airing"])


def test_a_worker_killed_on_air_does_not_play_again(office: Office) -> None:
    office.settle_in()
    office.rehearse_in(15)
    worker = office.start("worker")
    office.wait_for("SELECT phase FROM airings", lambda found: found[:1] == [("on_air",)])
    worker.kill()
    worker.wait()
    office.start("worker")
    office.wait_for("SELECT outcome FROM airings", lambda found: found[0][0] is not None)
    (row,) = office.log()
    assert (row["outcome"], row["reason"], row["evidence"]) == ("partial", "worker_stopped", "started")
    _check_journal_of_one_airing(office, row["airing"])


def test_a_worker_that_is_stopped_gives_back_what_has_not_begun(office: Office) -> None:
    office.settle_in()
    office.rehearse_in(25)
    worker = office.start("worker")
    office.wait_for("SELECT phase FROM airings", lambda found: found[:1] == [("handed_over",)])
    worker.send_signal(signal.SIGINT)
    assert worker.wait(timeout=LIMIT_S) == 0
    assert office.query("SELECT phase FROM airings") == [("planned",)]
    office.start("worker")
    office.wait_for("SELECT outcome FROM airings", lambda found: found[0][0] is not None)
    (row,) = office.log()
    assert row["outcome"] == "aired"
    _check_journal_of_one_airing(office, row["airing"])


def test_a_second_worker_is_refused_politely(office: Office) -> None:
    office.settle_in()
    office.start("worker")
    office.wait_for("SELECT action FROM journal", lambda found: ("worker_started",) in found)
    done = office.run("worker", code=1)
    assert "Another worker is already running" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_clip_deleted_after_approval_is_never_aired(office: Office) -> None:
    office.settle_in()
    for clip in (office.folder / "data" / "clips").rglob("*.mp3"):
        clip.unlink()
    office.rehearse_in(15)
    office.start("worker")
    office.wait_for("SELECT outcome FROM airings", lambda found: bool(found) and found[0][0] is not None)
    (row,) = office.log()
    assert (row["outcome"], row["reason"], row["started_at"]) == ("failed", "clip_missing", None)


def test_a_clip_cut_short_after_approval_is_never_aired(office: Office) -> None:
    office.settle_in()
    for clip in (office.folder / "data" / "clips").rglob("*.mp3"):
        clip.write_bytes(clip.read_bytes()[:-1000])
    office.rehearse_in(15)
    office.start("worker")
    office.wait_for("SELECT outcome FROM airings", lambda found: bool(found) and found[0][0] is not None)
    (row,) = office.log()
    assert (row["outcome"], row["reason"], row["started_at"]) == ("failed", "clip_damaged", None)


def _check_journal_of_one_airing(office: Office, airing: str) -> None:
    """It started at most once, ended exactly once, and the chains hold."""
    shown = json.loads(office.run("log", "show", airing).stdout)
    actions = [entry["action"] for entry in shown["journal"]]
    assert actions.count("airing_ended") == 1, actions
    assert actions.count("airing_started") <= 1, actions
    office.run("log", "verify")
