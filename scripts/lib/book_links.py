"""Preprocessor of mdBook: a link to a file outside of docs becomes one to the repository's site.

mdBook gives `[context, book]` as JSON and takes the book back; `supports NAME` asks about a format.
"""

import json
import re
import sys
from typing import Any


def main() -> None:
    """Rewrite every chapter."""
    if sys.argv[1:2] == ["supports"]:
        return
    context, book = json.load(sys.stdin)
    site = context["config"]["output"]["html"]["git-repository-url"]
    # mdBook 0.5 renamed the first to the second
    _rewrite(book.get("sections") or book["items"], f"{site}/blob/main/")
    json.dump(book, sys.stdout)


def _rewrite(items: list[Any], site: str) -> None:
    """Rewrite chapters and those below them; titles and separators have no links."""
    for item in items:
        chapter = item.get("Chapter") if isinstance(item, dict) else None
        if chapter:
            # a page in a folder leaves the book by `../../`
            way_out = re.escape("../" * (1 + (chapter.get("path") or "").count("/")))
            link = rf"\]\({way_out}([^.)][^)]*)\)"
            chapter["content"] = re.sub(link, rf"]({site}\1)", chapter["content"])
            _rewrite(chapter["sub_items"], site)


if __name__ == "__main__":
    main()
