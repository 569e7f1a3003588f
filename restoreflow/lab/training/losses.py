"""What each stage of training minimises."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from restoreflow.lab.degradations.example import Example
from restoreflow.lab.degradations.operations import downscale
from restoreflow.lab.training.adversary import Adversary, Contest
from restoreflow.lab.training.config import JUDGING, StageConfig
from restoreflow.lab.training.perceptual import FeatureDistance, draw_place, mean_of
from restoreflow.networks.exposure import exposure_curve, linear_to_srgb, srgb_to_linear
from restoreflow.networks.gains import PLACE
from restoreflow.networks.low_light import LowLightEncoder, with_place, with_stops
from restoreflow.networks.restoration_network import Encoding, RestorationNetwork, Sample
from restoreflow.networks.wear import clean_ones
from restoreflow.tasks.table import TASKS

__all__ = ["StageLoss", "Told", "energy_score", "newly_clipped", "told_context"]

SQUARED_STEP = 1.0 / 255.0**2
WEAR_ERROR = 0.03
"""Standard deviation of what wear is told wrong by, in units of `networks.wear`."""
JUDGED_SHARE = 0.3
"""Of the patches, whose wear is told as judged from the patch."""


def energy_score(to_truth1: Tensor, to_truth2: Tensor, between: Tensor, spread: float) -> Tensor:
    """Energy score of two samples, from their distances to the truth and to each other.

    With spread = 0.5 its expectation is smallest for samples of the true distribution (Gneiting and
    Raftery, "Strictly Proper Scoring Rules, Prediction, and Estimation", 2007).
    """
    return 0.5 * (to_truth1 + to_truth2) - spread * between


def decibels(image: Tensor, truth: Tensor) -> Tensor:
    """Mean PSNR of pictures (N, 3, H, W) in [0, 1], in dB.

    Levels off where the error is what 8-bit steps leave, so that skies do not outweigh the rest
    (the loss of Chen et al., "Simple Baselines for Image Restoration", ECCV 2022, with that floor).
    """
    error = (image - truth).square().mean((1, 2, 3))
    return -10.0 * (error + SQUARED_STEP).log10().mean()


def out_of_range(image: Tensor) -> Tensor:
    """Mean squared distance of values from the image range [0, 1]."""
    return ((image - 0.5).abs() - 0.5).clamp_min(0.0).square().mean()


NEAR_WHITE, NOT_WHITE = 0.95, 0.9
"""Values from which on a picture is about to clip, and below which the truth does not."""


def newly_clipped(image: Tensor, truth: Tensor) -> Tensor:
    """Mean excess of values near white where the truth is not; pictures (N, 3, H, W) in [0, 1]."""
    excess = (image - NEAR_WHITE).clamp_min(0.0) / (1.0 - NEAR_WHITE)
    return (excess * (truth < NOT_WHITE)).mean()


class Told(NamedTuple):
    """What an encoder is told of the whole pictures, and how far that was misjudged.

    Attributes:
        context: (N, G); None where nothing is told.
        terms: the error of what was judged, by the name of its weight: "exposure", its mean in
            stops; "wear", the mean of its square in units of `networks.wear`: the least absolute
            error would be to say that nothing is wrong, since most pictures lack each of them.
        judged: (N, G), what the encoder would tell itself; None where it judges nothing.
    """

    context: Tensor | None
    terms: dict[str, Tensor]
    judged: Tensor | None = None


def told_context(
    network: RestorationNetwork, batch: Example, generator: torch.Generator | None = None
) -> Told:
    """The true exposure or wear, which leaves the encoder with what a patch can show.

    Judging is learnt apart, from the error. Wear is told about as exactly as it is judged in use
    where a generator is given: a little wrong, and for some pictures as the patch alone shows it.
    """
    if batch.wear is not None:
        judged = network.global_context(batch.degraded)
        if judged is None:
            return Told(None, {})
        terms = {"wear": F.mse_loss(judged, batch.wear)}
        told = batch.wear
        if generator is not None:
            wrong = torch.randn(told.shape, generator=generator).to(told) * WEAR_ERROR
            as_judged = torch.rand(len(told), 1, generator=generator).to(told) < JUDGED_SHARE
            told = torch.where(as_judged, judged.detach(), told + wrong)
        return Told(told.clamp(0.0, 1.0), terms, judged)
    if batch.stops is None or batch.thumbnail is None:
        return Told(None, {})
    judged = network.global_context(batch.thumbnail)
    if judged is None:
        return Told(None, {})
    true = batch.stops.clamp(min=0.0)
    context = with_stops(judged, true)
    if _has_gains(network) and batch.place is not None:
        context = with_place(context, batch.place)
    return Told(context, {"exposure": F.l1_loss(judged[:, :3], true)}, judged)


def _has_gains(network: RestorationNetwork) -> bool:
    encoder = network.encoder
    return isinstance(encoder, LowLightEncoder) and encoder.judgement.gains is not None


def _logged(terms: dict[str, Tensor]) -> dict[str, float]:
    return {name: float(value.detach()) for name, value in terms.items()}


class StageLoss(nn.Module):
    """A stage's loss as a module, so that it can be distributed.

    Args:
        network: what is trained.
        stage: which loss, and its weights.
        distance: distances of features, needed by the "texture" loss.
        adversary: needed where the stage gives it a weight.
    """

    def __init__(
        self,
        network: RestorationNetwork,
        stage: StageConfig,
        distance: FeatureDistance | None = None,
        adversary: Adversary | None = None,
    ) -> None:
        super().__init__()
        self.network = network
        self.stage = stage
        network.encoder.isolated = stage.isolated
        judging = stage.loss in JUDGING
        network.requires_grad_(not judging)
        still = [] if judging or stage.weights.mean > 0 else network.encoder.mean_parameters()
        for parameter in still:
            parameter.requires_grad_(False)
        for parameter in network.encoder.judging_parameters() if judging else ():
            parameter.requires_grad_(True)
        # Kept out of the modules: not trained here, nor distributed, nor saved.
        self._distance, self._adversary = [distance], [adversary]

    def forward(
        self, batch: Example, seed: int, step: int = 0
    ) -> tuple[Tensor, dict[str, float], Contest | None]:
        """The loss of a batch, its terms before weighting, and what an adversary is to tell apart.

        Args:
            batch: inputs and what they should have been.
            seed: of the noise drawn here, on the CPU, so that devices agree.
            step: of the stage.
        """
        generator = torch.Generator().manual_seed(seed)
        degraded, clean = batch.degraded, batch.clean
        context, off, judged = told_context(self.network, batch, generator)
        if self.stage.loss in JUDGING:
            if judged is None or self.stage.loss not in off:
                raise ValueError(f"these examples have no {self.stage.loss} to be judged")
            terms = off | self._whole(batch, judged)
            return self._weighted(terms, step), _logged(terms), None
        encoding = self.network.encode(degraded, context)
        terms = {"mean": F.l1_loss(encoding.mean, clean)}  # logged where its weight is 0
        contest, seen = None, {}
        if self.stage.loss == "mean":
            terms |= self._more_of_mean(encoding.mean, clean, generator)
        else:
            condition = self.network.prepare(encoding.features)
            terms["likelihood"] = self._likelihood(encoding, condition, clean, generator)
            if self.stage.loss == "texture":
                samples = self._samples(encoding, condition, clean, generator)
                terms |= self._texture(samples, encoding.mean.detach(), batch, generator)
                first, second = (sample.image.detach() for sample in samples)
                seen["between"] = float(F.l1_loss(first, second))
                contest, more = self._contest(samples, encoding, batch, step)
                terms |= more
        terms |= off
        return self._weighted(terms, step), _logged(terms) | seen, contest

    def _weighted(self, terms: dict[str, Tensor], step: int) -> Tensor:
        """The sum of terms, each with its weight."""
        total = next(iter(terms.values())).new_zeros(())
        for name, value in terms.items():
            weight = getattr(self.stage.weights, name)
            total = total + weight * (self._ramp(step) if name == "adversary" else 1.0) * value
        return total

    def _whole(self, batch: Example, judged: Tensor) -> dict[str, Tensor]:
        """How the whole pictures, seen small, look in the light of their map of gains."""
        encoder, bright = self.network.encoder, batch.bright
        if not _has_gains(self.network) or batch.thumbnail is None or bright is None:
            return {}
        assert isinstance(encoder, LowLightEncoder)
        side = float(batch.thumbnail.shape[-1])
        place = judged.new_tensor([0.0, 0.0, side, side]).expand(len(judged), PLACE)
        light = srgb_to_linear(batch.thumbnail.clamp(0.0, 1.0))
        stops = encoder.stops_of(light, with_place(judged, place), cell=1)
        shown = linear_to_srgb(exposure_curve(light, stops))
        return {"gains": F.l1_loss(shown, bright), "clipped": newly_clipped(shown, bright)}

    def _ramp(self, step: int) -> float:
        """How much of its weight the adversary has."""
        since = step - self.stage.adversary_from
        return min(1.0, max(0.0, since / max(self.stage.adversary_ramp, 1)))

    def _contest(
        self, samples: list[Sample], encoding: Encoding, batch: Example, step: int
    ) -> tuple[Contest | None, dict[str, Tensor]]:
        """What is to be told apart, and the samplers' loss of it, from its first step on."""
        adversary = self._adversary[0]
        if not self.stage.weights.adversary or step < self.stage.adversary_from:
            return None, {}
        if adversary is None:
            raise ValueError("this stage's loss needs an adversary")
        size = batch.clean.shape[-2:]
        plain = encoding.mean.detach()  # of a dark picture, interpolation says nothing
        if TASKS[self.network.task].operator is not None:
            plain = F.interpolate(batch.degraded, size, mode="bicubic", align_corners=False)
        # One of the two: both are drawn alike.
        loss, contest = adversary.challenge(batch.clean, samples[0].image, plain)
        return contest, {"adversary": loss}

    def _more_of_mean(self, mean: Tensor, clean: Tensor, generator) -> dict[str, Tensor]:
        """What the stage asks of the mean image beyond L1."""
        weights = self.stage.weights
        terms: dict[str, Tensor] = {}
        if weights.clipped > 0:
            terms["clipped"] = newly_clipped(mean, clean)
        if weights.mean_decibels > 0:
            terms["mean_decibels"] = -decibels(mean, clean)
        if self.stage.needs_features:
            truth, seen = self._features((clean, mean), generator)
            found = self._feature_distance().compare(seen, truth, weights.vgg)
            if weights.mean_features > 0:
                terms["mean_features"] = found.root
            if weights.mean_lpips > 0:
                terms["mean_lpips"] = found.lpips
        return terms

    def _spread_share(self, batch: Example) -> Tensor | None:
        """Of each item, how much of the distance between its samples counts, (N,)."""
        if batch.wear is None or self.stage.weights.spread_worn == 1.0:
            return None
        return torch.where(clean_ones(batch.wear), 1.0, self.stage.weights.spread_worn)

    def _feature_distance(self) -> FeatureDistance:
        if self._distance[0] is None:
            raise ValueError("this stage's loss needs a feature distance")
        return self._distance[0]

    def _features(self, pictures: tuple[Tensor, ...], generator) -> list[list[Tensor]]:
        """Features of pictures of one size, cropped at one random place."""
        height, width = pictures[0].shape[-2:]
        place = draw_place(height, width, generator)
        device = pictures[0].device.type
        with torch.autocast(device, torch.bfloat16, self.network.precision is not None):
            return [self._feature_distance().features(x, place) for x in pictures]

    def _likelihood(self, encoding: Encoding, condition, clean: Tensor, generator) -> Tensor:
        """Negative log-likelihood per value of the detail, with 8-bit steps filled by noise.

        The mean image is held fixed here: it would otherwise be pulled to where the flow is good.
        """
        noise = torch.rand(clean.shape, generator=generator).to(clean) - 0.5
        fixed = encoding._replace(mean=encoding.mean.detach())
        density = self.network.detail_log_prob(fixed, clean + noise / 255.0, condition)
        return -density.mean() / clean[0].numel()

    def _samples(self, encoding: Encoding, condition, clean: Tensor, generator) -> list[Sample]:
        """Two samples at temperature 1; the mean image is held fixed."""
        fixed = encoding._replace(mean=encoding.mean.detach())
        shape = (len(clean), self.network.latent_channels, *encoding.features.shape[-2:])
        return [
            self.network.sample(
                fixed, torch.randn(shape, generator=generator).to(clean), 1.0, condition
            )
            for _ in range(2)
        ]

    def _texture(
        self, draws: list[Sample], mean: Tensor, batch: Example, generator
    ) -> dict[str, Tensor]:
        """Energy scores of two samples, and their consistency."""
        clean, distance = batch.clean, self._feature_distance()
        samples = [draw.image for draw in draws]
        truth, first, second = self._features((clean, *samples), generator)
        spread, vgg = self.stage.weights.spread, self.stage.weights.vgg
        ends = distance.compare(first, truth, vgg), distance.compare(second, truth, vgg)
        share = self._spread_share(batch)
        between = distance.compare(first, second, vgg, share)
        terms = {
            "features": energy_score(ends[0].root, ends[1].root, between.root, spread),
            "pixels": energy_score(
                F.l1_loss(samples[0], clean),
                F.l1_loss(samples[1], clean),
                mean_of((samples[0] - samples[1]).abs(), share),
                spread,
            ),
        }
        if self.stage.weights.lpips > 0:
            terms["lpips"] = energy_score(ends[0].lpips, ends[1].lpips, between.lpips, spread)
        if self.stage.weights.range > 0:
            excess = [out_of_range(mean + draw.detail) for draw in draws]
            terms["range"] = 0.5 * (excess[0] + excess[1])
        if TASKS[self.network.task].operator is not None:
            # A worn input is not what a sample's reduction should be.
            scale = self.network.scale
            goal = batch.degraded if batch.wear is None else downscale(clean, scale)
            low = [downscale(x, scale) for x in samples]
            terms["consistency"] = 0.5 * (F.l1_loss(low[0], goal) + F.l1_loss(low[1], goal))
        return terms
