"""Loudspeakers of this computer itself: `serve` runs each folder in `<data>/loudspeakers` as a process of its own."""

import sys
from datetime import datetime
from pathlib import Path

from broadcaster import application, files
from broadcaster.application import Application
from broadcaster.orders.topics import Device
from broadcaster.player.names import CODE, IDENTITY, SETTINGS
from broadcaster.services import samples


def commands(built: Application) -> dict[str, list[str]]:
    """What to start for each, by user name."""
    return {
        folder.name: [
            sys.executable, "-m", "broadcaster.player", "run", "--folder", str(folder), "--until-stdin-closes"
        ]
        for folder in sorted(_home(built).glob("*.*"))
        if (folder / IDENTITY).exists() or (folder / CODE).exists()
    }  # fmt: skip


def make_samples(built: Application, now: datetime) -> None:
    """A loudspeaker without a sound for each sample station, ready to enrol as soon as the door is open."""

    def is_ready(device: Device) -> bool:
        return (_home(built) / device.user / IDENTITY).exists()

    for device, code in samples.codes(built.store, application.os_user(), now, is_ready).items():
        folder = _home(built) / device.user
        folder.mkdir(parents=True, exist_ok=True)
        files.write(folder / SETTINGS, b"sink: none\n")
        files.write(folder / CODE, f"{built.config.door.url} {code}\n".encode(), is_private=True)


def _home(built: Application) -> Path:
    return built.config.data_folder.absolute() / "loudspeakers"
