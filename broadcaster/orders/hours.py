"""When a commune's loudspeakers must be quiet, as its server tells them: `timezone` and `quiet_hours`."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from broadcaster.domain.timetable import CommuneTimetable, Window, local_time
from broadcaster.orders.strict_json import Fields

_MAX_WINDOWS = 16


@dataclass(frozen=True, slots=True)
class Hours:
    """`quiet` are windows of local time in `zone`."""

    zone: ZoneInfo
    quiet: tuple[Window, ...] = ()

    def as_fields(self) -> dict[str, object]:
        """Its two keys, as they stand in what is signed, sent and kept."""
        return {
            "timezone": self.zone.key,
            "quiet_hours": [{"start": f"{window.start:%H:%M:%S}", "end": f"{window.end:%H:%M:%S}"}
                            for window in self.quiet],
        }  # fmt: skip


def of_commune(timetable: CommuneTimetable) -> Hours:
    """Those that the planner keeps."""
    return Hours(timetable.zone, () if timetable.quiet_hours is None else (timetable.quiet_hours,))


def read(fields: Fields) -> Hours:
    """Takes the two keys. Raises MalformedError, InputError."""
    return Hours(_zone(fields), tuple(map(_window, fields.objects("quiet_hours", 0, _MAX_WINDOWS))))


def _zone(fields: Fields) -> ZoneInfo:
    try:
        return ZoneInfo(fields.any_text("timezone"))
    except (ZoneInfoNotFoundError, ValueError):
        fields.refuse("timezone")


def _window(fields: Fields) -> Window:
    found = Window(local_time(fields.any_text("start")), local_time(fields.any_text("end")))
    fields.end()
    return found
