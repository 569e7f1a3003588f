"""Strict reading of frozen dataclasses from dicts, JSON and TOML, and checks of their values.

A key nobody knows, a value of another type, a missing required key: each is an error that names
the place and, for a misspelt key or choice, the nearest one there is. Nothing is converted, except
that an integer stands for a float and a list for a tuple. Ranges are checked where a configuration
is made.
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import json
import reprlib
import sys
import tomllib
import types
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from restoreflow.errors import ModelError, RestoreflowError
from restoreflow.local_files import LARGEST_TEXT, read_regular

__all__ = [
    "check_around_zero",
    "check_count",
    "check_range",
    "from_dict",
    "nearest",
    "parse_json",
    "read_json",
    "read_json_object",
    "read_toml",
    "to_dict",
]

T = TypeVar("T")
Fail = Callable[[str, str, str], RestoreflowError]


def from_dict(
    cls: type[T], data: object, where: str, error: type[RestoreflowError] = ModelError
) -> T:
    """Makes a dataclass from a mapping, refusing whatever the dataclass does not declare.

    Args:
        cls: a dataclass; its fields are bool, int, float, str, None, Literal, tuple, list,
            dict with string keys, optional or a union of these, or dataclasses again.
        data: the mapping, as JSON or TOML give it.
        where: what the messages call the source, e.g. the file's path.
        error: the class of error to raise.

    Raises:
        error: for an unknown or missing key, a wrong type, a number that is not finite, or a value
            the dataclass's own `__post_init__` refuses with ValueError.
    """

    def fail(key: str, message: str, hint: str) -> RestoreflowError:
        return error(f"{where}: {key}: {message}" if key else f"{where}: {message}", hint)

    return _dataclass(cls, data, "", fail)


def to_dict(value: Any) -> dict[str, Any]:
    """Gives the mapping that `from_dict` reads back; every field is written, defaults too."""
    return cast("dict[str, Any]", _plain(dataclasses.asdict(value)))


def parse_json(
    text: str | bytes, where: str, error: type[RestoreflowError] = ModelError
) -> dict[str, Any]:
    """Parses one JSON object; refuses repeated keys, NaN and infinities.

    Raises:
        error: the text is not valid JSON, or no object.
    """
    try:
        data = json.loads(text, object_pairs_hook=_no_repeats, parse_constant=_no_constant)
    except (ValueError, RecursionError) as reason:
        raise error(f"{where}: not valid JSON: {reason}") from reason
    if not isinstance(data, dict):
        raise error(f"{where}: expected a JSON object, found {_describe(data)}")
    return cast("dict[str, Any]", data)


def read_json_object(path: Path, error: type[RestoreflowError] = ModelError) -> dict[str, Any]:
    """Reads a file that holds one JSON object; errors as `parse_json`, and for unreadable files."""
    return parse_json(_read(path, error), str(path), error)


def read_json(cls: type[T], path: Path, error: type[RestoreflowError] = ModelError) -> T:
    """Reads a dataclass from a JSON file; errors as `from_dict`, and for unreadable files."""
    return from_dict(cls, read_json_object(path, error), str(path), error)


def read_toml(cls: type[T], path: Path, error: type[RestoreflowError] = ModelError) -> T:
    """Reads a dataclass from a TOML file; errors as `from_dict`, and for unreadable files."""
    try:
        data = tomllib.loads(_read(path, error).decode())
    except ValueError as reason:
        raise error(f"{path}: not valid TOML: {reason}") from reason
    return from_dict(cls, data, str(path), error)


def nearest(word: str, known: Iterable[str]) -> str:
    """Gives 'did you mean "x"?' for the nearest known word, else the list of what is known."""
    names = sorted(known)
    alike = [name for name in names if _digits(name) == _digits(word)]  # no typo is in a number
    match = difflib.get_close_matches(word, alike, n=1, cutoff=0.5)
    if match:
        return f'did you mean "{match[0]}"?'
    return f"known: {', '.join(names)}" if names else "nothing is known here"


def _digits(word: str) -> list[str]:
    return [character for character in word if character.isdigit()]


def _read(path: Path, error: type[RestoreflowError]) -> bytes:
    try:
        return read_regular(path, LARGEST_TEXT)
    except (OSError, ValueError) as reason:  # ValueError: a null character in the path
        text = getattr(reason, "strerror", None) or str(reason)
        raise error(f"{path}: cannot be read: {text}") from reason


def _no_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
    data = dict(pairs)
    if len(data) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f'key "{next(k for k in keys if keys.count(k) > 1)}" stands twice')
    return data


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is not allowed")


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        items = cast("Mapping[str, object]", value).items()
        return {key: _plain(item) for key, item in items}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in cast("list[object]", value)]
    return value


@functools.lru_cache
def _hints(cls: type[Any]) -> dict[str, Any]:
    return get_type_hints(cls)


def _dataclass(cls: type[T], data: object, key: str, fail: Fail) -> T:
    mapping = _mapping(data, key, fail)
    fields = {field.name: field for field in dataclasses.fields(cast("Any", cls)) if field.init}
    for name in mapping:
        if name not in fields:
            raise fail(key, f'unknown key "{name}"', nearest(name, fields))
    hints = _hints(cls)
    values: dict[str, object] = {}
    for name, field in fields.items():
        if name in mapping:
            values[name] = _value(hints[name], mapping[name], _join(key, name), fail)
        elif field.default is field.default_factory is dataclasses.MISSING:
            raise fail(key, f'key "{name}" is missing', "add it")
    try:
        return cls(**values)
    except ValueError as reason:
        raise fail(key, str(reason), "") from reason


def _value(hint: Any, value: object, key: str, fail: Fail) -> object:
    origin = get_origin(hint)
    if origin is Literal:
        return _choice(get_args(hint), value, key, fail)
    if origin in (Union, types.UnionType):
        return _union(get_args(hint), value, key, fail)
    if origin in (tuple, list):
        return _sequence(hint, value, key, fail)
    if origin is dict:
        item = get_args(hint)[1]
        pairs = _mapping(value, key, fail).items()
        return {name: _value(item, entry, _join(key, name), fail) for name, entry in pairs}
    if dataclasses.is_dataclass(hint):
        return _dataclass(cast("type[Any]", hint), value, key, fail)
    return _scalar(hint, value, key, fail)


def _scalar(hint: Any, value: object, key: str, fail: Fail) -> object:
    if hint is Any:
        return value
    if hint is type(None) and value is None:
        return None
    if hint is float and type(value) in (int, float):
        number = cast("int | float", value)
        if abs(number) <= sys.float_info.max:  # false for NaN too
            return float(number)
        raise fail(key, f"expected a finite number, found {_describe(number)}", "")
    if hint in (bool, int, str) and type(value) is hint:  # exact: True is no int here
        return value
    raise fail(key, f"expected {_name(hint)}, found {_describe(value)}", "")


def _choice(choices: tuple[object, ...], value: object, key: str, fail: Fail) -> object:
    for choice in choices:
        if type(choice) is type(value) and choice == value:
            return choice
    found = _describe(value)
    words = [str(choice) for choice in choices]
    if isinstance(value, str):
        raise fail(key, f"unknown value {found}", nearest(value, words))
    raise fail(key, f"expected one of {', '.join(words)}, found {found}", "")


def _union(hints: tuple[Any, ...], value: object, key: str, fail: Fail) -> object:
    if value is None and type(None) in hints:
        return None
    others = [hint for hint in hints if hint is not type(None)]
    if len(others) == 1:
        return _value(others[0], value, key, fail)
    for hint in others:
        try:
            return _value(hint, value, key, fail)
        except RestoreflowError:
            continue
    names = " or ".join(_name(hint) for hint in hints)
    raise fail(key, f"expected {names}, found {_describe(value)}", "")


def _sequence(hint: Any, value: object, key: str, fail: Fail) -> object:
    if not isinstance(value, (list, tuple)):
        raise fail(key, f"expected a list, found {_describe(value)}", "")
    items = cast("list[object]", value)
    args = get_args(hint)
    fixed = get_origin(hint) is tuple and not (len(args) == 2 and args[1] is Ellipsis)
    if fixed and len(items) != len(args):
        raise fail(key, f"expected {len(args)} values, found {len(items)}", "")
    hints = args if fixed else (args[0],) * len(items)
    pairs = enumerate(zip(hints, items, strict=True))
    read = (_value(item_hint, item, f"{key}[{i}]", fail) for i, (item_hint, item) in pairs)
    return tuple(read) if get_origin(hint) is tuple else list(read)


def _mapping(value: object, key: str, fail: Fail) -> Mapping[str, object]:
    if isinstance(value, Mapping):
        mapping = cast("Mapping[object, object]", value)
        if all(isinstance(name, str) for name in mapping):
            return cast("Mapping[str, object]", mapping)
    found = _describe(cast("object", value))
    raise fail(key, f"expected a table of keys and values, found {found}", "")


def _join(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name


_NAMES = {bool: "true or false", int: "an integer", float: "a number", str: "a string"}


def _name(hint: Any) -> str:
    if hint is type(None):
        return "nothing"
    return _NAMES.get(hint) or getattr(hint, "__name__", str(hint))


def _describe(value: object) -> str:
    """Shows a value as its author wrote it, shortened."""
    if isinstance(value, Mapping):
        return "a table"
    if isinstance(value, (list, tuple)):
        return "a list"
    shown = json.dumps(value, default=str)
    return shown if len(shown) <= 60 else shown[:57] + "..."


def check_count(name: str, value: Any, low: int, high: int) -> None:
    """Raises ValueError for anything but an integer from ``low`` to ``high``."""
    if type(value) is not int or not low <= value <= high:
        raise ValueError(f"{name} must be an integer from {low} to {high}, not {_shown(value)}")


def check_range(name: str, value: Any, low: float, high: float) -> None:
    """Raises ValueError for anything but a number from ``low`` to ``high``: for NaN too."""
    if type(value) not in (int, float) or not low <= value <= high:
        raise ValueError(f"{name} must be from {low:g} to {high:g}, not {_shown(value)}")


def check_around_zero(name: str, value: Any, least: float, most: float) -> None:
    """Raises ValueError for anything but a bound below 0 and one above.

    Args:
        name: of the value, for the message.
        value: the two bounds.
        least, most: of either bound's distance from 0.
    """
    if not isinstance(value, (tuple, list)) or len(value) != 2:  # pyright: ignore[reportUnknownArgumentType]
        raise ValueError(f"{name} must be two numbers, not {_shown(value)}")
    check_range(f"{name}'s lower bound", value[0], -most, -least)
    check_range(f"{name}'s upper bound", value[1], least, most)


def _shown(value: Any) -> str:
    return reprlib.repr(value)
