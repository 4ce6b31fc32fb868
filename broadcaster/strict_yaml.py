"""YAML as people write it, read strictly: every error names the file and the line and says what to do.

Plain data only (no tags), no key twice, no NaN, no bombs of aliases, and no unquoted 17:00, which YAML 1.1 reads
as the number 1020. Models refuse keys they do not know and name the nearest one they do.
"""

import difflib
import math
from collections.abc import Hashable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, NoReturn, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from broadcaster.errors import BroadcasterError, InputError

MAX_BYTES = 20_000_000
_MAX_DEPTH = 20
_MAX_NODES = 2_000_000

_MERGE_TAG = "tag:yaml.org,2002:merge"
_PLAIN_TAGS = ("tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")

Place = tuple[str | int, ...]


def problem(message: str, /, **values: object) -> PydanticCustomError:
    """What a validator raises: told in the reader's language like any other error. A value `key` names a bad key."""
    return PydanticCustomError("problem", "{told}", {"told": InputError(message, **values)})


# What pydantic itself finds, in words for people who write YAML; what stands in no row is told in its own English.
_FOUND_BY_PYDANTIC = {
    "missing": "this is missing",
    "string_type": "write a text here, in quotes if it looks like a number",
    "string_too_short": "write something here",
    "string_too_long": "write at most {max_length} characters",
    "int_type": "write a whole number",
    "int_parsing": "write a whole number",
    "int_from_float": "write a whole number",
    "float_type": "write a number",
    "float_parsing": "write a number",
    "bool_type": "write true or false",
    "bool_parsing": "write true or false",
    "list_type": "write a list here, for example [a, b]",
    "dict_type": "write name: value lines here",
    "model_type": "write name: value lines here",
    "too_short": "name at least {min_length}",
    "enum": "write one of: {expected}",
    "literal_error": "write one of: {expected}",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "date_type": "write a date, for example 2026-12-31",
    "date_from_datetime_parsing": "write a date, for example 2026-12-31",
    "datetime_type": "write a date and time, for example 2026-12-31T23:59:00+07:00",
    "datetime_from_date_parsing": "write a date and time, for example 2026-12-31T23:59:00+07:00",
    "datetime_parsing": "write a date and time, for example 2026-12-31T23:59:00+07:00",
}


