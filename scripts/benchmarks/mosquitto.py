"""A real Mosquitto on loopback with the very files that the program writes; it can be killed and started again."""

import os
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path

from broadcaster.broker import mosquitto
from broadcaster.orders.topics import Device

_PATIENCE_S = 20.0


def program() -> str | None:
    """Where Mosquitto is; None where it is missing."""
    return shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


class Mosquitto:
    """Started when made. `devices`: of each its password in the form that Mosquitto keeps.

    With a `port`, the files for it lie in the folder already.
    """

    def __init__(
        self,
        executable: str,
        folder: Path,
        server_password: str = "",
        devices: Mapping[Device, str] | None = None,
        port: int = 0,
    ) -> None:
        self._program = executable
        self.port = port or free_port()
        if not port:
            mosquitto.write(folder, server_password, devices or {}, host="127.0.0.1", port=self.port)
        lines = [f"include_dir {folder}"]
        lines += ["user root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []  # the folder is ours alone
        self._settings = folder / "mosquitto.main"
        self._settings.write_text("\n".join(lines) + "\n")
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Returns once it takes connections."""
        self._process = subprocess.Popen(
            [self._program, "-c", str(self._settings)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        pause = threading.Event()
        for _ in range(int(_PATIENCE_S / 0.01)):
            with socket.socket() as trial:
                if trial.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            assert self._process.poll() is None, "Mosquitto does not take what was written for it."
            pause.wait(0.01)
        raise AssertionError("Mosquitto does not answer.")

    def stop(self) -> None:
        """Killed: nothing is saved, nobody is told."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
