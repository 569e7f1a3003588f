"""The energy score rewards honest spread, and every stage's loss reaches what it trains."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import pytest
import torch

from restoreflow.lab.degradations.example import Example
from restoreflow.lab.training.config import LossWeights, TrainConfig
from restoreflow.lab.training.losses import (
    StageLoss,
    decibels,
    energy_score,
    newly_clipped,
    told_context,
)
from restoreflow.lab.training.perceptual import draw_place, load_feature_distance
from restoreflow.networks.low_light import LowLightEncoder
from restoreflow.networks.residual import ResidualEncoder
from restoreflow.networks.restoration_network import build_network
from tests.lab.training.recipes import Loss, Task, recipe, write_extractors


def example(count: int) -> Example:
    return Example(torch.rand(count, 3, 24, 24), torch.rand(count, 3, 96, 96))


def dark_example(count: int) -> Example:
    """A batch of the low-light task: noise, its stops and a thumbnail."""
    dark, clean, small = (torch.rand(count, 3, side, side) for side in (96, 96, 64))
    stops, bright = 1.0 + 3.0 * torch.rand(count, 3), torch.rand(count, 3, 64, 64)
    place = torch.tensor([[4.0, 8.0, 40.0, 60.0]]).expand(count, 4)
    return Example(0.1 * dark, clean, stops, 0.1 * small, bright=bright, place=place)


def expected_score(spread_of_samples: float, weight: float) -> float:
    """Monte Carlo expectation for truth ~ N(0, 1) and samples ~ N(0, spread^2)."""
    generator = torch.Generator().manual_seed(0)
    truth, one, two = torch.randn(3, 200_000, generator=generator)
    one, two = one * spread_of_samples, two * spread_of_samples
    means = ((one - truth).abs(), (two - truth).abs(), (one - two).abs())
    to_one, to_two, between = (m.mean() for m in means)
    return float(energy_score(to_one, to_two, between, weight))


def test_the_energy_score_is_smallest_for_the_true_spread() -> None:
    honest = expected_score(1.0, 0.5)
    assert honest < expected_score(0.7, 0.5)
    assert honest < expected_score(1.4, 0.5)


def test_a_single_samples_distance_rewards_collapse() -> None:
    assert expected_score(0.0, 0.0) < expected_score(1.0, 0.0)


def loss_on(task: str, config: TrainConfig, folder: Path) -> tuple[StageLoss, torch.Tensor]:
    """A stage's loss, its network's weights all drawn, on one batch."""
    network = build_network(config.model())
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.02 * torch.randn_like(parameter))
    textured = config.stages[0].loss == "texture"
    distance = load_feature_distance(write_extractors(folder)) if textured else None
    module = StageLoss(network, config.stages[0], distance)
    total, terms, _ = module((example if task == "sr" else dark_example)(2), seed=0)
    assert ("consistency" in terms) == (textured and task == "sr")
    assert ("exposure" in terms) == (task == "lowlight")
    return module, total


@pytest.mark.parametrize("task", ["sr", "lowlight"])
@pytest.mark.parametrize("loss", ["mean", "likelihood", "texture"])
def test_every_trained_parameter_receives_a_gradient(loss: Loss, task: Task, tmp_path) -> None:
    config = recipe(loss, task=task)
    module, total = loss_on(task, config, tmp_path)
    total.backward()
    network = module.network
    trained = network.encoder.mean_parameters() if loss == "mean" else list(network.parameters())
    assert all(p.grad is not None and p.grad.any() for p in trained)
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in trained)


@pytest.mark.parametrize("isolated", [True, False])
def test_textures_reach_the_trunk_where_it_is_not_isolated(isolated: bool, tmp_path) -> None:
    config = recipe("texture")
    weights = dataclasses.replace(
        config.stages[0].weights, mean=1e-9
    )  # trained, by next to nothing
    stage = dataclasses.replace(config.stages[0], isolated=isolated, weights=weights)
    module, total = loss_on("sr", dataclasses.replace(config, stages=(stage,)), tmp_path)
    total.backward()
    encoder = module.network.encoder
    assert isinstance(encoder, ResidualEncoder)
    gradient = encoder.head.weight.grad
    assert gradient is not None
    assert (float(gradient.norm()) < 1e-6) == isolated


def test_exposure_is_learnt_from_the_thumbnail_and_the_mean_image_is_told_the_truth() -> None:
    network = build_network(recipe("mean", task="lowlight").model())
    batch = dark_example(2)
    context, judged, _ = told_context(network, batch)
    assert context is not None and batch.stops is not None
    assert torch.equal(context[:, :3], batch.stops)
    other = batch._replace(thumbnail=batch.clean)
    assert not torch.equal(context[:, 3:], told_context(network, other)[0][:, 3:])  # pyright: ignore
    judged["exposure"].backward()
    encoder = network.encoder
    judged = {n.split(".")[0] for n, p in encoder.named_parameters() if p.grad is not None}
    assert judged == {"judgement"}
    touched = {id(p) for p in encoder.parameters() if p.grad is not None and p.grad.any()}
    assert touched == {id(p) for p in encoder.judging_parameters()}


def test_an_exposure_stage_trains_the_exposure_alone() -> None:
    config = recipe("exposure", task="lowlight")
    network = build_network(config.model())
    module = StageLoss(network, config.stages[0])
    batch = dark_example(2)
    total, terms, _ = module(batch, seed=0)
    assert float(total.detach()) == pytest.approx(0.3 * terms["exposure"]) and total > 0
    total.backward()
    trained = {id(p) for p in network.parameters() if p.requires_grad}
    assert trained == {id(p) for p in network.encoder.judging_parameters()}
    assert all(p.grad is not None and p.grad.any() for p in network.encoder.judging_parameters())
    StageLoss(network, recipe("mean", task="lowlight").stages[0])  # what follows trains the rest
    assert all(p.requires_grad for p in network.parameters())
    with pytest.raises(ValueError, match="low light"):
        recipe("exposure", task="sr")


def test_a_wear_stage_trains_what_judges_it_alone() -> None:
    config = recipe("texture")
    network = dataclasses.replace(config.network, told=True)
    stage = dataclasses.replace(config.stages[0], loss="wear")
    config = dataclasses.replace(config, degradation="photo", network=network, stages=(stage,))
    built = build_network(config.model())
    module = StageLoss(built, stage)
    total, terms, _ = module(worn_example(config), seed=0)
    assert set(terms) == {"wear"} and total > 0
    total.backward()
    trained = {id(p) for p in built.parameters() if p.requires_grad}
    assert trained == {id(p) for p in built.encoder.judging_parameters()}
    with pytest.raises(ValueError, match="told it"):
        dataclasses.replace(config, degradation="bicubic")
    with pytest.raises(ValueError, match="no wear to be judged"):
        module(worn_example(config)._replace(wear=None), seed=0)


def test_an_exposure_stage_trains_the_map_of_gains() -> None:
    config = recipe("exposure", task="lowlight")
    weights = LossWeights(exposure=0.1, gains=1.0, clipped=1.0)
    stage = dataclasses.replace(config.stages[0], weights=weights)
    config = dataclasses.replace(
        config, network=dataclasses.replace(config.network, gains=True), stages=(stage,)
    )
    network = build_network(config.model())
    module = StageLoss(network, stage)
    total, terms, _ = module(dark_example(4), seed=0)
    assert set(terms) == {"exposure", "gains", "clipped"} and terms["gains"] > 0
    total.backward()
    encoder = network.encoder
    assert isinstance(encoder, LowLightEncoder) and encoder.judgement.gains is not None
    last = dict(encoder.judgement.gains.named_parameters())["judge.2.weight"]
    assert last.grad is not None and last.grad.any()


def test_what_clips_is_charged_where_the_truth_does_not() -> None:
    truth = torch.tensor([0.5, 0.95, 0.5, 0.5]).view(1, 1, 1, 4).expand(1, 3, 1, 4)
    image = torch.tensor([0.9, 1.0, 1.0, 0.975]).view(1, 1, 1, 4).expand(1, 3, 1, 4)
    assert float(newly_clipped(image, truth)) == pytest.approx((1.0 + 0.5) / 4)


def test_the_loss_is_a_function_of_its_seed() -> None:
    config = recipe("likelihood")
    network = build_network(config.model())
    module = StageLoss(network, config.stages[0])
    batch = example(1)
    first = float(module(batch, seed=3)[0])
    assert first == float(module(batch, seed=3)[0])
    assert first != float(module(batch, seed=4)[0])


def test_a_mean_stage_may_compare_features_and_no_other_stage(tmp_path: Path) -> None:
    config = recipe("mean", task="lowlight")
    weights = LossWeights(mean_features=0.5)
    stage = dataclasses.replace(config.stages[0], weights=weights)
    assert stage.needs_features and not config.stages[0].needs_features
    network = build_network(config.model())
    distance = load_feature_distance(write_extractors(tmp_path))
    batch = dark_example(2)
    total, terms, _ = StageLoss(network, stage, distance)(batch, seed=0)
    plain = StageLoss(network, config.stages[0])(batch, seed=0)[0]
    assert terms["mean_features"] > 0
    torch.testing.assert_close(total - plain, torch.tensor(0.5 * terms["mean_features"]))
    with pytest.raises(ValueError, match="feature distance"):
        StageLoss(network, stage)(batch, seed=0)
    with pytest.raises(ValueError, match="mean_features"):
        dataclasses.replace(config.stages[0], loss="likelihood", weights=weights)


def test_a_mean_stage_may_ask_for_decibels_and_lpips(tmp_path: Path) -> None:
    config = recipe("mean")
    distance = load_feature_distance(write_extractors(tmp_path))
    network = build_network(config.model())
    batch = example(2)
    weights = LossWeights(mean=0.0, mean_decibels=0.5, mean_lpips=2.0)
    stage = dataclasses.replace(config.stages[0], weights=weights)
    total, terms, _ = StageLoss(network, stage, distance)(batch, seed=0)
    image = network.encode(batch.degraded).mean
    error = (image - batch.clean).square().mean((1, 2, 3)) + 255.0**-2
    expected = 10.0 * error.log10().mean()
    torch.testing.assert_close(terms["mean_decibels"], float(expected))
    assert terms["mean_lpips"] > 0
    torch.testing.assert_close(float(total), 0.5 * float(expected) + 2.0 * terms["mean_lpips"])
    for name in ("mean_decibels", "mean_lpips"):
        with pytest.raises(ValueError, match=name):
            dataclasses.replace(
                config.stages[0], loss="texture", weights=LossWeights(**{name: 1.0})
            )


def test_decibels_of_a_perfect_picture_are_finite_and_count_skies_no_more_than_the_rest() -> None:
    truth = torch.full((2, 3, 8, 8), 0.5)
    assert float(decibels(truth, truth)) == pytest.approx(20 * math.log10(255.0), abs=1e-3)
    off = truth.clone()
    off[0] += 0.1
    assert float(decibels(off, truth)) == pytest.approx((20.0 + 48.13) / 2, abs=0.02)


def test_the_feature_distance_is_a_distance(tmp_path: Path) -> None:
    distance = load_feature_distance(write_extractors(tmp_path))
    place = draw_place(96, 96, torch.Generator().manual_seed(0))
    a, b, c = (distance.features(torch.rand(1, 3, 96, 96), place) for _ in range(3))
    ab, ba, ac, cb = (distance.compare(*p).root for p in ((a, b), (b, a), (a, c), (c, b)))
    assert torch.isclose(ab, ba)
    assert float(distance.compare(a, a).root) < 0.02 * float(ab)
    assert float(ab) <= float(ac + cb)


def test_spread_counts_less_where_the_input_is_worn(tmp_path: Path) -> None:
    """Clean items keep theirs; a share of 1 is the loss that it was, bit by bit."""
    config = told_recipe("texture")
    batch = worn_example(config)
    features = load_feature_distance(write_extractors(tmp_path))

    def score(share: float, wear: torch.Tensor) -> dict[str, float]:
        torch.manual_seed(0)
        weights = dataclasses.replace(config.stages[0].weights, spread_worn=share)
        stage = dataclasses.replace(config.stages[0], weights=weights)
        module = StageLoss(build_network(config.model()), stage, features)
        return module(batch._replace(wear=wear), seed=3)[1]

    clean = torch.zeros(len(batch.clean), 3)
    worn, half = clean + 0.5, torch.cat((clean[:1], clean[1:] + 0.5))
    for name in ("features", "pixels"):
        assert score(0.2, clean)[name] == pytest.approx(score(1.0, clean)[name])
        assert score(0.2, worn)[name] > score(0.2, half)[name] > score(1.0, half)[name]


def test_the_likelihood_does_not_move_the_mean_image() -> None:
    config = recipe("likelihood")
    network = build_network(config.model())
    with torch.no_grad():
        for parameter in network.flow.parameters():
            parameter.add_(0.02 * torch.randn_like(parameter))
    stage = dataclasses.replace(config.stages[0], weights=LossWeights(mean=0.0))
    module = StageLoss(network, stage)
    module(example(1), seed=0)[0].backward()
    assert all(p.grad is None for p in network.encoder.mean_parameters())
    context = network.get_submodule("encoder.context")
    assert any(p.grad is not None and p.grad.any() for p in context.parameters())


def test_features_stay_differentiable_in_the_input_outside_training() -> None:
    network = build_network(recipe("likelihood").model())
    degraded = torch.rand(1, 3, 12, 12, requires_grad=True)
    network.encode(degraded).features.square().sum().backward()
    assert degraded.grad is not None and degraded.grad.any()


def worn_example(config: TrainConfig, count: int = 4) -> Example:
    clean = torch.rand(count, 3, 96, 96)
    wear = torch.linspace(0.1, 0.9, 3 * count).view(count, 3)
    return Example(torch.rand(count, 3, 24, 24), clean, wear=wear)


def told_recipe(*losses) -> TrainConfig:
    config = recipe(*losses)
    network = dataclasses.replace(config.network, told=True)
    return dataclasses.replace(config, degradation="photo", network=network)


def test_an_encoder_is_told_wear_about_as_it_was_and_judges_it_besides() -> None:
    config = told_recipe("mean")
    network, batch = build_network(config.model()), worn_example(told_recipe("mean"), 64)
    assert batch.wear is not None
    exact = told_context(network, batch)
    assert exact.context is not None and torch.equal(exact.context, batch.wear)
    told = told_context(network, batch, torch.Generator().manual_seed(0)).context
    assert told is not None
    near = (told - batch.wear).abs().amax(1) < 0.15
    assert 0.5 < float(near.float().mean()) < 0.95  # the rest as judged, which is 0 here
    exact.terms["wear"].backward()
    judge = network.get_submodule("encoder.judgement")
    assert any(p.grad is not None and p.grad.any() for p in judge.parameters())
    others = [p for n, p in network.named_parameters() if "judgement" not in n]
    assert all(p.grad is None for p in others)


def test_a_worn_inputs_samples_are_held_to_the_clean_picture(tmp_path: Path) -> None:
    config = told_recipe("texture")
    network = build_network(config.model())
    distance = load_feature_distance(write_extractors(tmp_path))
    batch = worn_example(config)
    other = batch._replace(degraded=batch.degraded.flip(-1))
    module = StageLoss(network, config.stages[0], distance)
    with torch.no_grad():
        network.get_parameter("encoder.detail.weight").zero_()
        mean = network.encode(batch.degraded).mean
    clean = batch._replace(clean=mean, wear=torch.zeros(4, 3))
    near = module(clean, seed=0)[1]["consistency"]
    assert near < module(other._replace(clean=mean), seed=0)[1]["consistency"]