class Strict(BaseModel):
    """A model that refuses unknown keys, with the nearest known one named."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown_keys(cls, data: Any) -> Any:
        if isinstance(data, Mapping):
            known = [field.alias or name for name, field in cls.model_fields.items()]
            for key in data:
                if key not in known:
                    near = difflib.get_close_matches(str(key), known, 1)
                    if near:
                        raise problem("unknown key {key}. Did you mean {near}?", key=key, near=near[0])
                    raise problem("unknown key {key}. Known: {known}.", key=key, known=", ".join(known))
        return data


Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Document:
    """The data of one file, with the line on which each part of it stands."""

    name: str
    data: Any
    lines: Mapping[Place, int] = field(repr=False)

    def line_of(self, place: Place) -> int:
        """The line of a part, or of the nearest part around it."""
        while place not in self.lines and place:
            place = place[:-1]
        return self.lines.get(place, 1)

    def validate(self, model: type[Model]) -> Model:
        """The data as a model. Raises InputError with every fault found, one a line."""
        try:
            return model.model_validate(self.data)
        except ValidationError as error:
            faults = [self._fault(fault) for fault in error.errors(include_url=False)]
            raise InputError("{faults}", faults=faults[:20]) from error

    def _fault(self, fault: ErrorDetails) -> InputError:
        found = _problem(fault)
        place = tuple(part for part in fault["loc"] if not str(part).startswith("function-"))
        if "key" in found.values:
            place = (*place, str(found.values["key"]))
        where = ".".join(str(part) for part in place)
        if not self.lines and not where:
            return InputError("{file}: {problem}", file=self.name, problem=found)
        if not self.lines:
            return InputError("{file}: {where}: {problem}", file=self.name, where=where, problem=found)
        message = "{file}, line {line}: {where}: {problem}"
        return InputError(message, file=self.name, line=self.line_of(place), where=where, problem=found)


def _problem(fault: ErrorDetails) -> BroadcasterError:
    """What is wrong with one value, as an error that can be told in any language."""
    context = fault.get("ctx", {})
    if isinstance(told := context.get("told"), BroadcasterError):
        return told
    if isinstance(error := context.get("error"), Exception) and isinstance(error.__cause__, BroadcasterError):
        return error.__cause__
    if (message := _FOUND_BY_PYDANTIC.get(fault["type"])) is not None:
        return InputError(message, **context)
    return InputError("{problem}", problem=fault["msg"].removeprefix("Value error, "))


def load(path: Path) -> Document:
    """A file as a document. Raises InputError where it cannot be read."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError("{file} is larger than 20 MB. Split it.", file=path)
        return parse(path.read_text(encoding="utf-8-sig"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("{file} cannot be read: {error}", file=path, error=error) from error


def parse(text: str, name: str) -> Document:
    """A text as a document; `name` stands in errors."""
    try:
        with closing(_Loader(text)) as loader:
            builder = _Builder(loader, name)
            node = loader.get_single_node()
            data = builder.build(node, ()) if node is not None else {}
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        # A character that YAML does not take has no mark, only its place in the text.
        line = mark.line + 1 if mark else text.count("\n", 0, getattr(error, "position", 0)) + 1
        problem = getattr(error, "problem", None) or str(error).partition("\n")[0]
        raise InputError(
            "{file}, line {line}: this is not YAML: {problem}", file=name, line=line, problem=problem
        ) from error
    except RecursionError as error:
        raise InputError("{file} is nested too deeply.", file=name) from error
    return Document(name, data, builder.lines)


class _Loader(yaml.SafeLoader):
    def close(self) -> None:
        self.dispose()


class _Builder:
    """Turns YAML nodes into plain data, counting them, so that aliases cannot blow up."""

    def __init__(self, loader: yaml.SafeLoader, name: str) -> None:
        self._loader = loader
        self._name = name
        self._count = 0
        self.lines: dict[Place, int] = {}

    def build(self, node: yaml.Node, place: Place) -> Any:
        self._enter(node, place)
        self.lines[place] = node.start_mark.line + 1
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, place)
        if isinstance(node, yaml.SequenceNode):
            return [self.build(child, (*place, index)) for index, child in enumerate(node.value)]
        return self._scalar(node)

    def _enter(self, node: yaml.Node, place: Place) -> None:
        self._count += 1
        if len(place) > _MAX_DEPTH or self._count > _MAX_NODES:
            self._refuse(node, "nested too deeply, or too large")
        if not isinstance(node, yaml.ScalarNode) and node.tag not in _PLAIN_TAGS:
            self._refuse(node, f"the tag {node.tag} is not allowed")

    def _mapping(self, node: yaml.MappingNode, place: Place) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if key_node.tag == _MERGE_TAG:
                result = self._merged(value_node, place) | result
        own: set[str] = set()
        for key_node, value_node in node.value:
            if key_node.tag == _MERGE_TAG:
                continue
            key = key_node.value
            if not isinstance(key, str):
                self._refuse(key_node, "a key must be a word")
            if key in own:
                self._refuse(key_node, f"{key} stands here twice")
            own.add(key)
            result[key] = self.build(value_node, (*place, key))
            self.lines[(*place, key)] = key_node.start_mark.line + 1
        return result

    def _merged(self, node: yaml.Node, place: Place) -> dict[str, Any]:
        """What `<<` brings in; of several mappings the earlier one counts."""
        result: dict[str, Any] = {}
        for part in node.value if isinstance(node, yaml.SequenceNode) else [node]:
            if not isinstance(part, yaml.MappingNode):
                self._refuse(part, "<< takes a mapping or a list of mappings")
            self._enter(part, place)
            result = self._mapping(part, place) | result
        return result

    def _scalar(self, node: yaml.Node) -> Hashable:
        text = node.value
        if node.tag in {"tag:yaml.org,2002:int", "tag:yaml.org,2002:float"} and ":" in text:
            self._refuse(node, f'YAML reads {text} as a number. Put the time in quotes: "{text}"')
        if not node.tag.startswith("tag:yaml.org,2002:") or node.tag.endswith((":binary", ":python")):
            self._refuse(node, f"the tag {node.tag} is not allowed")
        try:
            value: Hashable = self._loader.construct_object(node)
        except (ValueError, OverflowError, KeyError, AttributeError) as error:  # 2026-02-30, 5,000 digits, !!bool maybe
            self._refuse(node, f"{text[:40]} cannot be read: {error}")
        if isinstance(value, float) and not math.isfinite(value):
            self._refuse(node, f"{text} is not a number that can be used")
        return value

    def _refuse(self, node: yaml.Node, problem: str) -> NoReturn:
        line = node.start_mark.line + 1
        raise InputError("{file}, line {line}: {problem}.", file=self._name, line=line, problem=problem)
