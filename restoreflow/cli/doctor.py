"""`restoreflow doctor`: what is installed, which device is taken and why, and whether it works."""

from __future__ import annotations

from typing import Any

import typer

from restoreflow.cli.layout import KeyedLines
from restoreflow.cli.options import Debug, Device, FormatOption
from restoreflow.cli.output import emit

__all__ = ["doctor"]


def doctor(
    device: Device = "auto", output_format: FormatOption = "auto", debug: Debug = False
) -> None:
    """Show versions, devices, the cache and the bundled models, and restore a test picture.

    Example: restoreflow doctor
    """
    from restoreflow.cli.diagnosis import diagnose

    findings = diagnose(device)
    emit([findings], _lines(findings), output_format)
    if findings["self_test"]["status"] == "failed":
        raise typer.Exit(1)


def _lines(findings: dict[str, Any]) -> KeyedLines:
    texts: dict[str, str] = {}
    for name, value in findings.items():
        if isinstance(value, dict):
            value = "\n".join(f"{key}: {each}" for key, each in value.items()) or "none set"
        elif isinstance(value, list):
            value = "\n".join(str(each) for each in value) or "none"
        texts[name.replace("_", " ")] = str(value)
    return KeyedLines(texts, paths=("model cache",))
