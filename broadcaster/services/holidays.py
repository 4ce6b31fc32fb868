"""Public holidays by country: from the package `holidays`, with a last good copy for the day it fails."""

import json
import logging
from collections.abc import Iterable, Mapping
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

from broadcaster import files
from broadcaster.config import Config
from broadcaster.errors import BroadcasterError

log = logging.getLogger(__name__)

_YEARS_AHEAD = 2


def is_known(country: str) -> bool:
    """Whether there are holidays for a country (ISO 3166-1 alpha-2)."""
    import holidays  # noqa: PLC0415 - a tenth of a second, and only where holidays are asked for

    return country in holidays.list_supported_countries(include_aliases=False)


@lru_cache(maxsize=64)
def _from_package(country: str, years: tuple[int, ...]) -> frozenset[date]:
    import holidays  # noqa: PLC0415 - see above

    return frozenset(holidays.country_holidays(country, years=years))


def kept_book(config: Config) -> "HolidayBook":
    """The book whose copies lie in the data folder."""
    return HolidayBook(config.data_folder / "holidays")


class HolidayBook:
    """Keeps a copy of what was found in `folder`; without one it only knows what the package says now."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._known: dict[tuple[str, int], frozenset[date]] = {}
        self.faults: dict[str, BroadcasterError] = {}

    def dates(self, entry: Mapping[str, Any] | None, around: date) -> frozenset[date]:
        """The holidays of a commune (`country` and `dates` of the schema) in the years around a date."""
        if not entry:
            return frozenset()
        country = entry.get("country")
        own = frozenset(day if isinstance(day, date) else date.fromisoformat(day) for day in entry.get("dates", ()))
        if country is None:
            return own
        key = (country, around.year)
        if key not in self._known:
            self._known[key] = self._found(country, range(around.year - 1, around.year + _YEARS_AHEAD + 1))
        return self._known[key] | own if own else self._known[key]

    def _found(self, country: str, years: Iterable[int]) -> frozenset[date]:
        try:
            found = _from_package(country, tuple(years))
        except Exception as error:  # whatever is wrong in there, the timetable must go on
            log.exception("The holidays cannot be found; the last copy is used.", extra={"action": "holidays_failed"})
            self.faults[country] = BroadcasterError(
                "The holidays of {country} cannot be found ({error}); the last copy is used.",
                country=country,
                error=error,
            )
            return self._copy(country)
        self._keep(country, found)
        return found

    def _copy(self, country: str) -> frozenset[date]:
        try:
            text = self._file(country).read_text(encoding="utf-8") if self._folder is not None else "[]"
            return frozenset(map(date.fromisoformat, json.loads(text)))
        except (OSError, ValueError, TypeError):
            return frozenset()

    def _keep(self, country: str, found: frozenset[date]) -> None:
        if self._folder is None or found <= self._copy(country):
            return
        try:
            days = sorted(found | self._copy(country))
            files.write(self._file(country), json.dumps([day.isoformat() for day in days]).encode())
        except OSError as error:
            log.warning(
                "A copy of the holidays cannot be kept.", extra={"action": "holidays_unkept", "error": repr(error)}
            )

    def _file(self, country: str) -> Path:
        assert self._folder is not None
        return self._folder / f"{country}.json"
