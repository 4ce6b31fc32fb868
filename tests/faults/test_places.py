"""The places that files go to: full, read-only, or out of file handles; and the process that speaks."""

import ctypes
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.acceptance.office import LIMIT_S
from tests.fakes.postgres import postgres_here
from tests.faults.conftest import FULL, FirstOffices
from tests.faults.disks import SmallDisk, small_disk
from tests.faults.office import APART_S, FaultOffice, assert_sound
from tests.fixtures import KINDS, Databases

pytestmark = pytest.mark.parametrize("kind", KINDS if FULL else ["sqlite"])

NEW = "bulletins: [{id: tin-moi, title: Mới, text: Bản tin mới., template: ngan, source: x}]"
PR_CAPBSET_DROP, CAP_DAC_OVERRIDE = 24, 1
BEGUN = "SELECT count(*) FROM airings WHERE phase <> 'planned'"
LISTED = "SELECT sha256, error FROM clips WHERE written LIKE '%mới%'"


def without_roots_right_to_write() -> None:
    """Root may write what is read-only, unless it gives that right away (capabilities(7), prctl(2))."""
    if os.geteuid() == 0:
        assert ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, 0, 0, 0) == 0


def write_new_bulletin(office: FaultOffice) -> None:
    (office.folder / "new.yaml").write_text(NEW, encoding="utf-8")
    office.extra = {}
    office.run("import", "new.yaml", "--as", "writer")


@pytest.mark.campaign
@pytest.mark.parametrize("act", ["dies", "hangs", "memory", "nothing"])
def test_a_speech_process_that_fails_is_told_and_the_bulletin_can_be_submitted_again(
    office: FaultOffice, act: str
) -> None:
    write_new_bulletin(office)
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


def test_a_file_that_may_not_grow_changes_nothing_and_it_goes_on_once_there_is_room(office: FaultOffice) -> None:
    """A limit on the size of files stands for the full disk where none can be mounted: a write ends half-way."""
    write_new_bulletin(office)
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
    write_new_bulletin(office)
    with full_data_disk(office) as disk:
        office.extra = {"BROADCASTER__STORAGE__MIN_FREE_MB": "0"}
        refused = office.run("bulletin", "submit", "tin-moi", "--as", "writer", code=1)
        assert "No space left" in refused.stderr
        assert "Traceback" not in refused.stderr
        assert office.query(LISTED) == [(None, None)]
        assert list(disk.folder.rglob("*.part")) == []
        disk.make_room()
        goes_on(office)


@pytest.mark.campaign
def test_a_disk_that_is_nearly_full_is_told_before_anything_is_begun(office: FaultOffice) -> None:
    write_new_bulletin(office)
    with full_data_disk(office):
        office.extra = {}
        refused = office.run("bulletin", "submit", "tin-moi", "--as", "writer", code=1)
        assert "has only 0 MB left; 200 MB must stay free" in refused.stderr
        assert office.query(LISTED) == []


@pytest.mark.campaign
def test_a_disk_that_is_full_for_the_database_delays_or_misses_and_tells_nothing_false(
    kind: str, durable_databases: Databases, tmp_path: Path
) -> None:
    """The database alone lies on the small disk. A PostgreSQL server that gave up there is started again."""
    with ExitStack() as stack:
        # Not in pytest's own folder, which only its owner may enter: PostgreSQL runs as another user.
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="broadcaster-disk-")))
        folder.chmod(0o755)
        disk = stack.enter_context(small_disk(folder / "disk", megabytes=300))
        if kind == "postgresql":
            server = stack.enter_context(postgres_here(durable=True, folder=disk.folder))
            databases = Databases(tmp_path, lambda: server)
        else:
            databases = durable_databases
        offices = FirstOffices(tmp_path)
        url = stack.enter_context(databases.copy(kind, disk.folder, offices.settle_in))
        (tmp_path / "moved").mkdir()
        office = offices.move(kind, tmp_path / "moved", url)
        stack.callback(office.close)
        airings = office.rehearse(6)
        worker = office.work()
        office.wait_while(worker, BEGUN, lambda found: found[0][0] > 0)
        disk.fill()
        with suppress(subprocess.TimeoutExpired):
            worker.wait(timeout=2.5 * APART_S)
        disk.make_room()
        if kind == "postgresql":
            with suppress(AssertionError):  # it may have given up by itself
                server.stop()
            server.start()
        assert worker.poll() is None, office.said()
        office.wait_until_all_have_ended(worker)
        office.stop(worker)
        assert_sound(office, airings)


@contextmanager
def full_data_disk(office: FaultOffice) -> Iterator[SmallDisk]:
    """The office's data folder on a disk of its own without any room; the database lies elsewhere."""
    data = office.folder / "data"
    before = data.rename(office.folder / "data-before")
    with small_disk(data, megabytes=16) as disk:
        shutil.copytree(before, data, dirs_exist_ok=True)
        disk.fill()
        yield disk


def goes_on(office: FaultOffice) -> None:
    """The worker makes the clip that could not be made, and it can be approved."""
    office.render()
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
    office.wait_while(worker, BEGUN, lambda found: found[0][0] > 0)
    used = len(list(Path(f"/proc/{worker.pid}/fd").iterdir()))
    _, most = resource.prlimit(worker.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(worker.pid, resource.RLIMIT_NOFILE, (used, most))
    office.wait_until_all_have_ended(worker)
    resource.prlimit(worker.pid, resource.RLIMIT_NOFILE, (most, most))
    office.stop(worker)
    assert_sound(office, airings)
