"""`restoreflow sr`: pictures 4 times as large, with detail that fits them."""

from __future__ import annotations

from restoreflow.batch.settings import RestorationSettings
from restoreflow.cli import options
from restoreflow.cli.restore_files import restore_files

__all__ = ["sr"]


def sr(
    inputs: options.Inputs,
    out: options.Out = None,
    model: options.Model = "sr-x4",
    samples: options.Samples = 1,
    temperature: options.Temperature = None,
    seed: options.Seed = 0,
    consistency: options.Consistency = None,
    uncertainty: options.Uncertainty = False,
    grid: options.Grid = False,
    overwrite: options.Overwrite = False,
    device: options.Device = "auto",
    precision: options.PrecisionOption = "auto",
    tile: options.Tile = "auto",
    threads: options.Threads = None,
    compile: options.Compile = False,
    output_format: options.FormatOption = "auto",
    debug: options.Debug = False,
) -> None:
    """Enlarge pictures, with detail sampled from what fits them.

    Results are written beside the inputs as NAME_sr4x.EXT, several samples as NAME_sr4x_1.EXT and
    so on; colours, EXIF and orientation are kept, and inputs are never touched.

    Examples:

    - `restoreflow sr photo.jpg`
    - `restoreflow sr photo.jpg --samples 8 --temperature 0.9 --uncertainty --grid`
    - `restoreflow sr scans/*.png -o enlarged/ --format json`
    """
    settings = RestorationSettings(
        model=model,
        samples=samples,
        temperature=temperature,
        seed=seed,
        consistency=consistency,
        device=device,
        precision=precision,
        tile=options.parse_tile(tile),
        threads=threads,
        compile=compile,
        uncertainty=uncertainty,
        grid=grid,
        overwrite=overwrite,
    )
    restore_files("sr", inputs, out, settings, output_format)
