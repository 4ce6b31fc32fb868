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
from typing import Any, ClassVar, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from broadcaster.errors import InputError

MAX_BYTES = 20_000_000
_MAX_DEPTH = 20
_MAX_NODES = 2_000_000

Place = tuple[str | int, ...]


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
                    hint = f"Did you mean {near[0]}?" if near else f"Known: {', '.join(known)}."
                    raise PydanticCustomError(
                        "unknown_key", "unknown key {key}. {hint}", {"key": str(key), "hint": hint}
                    )
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
            raise InputError("{faults}", faults="\n".join(faults[:20])) from error

    def _fault(self, fault: ErrorDetails) -> str:
        place = tuple(part for part in fault["loc"] if not str(part).startswith("function-"))
        if fault["type"] == "unknown_key":
            place = (*place, fault["ctx"]["key"])
        where = ".".join(str(part) for part in place)
        message = fault["msg"].removeprefix("Value error, ")
        line = f", line {self.line_of(place)}" if self.lines else ""
        return f"{self.name}{line}: {where}: {message}"


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
        line = mark.line + 1 if mark else 1
        problem = getattr(error, "problem", None) or error
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
        self._count += 1
        if len(place) > _MAX_DEPTH or self._count > _MAX_NODES:
            self._refuse(node, "nested too deeply, or too large")
        self.lines[place] = node.start_mark.line + 1
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, place)
        if isinstance(node, yaml.SequenceNode):
            return [self.build(child, (*place, index)) for index, child in enumerate(node.value)]
        return self._scalar(node)

    def _mapping(self, node: yaml.MappingNode, place: Place) -> dict[str, Any]:
        result: dict[str, Any] = {}
        own: set[str] = set()
        for key_node, value_node in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                for merged in value_node.value if isinstance(value_node, yaml.SequenceNode) else [value_node]:
                    if isinstance(merged, yaml.MappingNode):
                        result = self._mapping(merged, place) | result
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

    def _scalar(self, node: yaml.Node) -> Hashable:
        text = node.value
        if node.tag in {"tag:yaml.org,2002:int", "tag:yaml.org,2002:float"} and ":" in text:
            self._refuse(node, f'YAML reads {text} as a number. Put the time in quotes: "{text}"')
        if not node.tag.startswith("tag:yaml.org,2002:") or node.tag.endswith((":binary", ":python")):
            self._refuse(node, f"the tag {node.tag} is not allowed")
        value: Hashable = self._loader.construct_object(node)
        if isinstance(value, float) and not math.isfinite(value):
            self._refuse(node, f"{text} is not a number that can be used")
        return value

    def _refuse(self, node: yaml.Node, problem: str) -> None:
        line = node.start_mark.line + 1
        raise InputError("{file}, line {line}: {problem}.", file=self._name, line=line, problem=problem)
