"""What makes a computer start Broadcaster: right for systemd and the Task Scheduler, whatever the folder is called."""

from configparser import RawConfigParser
from xml.etree import ElementTree

import pytest

from broadcaster.errors import InputError
from broadcaster.jobs import service

PYTHON = "/opt/broadcaster/.venv/bin/python"
FOLDER = "/srv/broadcaster"
TASK = "{http://schemas.microsoft.com/windows/2004/02/mit/task}"


def entries(unit: str) -> RawConfigParser:
    parser = RawConfigParser(delimiters=("=",), comment_prefixes=("#",), interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(unit)
    return parser


def settings(task: bytes) -> dict[str, str]:
    """Each element that holds text, by name; none occurs twice outside the triggers."""
    root = ElementTree.fromstring(task)
    return {element.tag.removeprefix(TASK): element.text for element in root.iter() if (element.text or "").strip()}  # type: ignore[misc]


def test_a_unit_serves_this_folder_with_this_python_and_restarts() -> None:
    found = entries(service.system_unit(PYTHON, FOLDER, "1000", ["audio"]))
    assert found["Service"]["ExecStart"] == f'"{PYTHON}" -m broadcaster serve'
    assert found["Service"]["WorkingDirectory"] == FOLDER
    assert found["Service"]["Restart"] == "always"
    assert found["Service"]["User"] == "1000"
    assert found["Service"]["SupplementaryGroups"] == "audio"
    assert found["Install"]["WantedBy"] == "multi-user.target"


def test_a_unit_of_root_names_no_user() -> None:
    assert "User" not in entries(service.system_unit(PYTHON, FOLDER))["Service"]


def test_a_system_unit_may_write_its_own_folder_though_the_system_is_closed_to_it() -> None:
    found = entries(service.system_unit(PYTHON, "/usr/local/broadcaster"))["Service"]
    assert found["ProtectSystem"] == "full"
    assert found["ReadWritePaths"] == '"/usr/local/broadcaster"'


@pytest.mark.parametrize(
    ("path", "quoted", "plain"),
    [
        ("/srv/Trạm xã", '"/srv/Trạm xã"', "/srv/Trạm xã"),
        ("/srv/50%", '"/srv/50%%"', "/srv/50%%"),
        ("/srv/$HOME", '"/srv/$HOME"', "/srv/$HOME"),
    ],
)
def test_a_unit_takes_paths_as_they_are(path: str, quoted: str, plain: str) -> None:
    found = entries(service.system_unit(f"{path}/python", path))["Service"]
    assert found["ExecStart"] == f'{quoted[:-1]}/python" -m broadcaster serve'
    assert found["WorkingDirectory"] == plain
    assert found["ReadWritePaths"] == quoted


def test_a_folder_with_quotes_and_backslashes_is_quoted() -> None:
    found = entries(service.system_unit(PYTHON, 'C:\\ "x"'))["Service"]
    assert found["WorkingDirectory"] == 'C:\\ "x"'
    assert found["ReadWritePaths"] == r'"C:\\ \"x\""'


@pytest.mark.parametrize("folder", ["/srv/a\nUser=root", "/srv/a\tb", "/srv/a\\", "/srv/\udcff"])
def test_a_folder_that_could_forge_or_break_a_unit_is_refused(folder: str) -> None:
    with pytest.raises(InputError, match="rename the folder"):
        service.system_unit(PYTHON, folder)


@pytest.mark.parametrize("letter", ['"', "'", "\\"])
def test_a_python_whose_path_systemd_refuses_is_refused(letter: str) -> None:
    with pytest.raises(InputError, match="rename the folder"):
        service.user_unit(f"/srv/{letter}/python", FOLDER, enabled_linger=False)


def test_a_unit_of_one_person_starts_without_a_session_and_remembers_lingering() -> None:
    ours = service.user_unit(PYTHON, FOLDER, enabled_linger=True)
    theirs = service.user_unit(PYTHON, FOLDER, enabled_linger=False)
    assert entries(ours)["Install"]["WantedBy"] == "default.target"
    assert "User" not in entries(ours)["Service"]
    assert service.has_enabled_linger(ours)
    assert not service.has_enabled_linger(theirs)


def test_a_folder_cannot_pass_for_the_note_about_lingering() -> None:
    assert not service.has_enabled_linger(service.user_unit(PYTHON, "/srv/EnabledLinger=yes", enabled_linger=False))


def test_an_administrators_task_starts_with_the_computer_as_the_user() -> None:
    found = service.task("C:\\Program Files\\python.exe", "C:\\Trạm & loa <1>", "PC\\An", at_boot=True)
    assert b"\x00" in found
    root = ElementTree.fromstring(found)
    assert root.find(f"{TASK}Triggers/{TASK}BootTrigger") is not None
    held = settings(found)
    assert held["Command"] == "C:\\Program Files\\python.exe"
    assert held["Arguments"] == "-m broadcaster serve"
    assert held["WorkingDirectory"] == "C:\\Trạm & loa <1>"
    assert (held["UserId"], held["LogonType"], held["RunLevel"]) == ("PC\\An", "S4U", "LeastPrivilege")


def test_anybody_elses_task_starts_when_they_sign_in() -> None:
    found = service.task("python.exe", "C:\\", "PC\\An", at_boot=False)
    trigger = ElementTree.fromstring(found).find(f"{TASK}Triggers/{TASK}LogonTrigger")
    assert trigger is not None
    assert trigger.findtext(f"{TASK}UserId") == "PC\\An"
    assert settings(found)["LogonType"] == "InteractiveToken"


def test_a_task_runs_for_ever_on_battery_too_and_restarts() -> None:
    found = settings(service.task("python.exe", "C:\\", "PC\\An", at_boot=True))
    assert found["ExecutionTimeLimit"] == "PT0S"
    assert found["DisallowStartIfOnBatteries"] == found["StopIfGoingOnBatteries"] == "false"
    assert (found["Interval"], found["Count"]) == ("PT1M", "999")
