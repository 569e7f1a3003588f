"""Links of a page to files outside docs/ lead to the repository's own page of them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

_LINK = re.compile(r"\]\((\.\./[^)#\s]+)(#[^)\s]*)?\)")


def on_page_markdown(markdown: str, page: Any, config: Any, **_: Any) -> str:
    """MkDocs calls this with every page."""
    docs = Path(config["docs_dir"])
    folder = Path(page.file.abs_src_path).parent

    def outside(match: re.Match[str]) -> str:
        target = (folder / match[1]).resolve()
        if target.is_relative_to(docs) or not target.exists():
            return match[0]  # MkDocs judges it
        place = target.relative_to(docs.parent).as_posix()
        repository = config["extra"]["social"][0]["link"]
        return f"]({repository}/blob/main/{place}{match[2] or ''})"

    return _LINK.sub(outside, markdown)
