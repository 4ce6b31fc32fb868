"""What a small box can tell of itself: temperature and radio signal, from where Linux shows them."""

import re
from dataclasses import dataclass
from pathlib import Path

_WIRELESS = re.compile(r"^\s*\w+:\s+\w+\s+[-\d.]+\s+(-?\d+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Sensors:
    temperature_file: Path = Path("/sys/class/thermal/thermal_zone0/temp")
    wireless_file: Path = Path("/proc/net/wireless")

    def temperature_c(self) -> int | None:
        """In whole degrees; None where there is no sensor."""
        try:
            found = round(int(self.temperature_file.read_text(encoding="ascii")) / 1000)
        except (OSError, ValueError):
            return None
        return found if abs(found) <= 200 else None

    def signal_dbm(self) -> int | None:
        """Of the first wireless network card; None on a cable."""
        try:
            found = _WIRELESS.search(self.wireless_file.read_text(encoding="ascii"))
        except (OSError, ValueError):
            return None
        return int(found[1]) if found is not None and -200 <= int(found[1]) <= 0 else None
