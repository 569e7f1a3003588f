"""HTML from Python: every text is escaped unless it is markup already."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping
from html import escape
from importlib.resources import files

__all__ = ["Markup", "document", "join", "tag", "text"]

_VOID = frozenset({"br", "img", "input", "meta"})
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")  # all but tabs and line ends


class Markup(str):
    """A string that is HTML already. Joined with `+` to a plain one it is plain, so escaped."""

    __slots__ = ()


def text(value: object) -> Markup:
    """Any value as text of a page: escaped, of characters that UTF-8 and HTML can hold.

    Control characters and lone surrogates, which file names may hold, are shown as their escapes.
    """
    raw = str(value).encode("utf-8", "backslashreplace").decode("utf-8")
    return Markup(escape(_CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", raw), quote=True))


def tag(name: str, attributes: Mapping[str, object] | None = None, *children: str | None) -> Markup:
    """An element.

    Args:
        name: as "td"; `attributes`' names and this come from the program, never from data.
        attributes: None and False are left out, True stands without a value; `Markup` as it is, all
            else escaped.
        children: `Markup` as it is, other strings escaped, None left out.
    """
    head = "".join(_attribute(key, value) for key, value in (attributes or {}).items())
    if name in _VOID:
        return Markup(f"<{name}{head}>")
    return Markup(f"<{name}{head}>{join(children)}</{name}>")


def join(children: Iterable[str | None]) -> Markup:
    """Contents one after another: `Markup` as it is, other strings escaped, None left out."""
    parts = (c if isinstance(c, Markup) else text(c) for c in children if c is not None)
    return Markup("".join(parts))


def document(
    title: str, body: Markup, styles: Iterable[str], script: str, *more: str, served: bool = False
) -> str:
    """A whole page that needs nothing from outside and can fetch nothing.

    Its content security policy lets in data: images, its own style, and its own script by its
    hash; whatever else got into the page would not run.

    Args:
        title: plain text.
        body: the page's content.
        styles, script, more: names of files in `assets/`; those of a kind are put one after another
            and become one.
        served: whether the page comes from a server, which its script may ask.
    """
    code = "\n".join(_asset(each) for each in (script, *more))
    digest = base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
    policy = (
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
        f"script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )
    if served:
        policy += "; connect-src 'self'"
    head = tag(
        "head",
        None,
        tag("meta", {"charset": "utf-8"}),
        tag("meta", {"http-equiv": "Content-Security-Policy", "content": policy}),
        tag("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}),
        tag("meta", {"name": "color-scheme", "content": "light dark"}),
        tag("meta", {"name": "generator", "content": "restoreflow"}),
        tag("title", None, title),
        tag("style", None, Markup("\n".join(_asset(style) for style in styles))),
    )
    content = tag("body", None, body, tag("script", None, Markup(code)))
    return f"<!doctype html>\n{tag('html', {'lang': 'en'}, head, content)}\n"


def _attribute(name: str, value: object) -> str:
    if value is None or value is False:
        return ""
    if value is True:
        return f" {name}"
    return f' {name}="{value if isinstance(value, Markup) else text(value)}"'


def _asset(name: str) -> str:
    content = (files("restoreflow.reports") / "assets" / name).read_text(encoding="utf-8")
    return content.replace("\r\n", "\n")  # as a browser reads it, so that the hash is the same
