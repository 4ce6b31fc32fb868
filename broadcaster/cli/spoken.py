"""`broadcaster spoken`: written lines in, spoken lines out."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from broadcaster import config
from broadcaster.cli.context import console, opened, session_if_ready
from broadcaster.reading import read
from broadcaster.reading.dictionary import EMPTY
from broadcaster.services.dictionary import dictionary
from broadcaster.services.preview import Preview, as_json, preview
from broadcaster.words import Words

Previews = Callable[[str], Preview]


def register(app: typer.Typer) -> None:
    app.command()(spoken)


def spoken(
    language: Annotated[str, typer.Option("--language", help="ISO 639-1 code of the text's language.")] = "vi",
    commune: Annotated[str | None, typer.Option(help="Say it as in this commune, with its dictionary.")] = None,
    source: Annotated[str | None, typer.Option(help="With the dictionary of this source.")] = None,
    json_lines: Annotated[
        bool, typer.Option("--json", help="One JSON object a line: spans, problems, and numbers to be checked.")
    ] = False,
) -> None:
    """Read written lines from standard input and print exactly one spoken line for each.

    What cannot be said is named on standard error, with its line and place.
    """
    words = Words(config.load_here().language)
    errors = console(stderr=True)
    with _previews(language, commune, source, needs_facts=json_lines) as of:
        for number, line in enumerate(sys.stdin.buffer, start=1):
            shown = of(line.decode("utf-8", errors="replace").rstrip("\r\n"))
            if json_lines:
                sys.stdout.write(json.dumps(as_json(shown, words), ensure_ascii=False) + "\n")
            else:
                sys.stdout.write(" ".join(shown.reading.spoken.split()) + "\n")
            sys.stdout.flush()
            for problem in shown.reading.problems:
                message = words(problem.message, **problem.values)
                errors.print(words("Line {number}: {message}", number=number, message=message), markup=False)


@contextmanager
def _previews(language: str, commune: str | None, source: str | None, *, needs_facts: bool) -> Iterator[Previews]:
    """Previews with what the database knows; without one where nothing is asked of it."""
    if not (commune or source or needs_facts):
        yield lambda text: Preview(read(text, language), (), 0)
        return
    with opened(needs_database=bool(commune or source)) as (built, _):
        pace = built.config.speech.words_per_minute
        with session_if_ready(built) as session:
            known = dictionary(session, source, commune) if session is not None else EMPTY

        def shown(text: str) -> Preview:
            with session_if_ready(built) as session:  # one a line: the lines may come from a person who is thinking
                return preview(session, text, language, known, pace)

        yield shown
