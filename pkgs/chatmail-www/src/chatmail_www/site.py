"""Build all files of the pages from the settings, and write them to a folder."""

import shutil
from collections.abc import Mapping
from html import escape
from pathlib import Path

from chatmail_www.assets import ASSETS_DIR, hashed_name, logo_shapes, stylesheet
from chatmail_www.errors import SiteError
from chatmail_www.extra import extra_pages
from chatmail_www.pages import PAGES, Renderer
from chatmail_www.qr import invite_svg
from chatmail_www.settings import Settings
from chatmail_www.wording.facts import PLACEHOLDERS
from chatmail_www.wording.texts import load_texts

TEXTS_DIR = Path(__file__).parent / "texts"

Site = Mapping[str, str]
"""Path in the folder of pages -> content."""

MARK = "en/index.html"
"""A folder with this file is an earlier output and may be replaced."""


def build_site(settings: Settings) -> Site:
    """Every file of the web pages.

    Raises:
        TextError: a text, page or theme value is invalid.
    """
    files: dict[str, str] = {}
    assets = {}
    for name, content in _assets(settings).items():
        assets[name] = hashed_name(name, content.encode())
        files[assets[name]] = content
    invite_code = f"qr-chatmail-invite-{settings.domain}.svg"
    if settings.tls.trusted and settings.pages.show_invite:
        title = escape(settings.invite_link)
        files[invite_code] = invite_svg(settings.invite_link, logo_shapes(), title)
    extra = extra_pages(_folder(settings.pages.pages_dir))
    languages = load_texts(TEXTS_DIR, _folder(settings.pages.texts_dir), PLACEHOLDERS)
    renderer = Renderer(
        settings=settings,
        languages=languages,
        extra_pages=extra,
        assets=assets,
        invite_code=f"/{invite_code}",
    )
    for page in (*PAGES, *extra):
        for texts in languages:
            files[f"{texts.code}/{page.file}"] = renderer.render(page, texts)
    return files


def write_site(files: Site, out: Path) -> None:
    """Replace the folder `out` by `files`.

    Raises:
        SiteError: the folder cannot be written, or has other files.
    """
    if out.exists() and not (out / MARK).is_file() and any(out.iterdir()):
        raise SiteError(f"{out}: has other files; choose an empty or a new folder")
    try:
        if out.exists():
            shutil.rmtree(out)
        for name, content in files.items():
            path = out / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode())
    except OSError as error:
        raise SiteError(f"{out}: {error.strerror}") from error


def _folder(name: str | None) -> Path | None:
    return None if name is None else Path(name)


def _assets(settings: Settings) -> dict[str, str]:
    names = ["logo.svg", "style.css"]
    if not settings.tls.trusted and settings.pages.show_invite:
        names += ["qr.js", "invite.js"]
    assets = {name: (ASSETS_DIR / name).read_text(encoding="utf-8") for name in names}
    assets["style.css"] = stylesheet(assets["style.css"], settings.pages.theme)
    return assets
