"""What the study set out to show, what it found, and whether the two agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from studies.robustness.claims import Explosions, certificates, explosions, onset, scores

__all__ = ["Verdict", "aims", "focus", "paper"]

Measured = Mapping[str, Any]
DETAIL_AIM, AUROC_AIM, CHANCE = 2.0, 0.95, 0.5
EXPLODED = 100.0
"""Times the image range."""
ALIKE_LPIPS, ALIKE_DECIBELS = 0.005, 0.2
"""Differences in distribution that count as none."""


class Verdict(NamedTuple):
    """A statement, what was found, and whether it holds; None where nothing was measured."""

    statement: str
    found: str
    holds: bool | None


def focus(study: Measured) -> float:
    """The temperature that tables single out: the suite's nearest to the models' default."""
    default = study["arms"][0]["temperature"]
    return min(study["settings"]["temperatures"], key=lambda t: abs(t - default))


def aims(study: Measured) -> list[Verdict]:
    """The aims for the arms with bounded splines, for the affine ones, and for the score."""
    rows = explosions(study)
    found: list[Verdict] = []
    for arm in _of(study, "spline"):
        own = [row for row in rows if row.arm == arm]
        found += [*_spline_aims(arm, own), *_searched_aims(study, arm)]
    for arm in _of(study, "affine"):
        own = [row for row in rows if row.arm == arm]
        bad = max((row.error_images for row in own if row.group == "hostile"), default=0.0)
        largest = max((row.largest or 0.0 for row in own), default=0.0)
        found.append(
            Verdict(
                f"{arm} visibly fails",
                f"up to {bad:.0%} of the hostile inputs give error images; largest |x| "
                f"{_figure(largest)}",
                bad > 0,
            )
        )
        found += _score_aims(study, arm)
    return found


def paper(study: Measured) -> list[Verdict]:
    """The paper's claims, each as it is found here."""
    return [*_explosion_claim(study), *_prediction_claim(study), *_quality_claim(study)]


def _spline_aims(arm: str, rows: Sequence[Explosions]) -> list[Verdict]:
    nonfinite = sum(row.nonfinite for row in rows)
    plain = [row for row in rows if row.group in ("photo", "corruption")]
    bad = [row for row in plain if row.error_pixels > 0]
    searched = [row for row in rows if row.group in ("hostile", "adversarial")]
    detail = max((row.largest_detail for row in searched), default=0.0)
    where = ", ".join(
        f"{row.group} at T = {row.temperature:g}: {row.error_pixels:.1e} of the pixels"
        for row in bad
    )
    return [
        Verdict(
            f"{arm}: nothing is not finite, on any input", f"{nonfinite} values", not nonfinite
        ),
        Verdict(
            f"{arm}: no error pixel before the limiter on photographs and their corruptions",
            where or "none at any temperature",
            not bad,
        ),
        Verdict(
            f"{arm}: |detail| ≤ {DETAIL_AIM:g} on hostile and adversarial inputs",
            f"largest {detail:.3g}",
            detail <= DETAIL_AIM,
        ),
    ]


def _searched_aims(study: Measured, arm: str) -> list[Verdict]:
    """The same with the latent searched, too, which no sampler draws; and the bound itself."""
    rows = [row for row in certificates(study) if row["arm"] == arm]
    if not rows:
        return []
    sizes = [row["found_input"] for row in rows]
    largest = None if None in sizes else max(sizes)
    lines = [line for row in rows for line in row["layers"]]
    held = all(each["ratio"] is not None and each["ratio"] <= 1 for each in (*rows, *lines))
    tightest = max((row["ratio"] or 0.0 for row in rows), default=0.0)
    return [
        Verdict(
            f"{arm}: |detail| ≤ {DETAIL_AIM:g} even where the latent is searched with the picture",
            "not finite" if largest is None else f"largest {largest:.3g}",
            largest is not None and largest <= DETAIL_AIM,
        ),
        Verdict(
            f"{arm}: nothing that was found exceeds the certificate",
            f"at most {tightest:.0%} of the bound",
            held,
        ),
    ]


