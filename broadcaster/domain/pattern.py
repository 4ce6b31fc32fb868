"""A pattern: a bulletin to start from, with fields to fill, the rules for them, and the facts it rests on.

In its text `{name}` stands for a field; `{commune}` and `{hotline}` stay for the submission to fill. What stands in
square brackets is left out when one of its fields is empty.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum

from broadcaster.domain.bulletin import Field, Placeholder, Priority, normalised
from broadcaster.domain.timetable import local_time
from broadcaster.errors import InputError

_NAMED = re.compile(r"\{([^{}]*)\}")
_NAMED_AND_STOP = re.compile(r"\{([^{}]*)\}(\.?)")
_PART = re.compile(r"\[([^\[\]]*)\]")
_SIGNS = re.compile(r"[{}\[\]]")
_DATE = re.compile(r"(?P<day>\d{1,2})[/.-](?P<month>\d{1,2})[/.-](?P<year>\d{4})")
_HOUR = re.compile(r"(?P<hour>\d{1,2}) ?(?:[hHgG:]|giờ) ?(?P<minute>\d{2})?")

Value = str | int | date | time


class FieldKind(StrEnum):
    TEXT = "text"
    NUMBER = "number"
    MONEY = "money"
    DATE = "date"
    TIME = "time"
    CHOICE = "choice"


@dataclass(frozen=True, slots=True)
class PatternField:
    """What is to be filled in, and its rules; `label`, `example` and each of `choices` are by language.

    `min` and `max` are for numbers, and for money in đồng. A date lies not before today unless `past`, which is then
    not after today. `after` names the field of the same kind that lies before this one.
    """

    name: str
    kind: FieldKind
    label: Mapping[str, str]
    example: Mapping[str, str]
    required: bool = True
    max_characters: int = 200
    min: int | None = None
    max: int | None = None
    past: bool = False
    after: str | None = None
    choices: Mapping[str, Mapping[str, str]] | None = None

    def value(self, given: str, today: date) -> Value:
        """What was given as a value of this kind. Raises InputError that names the field and its rule."""
        text = " ".join(normalised(given).split())
        if self.kind is FieldKind.DATE:
            return self._date(text, today)
        if self.kind is FieldKind.TIME:
            return self._time(text)
        if self.kind is FieldKind.CHOICE:
            return self._choice(text)
        if self.kind is FieldKind.TEXT:
            return self._text(text)
        return self._number(text)

    def _text(self, text: str) -> str:
        if _SIGNS.search(text):
            raise InputError("{field}: write it without braces and square brackets.", field=self.name)
        if len(text) > self.max_characters:
            raise InputError("{field}: write at most {limit} characters.", field=self.name, limit=self.max_characters)
        return text

    def _number(self, text: str) -> int:
        figures = re.sub(r"(?<=\d)[. ](?=\d{3}(?!\d))", "", text.removesuffix("đ").removesuffix("đồng").strip())
        if not re.fullmatch(r"[0-9]{1,12}", figures):
            raise InputError("{field}: write a whole number; {text} is none.", field=self.name, text=text[:40])
        number = int(figures)
        if self.min is not None and number < self.min:
            raise InputError("{field}: {number} is less than {min}.", field=self.name, number=number, min=self.min)
        if self.max is not None and number > self.max:
            raise InputError("{field}: {number} is more than {max}.", field=self.name, number=number, max=self.max)
        return number

    def _date(self, text: str, today: date) -> date:
        found = _DATE.fullmatch(text)
        try:
            day = (
                date(int(found["year"]), int(found["month"]), int(found["day"])) if found else date.fromisoformat(text)
            )
        except ValueError as error:
            raise InputError(
                "{field}: write a date, for example 31/12/2026; {text} is none.", field=self.name, text=text[:40]
            ) from error
        if self.past and day > today:
            raise InputError("{field}: {date} is still to come.", field=self.name, date=day.isoformat())
        if not self.past and day < today:
            raise InputError("{field}: {date} is over.", field=self.name, date=day.isoformat())
        return day

    def _time(self, text: str) -> time:
        found = _HOUR.fullmatch(text)
        try:
            return local_time(f"{int(found['hour']):02}:{found['minute'] or '00'}" if found else text)
        except InputError as error:
            raise InputError(
                "{field}: write a time, for example 7:30; {text} is none.", field=self.name, text=text[:40]
            ) from error

    def _choice(self, text: str) -> str:
        choices = self.choices or {}
        for name, says in choices.items():
            if text == name or text in says.values():
                return name
        raise InputError(
            "{field}: {text} is not to be chosen. Choose one of: {choices}.",
            field=self.name, text=text[:40], choices=", ".join(choices),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fact:
    """What a pattern states: who said so, and when (a year, a month or a day; None where that is not known)."""

    says: str
    source: str
    dated: str | None = None


@dataclass(frozen=True, slots=True)
class Version:
    """A pattern in one language."""

    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Expiry:
    """The bulletin expires on the date in one field, at the time in another, or at the end of that day."""

    date: str
    time: str | None = None


@dataclass(frozen=True, slots=True)
class Pattern:
    """`title` and `about` are by language of the person who chooses, `versions` by language of the bulletin."""

    id: str
    title: Mapping[str, str]
    about: Mapping[str, str]
    field: Field
    priority: Priority
    fields: tuple[PatternField, ...]
    facts: tuple[Fact, ...]
    versions: Mapping[str, Version]
    expires: Expiry | None = None
    template: str | None = None

    def __post_init__(self) -> None:
        """Raises InputError where fields and texts do not fit together."""
        known = {field.name: field for field in self.fields}
        for field in self.fields:
            if field.name in set(Placeholder):
                raise InputError("The field {field} has the name of a placeholder.", field=field.name)
            if field.after is not None and (field.after not in known or known[field.after].kind is not field.kind):
                raise InputError("{field} comes after {other}, which is no such field.", field=field.name,
                                 other=field.after)  # fmt: skip
        for name, kind in (
            ((self.expires.date, FieldKind.DATE), (self.expires.time, FieldKind.TIME)) if self.expires else ()
        ):
            if name is not None and (name not in known or known[name].kind is not kind or not known[name].required):
                raise InputError("The expiry needs the field {field}, which is no such field.", field=name)
        for language, version in self.versions.items():
            self._check(version.text, known)
            for field in self.fields:
                if field.kind is FieldKind.CHOICE and not all(says.get(language) for says in _choices(field)):
                    raise InputError(
                        "{field}: a choice has no words in {language}.", field=field.name, language=language
                    )

    def _check(self, text: str, known: Mapping[str, PatternField]) -> None:
        unbracketed = _PART.sub("", text)
        if re.search(r"[\[\]]", unbracketed) or re.search(r"[{}]", _NAMED.sub("", text)):
            raise InputError("A bracket or brace is not closed, or stands inside another: {text}", text=text[:80])
        names = set(_NAMED.findall(text))
        always = set(_NAMED.findall(unbracketed))
        for name in sorted(names - set(Placeholder) - set(known)):
            raise InputError("The text names {field}, which is no field.", field=name)
        for field in known.values():
            if field.name not in names:
                raise InputError("The field {field} stands in no text of some language.", field=field.name)
            if not field.required and field.name in always:
                raise InputError("The field {field} may be empty: put its part in square brackets.", field=field.name)

    def values(self, given: Mapping[str, str], today: date) -> dict[str, Value]:
        """What was given, as values by field; empty ones are left out. Raises InputError, one line a field."""
        values: dict[str, Value] = {}
        faults = [
            InputError("There is no field {field}. Fields: {fields}.", field=name,
                       fields=", ".join(field.name for field in self.fields) or "-")
            for name in given if name not in {field.name for field in self.fields}
        ]  # fmt: skip
        for field in self.fields:
            text = given.get(field.name, "").strip()
            if not text:
                if field.required:
                    faults.append(InputError("{field} is missing.", field=field.name))
                continue
            try:
                values[field.name] = field.value(text, today)
            except InputError as fault:
                faults.append(fault)
        faults += self._out_of_order(values)
        if faults:
            raise InputError("{faults}", faults=faults)
        return values

    def _out_of_order(self, values: Mapping[str, Value]) -> Sequence[InputError]:
        pairs = [(field.name, field.after) for field in self.fields if field.after is not None]
        return [
            InputError("{field} must come after {other}.", field=name, other=other)
            for name, other in pairs
            if name in values and other in values and not _is_later(values[name], values[other])
        ]

    def filled(self, language: str, written: Mapping[str, str]) -> Version:
        """Title and text with each field as it is `written`; a value is never searched for fields again."""
        version = self.version(language)
        whole = _PART.sub(lambda part: part[1] if set(_NAMED.findall(part[1])) <= {*written, *Placeholder} else "",
                          version.text)  # fmt: skip

        def said(name: re.Match[str]) -> str:
            if name[1] in set(Placeholder):
                return name[0]
            value = written[name[1]]
            return value if value.endswith((".", "!", "?")) else value + name[2]  # never two full stops

        text = _NAMED_AND_STOP.sub(said, whole)
        return Version(version.title, normalised(re.sub(r" +(?=\n|$)| +(?= )", "", text)))

    def version(self, language: str) -> Version:
        """Raises InputError where there is none in that language."""
        if language not in self.versions:
            raise InputError(
                "The pattern {pattern} is not written in {language}. Languages: {languages}.",
                pattern=self.id, language=language, languages=", ".join(self.versions),
            )  # fmt: skip
        return self.versions[language]

    def expires_at(self, values: Mapping[str, Value]) -> datetime | None:
        """The local moment, without a zone, after which a bulletin filled so says nothing that matters."""
        if self.expires is None:
            return None
        day = values[self.expires.date]
        at = values[self.expires.time] if self.expires.time else time(23, 59, 59)
        assert isinstance(day, date)
        assert isinstance(at, time)
        return datetime.combine(day, at)


def _choices(field: PatternField) -> Sequence[Mapping[str, str]]:
    """The words of each choice; a field without any is told like a choice that lacks them."""
    return tuple((field.choices or {"": {}}).values())


def _is_later(value: Value, other: Value) -> bool:
    """Whether a value comes after another of its kind; words have no order."""
    return not isinstance(value, str) and not isinstance(other, str) and value > other  # type: ignore[operator]
