"""`broadcaster station`: pack - what is planned, for somebody to carry to a station without a network."""

from pathlib import Path
from typing import Annotated

import typer

from broadcaster import clock
from broadcaster.cli.context import As, actor, console, opened, replan
from broadcaster.services.packing import MAX_DAYS, Packing

app = typer.Typer(help="Stations without a network.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """More than one command may come."""


@app.command()
def pack(
    station: Annotated[str, typer.Argument(metavar="STATION", help="The station, by code.")],
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where the stick is mounted: /media/loa/USB")],
    days: Annotated[
        int, typer.Option(min=1, max=MAX_DAYS, metavar="N", help="For how many days ahead, 1 to 7.")
    ] = MAX_DAYS,
    person: As = None,
) -> None:
    """Write all that is planned for a station onto a stick, signed; the pack before on it is replaced."""
    with opened() as (built, words):
        acting = actor(built, person)
        replan(built)
        hand_over = built.hand_over(lambda _: None)
        try:
            done = Packing(hand_over, built.keys_folder).pack(station, folder, days, acting, clock.now())
        finally:
            hand_over.dispatch.close()
        text = words("{airings} airings and {cancels} cancellations are in {folder}.", airings=done.airings,
                     cancels=done.cancels, folder=done.folder)  # fmt: skip
        console().print(text, markup=False, soft_wrap=True)
        for airing, reason in done.unsigned.items():
            text = words("{airing} is not in the pack: {reason}", airing=airing, reason=reason)
            console(stderr=True).print(text, markup=False, soft_wrap=True)
    if done.unsigned:
        raise typer.Exit(1)