def _score_aims(study: Measured, arm: str) -> list[Verdict]:
    rows = scores(study, arm, focus(study))
    verdicts = []
    for key, aim, what in (
        ("auroc", AUROC_AIM, "AUROC of the score for error images"),
        ("within", AUROC_AIM, "AUROC of the score for error images, within groups of inputs"),
    ):
        values = {row["score"]: row[key] for row in rows if row[key] is not None}
        own = values.get("energy")
        best = max(values, key=lambda name: values[name], default=None)
        text = "no errors to foretell" if own is None else f"{own:.3f}"
        if own is not None and best not in (None, "energy"):
            text += f"; best of all: {values[best]:.3f} ({best})"
        verdicts.append(
            Verdict(
                f"{arm}: {what} ≥ {aim:g} (T = {focus(study):g})",
                text,
                None if own is None else own >= aim,
            )
        )
    return verdicts


def _explosion_claim(study: Measured) -> list[Verdict]:
    affine, spline = _of(study, "affine"), _of(study, "spline")
    if not affine or not spline:
        return []
    worst = {
        arm: max(row.largest or 0.0 for row in explosions(study) if row.arm == arm)
        for arm in (affine[0], spline[0])
    }
    calm = onset(study, affine[0], "photo")
    start = calm["lowest_temperature"]
    text = f"largest |x|: affine {_figure(worst[affine[0]])}, spline {_figure(worst[spline[0]])}"
    if start is None:
        text += "; on photographs affine stays within range at every temperature"
    else:
        hit = f"{calm['inputs_with_errors']} of {calm['inputs']}"
        text += f"; affine fails on plain photographs, too, from T = {start:g} on ({hit})"
    return [
        Verdict(
            "Affine flows explode on inputs unlike the training set, bounded splines do not",
            text,
            worst[affine[0]] > EXPLODED > worst[spline[0]],
        )
    ]


def _prediction_claim(study: Measured) -> list[Verdict]:
    found = []
    for arm in _of(study, "affine"):
        rows = [row for row in scores(study, arm, focus(study)) if row["within"] is not None]
        own = {row["score"]: row for row in rows}
        name = "embedding_mean" if "embedding_mean" in own else "energy"
        if name in own:
            row = own[name]
            found.append(
                Verdict(
                    "The probability of errors rises with the Mahalanobis distance of the features",
                    f"{arm}, {name}: AUROC {row['auroc']:.3f}, within groups of inputs "
                    f"{row['within']:.3f}, ρ {row['rho']:.2f} over inputs",
                    row["within"] > CHANCE,
                )
            )
    return found


def _quality_claim(study: Measured) -> list[Verdict]:
    affine, spline = _of(study, "affine"), _of(study, "spline")
    rows = {(r["method"], r["temperature"]): r for r in study["quality"]}
    if not affine or not spline or not rows:
        return []
    levels = sorted({t for m, t in rows if m == spline[0] and t is not None})
    pairs = {t: (rows[spline[0], t], rows[affine[0], t]) for t in levels if (affine[0], t) in rows}
    worse = {t: s["lpips_squeeze"] - a["lpips_squeeze"] for t, (s, a) in pairs.items()}
    lower = {t: a["psnr_y"] - s["psnr_y"] for t, (s, a) in pairs.items()}
    text = "; ".join(f"T = {t:g}: LPIPS {worse[t]:+.3f}, PSNR {-lower[t]:+.2f} dB" for t in pairs)
    best = {place: min(pair[place]["lpips_squeeze"] for pair in pairs.values()) for place in (0, 1)}
    holds = best[0] <= best[1] + ALIKE_LPIPS and all(
        value <= ALIKE_DECIBELS for value in lower.values()
    )
    return [
        Verdict(
            "Splines lose nothing in distribution",
            f"spline against affine (LPIPS with SqueezeNet, lower is better): {text}; best over "
            f"temperatures {best[0]:.3f} against {best[1]:.3f}",
            holds,
        )
    ]


def _of(study: Measured, coupling: str) -> list[str]:
    return [arm["name"] for arm in study["arms"] if arm["coupling"] == coupling]


def _figure(value: float) -> str:
    return f"{value:.2g}"
