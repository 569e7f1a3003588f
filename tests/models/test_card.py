"""The model card: what it says, and that it reads back."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from restoreflow.errors import ModelError
from restoreflow.lab.training.config import LossWeights, read_train_config
from restoreflow.models.card import CardFacts, read_card, read_figures, write_card
from restoreflow.models.config import Defaults, ModelConfig
from restoreflow.models.resolve import resolve_model

Rows = list[dict[str, object]]


def test_round_trip(config: ModelConfig, facts: CardFacts, rows: Rows, tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    path.write_text(write_card(config, facts, rows), encoding="utf-8")
    assert read_card(path) == facts


def test_the_hub_reads_the_front_matter(config: ModelConfig, facts: CardFacts) -> None:
    from huggingface_hub import ModelCard

    data = ModelCard(write_card(config, facts)).data.to_dict()
    assert data["license"] == "apache-2.0"
    assert data["library_name"] == "restoreflow"
    assert data["pipeline_tag"] == "image-to-image"
    assert {"super-resolution", "x4", "spline", "normalizing-flow"} <= set(data["tags"])
    assert data["data_license"] == "CC0: see the list"


def test_the_card_says_what_a_reader_must_know(
    config: ModelConfig, facts: CardFacts, rows: Rows
) -> None:
    text = write_card(config, facts, rows)
    for part in (facts.summary, facts.training_data, facts.recipe, facts.limits):
        assert part in text
    assert "| data | method | temperature | psnr_y |" in text
    assert "| Set14 | tiny | 0.8 | 26.12 |" in text
    assert "Default temperature 0.8; consistency with the input is on" in text
    off = dataclasses.replace(config, defaults=Defaults(temperature=0.5, consistency=False))
    assert "Default temperature 0.5; consistency with the input is off" in write_card(off, facts)
    assert "Not measured." in write_card(config, facts)


def test_the_loss_curve_stands_after_the_recipe(
    config: ModelConfig, facts: CardFacts, tmp_path: Path
) -> None:
    text = write_card(config, facts, curve=[{"stage": "mean", "steps": 50, "terms": "mean 2 → 1"}])
    assert "## Loss curve\n\n| stage | steps | terms |" in text
    assert text.index("## Recipe") < text.index("| mean | 50 | mean 2 → 1 |")
    assert "Loss curve" not in write_card(config, facts)
    (tmp_path / "README.md").write_text(text, encoding="utf-8")
    assert read_card(tmp_path / "README.md") == facts


def test_rows_of_different_measures_share_one_table(config: ModelConfig, facts: CardFacts) -> None:
    rows = [{"data": "a|b", "psnr_y": 1.0, "threads": 2}, {"data": "c", "lpips": None, "n": 3}]
    text = write_card(config, facts, rows)
    assert "| data | psnr_y | lpips | n |" in text
    assert "| a\\|b | 1 |  |  |" in text
    assert "| c |  |  | 3 |" in text


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(CardFacts)])
def test_no_fact_may_be_empty(facts: CardFacts, name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} is empty"):
        dataclasses.replace(facts, **{name: " \n"})


def test_texts_that_would_not_read_back_are_refused(facts: CardFacts) -> None:
    with pytest.raises(ValueError, match="recipe holds a '## ' heading"):
        dataclasses.replace(facts, recipe="first\n## Second")
    with pytest.raises(ValueError, match="license must be one line"):
        dataclasses.replace(facts, license="a\nb")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda text: text.split("---\n", 2)[2], "license is empty"),
        (lambda text: text.replace("license: apache-2.0", "license: [", 1), "front matter"),
        (lambda text: text.replace("## Recipe", "## Recipes"), "recipe is empty"),
        (lambda text: text.replace("## When it fails", "When it fails"), "limits is empty"),
    ],
)
def test_incomplete_cards(
    config: ModelConfig, facts: CardFacts, tmp_path: Path, damage: object, message: str
) -> None:
    path = tmp_path / "README.md"
    path.write_text(damage(write_card(config, facts)))  # pyright: ignore[reportCallIssue]
    with pytest.raises(ModelError, match=message) as error:
        read_card(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_no_card(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be read: No such file"):
        read_card(tmp_path / "README.md")


def test_figures(saved: Path, rows: Rows, tmp_path: Path) -> None:
    assert read_figures(saved / "evaluation.json") == rows
    path = tmp_path / "evaluation.json"
    for text in ("{}", '{"rows": 1}', '{"rows": [1]}'):
        path.write_text(text)
        with pytest.raises(ModelError, match='under "rows"'):
            read_figures(path)


def test_the_card_says_what_training_asked_for_and_names_the_range_penalty(
    config: ModelConfig, facts: CardFacts
) -> None:
    recipes = [
        read_train_config(Path(str(resolve_model(name).path)) / "train.toml")
        for name in ("sr-x4-affine", "sr-x4")
    ]
    texts = [write_card(config, facts, stages=recipe.asked()) for recipe in recipes]
    sections = [text.split("## What training asked for")[1].split("\n## ")[0] for text in texts]
    for section in sections:
        assert "range penalty 1500" in section and "trains explosions away" in section
        assert "exposure" not in section
    untold, told = sections
    assert "wear" not in untold and "adversary" not in untold
    assert "| wear 10 |" in told and "adversary 0.1" in told
    assert "spread of samples 0.26 (0.5 is proper)" in told
    recipe = recipes[0]
    plain = [dataclasses.replace(s, weights=LossWeights()) for s in recipe.stages]
    without = write_card(
        config, facts, stages=dataclasses.replace(recipe, stages=tuple(plain)).asked()
    )
    assert "No range penalty was used." in without
