"""Every English template that people can meet in their language, found in the code without running it."""

import ast
import functools
import string
from collections.abc import Iterable, Iterator
from pathlib import Path

from babel.messages.pofile import read_po

ROOT = Path(__file__).resolve().parent.parent
CODE = ROOT / "broadcaster"
ERROR_ROOT = "BroadcasterError"

TEMPLATE_ARGUMENTS = {
    "words": (0,),
    "Described": (0,),
    "Fault": (2,),
    "Finding": (2,),
    "_finding": (2, 3),
    "Problem": (3,),
    "problem": (0,),
}
"""Callable -> which of its arguments are templates."""
LOOKED_UP = {
    "reading/characters.py": ("REFUSED", "UNSAYABLE", "SUSPECT"),  # constants, given to Problem by a variable
    "application.py": ("State",),  # the words of an enumeration, looked up by their value
    "computer.py": ("Answer",),
    "domain/recurrence.py": ("DAY_NAMES",),
    "cli/pattern.py": ("_RULES",),
    "services/telling.py": ("REASONS", "TROUBLES"),
    "services/facts.py": ("MESSAGES",),
    "services/alerts.py": ("OPENED", "CLEARED"),
    "services/alert_watch.py": ("_AIRED_NOT",),
    "strict_yaml.py": ("_FOUND_BY_PYDANTIC",),
    "store/engine.py": ("DAMAGED", "UNUSABLE"),
}
NAMES = ("worker", "door")  # children of the supervisor, looked up by their name


@functools.cache
def templates() -> dict[str, str]:
    """Template -> `file:line` of its first use. A template of fields alone has nothing to translate."""
    trees = {path.relative_to(CODE).as_posix(): ast.parse(path.read_bytes()) for path in sorted(CODE.rglob("*.py"))}
    arguments = TEMPLATE_ARGUMENTS | dict.fromkeys(error_names(trees.values()), (0,))
    found: dict[str, str] = dict.fromkeys(NAMES, "jobs/supervisor.py")
    for file, tree in trees.items():
        wanted = LOOKED_UP.get(file, ())
        constants = _constants(tree)
        for node in ast.walk(tree):
            for text in (*_of_call(node, arguments, constants), *_of_constant(node, wanted)):
                if has_words(text):
                    found.setdefault(text, f"{file}:{getattr(node, 'lineno', 1)}")
    return found


def error_names(trees: Iterable[ast.Module]) -> set[str]:
    """The names of the error root and of everything derived from it."""
    bases = {
        node.name: {base.id for base in node.bases if isinstance(base, ast.Name)}
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    }
    names: set[str] = set()
    more = {ERROR_ROOT}
    while more:
        names |= more
        more = {name for name, above in bases.items() if above & names} - names
    return names


@functools.cache
def catalogue(language: str) -> dict[str, str]:
    """Template -> translation, as it stands in the catalogue of a language."""
    with (CODE / "locale" / f"{language}.po").open("rb") as file:
        return {str(message.id): str(message.string) for message in read_po(file, locale=language) if message.id}


def fields(template: str) -> set[str]:
    """The names in braces."""
    return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}


def has_words(template: str) -> bool:
    return any(letter.isalpha() for text, *_ in string.Formatter().parse(template) for letter in text)


def _constants(tree: ast.Module) -> dict[str, ast.expr]:
    """What a module assigns at its top, by name."""
    return {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def _of_call(node: ast.AST, arguments: dict[str, tuple[int, ...]], constants: dict[str, ast.expr]) -> Iterator[str]:
    if not isinstance(node, ast.Call):
        return
    called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    for index in arguments.get(called, ()):
        if index < len(node.args):
            given = node.args[index]
            yield from _texts(constants.get(given.id, given) if isinstance(given, ast.Name) else given)


def _of_constant(node: ast.AST, wanted: tuple[str, ...]) -> Iterator[str]:
    if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id in wanted for t in node.targets):
        yield from _texts(node.value)
    elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id in wanted:
        if node.value is not None:
            yield from _texts(node.value)
    elif isinstance(node, ast.ClassDef) and node.name in wanted:
        for statement in node.body:
            if isinstance(statement, ast.Assign):
                yield from _texts(statement.value)


def _texts(node: ast.expr) -> Iterator[str]:
    """The text of a constant; of a choice between two, both; of a table, its values; of a row, all."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from _texts(node.body)
        yield from _texts(node.orelse)
    elif isinstance(node, ast.Tuple):
        for value in node.elts:
            yield from _texts(value)
    elif isinstance(node, ast.Dict):
        for value in node.values:
            yield from _texts(value)
