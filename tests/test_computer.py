"""What the system's own tools say is understood, in any language; what they do not say is called unknown."""

import shlex
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from broadcaster import computer
from broadcaster.computer import Answer

Tool = Callable[..., None]

POWERCFG_VIETNAMESE = """
GUID của sơ đồ nguồn điện: 381b4222-f694-41f0-9685-ff5bb260df2e  (Cân bằng)
      Cài đặt nhỏ nhất có thể: 0x00000000
      Cài đặt lớn nhất có thể: 0xffffffff
      Mức tăng có thể: 0x00000001
    Chỉ số cài đặt nguồn AC hiện tại: {mains}
    Chỉ số cài đặt nguồn DC hiện tại: 0x00000384
"""
W32TM = """Leap Indicator: {leap}
Stratum: 4 (secondary reference - syncd by (S)NTP)
ReferenceId: {reference}
"""


@pytest.fixture(autouse=True)
def tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tool:
    """Puts a tool on the PATH, which holds no other, that prints something for the arguments that begin so."""
    monkeypatch.setenv("PATH", str(tmp_path))

    def put(name: str, says: str, *, to: str = "", exit_code: int = 0) -> None:
        file = tmp_path / name
        begun = file.read_text() if file.exists() else "#!/bin/sh\n"
        case = f'case "$*" in {shlex.quote(to)}*) echo {shlex.quote(says)}; exit {exit_code};; esac\n'
        file.write_text(begun + case)
        file.chmod(0o755)

    return put


def test_without_any_tool_everything_is_unknown() -> None:
    for platform in ("linux", "darwin", "win32", "freebsd14"):
        assert {(found.subject, found.answer) for found in computer.findings(platform)} == {
            ("sleep", Answer.UNKNOWN),
            ("clock", Answer.UNKNOWN),
        }


def test_a_tool_that_fails_or_talks_nonsense_leaves_the_answer_unknown(tool: Tool) -> None:
    for name in ("systemctl", "gsettings", "timedatectl", "chronyc"):
        tool(name, "", exit_code=1)
    for name in ("powercfg", "w32tm", "pmset", "systemsetup"):
        tool(name, "lỗi", exit_code=5)
    answers = [found.answer for platform in ("linux", "darwin", "win32") for found in computer.findings(platform)]
    assert answers == [Answer.UNKNOWN] * 6


def test_a_tool_that_hangs_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hanging = tmp_path / "pmset"
    hanging.write_text(f"#!{sys.executable}\nimport signal\nsignal.pause()\n")
    hanging.chmod(0o755)
    monkeypatch.setattr(computer, "_TIMEOUT_S", 0.1)
    assert computer.sleep("darwin").answer is Answer.UNKNOWN


def test_a_tool_that_cannot_be_run_leaves_the_answer_unknown(tmp_path: Path) -> None:
    broken = tmp_path / "pmset"
    broken.write_bytes(b"\x7fELF and nothing more")
    broken.chmod(0o755)
    assert computer.sleep("darwin").answer is Answer.UNKNOWN


@pytest.mark.parametrize(
    ("kind", "timeout", "answer"),
    [
        ("'suspend'", "1200", Answer.WARNING),
        ("'hibernate'", "900", Answer.WARNING),
        ("'suspend'", "0", Answer.FINE),
        ("'nothing'", "1200", Answer.FINE),
        ("'blank'", "1200", Answer.FINE),
    ],
)
def test_the_desktop_says_whether_a_linux_computer_sleeps(tool: Tool, kind: str, timeout: str, answer: Answer) -> None:
    plugin = "get org.gnome.settings-daemon.plugins.power"
    tool("systemctl", "static")
    tool("gsettings", kind, to=f"{plugin} sleep-inactive-ac-type")
    tool("gsettings", timeout, to=f"{plugin} sleep-inactive-ac-timeout")
    assert computer.sleep("linux").answer is answer


