"""A real Mosquitto on loopback, for tests that are skipped where there is none."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from benchmarks import mosquitto as real
from benchmarks.mosquitto import free_port
from broadcaster.orders.topics import Device

__all__ = ["Mosquitto", "free_port", "program"]


def program() -> str:
    """Where Mosquitto is. Skips where it is missing."""
    found = real.program()
    if found is None:
        pytest.skip("The program mosquitto is missing. On Debian or Ubuntu: sudo apt install mosquitto")
    return found


class Mosquitto(real.Mosquitto):
    """Started when made. `devices`: of each its password in the form that Mosquitto keeps.

    With a `port`, the files for it lie in the folder already.
    """

    def __init__(
        self, folder: Path, server_password: str = "", devices: Mapping[Device, str] | None = None, port: int = 0
    ) -> None:
        super().__init__(program(), folder, server_password, devices, port)
