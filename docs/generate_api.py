"""Write docs/api.md from the docstrings of what scripts use, or check that it says the same.

python docs/generate_api.py [--check]
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import restoreflow
from restoreflow import errors, metrics
from restoreflow.flows.certificate import Certificate
from restoreflow.ood.check import Check
from restoreflow.restoration.options import Options
from restoreflow.restoration.restoration import Restoration

PAGE = Path(__file__).with_name("api.md")

_HEAD = """# Python

```python
import restoreflow
```

imports nothing large; PyTorch comes with the first name that is used. This page is made of the
docstrings by `make docs`, and a test compares them; every example on it runs as a test.
"""

METHODS = (
    "from_pretrained", "__call__", "restore", "restore_bands", "score", "certificate", "encode",
    "log_prob", "to", "save_pretrained", "push_to_hub",
)  # fmt: skip

PUBLIC: dict[str, list[tuple[str, Any]]] = {
    "Models": [
        ("restoreflow.Restorer", restoreflow.Restorer),
        *((f"Restorer.{name}", getattr(restoreflow.Restorer, name)) for name in METHODS),
        ("restoreflow.load_model", restoreflow.load_model),
        ("restoreflow.list_models", restoreflow.list_models),
    ],
    "What they give and take": [
        ("Restoration", Restoration),
        ("Restoration.values", Restoration.values),
        ("Options", Options),
        ("Check", Check),
        ("Certificate", Certificate),
    ],
    "Measures": [
        ("restoreflow.metrics", metrics),
        *((f"restoreflow.metrics.{name}", getattr(metrics, name)) for name in metrics.__all__),
    ],
    "Errors": [(f"restoreflow.errors.{name}", getattr(errors, name)) for name in errors.__all__],
}

_SECTION = re.compile(r"(Args|Attributes|Returns|Raises):")
_ENTRY = re.compile(r"    ([\w, *]+): (.*)")


def signature(name: str, value: Any) -> str:
    """How it is called, on as many lines as it takes; nothing for a module or a record."""
    if inspect.ismodule(value) or value in (Restoration, Check, Certificate):
        return ""
    called = inspect.signature(value)
    words = list(_words(called))
    back = called.return_annotation
    arrow = f" -> {back}" if isinstance(back, str) and not inspect.isclass(value) else ""
    short = name.removesuffix(".__call__").replace("Restorer", "restorer") if "__" in name else name
    line = f"{short}({', '.join(words)}){arrow}"
    if len(line) > 96:
        line = f"{short}(\n" + "".join(f"    {word},\n" for word in words) + f"){arrow}"
    return f"```python\n{line}\n```\n"


def _words(called: inspect.Signature) -> Iterator[str]:
    starred = False
    for each in called.parameters.values():
        if each.name in ("self", "cls"):
            continue
        if each.kind is each.KEYWORD_ONLY and not starred:
            starred = True
            yield "*"
        stars = {each.VAR_POSITIONAL: "*", each.VAR_KEYWORD: "**"}.get(each.kind, "")
        default = each.default
        text = f'"{default}"' if isinstance(default, str) else repr(default)
        yield f"{stars}{each.name}: {each.annotation}" + (
            "" if default is each.empty else f" = {text}"
        )


def markdown(text: str) -> Iterator[str]:
    """A docstring's lines: sections as lists, examples as code."""
    section, example = False, False
    for line in inspect.cleandoc(text).splitlines():
        if example and not line.strip().startswith((">>>", "...")) and not line.strip():
            yield "```"
            example = False
        if line.startswith(">>>") and not example:
            yield "```pycon"
            example = True
        head, entry = _SECTION.fullmatch(line), _ENTRY.fullmatch(line)
        if head:
            section = True
            yield f"**{head[1]}**"
            yield ""
        elif section and entry:
            yield f"- `{entry[1]}`: {entry[2]}"
        elif section and line.startswith("    "):
            yield f"  {line.strip()}" if line.startswith("        ") else line.strip()
        else:
            section = section and not line.strip()
            yield line
    if example:
        yield "```"


def page() -> str:
    """The whole page, Markdown."""
    parts = [_HEAD]
    for title, names in PUBLIC.items():
        parts.append(f"## {title}\n")
        for name, value in names:
            body = "\n".join(markdown(value.__doc__ or ""))
            parts.append(f"### `{name}`\n\n{signature(name, value)}\n{body}\n")
    return re.sub(r"\n{3,}", "\n\n", "\n".join(parts))


def main() -> None:
    """Write the page, or with --check fail where it differs."""
    text = page()
    if sys.argv[1:] != ["--check"]:
        PAGE.write_text(text, encoding="utf-8")
    elif not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != text:
        raise SystemExit(f"{PAGE.name} differs from the docstrings: run make docs")


if __name__ == "__main__":
    main()
