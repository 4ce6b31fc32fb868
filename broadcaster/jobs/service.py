"""What makes a computer start Broadcaster when it starts: a systemd unit, or a task of the Windows Task Scheduler.

Only the texts are made here; `cli/service.py` puts them in place.
"""

from collections.abc import Mapping, Sequence
from typing import TypeAlias
from xml.etree import ElementTree

from broadcaster.errors import InputError

NAME = "broadcaster"
ARGUMENTS = ("-m", "broadcaster", "serve")

_DESCRIPTION = "Broadcaster: bulletins for commune loudspeakers"
_TASK_SCHEMA = "http://schemas.microsoft.com/windows/2004/02/mit/task"

_Tree: TypeAlias = "Mapping[str, str | _Tree]"

_TASK_SETTINGS: _Tree = {
    "MultipleInstancesPolicy": "IgnoreNew",
    "DisallowStartIfOnBatteries": "false",
    "StopIfGoingOnBatteries": "false",
    "StartWhenAvailable": "true",
    "ExecutionTimeLimit": "PT0S",  # for ever
    "Priority": "5",  # the default, 7, is for work that may be late
    "RestartOnFailure": {"Interval": "PT1M", "Count": "999"},
}

_NOT_IN_PROGRAMS = "\"'\\"
"""What systemd refuses in the path of a program, however it is quoted."""

# Nothing of the system is written, and no right is gained; sound cards, the network and people's folders stay open.
_HARDENING_SYSTEM = (
    "NoNewPrivileges=yes",
    "ProtectSystem=full",
    "ProtectClock=yes",
    "ProtectControlGroups=yes",
    "ProtectHostname=yes",
    "ProtectKernelLogs=yes",
    "ProtectKernelModules=yes",
    "ProtectKernelTunables=yes",
    "LockPersonality=yes",
    "RestrictNamespaces=yes",
    "RestrictSUIDSGID=yes",
)
_HARDENING_USER = ("NoNewPrivileges=yes", "LockPersonality=yes")  # a user's systemd may not be able to do more


def system_unit(python: str, folder: str, user: str | None = None, groups: Sequence[str] = ()) -> str:
    """The unit of a whole computer, run as `user` (None: root) with `groups` beside the user's own.

    Raises InputError for a path that systemd cannot express.
    """
    who = [f"User={user}"] if user is not None else []
    who += [f"SupplementaryGroups={' '.join(groups)}"] if groups else []
    own = (*who, *_HARDENING_SYSTEM, f"ReadWritePaths={_quoted(folder)}")
    return _unit(python, folder, own, wanted_by="multi-user.target")


def user_unit(python: str, folder: str, *, enabled_linger: bool) -> str:
    """The unit of one person; it notes whether that person's lingering was enabled for it, so that it can be undone."""
    noted = f"\n[X-Broadcaster]\nEnabledLinger={'yes' if enabled_linger else 'no'}\n"
    return _unit(python, folder, _HARDENING_USER, wanted_by="default.target") + noted


def has_enabled_linger(unit: str) -> bool:
    """Whether `user_unit` noted that lingering was enabled for this unit."""
    return "\nEnabledLinger=yes\n" in unit


def task(python: str, folder: str, user: str, *, at_boot: bool) -> bytes:
    """The task as XML in UTF-16, which schtasks wants: at boot, nobody signed in; else when `user` signs in."""
    kind = "BootTrigger" if at_boot else "LogonTrigger"
    trigger = {"Enabled": "true"} if at_boot else {"Enabled": "true", "UserId": user}
    root = ElementTree.Element("Task", {"version": "1.2", "xmlns": _TASK_SCHEMA})
    _add(root, {"RegistrationInfo": {"Description": _DESCRIPTION}, "Triggers": {kind: trigger}})
    principal = ElementTree.SubElement(ElementTree.SubElement(root, "Principals"), "Principal", {"id": "Author"})
    # S4U runs as the user without a stored password; it, like a boot trigger, takes an administrator to set up.
    logon = "S4U" if at_boot else "InteractiveToken"
    _add(principal, {"UserId": user, "LogonType": logon, "RunLevel": "LeastPrivilege"})
    _add(root, {"Settings": _TASK_SETTINGS})
    actions = ElementTree.SubElement(root, "Actions", {"Context": "Author"})
    _add(actions, {"Exec": {"Command": python, "Arguments": " ".join(ARGUMENTS), "WorkingDirectory": folder}})
    ElementTree.indent(root)
    content: bytes = ElementTree.tostring(root, encoding="utf-16", xml_declaration=True)
    return content


def _unit(python: str, folder: str, own: Sequence[str], *, wanted_by: str) -> str:
    for path, refused in ((python, _NOT_IN_PROGRAMS), (folder, "")):
        if not path.isprintable() or path.endswith("\\") or set(refused) & set(path):
            raise InputError(
                "A service cannot run from {path}: rename the folder with plain letters.", path=ascii(path)
            )
    own_lines = "\n".join(own)
    return f"""[Unit]
Description={_DESCRIPTION}
Wants=network-online.target
After=network-online.target sound.target time-sync.target

[Service]
Type=exec
ExecStart={_quoted(python)} {" ".join(ARGUMENTS)}
WorkingDirectory={folder.replace("%", "%%")}
Restart=always
RestartSec=10
KillMode=mixed
TimeoutStopSec=20
{own_lines}

[Install]
WantedBy={wanted_by}
"""


def _quoted(path: str) -> str:
    """A path as one word (systemd.syntax(7)). WorkingDirectory takes no quotes, but both read % as their own sign.

    A dollar sign stays as it is: variables are put into arguments, not into the program's path.
    """
    return '"' + path.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%") + '"'


def _add(parent: ElementTree.Element, children: _Tree) -> None:
    for name, content in children.items():
        child = ElementTree.SubElement(parent, name)
        if isinstance(content, str):
            child.text = content
        else:
            _add(child, content)
