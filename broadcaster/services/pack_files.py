"""A pack on a stick: written beside, flushed, and there at once by one renaming, or not at all.

    <stick>/<station>-<id>/README.txt, keys.json, plan.csv, plan-<YYYY-MM-DD>.m3u8, <sha256>.mp3
                           <number>.order.json, <loudspeaker>.<n>.ack.json, keys-<version>.json
    <stick>/receipts/      what loudspeakers leave; no pack touches it

The pack before goes when the new one is there. Should a power cut leave both, a loudspeaker reads both: the number of
each order decides.
"""

import hashlib
import re
import shutil
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from broadcaster import files
from broadcaster.connectors.folder_plan import Line, playlist, table
from broadcaster.errors import BroadcasterError, InputError
from broadcaster.words import Words

ACK_SUFFIX = ".ack.json"
KEYS_NAME = "keys.json"

_MARGIN_BYTES = 10_000_000
_CLUSTER_BYTES = 32_768
"""A small file takes so much of a stick."""


class PackError(BroadcasterError):
    """A pack was not written, and what is on the stick is what was there before."""


@dataclass(frozen=True, slots=True)
class Pack:
    """`clips`: file name -> the clip on this computer and its SHA-256. `envelopes`: file name -> what was signed."""

    id: str
    station: str
    commune: str
    timezone: str
    made_at: datetime
    until: datetime
    lines: Sequence[Line]
    clips: Mapping[str, tuple[Path, str]]
    envelopes: Mapping[str, bytes]

    @property
    def name(self) -> str:
        return f"{self.station}-{self.id}"

    def small_files(self) -> Iterator[tuple[str, bytes]]:
        """Everything but the clips. Envelopes come after what they need, should somebody read too early."""
        yield "README.txt", _readme(self).encode("utf-8-sig")
        yield "plan.csv", table(self.lines)
        zone, days = ZoneInfo(self.timezone), defaultdict(list)
        for each in self.lines:
            days[f"{each.start.astimezone(zone):%Y-%m-%d}"].append(each)
        for day, lines in sorted(days.items()):
            yield f"plan-{day}.m3u8", playlist(lines)
        yield from self.envelopes.items()


def require_room(pack: Pack, folder: Path) -> None:
    """Raise InputError where the folder is not there, PackError where the stick lacks room for one more pack."""
    if not folder.is_dir():
        raise InputError("There is no folder {folder}. Is the stick in?", folder=folder)
    try:
        needed = sum(path.stat().st_size + _CLUSTER_BYTES for path, _ in pack.clips.values()) + _MARGIN_BYTES
        needed += sum(len(data) + _CLUSTER_BYTES for _, data in pack.small_files())
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise PackError("The pack cannot be written to {folder}: {error}", folder=folder, error=error) from error
    if free < needed:
        raise PackError(
            "The pack needs {needed} MB; {folder} has {free} MB left.",
            needed=-(-needed // 1_000_000), free=free // 1_000_000, folder=folder,
        )  # fmt: skip


def write(pack: Pack, folder: Path) -> Path:
    """Write a pack and remove those of its station before it; where it lies now. Raises PackError."""
    part, target = folder / f".{pack.name}.part", folder / pack.name
    try:
        try:
            part.mkdir()
            for name, (path, sha256) in pack.clips.items():
                files.write(part / name, _clip(path, sha256))
            for name, data in pack.small_files():
                files.write(part / name, data)
            files.settle(part)
            _require_whole(part, pack)
            part.rename(target)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise
        files.settle(folder)
        _remove_others(pack, folder)
    except OSError as error:
        raise PackError("The pack cannot be written to {folder}: {error}", folder=folder, error=error) from error
    return target


def name_pattern(station: str) -> re.Pattern[str]:
    """The names of the packs of a station."""
    return re.compile(rf"{re.escape(station)}-[0-9A-HJKMNP-TV-Z]{{26}}")


def _clip(path: Path, sha256: str) -> bytes:
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != sha256:
        raise PackError("The clip {clip} is not what was approved.", clip=path.name)
    return data


def _require_whole(part: Path, pack: Pack) -> None:
    """Somebody else who packs onto the same stick may have taken it for a leftover."""
    wanted = {*pack.clips, *(name for name, _ in pack.small_files())}
    if {path.name for path in part.iterdir()} != wanted:
        raise PackError("Somebody else writes to {folder}; try again.", folder=part.parent)


def _remove_others(pack: Pack, folder: Path) -> None:
    """What is left of another pack of the station, whole or not: never what a link leads to."""
    pattern = name_pattern(pack.station)
    for path in folder.iterdir():
        plain = path.name.removeprefix(".").removesuffix(".part")
        if pattern.fullmatch(plain) and path.name != pack.name and path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)


def _readme(pack: Pack) -> str:
    """For the person who carries the stick, in Vietnamese."""
    words, zone = Words("vi"), ZoneInfo(pack.timezone)
    made, until = (f"{moment.astimezone(zone):%H:%M %d/%m/%Y}" for moment in (pack.made_at, pack.until))
    lines = [
        words("Bulletins for the station {station}", station=pack.station),
        "",
        words("Made at {made}, for what airs until {until}.", made=made, until=until),
        "",
        words("1. Put the stick into the loudspeaker. It takes the orders and clips by itself; leave it in."),
        words("2. plan.csv says what sounds when. The files plan-*.m3u8 are for a player that you start by hand."),
        words("3. Bring the stick back for the next pack: in its folder receipts stands what was played."),
        words("4. Do not change or rename anything: what was changed is not played."),
        words("5. If a bulletin is stopped in the meantime, bring a new pack: nothing else tells the loudspeaker."),
    ]
    return "\r\n".join(lines) + "\r\n"
