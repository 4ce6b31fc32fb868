"""`broadcaster spoken`: written lines in, spoken lines out."""

import sys
from typing import Annotated

import typer

from broadcaster import config
from broadcaster.cli.context import console
from broadcaster.reading import read
from broadcaster.words import Words


def register(app: typer.Typer) -> None:
    app.command()(spoken)


def spoken(
    language: Annotated[str, typer.Option("--language", help="ISO 639-1 code of the text's language.")] = "vi",
) -> None:
    """Read written lines from standard input and print exactly one spoken line for each.

    What cannot be said is named on standard error, with its line and place.
    """
    words = Words(config.load_here().language)
    errors = console(stderr=True)
    for number, line in enumerate(sys.stdin.buffer, start=1):
        reading = read(line.decode("utf-8", errors="replace").rstrip("\r\n"), language)
        sys.stdout.write(" ".join(reading.spoken.split()) + "\n")
        sys.stdout.flush()
        for problem in reading.problems:
            message = words(problem.message, **problem.values)
            errors.print(words("Line {number}: {message}", number=number, message=message), markup=False)
