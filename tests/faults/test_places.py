"""The places that files go to: full, read-only, or out of file handles; and the process that speaks."""

import ctypes
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.office import LIMIT_S
from tests.faults.office import FaultOffice, assert_sound

pytestmark = pytest.mark.parametrize("kind", ["sqlite"])

NEW = "bulletins: [{id: tin-moi, title: Mới, text: Bản tin mới., template: ngan, source: x}]"
PR_CAPBSET_DROP, CAP_DAC_OVERRIDE = 24, 1
LISTED = "SELECT sha256, error FROM clips WHERE written LIKE '%mới%'"


def without_roots_right_to_write() -> None:
    """Root may write what is read-only, unless it gives that right away (capabilities(7), prctl(2))."""
    if os.geteuid() == 0:
        assert ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, 0, 0, 0) == 0


def new_bulletin(office: FaultOffice) -> None:
    (office.folder / "new.yaml").write_text(NEW, encoding="utf-8")
    office.extra = {}
    office.run("import", "new.yaml", "--as", "writer")


@pytest.mark.campaign
@pytest.mark.parametrize("act", ["dies", "hangs", "memory", "nothing"])
def test_a_speech_process_that_fails_is_told_and_the_bulletin_can_be_submitted_again(
    office: FaultOffice, act: str
) -> None:
    new_bulletin(office)
    done = office.launch("bulletin", "submit", "tin-moi", "--as", "writer", fault={"point": "speech", "act": act})
    assert (office.folder / "injected").exists()
    assert done.returncode == 1
    assert "espeak" in done.stderr, done.stderr
    assert "Traceback" not in done.stderr
    assert office.query("SELECT count(*) FROM airings") == [(0,)]
    office.extra = {}
    assert "could not be made" in office.run("bulletin", "approve", "tin-moi", "--as", "approver", code=2).stderr
    office.run("bulletin", "reject", "tin-moi", "--reason", "no sound", "--as", "approver")
    office.run("bulletin", "submit", "tin-moi", "--as", "writer")
    office.run("bulletin", "approve", "tin-moi", "--as", "approver")


def test_a_disk_that_is_full_for_the_database_changes_nothing_and_it_goes_on_once_there_is_room(
    office: FaultOffice,
) -> None:
    """A limit on the size of files stands for the full disk: a write ends half-way, as it does there."""
    new_bulletin(office)
    done = subprocess.run(
        [sys.executable, "-m", "broadcaster", "bulletin", "submit", "tin-moi", "--as", "writer"],
        cwd=office.folder, env=office.environment(), capture_output=True, text=True, timeout=LIMIT_S, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (6000, 6000)),
    )  # fmt: skip
    assert done.returncode == 1, done.stdout
    assert "Traceback" not in done.stderr
    office.run("bulletin", "submit", "tin-moi", "--as", "writer")
    office.run("bulletin", "approve", "tin-moi", "--as", "approver")
    office.run("log", "verify")


@pytest.mark.campaign
def test_a_disk_that_is_full_for_clips_and_cache_keeps_nothing_half_and_the_worker_goes_on_once_there_is_room(
    office: FaultOffice,
) -> None:
    """The launcher raises what a full disk raises, in every write of a file."""
    new_bulletin(office)
    full = {"point": "file", "nth": 1, "every": True, "act": "raise"}
    done = office.launch("bulletin", "submit", "tin-moi", "--as", "writer", fault=full)
    assert done.returncode == 1
    assert office.query(LISTED) == [(None, None)]
    assert list((office.folder / "data").rglob("*.part")) == []
    worker = office.work()
    office.wait_while(worker, LISTED, lambda found: found[0][0] is not None)
    office.stop(worker)
    office.extra = {}
    office.run("bulletin", "approve", "tin-moi", "--as", "approver")


def test_a_folder_that_may_not_be_written_is_told_in_one_line(office: FaultOffice) -> None:
    folders = [office.folder, *(path for path in office.folder.rglob("*") if path.is_dir())]
    (office.folder / "data").mkdir(exist_ok=True)
    for folder in folders:
        folder.chmod(0o555)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "broadcaster", "worker"], cwd=office.folder, env=office.environment(),
            capture_output=True, text=True, timeout=LIMIT_S, check=False, preexec_fn=without_roots_right_to_write,
        )  # fmt: skip
    finally:
        for folder in folders:
            folder.chmod(0o755)
    assert done.returncode == 1
    assert "cannot be written" in done.stderr, done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.campaign
def test_a_worker_that_is_out_of_file_handles_airs_nothing_falsely(office: FaultOffice) -> None:
    airings = office.rehearse(2)
    worker = office.work()
    office.wait_while(worker, "SELECT count(*) FROM airings WHERE phase <> 'planned'", lambda found: found[0][0] > 0)
    used = len(list(Path(f"/proc/{worker.pid}/fd").iterdir()))
    _, most = resource.prlimit(worker.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(worker.pid, resource.RLIMIT_NOFILE, (used, most))
    office.wait_until_all_have_ended(worker)
    resource.prlimit(worker.pid, resource.RLIMIT_NOFILE, (most, most))
    office.stop(worker)
    assert_sound(office, airings)
