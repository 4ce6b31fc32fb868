"""Patterns: found, shown, and filled into the draft of a bulletin."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from importlib import resources
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_date
from babel.numbers import format_decimal
from pydantic import Field as Constraint
from pydantic import StringConstraints, field_validator
from sqlalchemy import select
from sqlalchemy.orm import Session

from broadcaster import strict_yaml
from broadcaster.domain import pattern
from broadcaster.domain.bulletin import Field, Priority
from broadcaster.domain.pattern import Expiry, Fact, FieldKind, Pattern, PatternField, Value
from broadcaster.domain.roles import Actor
from broadcaster.errors import InputError
from broadcaster.reading import read
from broadcaster.services.exchange import BulletinEntry, Code, CommuneEntry, Name, Text
from broadcaster.services.importing import keep_bulletin
from broadcaster.services.permissions import WRITERS
from broadcaster.store.engine import Store
from broadcaster.store.tables import BulletinRow, CommuneRow
from broadcaster.strict_yaml import Strict, problem

ByLanguage = dict[str, Name]
_DATES = {"vi": "EEEE, 'ngày' dd/MM/yyyy", "en": "EEEE, d MMMM yyyy", "bn": "EEEE, d MMMM yyyy"}
_MONEY = {"vi": "{} đồng", "en": "{} dong", "bn": "{} ডং"}
_BENGALI = str.maketrans("0123456789", "০১২৩৪৫৬৭৮৯")
_FILE_KEYS = {"fields", "facts", "versions", "expires"}


class FieldEntry(Strict):
    name: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
    label: ByLanguage
    kind: FieldKind
    example: ByLanguage
    required: bool = True
    max_characters: int = Constraint(200, ge=1, le=2_000)
    min: int | None = None
    max: int | None = None
    past: bool = False
    after: str | None = None
    choices: dict[str, ByLanguage] | None = None


class FactNote(Strict):
    says: Name
    source: Name
    dated: Annotated[str, StringConstraints(pattern=r"^\d{4}(-\d\d(-\d\d)?)?$")] | None = None


class VersionEntry(Strict):
    title: Name
    text: Text


class ExpiryEntry(Strict):
    date: str
    time: str | None = None


class PatternEntry(Strict):
    """One file; its name is the pattern's id."""

    title: ByLanguage
    about: ByLanguage
    field: Field = Field.GENERAL
    priority: Priority = Priority.NORMAL
    template: Code | None = None
    expires: ExpiryEntry | None = None
    fields: list[FieldEntry] = []
    facts: list[FactNote] = []
    versions: dict[str, VersionEntry] = Constraint(min_length=1)

    @field_validator("versions")
    @classmethod
    def _known_languages(cls, value: dict[str, VersionEntry]) -> dict[str, VersionEntry]:
        for language in value:
            try:
                Locale.parse(language)
            except (ValueError, UnknownLocaleError) as error:
                raise problem("{language} is no language: write its ISO 639-1 code", language=language) from error
        return value

    def pattern(self, key: str) -> Pattern:
        return Pattern(
            id=key,
            **self.model_dump(exclude=_FILE_KEYS),
            fields=tuple(PatternField(**field.model_dump()) for field in self.fields),
            facts=tuple(Fact(**fact.model_dump()) for fact in self.facts),
            versions={name: pattern.Version(**version.model_dump()) for name, version in self.versions.items()},
            expires=Expiry(**self.expires.model_dump()) if self.expires else None,
        )


@dataclass(frozen=True, slots=True)
class Filled:
    """A pattern with its fields filled; `expires_at` is in a commune's zone."""

    pattern: Pattern
    language: str
    title: str
    text: str
    expires_at: datetime | None

    def entry(self, bulletin: str, source: str) -> BulletinEntry:
        """The bulletin as `import` takes it. Raises InputError for an id that cannot be one."""
        values = {
            "id": bulletin,
            "title": self.title,
            "language": self.language,
            "field": self.pattern.field,
            "priority": self.pattern.priority,
            "source": source,
            "text": self.text,
            "expires": self.expires_at,
            "template": self.pattern.template,
        }
        return strict_yaml.Document(self.pattern.id, values, {}).validate(BulletinEntry)


def folders(own: Path | None) -> tuple[Path, ...]:
    """Where patterns are looked for: the folder of the settings, then those that come with the program."""
    shipped = Path(str(resources.files("broadcaster"))) / "patterns"
    return (own, shipped) if own is not None else (shipped,)


