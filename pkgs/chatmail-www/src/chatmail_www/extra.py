"""Pages of the operator: `imprint.html` for all languages, `imprint.de.html` for one."""

import re
from html import unescape
from pathlib import Path

from chatmail_www.errors import TextError
from chatmail_www.pages import PAGES, Page
from chatmail_www.wording.languages import DEFAULT_LANGUAGE, PLURAL_RULES

FILE_NAME = re.compile(r"([a-z0-9-]+)(?:\.([a-z]{2}))?\.html")
HEADING = re.compile(r"<h1[^>]*>(.*?)</h1>", re.DOTALL)
TAG = re.compile(r"<[^>]+>")


def extra_pages(pages_dir: Path | None) -> tuple[Page, ...]:
    """The pages in a folder of HTML fragments; each has its title in `<h1>`.

    Raises:
        TextError: names the file with an invalid name or without a title.
    """
    if pages_dir is None:
        return ()
    if not pages_dir.is_dir():
        raise TextError(f"{pages_dir}: not a directory")
    found: dict[str, dict[str, str]] = {}
    for path in sorted(pages_dir.iterdir()):
        name, language = _parts(path)
        found.setdefault(name, {})[language] = path.read_text(encoding="utf-8")
    return tuple(_page(pages_dir, name, bodies) for name, bodies in sorted(found.items()))


def _parts(path: Path) -> tuple[str, str]:
    match = FILE_NAME.fullmatch(path.name)
    if match is None:
        raise TextError(f"{path}: must be named NAME.html or NAME.LANGUAGE.html")
    name, language = match.group(1), match.group(2) or ""
    if language and language not in PLURAL_RULES:
        raise TextError(f"{path}: unknown language; known are {', '.join(sorted(PLURAL_RULES))}")
    if name == "index" or name in {page.name for page in PAGES}:
        raise TextError(f"{path}: {name} is a page of the relay; replace its texts instead")
    return name, language


def _page(pages_dir: Path, name: str, bodies: dict[str, str]) -> Page:
    general = bodies.get("", bodies.get(DEFAULT_LANGUAGE))
    if general is None:
        raise TextError(f"{pages_dir}: {name}.html or {name}.{DEFAULT_LANGUAGE}.html is missing")
    body = {code: bodies.get(code, general) for code in PLURAL_RULES}
    title = {code: _title(pages_dir, name, html) for code, html in body.items()}
    return Page(name=name, template="extra.html", body=body, title=title)


def _title(pages_dir: Path, name: str, html: str) -> str:
    match = HEADING.search(html)
    if match is None:
        raise TextError(f"{pages_dir}: {name} has no <h1>; its text is the title of the page")
    return unescape(TAG.sub("", match.group(1))).strip()
