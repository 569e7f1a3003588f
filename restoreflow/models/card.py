"""The model card, README.md: written from typed facts and measured figures, and read back."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from restoreflow.config_reader import read_json_object
from restoreflow.errors import ModelError
from restoreflow.local_files import LARGEST_TEXT, read_regular
from restoreflow.models.config import ModelConfig
from restoreflow.tasks.table import TASKS

__all__ = ["CardFacts", "figure_columns", "read_card", "read_figures", "write_card"]

_SECTIONS = {
    "training_data": "Training data",
    "recipe": "Recipe",
    "limits": "When it fails",
}
_METADATA = ("license", "code_license", "data_license")
_UNSHOWN = frozenset({"pictures", "samples", "threads"})


@dataclass(frozen=True)
class CardFacts:
    """What a reader must know before trusting a model. Texts are Markdown without `##` headings.

    Attributes:
        summary: one paragraph: what it restores, for whom.
        license: of the weights, as the Hub spells it, e.g. "apache-2.0".
        code_license: of the code that made them.
        data_license: of the pictures they learnt from, in words.
        training_data: which pictures, from where, how many.
        recipe: stages, time, machine, seed; what was reached.
        limits: on which inputs it fails, and how that looks.

    Raises:
        ValueError: a text is empty or holds a `##` heading; a licence is longer than a line.
    """

    summary: str
    license: str
    code_license: str
    data_license: str
    training_data: str
    recipe: str
    limits: str

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            text = getattr(self, field.name)
            if not text.strip():
                raise ValueError(f"{field.name} is empty")
            if re.search(r"^## ", text, re.MULTILINE):
                raise ValueError(f"{field.name} holds a '## ' heading")
            if field.name in _METADATA and "\n" in text:
                raise ValueError(f"{field.name} must be one line")


def write_card(
    config: ModelConfig,
    facts: CardFacts,
    figures: Sequence[Mapping[str, Any]] = (),
    curve: Sequence[Mapping[str, Any]] = (),
    stages: Sequence[Mapping[str, Any]] = (),
) -> str:
    """Gives the text of README.md: the Hub's front matter, then what a reader must know.

    Args:
        config: the model's configuration.
        facts: everything that cannot be measured.
        figures: measured rows, as `read_figures` gives them; one line of the table each.
        curve: rows on the stages of training, as `training.log.summarise_log` gives them.
        stages: rows on what they asked for, as `TrainConfig.asked` gives them.
    """
    from huggingface_hub import ModelCardData

    data: Any = ModelCardData(
        license=facts.license,
        library_name="restoreflow",
        pipeline_tag="image-to-image",
        tags=_tags(config),
        code_license=facts.code_license,
        data_license=facts.data_license,
    )
    bodies = {title: getattr(facts, name).strip() for name, title in _SECTIONS.items()}
    sections = {
        "Use": _use(config),
        "Training data": bodies["Training data"],
        "Recipe": bodies["Recipe"],
        **({"What training asked for": _asked(stages)} if stages else {}),
        **({"Loss curve": _curve(curve)} if curve else {}),
        "Figures": _table(figures) or "Not measured.",
        "When it fails": bodies["When it fails"],
        "Licences": _licences(facts),
    }
    text = "\n\n".join(f"## {title}\n\n{body}" for title, body in sections.items())
    return f"---\n{data.to_yaml()}\n---\n\n# {config.name}\n\n{facts.summary.strip()}\n\n{text}\n"


def read_card(path: Path) -> CardFacts:
    """Reads the facts back from README.md.

    Raises:
        ModelError: the file cannot be read, or lacks its front matter or a section.
    """
    from huggingface_hub import ModelCard

    try:
        text = read_regular(path, LARGEST_TEXT).decode().replace("\r\n", "\n")
        data = ModelCard(text, ignore_metadata_errors=True).data.to_dict()
    except OSError as reason:
        raise ModelError(f"{path}: cannot be read: {reason.strerror}") from reason
    except UnicodeDecodeError as reason:
        raise ModelError(f"{path}: is no text in UTF-8") from reason
    except Exception as reason:  # the YAML parser's errors are no public classes of the Hub's
        first = (str(reason).splitlines() or [type(reason).__name__])[0]
        raise ModelError(f"{path}: front matter cannot be read: {first}") from reason
    values: dict[str, str] = {name: str(data.get(name) or "") for name in _METADATA}
    sections = _sections(text)
    values["summary"] = sections[""]
    values |= {name: sections.get(title, "") for name, title in _SECTIONS.items()}
    try:
        return CardFacts(**values)
    except ValueError as reason:
        hint = "a card needs license, code_license, data_license and all sections"
        raise ModelError(f"{path}: {reason}", hint) from reason


def read_figures(path: Path) -> list[dict[str, Any]]:
    """Reads the measured rows of evaluation.json: {"rows": [{"method", "data", ...}, ...]}.

    Raises:
        ModelError: the file cannot be read or has another form.
    """
    rows = read_json_object(path).get("rows")
    if isinstance(rows, list):
        entries = cast("list[object]", rows)
        if all(isinstance(row, dict) for row in entries):
            return cast("list[dict[str, Any]]", entries)
    raise ModelError(f'{path}: expected a list of tables under "rows"', "evaluate the model again")


def figure_columns(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Gives the columns of a table of measured rows, in the order of their appearance."""
    return list(dict.fromkeys(key for row in rows for key in row if key not in _UNSHOWN))


