"""An evaluation as rows of a card."""

from __future__ import annotations

from restoreflow.lab.evaluation.card_figures import figures_of


def test_rows_show_what_readers_ask_for_and_hostile_inputs_are_one() -> None:
    hostile = [
        {"input": "text", "error_pixels": 0, "nonfinite": 0, "largest_detail": 0.5},
        {"input": "text", "error_pixels": 2, "nonfinite": 1, "largest_detail": None},
        {"input": "black", "error_pixels": 1, "nonfinite": 0, "largest_detail": 0.75},
    ]
    rows = [{"psnr_y": 27.5, "temperature": 0.9, "data": "Set14", "pictures": 14, "method": "m"}]
    shown, summary = figures_of({"rows": rows, "hostile": hostile})
    assert list(shown.items()) == [
        ("method", "m"),
        ("T", 0.9),
        ("data", "Set14"),
        ("PSNR-Y dB", 27.5),
    ]
    assert summary == {
        "method": "hostile inputs",
        "data": "2 inputs",
        "error pixels": 3,
        "not finite": 1,
        "largest detail": 0.75,
    }


def test_natural_looks_are_a_row_a_condition() -> None:
    hostile = [{"input": "text", "error_pixels": 0, "nonfinite": 0, "largest_detail": 0.5}]
    looks = [
        {"data": "val", "condition": c, "kid": 80.0, "pictures": 24} for c in ("clean", "worn")
    ]
    shown = figures_of({"rows": [], "realism": looks, "hostile": hostile})
    assert shown[0] == {"data": "val, clean", "KID x 1000": 80.0}
    assert shown[1]["data"] == "val, worn" and len(shown) == 3
