"""The texts of the pages: one TOML file per language, all with the same keys."""

import string
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from chatmail_www.errors import TextError
from chatmail_www.wording.languages import (
    DEFAULT_LANGUAGE,
    PLURAL_FORMS,
    PLURAL_RULES,
    SPACING,
    keep_hyphens,
    keep_together,
)

FORMS_KEY = "units.days"
"""The only key with a list as value: the plural forms of "day"."""

TextTable = Mapping[str, str | list[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """All texts of one language by dotted key, such as `home.title`."""

    code: str
    table: Mapping[str, str]
    day_forms: tuple[str, ...]

    @property
    def name(self) -> str:
        """The name of the language in that language."""
        return self.table["language.name"]

    def say(self, key: str, facts: Mapping[str, str]) -> str:
        """The text of `key` with the values of its {placeholders} from `facts`."""
        text = keep_hyphens(self.table[key]).format_map(facts)
        return SPACING[self.code](text) if self.code in SPACING else text

    def days(self, number: int) -> str:
        """A number of days, such as `20 days`."""
        form = self.day_forms[PLURAL_RULES[self.code](number)]
        return keep_together(form.format(n=number))

    def size(self, number_bytes: int) -> str:
        """A size in decimal units with at most one decimal, such as `31.5 MB`."""
        unit, scale = ("megabytes", 1e6) if number_bytes >= 1_000_000 else ("kilobytes", 1e3)
        number = f"{number_bytes / scale:.1f}".removesuffix(".0")
        return self._measure(unit, number.replace(".", self.table["language.decimal"]))

    def mebibytes(self, number: int) -> str:
        """A size in MiB (1048576 bytes), such as `500 MiB`."""
        return self._measure("mebibytes", str(number))

    def _measure(self, unit: str, number: str) -> str:
        return keep_together(self.table[f"units.{unit}"].format(n=number))


def load_texts(
    package_dir: Path, operator_dir: Path | None, placeholders: frozenset[str]
) -> list[Texts]:
    """The texts of every language, sorted by code, with the replacements of the operator.

    Raises:
        TextError: names the file and the key that is missing, superfluous or invalid.
    """
    original = read_table(package_dir / f"{DEFAULT_LANGUAGE}.toml")
    replacements = _operator_tables(operator_dir)
    languages = []
    for code in sorted(PLURAL_RULES):
        path = package_dir / f"{code}.toml"
        table = read_table(path)
        check_keys(path, table, original)
        changed = replacements.get(code, {})
        if operator_dir is not None:
            check_known(operator_dir / f"{code}.toml", changed, original)
        languages.append(_texts(code, {**table, **changed}, placeholders))
    return languages


def read_table(path: Path) -> TextTable:
    """Dotted key -> text of one TOML file of sections."""
    try:
        sections = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise TextError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise TextError(f"{path}: {error}") from error
    table: dict[str, str | list[str]] = {}
    for section, entries in sections.items():
        if not isinstance(entries, dict):
            raise TextError(f"{path}: {section} is outside of a [section]")
        for name, value in entries.items():
            table[f"{section}.{name}"] = _checked(path, f"{section}.{name}", value)
    return table


def check_keys(path: Path, table: TextTable, original: TextTable) -> None:
    """Check that a table has the same keys as `original`.

    Raises:
        TextError: names the keys.
    """
    missing = original.keys() - table.keys()
    if missing:
        raise TextError(f"{path}: missing {_listed(missing)}")
    check_known(path, table, original)


def check_known(path: Path, table: TextTable, original: TextTable) -> None:
    """Check that all keys of a table are in `original`.

    Raises:
        TextError: names the keys.
    """
    superfluous = table.keys() - original.keys()
    if superfluous:
        raise TextError(f"{path}: superfluous {_listed(superfluous)}")


def placeholders_of(text: str) -> frozenset[str]:
    """The names in braces in `text`."""
    return frozenset(name for _, name, _, _ in string.Formatter().parse(text) if name is not None)


def _operator_tables(operator_dir: Path | None) -> dict[str, TextTable]:
    if operator_dir is None:
        return {}
    if not operator_dir.is_dir():
        raise TextError(f"{operator_dir}: not a directory")
    tables = {}
    for path in sorted(operator_dir.glob("*.toml")):
        if path.stem not in PLURAL_RULES:
            raise TextError(f"{path}: unknown language; known are {_listed(PLURAL_RULES)}")
        tables[path.stem] = read_table(path)
    return tables


def _texts(code: str, table: TextTable, placeholders: frozenset[str]) -> Texts:
    forms = table[FORMS_KEY]
    if len(forms) != PLURAL_FORMS[code]:
        raise TextError(f"{code}: {FORMS_KEY} needs {PLURAL_FORMS[code]} forms, has {len(forms)}")
    plain = {key: text for key, text in table.items() if isinstance(text, str)}
    for key, text in plain.items():
        allowed = frozenset({"n"}) if key.startswith("units.") else placeholders
        unknown = placeholders_of(text) - allowed
        if unknown:
            raise TextError(f"{code}: {key} has the unknown placeholder {_listed(unknown)}")
    return Texts(code=code, table=plain, day_forms=tuple(forms))


def _checked(path: Path, key: str, value: object) -> str | list[str]:
    texts = value if key == FORMS_KEY else [value]
    if not isinstance(texts, list) or not all(isinstance(text, str) and text for text in texts):
        raise TextError(
            f"{path}: {key} must be {'a list of texts' if key == FORMS_KEY else 'a text'}"
        )
    for text in texts:
        try:
            placeholders_of(text)
        except ValueError as error:
            raise TextError(f"{path}: {key}: {error}") from error
    return texts if key == FORMS_KEY else texts[0]


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
