"""The one seam to the time of day. Only cli, jobs and the loudspeaker read it; everything else takes `now`."""

from datetime import UTC, datetime


def now() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(UTC)
