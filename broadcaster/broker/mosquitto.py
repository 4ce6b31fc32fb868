"""What Mosquitto (2.0 or newer) needs to let in the server and every loudspeaker, and nobody any further.

Source: mosquitto.conf(5).
"""

from collections.abc import Mapping
from pathlib import Path

from broadcaster import files
from broadcaster.broker.access import MOST_BYTES
from broadcaster.broker.passwords import hashed
from broadcaster.broker.secret import SERVER_USER
from broadcaster.orders.topics import Device, Part, everyone

PASSWORDS, ACCESS, SETTINGS = "broadcaster.passwords", "broadcaster.acl", "broadcaster.conf"
_ROUNDS = 101  # as mosquitto_passwd: the password is 32 random bytes, which no number of rounds makes safer

_SETTINGS = f"""\
# Written once by `broadcaster broker-config`, and yours from then on. In mosquitto.conf: include_dir {{folder}}
listener {{port}} {{host}}
# For whatever lies beyond this computer:
#certfile /etc/mosquitto/certs/fullchain.pem
#keyfile /etc/mosquitto/certs/privkey.pem
# A name and its connection are one, so that nobody pushes another one out, or takes over what was kept for it. This
# holds for the listener above it: each listener needs it.
use_username_as_clientid true
allow_anonymous false
password_file {{folder}}/{PASSWORDS}
acl_file {{folder}}/{ACCESS}
max_packet_size {MOST_BYTES}
# What loudspeakers say while the server is away is kept for it; with `persistence true` over restarts too.
max_queued_messages 20000
max_inflight_messages 200
queue_qos0_messages false
sys_interval 0
"""


def passwords(server_password: str, devices: Mapping[Device, str]) -> str:
    """The password file. `devices`: of each the hash of its password, as `passwords.hashed` gives it."""
    lines = [f"{SERVER_USER}:{hashed(server_password, _ROUNDS)}"]
    lines += [f"{device.user}:{devices[device]}" for device in sorted(devices)]
    return "\n".join(lines) + "\n"


def access(devices: Mapping[Device, str]) -> str:
    """The access list. A topic that stands nowhere in it is nobody's: neither a rule for all nor a pattern is given."""
    blocks = [
        f"user {SERVER_USER}\n"
        f"topic write {everyone(Part.ORDER)}\n"
        f"topic read {everyone(Part.REPORT)}\n"
        f"topic read {everyone(Part.STATE)}\n"
    ]
    blocks += [
        f"user {device.user}\n"
        f"topic read {device.topic(Part.ORDER)}\n"
        f"topic write {device.topic(Part.REPORT)}\n"
        f"topic write {device.topic(Part.STATE)}\n"
        for device in sorted(devices)
    ]
    return "\n".join(blocks)


def write(folder: Path, server_password: str, devices: Mapping[Device, str], *, host: str, port: int) -> list[Path]:
    """Write the passwords and the access list anew, which Mosquitto reads at SIGHUP, and its settings where there are
    none; the files that were written. Raises OSError."""
    contents = {PASSWORDS: passwords(server_password, devices), ACCESS: access(devices)}
    if not (folder / SETTINGS).exists():
        contents[SETTINGS] = _SETTINGS.format(folder=folder.absolute(), host=host, port=port)
    for name, content in contents.items():
        files.write(folder / name, content.encode(), is_private=name != SETTINGS)
    return [folder / name for name in contents]
