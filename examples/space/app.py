"""The page of `restoreflow app` for everybody: what a Hugging Face Space runs."""

from __future__ import annotations

from restoreflow.web.limits import Limits
from restoreflow.web.serve import Serving, serve

SERVING = Serving(
    models=("sr-x4", "sr-x4-photo", "lowlight"),
    host="0.0.0.0",
    port=7860,
    limits=Limits(
        bytes=10_000_000,
        pixels=400_000,
        samples=4,
        queue=8,
        kept_bytes=200_000_000,
        kept_seconds=600,
    ),
)

if __name__ == "__main__":
    serve(SERVING, print)
