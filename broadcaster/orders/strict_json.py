"""JSON from outside, read strictly: one object, no key twice, no NaN, no number that two programs read differently.

Numbers have no exponent, at most 15 figures before and 3 behind the point; only whole ones may be negative.
"""

import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum
from typing import NoReturn, TypeVar

from broadcaster.errors import BroadcasterError

Member = TypeVar("Member", bound=StrEnum)

ID = re.compile(r"[A-Za-z0-9-]{2,64}")
SHA256 = re.compile(r"[0-9a-f]{64}")
ULID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")
BIGGEST = 2**53 - 1
"""The largest whole number that every JSON reader keeps exact."""

_MOMENT = re.compile(r"2[0-9]{3}-(?:0[1-9]|1[0-2])-[0-3][0-9]T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\.[0-9]{3}Z")
_DECIMAL = re.compile(r"[0-9]{1,15}\.[0-9]{1,3}")
_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,15}")


class MalformedError(BroadcasterError):
    """What came from outside is not written as `docs/orders.md` describes it."""


class Fields:
    """The keys of one JSON object, each taken once and checked; `end` refuses those that nobody asked for."""

    def __init__(self, value: object, where: str = "") -> None:
        if not isinstance(value, dict):
            _refuse(where or "JSON")
        self._left: dict[str, object] = dict(value)
        self._where = where

    def has(self, name: str) -> bool:
        """Whether a key is there; for what older versions did not write."""
        return name in self._left

    def is_null(self, name: str) -> bool:
        """Whether a key, which must be there, is null; then it is taken."""
        value = self._take(name)
        if value is not None:
            self._left[name] = value
        return value is None

    def text(self, name: str, pattern: re.Pattern[str]) -> str:
        value = self._take(name)
        if not isinstance(value, str) or not pattern.fullmatch(value):
            self.refuse(name)
        return value

    def any_text(self, name: str) -> str:
        value = self._take(name)
        return value if isinstance(value, str) else self.refuse(name)

    def integer(self, name: str, low: int, high: int) -> int:
        value = self._take(name)
        if type(value) is not int or not low <= value <= high:  # a bool is an int too
            self.refuse(name)
        return value

    def optional_integer(self, name: str, farthest: int) -> int | None:
        """A whole number from -`farthest` to `farthest`, or null."""
        return None if self.is_null(name) else self.integer(name, -farthest, farthest)

    def number(self, name: str, low: float, high: float) -> float:
        """A whole number or one with up to three decimals."""
        value = self._take(name)
        if type(value) not in {int, float} or not low <= (found := float(value)) <= high:  # type: ignore[arg-type]
            self.refuse(name)
        return found

    def flag(self, name: str) -> bool:
        value = self._take(name)
        return value if isinstance(value, bool) else self.refuse(name)

    def moment(self, name: str) -> datetime:
        """A moment in UTC to the millisecond, in the one form `2026-11-23T10:00:00.000Z`."""
        text = self.text(name, _MOMENT)
        try:
            return datetime.fromisoformat(text)
        except ValueError:  # the 31st of February
            return self.refuse(name)

    def member(self, name: str, kind: type[Member]) -> Member:
        text = self.any_text(name)
        return kind(text) if text in set(kind) else self.refuse(name)

    def texts(self, name: str, pattern: re.Pattern[str], low: int, high: int) -> tuple[str, ...]:
        """A list of so many different texts."""
        values = self._list(name, low, high)
        found = [value for value in values if isinstance(value, str) and pattern.fullmatch(value)]
        if len(found) != len(values) or len(set(found)) != len(found):
            self.refuse(name)
        return tuple(found)

    def integers(self, name: str, low: int, high: int) -> tuple[int, ...]:
        """A list of whole numbers."""
        values = self._list(name, 0, 1024)
        found = tuple(value for value in values if type(value) is int and low <= value <= high)
        self.require(len(found) == len(values), name)
        return found

    def inner(self, name: str) -> "Fields":
        return Fields(self._take(name), self._path(name))

    def objects(self, name: str, low: int, high: int) -> list["Fields"]:
        return [Fields(value, self._path(name)) for value in self._list(name, low, high)]

    def items(self, name: str) -> list[tuple[str, object]]:
        """The keys and values of an inner object whose keys are ids."""
        value = self._take(name)
        if not isinstance(value, dict):
            self.refuse(name)
        return list(value.items())

    def end(self) -> None:
        """Refuse what is left over."""
        for name in self._left:
            self.refuse(name)

    def require(self, is_right: bool, name: str) -> None:
        """Refuse a key whose value does not go together with the others."""
        if not is_right:
            self.refuse(name)

    def refuse(self, name: str) -> NoReturn:
        _refuse(self._path(name))

    def _take(self, name: str) -> object:
        if name not in self._left:
            self.refuse(name)
        return self._left.pop(name)

    def _list(self, name: str, low: int, high: int) -> list[object]:
        value = self._take(name)
        if not isinstance(value, list) or not low <= len(value) <= high:
            self.refuse(name)
        return value

    def _path(self, name: str) -> str:
        return f"{self._where}.{name}" if self._where else name


def read(data: bytes) -> Fields:
    """One JSON object in UTF-8 without a byte order mark. Raises MalformedError, and nothing else."""
    try:
        value = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_object,
            parse_float=_decimal,
            parse_int=_integer,
            parse_constant=_refuse,
        )
    except (ValueError, RecursionError) as error:
        raise MalformedError("This is no JSON in UTF-8: {error}", error=str(error)[:100]) from error
    return Fields(value)


def moment(at: datetime) -> str:
    """A moment as it is written: UTC, to the millisecond, what is smaller cut off."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"


def whole(at: datetime) -> datetime:
    """A moment as it is read again after it was written."""
    return at.astimezone(UTC).replace(microsecond=at.microsecond // 1000 * 1000)


def number(value: float) -> int | float:
    """A number as it is written: whole without a point, else with at most three decimals."""
    rounded = round(value, 3)
    return int(rounded) if rounded == int(rounded) else rounded


def _object(pairs: Iterable[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in pairs:
        if name in found:
            _refuse(name)
        found[name] = value
    return found


def _decimal(text: str) -> float:
    return float(text) if _DECIMAL.fullmatch(text) else _refuse(text)


def _integer(text: str) -> int:
    return int(text) if _INTEGER.fullmatch(text) else _refuse(text)


def _refuse(name: str) -> NoReturn:
    raise MalformedError("{field} is not as docs/orders.md describes it.", field=repr(name[:80]))
