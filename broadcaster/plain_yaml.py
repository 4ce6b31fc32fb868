"""YAML for people to read and edit: what `strict_yaml` reads back as the same values, and other programs too.

Entries have a line for each key, short lists and windows stand on one line, texts of several lines as they are.
"""

import re
import sys
from datetime import datetime
from typing import Any

import yaml

_LONGEST_LINE = 100  # characters of a list or mapping that stays on one line
_ENTRY_DEPTH = 2  # part -> list -> entry
_TOO_LONG = 1_000_000
_TEXT = "tag:yaml.org,2002:str"
# What YAML does not take as it is, or takes for an end of line.
_NEEDS_ESCAPES = re.compile("[^\t\n -~\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
# Read as a number or a date by one YAML or another: 123, 1e5, 0o17, 2026-11-23, 17:00; 1900 0000.
_LIKE_A_NUMBER = re.compile(r"[-+.]*\d[\w.:+-]*|[\d .-]+")


class Lines(str):
    """A text that gets lines of its own, even where it is only one."""

    __slots__ = ()


def dump(value: Any) -> str:
    """Plain data (mappings with words as keys, lists, texts, numbers, dates, moments) as YAML."""
    return str(yaml.dump(value, Dumper=_Writer, allow_unicode=True, sort_keys=False, width=sys.maxsize))


class _Writer(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True  # an equal date is written again, not pointed to

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002
        super().increase_indent(flow, False)  # lists stand further in than their key

    def serialize(self, node: yaml.Node) -> None:
        _arrange(node, 0)
        super().serialize(node)

    def choose_scalar_style(self) -> Any:
        """Lines where `_text` asks for them: PyYAML itself gives them up for a blank at the end of one."""
        style = getattr(self.event, "style", None)
        if style == "|" and not self.flow_level and not self.simple_key_context:
            return "|"
        return super().choose_scalar_style()


def _text(writer: yaml.SafeDumper, text: str) -> yaml.Node:
    style = None
    if _NEEDS_ESCAPES.search(text):
        style = '"'
    elif text and ("\n" in text or isinstance(text, Lines)):
        style = "|"
    elif _LIKE_A_NUMBER.fullmatch(text) or _resolved(writer, text) != _TEXT:
        style = '"'
    return writer.represent_scalar(_TEXT, str(text), style)


def _resolved(writer: yaml.SafeDumper, text: str) -> str:
    """What YAML reads in a text without quotes."""
    return str(writer.resolve(yaml.ScalarNode, text, (True, False)))  # type: ignore[no-untyped-call]


def _number(writer: yaml.SafeDumper, value: float) -> yaml.Node:
    """30, not 30.0."""
    is_whole = value.is_integer() and abs(value) < 1e15
    return writer.represent_int(int(value)) if is_whole else writer.represent_float(value)


def _moment(writer: yaml.SafeDumper, value: datetime) -> yaml.Node:
    return writer.represent_scalar("tag:yaml.org,2002:timestamp", value.isoformat())


_Writer.add_multi_representer(str, _text)
_Writer.add_representer(str, _text)
_Writer.add_representer(float, _number)
_Writer.add_representer(datetime, _moment)


def _arrange(node: yaml.Node, depth: int) -> int:
    """Put on one line what is short, lies inside an entry and holds no mapping. Returns its length on one line."""
    if isinstance(node, yaml.ScalarNode):
        return _TOO_LONG if node.style == "|" else len(node.value)
    assert isinstance(node, yaml.CollectionNode)
    children = node.value
    if isinstance(node, yaml.MappingNode):
        children = [child for pair in node.value for child in pair]
    length = sum(_arrange(child, depth + 1) + 2 for child in children)
    has_mapping = any(isinstance(child, yaml.MappingNode) and child.value for child in children)
    node.flow_style = not children or (depth > _ENTRY_DEPTH and length <= _LONGEST_LINE and not has_mapping)
    return length if node.flow_style else _TOO_LONG
