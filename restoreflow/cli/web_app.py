"""`restoreflow app`: a page to drop pictures on, on this machine."""

from __future__ import annotations

import sys
import webbrowser
from typing import Annotated

import typer

from restoreflow.cli import options
from restoreflow.cli.output import print_line
from restoreflow.cli.startup import no_warnings, terminable

__all__ = ["web_app"]

_LIMITS = "Limits"


def web_app(
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            metavar="MODEL",
            help="Offer this model: a bundled name, a folder, or a Hub id; several times for "
            "several. The first is the usual one.",
            show_default="all that are bundled",
        ),
    ] = None,
    host: Annotated[
        str,
        typer.Option(
            "--host",
            metavar="ADDRESS",
            help="Where it listens. Nobody is asked for a password: other addresses than this "
            "machine's own are for networks that you trust.",
        ),
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="0: any that is free.")
    ] = 7860,
    open_: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    max_megabytes: Annotated[
        float,
        typer.Option(
            "--max-megabytes", min=0.001, help="Of a picture's file.", rich_help_panel=_LIMITS
        ),
    ] = 64,
    max_pixels: Annotated[
        int,
        typer.Option(
            "--max-pixels",
            min=1,
            help="Of a picture, width times height.",
            rich_help_panel=_LIMITS,
        ),
    ] = 24_000_000,
    max_samples: Annotated[
        int,
        typer.Option(
            "--max-samples", min=1, max=100, help="Of a picture.", rich_help_panel=_LIMITS
        ),
    ] = 8,
    queue: Annotated[
        int,
        typer.Option(
            "--queue",
            min=1,
            help="Pictures that may wait while another is restored.",
            rich_help_panel=_LIMITS,
        ),
    ] = 16,
    keep_minutes: Annotated[
        float,
        typer.Option(
            "--keep-minutes",
            min=0.1,
            help="For how long a result is kept, in memory, to be looked at and fetched.",
            rich_help_panel=_LIMITS,
        ),
    ] = 30,
    device: options.Device = "auto",
    precision: options.PrecisionOption = "auto",
    threads: options.Threads = None,
    debug: options.Debug = False,
) -> None:
    """Serve a page to drop pictures on: compare, choose a sample, look at maps, download.

    It is for this machine alone, unless --host says otherwise, and keeps pictures and results in
    memory: no file is written. Programs use the same server by HTTP, see docs/app.md. Needs the
    extra app. Ctrl-C ends it.

    Examples:

    - `restoreflow app --open`
    - `restoreflow app --model sr-x4 --max-pixels 4000000`
    - `curl --data-binary @photo.jpg http://127.0.0.1:7860/api/restore -o large.jpg`
    """
    from restoreflow.web.limits import Limits
    from restoreflow.web.serve import Serving, serve

    limits = Limits(
        bytes=int(max_megabytes * 1e6),
        pixels=max_pixels,
        samples=max_samples,
        queue=queue,
        kept_seconds=max(1, round(keep_minutes * 60)),
    )
    serving = Serving(
        models=model or (),
        host=host,
        port=port,
        limits=limits,
        device=device,
        precision=precision,
        threads=threads,
    )

    def tell(address: str) -> None:
        print_line(address)
        if not serving.local:
            print_line(f"anybody who reaches {host} may use it", sys.stderr)
        if open_:
            webbrowser.open(address)

    with terminable(), no_warnings():
        try:
            serve(serving, tell)
        except KeyboardInterrupt:
            return