def all_patterns(places: Sequence[Path]) -> list[Pattern]:
    """Every pattern by id; of two with one id that of the first folder. Raises InputError with file and line."""
    found: dict[str, Path] = {}
    for folder in places:
        for path in folder.glob("*.yaml"):
            found.setdefault(path.stem, path)
    return [_load(path) for _, path in sorted(found.items())]


def find(places: Sequence[Path], key: str) -> Pattern:
    """The pattern `key`. Raises InputError that names those there are."""
    known = sorted({path.stem for folder in places for path in folder.glob("*.yaml")})
    if key not in known:
        raise InputError(
            "There is no pattern {pattern}. Patterns: {patterns}.", pattern=key[:80], patterns=", ".join(known) or "-"
        )
    return _load(next(path for folder in places if (path := folder / f"{key}.yaml").is_file()))


def _load(path: Path) -> Pattern:
    entry = strict_yaml.load(path).validate(PatternEntry)
    try:
        return entry.pattern(path.stem)
    except InputError as error:
        raise InputError("{file}: {problem}", file=path, problem=error) from error


def fill(session: Session | None, chosen: Pattern, language: str, given: Mapping[str, str], now: datetime) -> Filled:
    """The text of a pattern with what was given. Raises InputError, one line for each field that cannot be used.

    Today and the expiry are meant in the communes' own zones; with several, the day that is over everywhere is over.
    """
    chosen.version(language)  # before any field is asked for
    zones = _zones(session)
    values = chosen.values(given, min(now.astimezone(zone).date() for zone in zones))
    kinds = {field.name: field for field in chosen.fields}
    written = {name: _written(kinds[name], value, language) for name, value in values.items()}
    if faults := [fault for name, text in written.items() for fault in _unsaid(name, text, language)]:
        raise InputError("{faults}", faults=faults)
    version = chosen.filled(language, written)
    local = chosen.expires_at(values)
    expires_at = None if local is None else max(local.replace(tzinfo=zone) for zone in zones)
    if expires_at is not None and expires_at <= now:
        raise InputError("The bulletin would have expired already, on {moment}.", moment=f"{local:%Y-%m-%d %H:%M}")
    return Filled(chosen, language, version.title, version.text, expires_at)


def draft(store: Store, filled: Filled, bulletin: str, source: str, actor: Actor, now: datetime) -> None:
    """Make a new bulletin of it, a draft. Raises InputError where there is one of that id already."""
    entry = filled.entry(bulletin, source)
    actor.require(*WRITERS)
    with store.writing() as session:
        if session.get(BulletinRow, entry.id) is not None:
            raise InputError("There is already a bulletin {bulletin}. Choose another id.", bulletin=entry.id)
        keep_bulletin(session, entry, actor, now)


def _zones(session: Session | None) -> list[ZoneInfo]:
    """The zones of all communes; before there are any, that which a commune has by default."""
    names = list(session.scalars(select(CommuneRow.timezone).distinct())) if session is not None else []
    return [ZoneInfo(name) for name in names or [str(CommuneEntry.model_fields["timezone"].default)]]


def _unsaid(name: str, text: str, language: str) -> Iterator[InputError]:
    """What of a value no voice can say: told now, while whoever typed it is still there."""
    for found in read(text, language).problems:
        yield InputError("{field}: {problem}", field=name, problem=InputError(found.message, **found.values))


def said_in(texts: Mapping[str, str], language: str) -> str:
    """A text by language in the one asked for, else in Vietnamese, else in any."""
    return texts.get(language) or texts.get("vi") or next(iter(texts.values()), "")


def _written(field: PatternField, value: Value, language: str) -> str:
    """A value as one writes it in a text of that language."""
    if isinstance(value, time):
        return _time(value, language)
    if isinstance(value, date):
        text = format_date(value, _DATES.get(language, _DATES["en"]), locale=language)
        return text.lower() if language == "vi" else _in_its_figures(text, language)  # it stands inside a sentence
    if isinstance(value, int):
        number = _in_its_figures(format_decimal(value, locale=language), language)
        return _MONEY.get(language, _MONEY["en"]).format(number) if field.kind is FieldKind.MONEY else number
    if field.kind is FieldKind.CHOICE and field.choices:
        return field.choices[value][language]
    return value


def _time(value: time, language: str) -> str:
    if language == "vi":
        return f"{value.hour}h{value.minute:02}" if value.minute else f"{value.hour}h"
    return _in_its_figures(f"{value.hour}:{value.minute:02}", language)


def _in_its_figures(text: str, language: str) -> str:
    """With the digits that the language writes by itself."""
    return text.translate(_BENGALI) if language == "bn" else text
