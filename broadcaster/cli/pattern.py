"""`broadcaster pattern`: list, show, fill - bulletins to start from."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from broadcaster import clock, config
from broadcaster.cli.context import As, Json, actor, console, opened, print_json, session_if_ready, show
from broadcaster.domain.pattern import FieldKind, Pattern, PatternField
from broadcaster.errors import InputError
from broadcaster.services import patterns
from broadcaster.services.facts import claims
from broadcaster.services.patterns import Filled, said_in
from broadcaster.words import Words

app = typer.Typer(help="Bulletins to start from, with fields to fill.", no_args_is_help=True)

Language = Annotated[str, typer.Option("--language", help="ISO 639-1 code of the bulletin's language.")]
PatternId = Annotated[str, typer.Argument(metavar="PATTERN", help="Its id, as `pattern list` shows it.")]


@app.command(name="list")
def list_all(as_json: Json = False) -> None:
    """Every pattern, and when to use it."""
    folders, words = _here()
    rows = [
        {
            "id": found.id,
            "title": said_in(found.title, words.language),
            "languages": " ".join(found.versions),
            "about": said_in(found.about, words.language),
        }
        for found in patterns.all_patterns(folders)
    ]
    show(rows, ["id", "title", "languages", "about"], as_json=as_json)


@app.command(name="show")
def show_one(pattern: PatternId, language: Language = "vi", as_json: Json = False) -> None:
    """One pattern: its text, the fields to fill with their rules, and the facts it states, with their sources."""
    folders, words = _here()
    found = patterns.find(folders, pattern)
    version = found.version(language)
    fields = [_field_row(field, words, language) for field in found.fields]
    facts = [{"says": fact.says, "source": fact.source, "dated": fact.dated} for fact in found.facts]
    if as_json:
        print_json({"id": found.id, "title": version.title, "text": version.text, "fields": fields, "facts": facts})
        return
    out = console()
    out.print(version.title, markup=False, style="bold")
    out.print(version.text, markup=False, soft_wrap=True)
    if fields:
        out.print()
        show(fields, ["name", "label", "rule", "example"], as_json=False)
    for fact in facts:
        dated = fact["dated"] or words("no date known: check it before you use it")
        out.print(f"\n• {fact['says']} ({fact['source']}, {dated})", markup=False, soft_wrap=True, end="")
    out.print()


@app.command()
def fill(
    pattern: PatternId,
    bulletin: Annotated[str, typer.Argument(metavar="BULLETIN", help="The id of the new bulletin.")],
    values: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FIELD=VALUE", help="What stands for a field; as often as needed."),
    ] = None,
    language: Language = "vi",
    source: Annotated[str, typer.Option(help="Who writes.")] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only print it, as `import` takes it: to look at, or to change by hand.")
    ] = False,
    person: As = None,
) -> None:
    """Fill a pattern: a new bulletin, a draft, to be submitted and approved like any other.

    At a terminal, what is missing is asked for.
    """
    given = dict(_pair(text) for text in values or [])
    with opened(needs_database=not dry_run) as (built, words):
        found = patterns.find(patterns.folders(built.config.bulletins.patterns_folder), pattern)
        if sys.stdin.isatty():
            given |= dict(_asked(found, given, words, language))
        with session_if_ready(built) as session:
            filled = patterns.fill(session, found, language, given, clock.now())
            warnings = [words(claim.message, written=claim.mention.written)
                        for claim in claims(session, filled.text) if claim.message]  # fmt: skip
        if dry_run:
            sys.stdout.write(_as_yaml(filled, bulletin, source))
        else:
            patterns.draft(built.store, filled, bulletin, source, actor(built, person), clock.now())
            out = console()
            out.print(filled.title, markup=False, style="bold")
            out.print(filled.text, markup=False, soft_wrap=True)
            text = words("{bulletin} is a draft now. Next: broadcaster bulletin submit {bulletin}", bulletin=bulletin)
            out.print(text, markup=False, soft_wrap=True)
        for warning in warnings:
            console(stderr=True).print(warning, markup=False, soft_wrap=True)


def _here() -> tuple[Sequence[Path], Words]:
    settings = config.load_here()
    return patterns.folders(settings.bulletins.patterns_folder), Words(settings.language)


def _pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign:
        raise InputError("{text}: write a field's name, an equals sign and its value.", text=text[:80])
    return name.strip(), value


def _asked(found: Pattern, given: dict[str, str], words: Words, language: str) -> Iterator[tuple[str, str]]:
    """What a person at the terminal answers for each field that was not given; nothing for an optional one."""
    for field in found.fields:
        if field.name not in given:
            label = f"{said_in(field.label, words.language)} ({_rule(field, words)})"
            example = words("for example {example}", example=said_in(field.example, language))
            answer = typer.prompt(f"{label}, {example}", default=None if field.required else "", show_default=False)
            yield field.name, str(answer)


def _field_row(field: PatternField, words: Words, language: str) -> dict[str, Any]:
    return {
        "name": field.name,
        "label": said_in(field.label, words.language),
        "rule": _rule(field, words),
        "example": said_in(field.example, language),
    }


def _rule(field: PatternField, words: Words) -> str:
    """The rules of a field in a few words."""
    rules = [words(_RULES[field.kind], limit=field.max_characters, min=field.min, max=field.max,
                   choices=", ".join(field.choices or ()))]  # fmt: skip
    if field.kind is FieldKind.DATE:
        rules.append(words("past") if field.past else words("today or later"))
    if field.after is not None:
        rules.append(words("after {other}", other=field.after))
    if not field.required:
        rules.append(words("may be empty"))
    return ", ".join(rules)


_RULES = {
    FieldKind.TEXT: "text of at most {limit} characters",
    FieldKind.NUMBER: "whole number from {min} to {max}",
    FieldKind.MONEY: "đồng, from {min} to {max}",
    FieldKind.DATE: "date",
    FieldKind.TIME: "time",
    FieldKind.CHOICE: "one of: {choices}",
}


def _as_yaml(filled: Filled, bulletin: str, source: str) -> str:
    """The bulletin in the one schema; what has its default is left out."""
    entry = filled.entry(bulletin, source).model_dump(mode="json", exclude_defaults=True)
    return yaml.dump({"bulletins": [entry]}, Dumper=_Lines, allow_unicode=True, sort_keys=False, width=10_000)


class _Lines(yaml.SafeDumper):
    """Keeps the lines of a text as lines."""


_Lines.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None),
)
