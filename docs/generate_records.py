"""Write docs/records.schema.json and docs/records.md from the records' types, or check them.

python docs/generate_records.py [--check]
"""

from __future__ import annotations

import ast
import inspect
import json
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints, is_typeddict

from restoreflow.batch import record_types as types
from restoreflow.cli import record_types as others

SCHEMA = Path(__file__).with_name("records.schema.json")
PAGE = Path(__file__).with_name("records.md")
_NAMES = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    type(None): "null",
}

KINDS = (
    *(types.Done, types.Judged, types.Skipped, types.Planned, types.Failed, types.Summary),
    *(others.Listed, others.Shown, others.Verified, others.Doctor, others.Scored, others.Realism),
)

_HEAD = """# Records

With `--format json`, `sr`, `lowlight` and `ood-check` print a record a line, strict JSON in ASCII:
one for each input as it is through, in their order; after several inputs, and of a dry run, a last
one whose `status` is `summary`. A command line that is not of a valid form, or that nothing can be
done for, is a record too, `failed` with `input` null, and ends with the [code](exit-codes.md) that
it has otherwise. Nothing else is printed on standard output; where that takes the picture,
standard error has the records.

Every record has `schema`, now {schema}. Fields may be added to it; where one goes or comes to mean
something else, the number grows. Figures of restorations have the digits that they are good for.
`models list`, `show`, `verify` and `pull`, `doctor`, and `evaluate sr`, `lowlight` and `realism`
print records too, the last six kinds below. [records.schema.json](records.schema.json) is a JSON
Schema of all of them. Both are written by `make docs` from the types in `record_types.py` of
`restoreflow/batch` and `restoreflow/cli`, and a test compares them, and the records of real runs,
with these.

`status` tells the kinds apart; `done` of `ood-check` has `ood_unusual`, of the others `model`.
"""


def schema() -> dict[str, Any]:
    """The JSON Schema of a record of any kind."""
    texts = _texts()
    shown = {
        name: each
        for module in (types, others)
        for name, each in vars(module).items()
        if is_typeddict(each) and name in module.__all__
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A record",
        "anyOf": [_schema_of(kind) for kind in KINDS],
        "$defs": {name: _object(each, texts[name]) for name, each in shown.items()},
    }


def _object(kind: Any, texts: dict[str, str]) -> dict[str, Any]:
    """The schema of a type with named fields."""
    hints = get_type_hints(kind)
    fields = {name: _schema_of(hint) for name, hint in hints.items()}
    return {
        "title": kind.__name__,
        "description": _line(kind.__doc__),
        "type": "object",
        "properties": {
            name: field | {"description": texts[name]} for name, field in fields.items()
        },
        "required": [name for name in fields if name in kind.__required_keys__],
        "additionalProperties": False,
    }


def _schema_of(hint: Any) -> dict[str, Any]:
    origin, parts = get_origin(hint), get_args(hint)
    if is_typeddict(hint):
        return {"$ref": f"#/$defs/{hint.__name__}"}
    if origin is Literal:
        return {"const": parts[0]} if len(parts) == 1 else {"enum": list(parts)}
    if origin is list:
        return {"type": "array", "items": _schema_of(parts[0])}
    if origin is dict:
        return {"type": "object", "additionalProperties": _schema_of(parts[1])}
    if parts:
        return {"anyOf": [_schema_of(part) for part in parts]}
    return {"type": _NAMES[hint]}


def _texts() -> dict[str, dict[str, str]]:
    """The text below each field, by class; a class has those of the classes it is made from."""
    found: dict[str, dict[str, str]] = {}
    sources = [inspect.getsource(module) for module in (types, others)]
    for node in [node for source in sources for node in ast.parse(source).body]:
        if not isinstance(node, ast.ClassDef):
            continue
        own: dict[str, str] = {}
        for base in node.bases:
            own |= found.get(ast.unparse(base), {})
        for field, text in pairwise(node.body):
            if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr):
                own[ast.unparse(field.target)] = _line(ast.literal_eval(text.value))
        found[node.name] = own
    return found


def _line(text: str | None) -> str:
    return " ".join((text or "").split())


def page(found: dict[str, Any]) -> str:
    """The page, Markdown."""
    parts = [_HEAD.format(schema=types.RECORD_SCHEMA)]
    parts += [_table(found["$defs"][kind.__name__]) for kind in KINDS]
    nested = [name for name in found["$defs"] if name not in {kind.__name__ for kind in KINDS}]
    parts += [_table(found["$defs"][name]) for name in nested]
    return "\n".join(parts)


def _table(kind: dict[str, Any]) -> str:
    lines = [f"## {kind['title']}\n", kind["description"] + "\n", "| field | type | what |"]
    lines.append("|---|---|---|")
    required = set(kind.get("required", ()))
    for name, field in kind["properties"].items():
        often = "" if name in required else " (not always there)"
        lines.append(f"| `{name}` | {_type(field)} | {field.get('description', '')}{often} |")
    return "\n".join(lines) + "\n"


def _type(field: dict[str, Any]) -> str:
    if "anyOf" in field:
        return " or ".join(map(_type, field["anyOf"]))
    if "$ref" in field:
        name = field["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "const" in field or "enum" in field:
        return " or ".join(
            f"`{json.dumps(each)}`" for each in field.get("enum", [field.get("const")])
        )
    if field["type"] == "array":
        return f"array of {_type(field['items'])}"
    return field["type"]


def main() -> None:
    """Write both files, or with --check fail where they differ."""
    found = schema()
    files = {SCHEMA: json.dumps(found, indent=2) + "\n", PAGE: page(found)}
    for path, text in files.items():
        if sys.argv[1:] != ["--check"]:
            path.write_text(text, encoding="utf-8")
        elif not path.is_file() or path.read_text(encoding="utf-8") != text:
            raise SystemExit(f"{path.name} differs from the types: run make docs")


if __name__ == "__main__":
    main()