def _tags(config: ModelConfig) -> list[str]:
    task = TASKS[config.task].tag
    scale = [f"x{config.scale}"] if config.scale > 1 else []
    return ["image-restoration", "normalizing-flow", task, *scale, config.flow.coupling]


def _use(config: ModelConfig) -> str:
    picture = TASKS[config.task].example
    return (
        f"    restoreflow {config.task} {picture} --model MODEL\n\n"
        "MODEL is this folder, the name of a bundled model, or the id of this page on the Hub. "
        f"Default temperature {config.defaults.temperature:g}; consistency with the input is "
        f"{'on' if config.defaults.consistency else 'off'} by default."
    )


def _licences(facts: CardFacts) -> str:
    rows = {
        "weights": facts.license,
        "code": facts.code_license,
        "training data": facts.data_license,
    }
    return _markdown(["of", "licence"], [[what, text] for what, text in rows.items()])


def _asked(rows: Sequence[Mapping[str, Any]]) -> str:
    used = any("range penalty" in str(row["weights"]) for row in rows)
    note = (
        "A range penalty charges samples beyond the image range before the limiter: it trains "
        "explosions away on photographs, whatever the form of the flow."
        if used
        else "No range penalty was used."
    )
    return f"{_table(rows)}\n\n{note}"


def _curve(rows: Sequence[Mapping[str, Any]]) -> str:
    note = "Every 50 steps: `log.jsonl`. Terms are before weighting, averaged over 50 steps a line."
    return f"{_table(rows)}\n\n{note}"


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    columns = figure_columns(rows)
    cells = [[_cell(row.get(column)) for column in columns] for row in rows]
    return _markdown(columns, cells) if rows else ""


def _markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [list(head), ["---"] * len(head), *map(list, rows)]
    return "\n".join("| " + " | ".join(c.replace("|", "\\|") for c in row) + " |" for row in lines)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value)


def _sections(text: str) -> dict[str, str]:
    """Splits a card's body at its `##` headings; the summary stands under the empty title."""
    body = re.sub(r"\A---\n.*?\n---\n", "", text, count=1, flags=re.DOTALL)
    first, *others = re.split(r"^## ", body, flags=re.MULTILINE)
    sections = {"": re.sub(r"\A\s*# [^\n]*\n", "", first).strip()}
    for part in others:
        title, _, content = part.partition("\n")
        sections[title.strip()] = content.strip()
    return sections
