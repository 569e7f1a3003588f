"""What an evaluation found, as the rows of a model's card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["figures_of"]

SHOWN = {
    "method": "method",
    "temperature": "T",
    "data": "data",
    "kid": "KID x 1000",
    "psnr": "PSNR dB",
    "ssim_gray": "SSIM gray",
    "ssim_rgb": "SSIM RGB",
    "lpips_alex": "LPIPS (AlexNet)",
    "psnr_matched": "PSNR dB, matched",
    "ssim_gray_matched": "SSIM gray, matched",
    "lpips_alex_matched": "LPIPS, matched",
    "psnr_y": "PSNR-Y dB",
    "ssim_y": "SSIM-Y",
    "lpips_alex_worst": "LPIPS (AlexNet, worst of 4 offsets)",
    "lpips_alex_gap": "gap",
    "lpips_squeeze": "LPIPS (SqueezeNet)",
    "lr_psnr": "LR-PSNR dB",
    "spread": "spread, levels",
    "diversity_s10": "S10 %",
    "error_pixels": "error pixels",
    "nonfinite": "not finite",
    "largest_detail": "largest detail",
}


def figures_of(evaluation: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The card's rows, from what evaluation.json holds."""
    seen = [
        row | {"data": f"{row['data']}, {row['condition']}"}
        for row in evaluation.get("realism", ())
    ]
    rows = [
        {SHOWN[key]: row[key] for key in SHOWN if key in row}
        for row in [*evaluation["rows"], *seen]
    ]
    return [*rows, hostile_summary(evaluation["hostile"])]


def hostile_summary(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One line for all hostile inputs at all temperatures."""
    return {
        "method": "hostile inputs",
        "data": f"{len({row['input'] for row in rows})} inputs",
        "error pixels": sum(row["error_pixels"] for row in rows),
        "not finite": sum(row["nonfinite"] for row in rows),
        "largest detail": max(row["largest_detail"] or 0.0 for row in rows),
    }
