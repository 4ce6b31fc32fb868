"""`broadcaster player`: enroll, run, status - this computer as a loudspeaker that obeys signed orders."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from broadcaster import config
from broadcaster.player.names import FOLDER
from broadcaster.words import Words

app = typer.Typer(help="This computer as a loudspeaker that obeys signed orders.", no_args_is_help=True)

Folder = Annotated[Path, typer.Option(metavar="FOLDER", help="Where it keeps who it is, orders and clips.")]


@app.command()
def enroll(
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="The server's door: https://loa.example.vn")],
    code: Annotated[str, typer.Argument(metavar="CODE", help="The one-time code.")],
    folder: Folder = FOLDER,
    over_http: Annotated[
        bool, typer.Option("--over-http", help="Trust everyone on the way: without TLS any of them could command it.")
    ] = False,
) -> None:
    """Become a loudspeaker of a commune, with the code that `broadcaster loudspeaker add` has printed."""
    from broadcaster.player import __main__ as player  # noqa: PLC0415 - for no other command

    player.enrol(folder, address, code, _words(), over_http=over_http)


@app.command()
def run(
    folder: Folder = FOLDER,
    until_stdin_closes: Annotated[
        bool, typer.Option("--until-stdin-closes", hidden=True, help="Stop when standard input ends.")
    ] = False,
) -> None:
    """Be that loudspeaker, until Ctrl-C: take orders, play them at their time, report."""
    command = [sys.executable, "-m", "broadcaster.player", "run", "--folder", str(folder)]
    command += ["--until-stdin-closes"] if until_stdin_closes else []
    environment = {**os.environ, "BROADCASTER__LANGUAGE": config.load_here().language}
    if os.name == "nt":
        raise typer.Exit(subprocess.run(command, env=environment, check=False).returncode)  # noqa: S603 - our own
    os.execve(sys.executable, command, environment)  # noqa: S606 - a small box has no room for what only a server needs


@app.command()
def status(folder: Folder = FOLDER) -> None:
    """Who it is, whether it runs, what it holds, and what the server has not heard yet."""
    from broadcaster.player import __main__ as player  # noqa: PLC0415 - for no other command

    player.show(folder, _words())


def _words() -> Words:
    return Words(config.load_here().language)
