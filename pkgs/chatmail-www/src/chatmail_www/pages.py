"""Render the templates: one page in one language."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from chatmail_www.settings import Settings
from chatmail_www.wording.facts import KEPT, LIMITS, facts_of
from chatmail_www.wording.texts import Texts

TEMPLATES_DIR = Path(__file__).parent / "templates"

MENU = ("home", "info", "privacy", "delete")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page, in all languages.

    Search engines may index `indexed` pages. `text` is the key of the text of a short page.
    `body` and `title` are HTML and heading of an operator's page, by language.
    """

    name: str
    template: str
    indexed: bool = True
    text: str = ""
    body: Mapping[str, str] | None = None
    title: Mapping[str, str] | None = None

    @property
    def path(self) -> str:
        """Path below a language, such as `info.html`; empty for the home page."""
        return "" if self.name == "home" else f"{self.name}.html"

    @property
    def file(self) -> str:
        """Name of the file in the folder of a language."""
        return self.path or "index.html"


PAGES = (
    Page(name="home", template="home.html"),
    Page(name="info", template="info.html"),
    Page(name="privacy", template="privacy.html"),
    Page(name="delete", template="delete.html"),
    Page(name="deleted", template="answer.html", indexed=False, text="delete.done"),
    Page(name="not-deleted", template="answer.html", indexed=False, text="delete.wrong"),
    Page(name="not-now", template="answer.html", indexed=False, text="delete.later"),
    Page(name="404", template="answer.html", indexed=False, text="missing.page"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Renderer:
    """Renders the pages of one relay; `assets` maps the name of an asset to its path."""

    settings: Settings
    languages: list[Texts]
    extra_pages: tuple[Page, ...]
    assets: Mapping[str, str]
    invite_code: str

    def render(self, page: Page, texts: Texts) -> str:
        """The HTML of `page` in the language of `texts`."""
        facts = facts_of(self.settings, texts)
        values: dict[str, Any] = {
            "settings": self.settings,
            "pages": self.settings.pages,
            "languages": self.languages,
            "extra_pages": self.extra_pages,
            "menu": [menu for menu in PAGES if menu.name in MENU],
            "assets": self.assets,
            "invite_code": self.invite_code,
            "page": page,
            "texts": texts,
            "facts": facts,
            "t": partial(texts.say, facts=facts),
            "limits": LIMITS,
            "kept": KEPT,
            "body": Markup(page.body[texts.code]) if page.body else "",  # noqa: S704  HTML of the operator
            "title": page.title[texts.code] if page.title else "",
        }
        return environment().get_template(page.template).render(values)


@cache
def environment() -> Environment:
    """The template engine: it escapes every value, and an unknown name is an error."""
    return Environment(
        loader=FileSystemLoader(TEMPLATES_DIR),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