def test_a_linux_computer_on_which_sleep_is_masked_never_sleeps(tool: Tool) -> None:
    tool("systemctl", "masked", to="is-enabled sleep.target", exit_code=1)
    tool("gsettings", "'suspend'")
    assert computer.sleep("linux").answer is Answer.FINE


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        (" sleep                1 (sleep prevented by coreaudiod)", Answer.WARNING),
        (" sleep                0", Answer.FINE),
        (" displaysleep         10", Answer.UNKNOWN),
    ],
)
def test_a_mac_says_after_how_many_minutes_it_sleeps(tool: Tool, line: str, answer: Answer) -> None:
    tool("pmset", f"System-wide power settings:\nCurrently in use:\n standby 1\n{line}\n disksleep 10", to="-g")
    assert computer.sleep("darwin").answer is answer


@pytest.mark.parametrize(("mains", "answer"), [("0x00000708", Answer.WARNING), ("0x00000000", Answer.FINE)])
def test_windows_is_understood_in_any_language(tool: Tool, mains: str, answer: Answer) -> None:
    tool("powercfg", POWERCFG_VIETNAMESE.format(mains=mains), to="/query SCHEME_CURRENT SUB_SLEEP STANDBYIDLE")
    assert computer.sleep("win32").answer is answer


@pytest.mark.parametrize(("says", "answer"), [("yes", Answer.FINE), ("no", Answer.WARNING), ("", Answer.UNKNOWN)])
def test_linux_says_whether_its_clock_is_set(tool: Tool, says: str, answer: Answer) -> None:
    tool("timedatectl", says, to="show -p NTPSynchronized --value")
    assert computer.clock("linux").answer is answer


@pytest.mark.parametrize(
    ("leap", "answer"),
    [("Normal", Answer.FINE), ("Insert second", Answer.FINE), ("Not synchronised", Answer.WARNING)],
)
def test_chrony_knows_better_than_the_kernel(tool: Tool, leap: str, answer: Answer) -> None:
    tool("timedatectl", "no")
    tool("chronyc", f"Reference ID    : A29FC87B (time)\nStratum         : 4\nLeap status     : {leap}")
    assert computer.clock("linux").answer is answer


def test_chrony_that_does_not_run_knows_nothing(tool: Tool) -> None:
    tool("chronyc", "506 Cannot talk to daemon", exit_code=1)
    assert computer.clock("linux").answer is Answer.UNKNOWN


@pytest.mark.parametrize(
    ("leap", "reference", "answer"),
    [
        ("0(no warning)", "0x28779406 (source IP:  40.119.148.38)", Answer.FINE),
        ("0(không cảnh báo)", "0x28779406 (IP nguồn:  40.119.148.38)", Answer.FINE),
        ("3(not synchronized)", "0x00000000 (unspecified)", Answer.WARNING),
        ("0(no warning)", '0x4C4F434C (source name:  "LOCL")', Answer.WARNING),
    ],
)
def test_windows_says_who_sets_its_clock(tool: Tool, leap: str, reference: str, answer: Answer) -> None:
    tool("w32tm", W32TM.format(leap=leap, reference=reference), to="/query /status")
    assert computer.clock("win32").answer is answer


def test_windows_without_its_time_service_sets_no_clock(tool: Tool) -> None:
    tool("w32tm", "Lỗi sau đã xảy ra: Dịch vụ chưa được khởi động. (0x80070426)", exit_code=1)
    assert computer.clock("win32").answer is Answer.WARNING


@pytest.mark.parametrize(
    ("says", "answer"),
    [
        ("Network Time: On", Answer.FINE),
        ("Network Time: Off", Answer.WARNING),
        ("You need administrator access to run this tool... exiting!", Answer.UNKNOWN),
    ],
)
def test_a_mac_says_whether_the_network_sets_its_clock(tool: Tool, says: str, answer: Answer) -> None:
    tool("systemsetup", says, to="-getusingnetworktime")
    assert computer.clock("darwin").answer is answer


@pytest.mark.parametrize(("platform", "command"), [("linux", "timedatectl"), ("win32", "w32tm")])
def test_a_warning_says_what_to_do(tool: Tool, platform: str, command: str) -> None:
    tool("timedatectl", "no")
    tool("w32tm", "0x80070426")
    found = computer.clock(platform)
    assert command in found.message.format(**found.values)
