"""What each stage of training minimises."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from restoreflow.networks.low_light import with_stops
from restoreflow.networks.restoration_network import Encoding, RestorationNetwork
from restoreflow.training.config import StageConfig
from restoreflow.training.degradations import downscale
from restoreflow.training.examples import Example
from restoreflow.training.perceptual import FeatureDistance, draw_place

__all__ = ["StageLoss", "energy_score", "told_context"]

SQUARED_STEP = 1.0 / 255.0**2


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


def told_context(
    network: RestorationNetwork, batch: Example
) -> tuple[Tensor | None, Tensor | None]:
    """What the encoder is told of the whole pictures, and how far their exposure is misjudged.

    It is told their true exposure, which leaves it with what a patch can show; judging exposure is
    learnt apart, from the second value.

    Returns:
        The context, (N, G), and the mean absolute error of the judged exposure in stops; nothing
        where there is nothing to be told.
    """
    if batch.stops is None or batch.thumbnail is None:
        return None, None
    judged = network.global_context(batch.thumbnail)
    if judged is None:
        return None, None
    true = batch.stops.clamp(min=0.0)
    return with_stops(judged, true), F.l1_loss(judged[:, :3], true)


class StageLoss(nn.Module):
    """A stage's loss as a module, so that it can be distributed.

    Args:
        network: what is trained.
        stage: which loss, and its weights.
        distance: distances of features, needed by the "texture" loss.
    """

    def __init__(
        self,
        network: RestorationNetwork,
        stage: StageConfig,
        distance: FeatureDistance | None = None,
    ) -> None:
        super().__init__()
        self.network = network
        self.stage = stage
        network.encoder.isolated = True
        exposure = stage.loss == "exposure"
        network.requires_grad_(not exposure)
        still = [] if exposure or stage.weights.mean > 0 else network.encoder.mean_parameters()
        for parameter in still:
            parameter.requires_grad_(False)
        for parameter in network.encoder.exposure_parameters() if exposure else ():
            parameter.requires_grad_(True)
        # Kept out of the modules: it is not trained, nor distributed, nor saved.
        self._distance = [distance]

    def forward(self, batch: Example, seed: int) -> tuple[Tensor, dict[str, float]]:
        """The loss of a batch, and its terms before weighting.

        Args:
            batch: inputs and what they should have been.
            seed: of the noise drawn here, on the CPU, so that devices agree.
        """
        generator = torch.Generator().manual_seed(seed)
        degraded, clean = batch.degraded, batch.clean
        context, exposure = told_context(self.network, batch)
        if self.stage.loss == "exposure":
            if exposure is None:
                raise ValueError("these examples have no exposure to be judged")
            return exposure, {"exposure": float(exposure.detach())}
        encoding = self.network.encode(degraded, context)
        terms = {"mean": F.l1_loss(encoding.mean, clean)}  # logged where its weight is 0
        if self.stage.loss == "mean":
            terms |= self._more_of_mean(encoding.mean, clean, generator)
        else:
            condition = self.network.prepare(encoding.features)
            terms["likelihood"] = self._likelihood(encoding, condition, clean, generator)
            if self.stage.loss == "texture":
                terms |= self._texture(encoding, condition, degraded, clean, generator)
        if exposure is not None:
            terms["exposure"] = exposure
        total = clean.new_zeros(())
        for name, value in terms.items():
            total = total + getattr(self.stage.weights, name) * value
        return total, {name: float(value.detach()) for name, value in terms.items()}

    def _more_of_mean(self, mean: Tensor, clean: Tensor, generator) -> dict[str, Tensor]:
        """What the stage asks of the mean image beyond L1."""
        weights = self.stage.weights
        terms: dict[str, Tensor] = {}
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

    def _texture(
        self, encoding: Encoding, condition, degraded: Tensor, clean: Tensor, generator
    ) -> dict[str, Tensor]:
        """Energy scores of two samples at temperature 1, and their consistency."""
        distance = self._feature_distance()
        fixed = encoding._replace(mean=encoding.mean.detach())
        shape = (len(clean), self.network.latent_channels, *encoding.features.shape[-2:])
        draws = [
            self.network.sample(
                fixed, torch.randn(shape, generator=generator).to(clean), 1.0, condition
            )
            for _ in range(2)
        ]
        samples = [draw.image for draw in draws]
        truth, first, second = self._features((clean, *samples), generator)
        spread, vgg = self.stage.weights.spread, self.stage.weights.vgg
        ends = distance.compare(first, truth, vgg), distance.compare(second, truth, vgg)
        between = distance.compare(first, second, vgg)
        terms = {
            "features": energy_score(ends[0].root, ends[1].root, between.root, spread),
            "pixels": energy_score(
                F.l1_loss(samples[0], clean),
                F.l1_loss(samples[1], clean),
                F.l1_loss(samples[0], samples[1]),
                spread,
            ),
        }
        if self.stage.weights.lpips > 0:
            terms["lpips"] = energy_score(ends[0].lpips, ends[1].lpips, between.lpips, spread)
        if self.stage.weights.range > 0:
            excess = [out_of_range(fixed.mean + draw.detail) for draw in draws]
            terms["range"] = 0.5 * (excess[0] + excess[1])
        if self.network.task == "sr":
            low = [downscale(x, self.network.scale) for x in samples]
            terms["consistency"] = 0.5 * (F.l1_loss(low[0], degraded) + F.l1_loss(low[1], degraded))
        return terms
