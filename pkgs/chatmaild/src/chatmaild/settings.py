"""The facts of this relay, read once from the file that the Nix description produces.

Attributes are the keys of the file in snake case: `mail.maxMessageBytes` is
`settings.mail.max_message_bytes`. Their types are settings_types.py, their ranges
settings.schema.json; both are made from modules/chatmail/options.nix and settings.nix.

The schema is read by 60 lines here, because each daemon would pay for a library. Import, schema and
a default file, beyond what a daemon has loaded anyway (CPython 3.11, median of 9 processes):

    here              23 ms    no memory that stays
    msgspec 0.22      62 ms    3.2 MB (its structs do not name the key as our errors do)
    fastjsonschema    80 ms    8.0 MB
    jsonschema 4.26  219 ms    4.0 MB
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from chatmaild import settings_types
from chatmaild.errors import SettingsError
from chatmaild.settings_types import (
    Accounts,
    DnsRecord,
    Pages,
    Push,
    Registration,
    Retention,
    Turn,
)

__all__ = [
    "DEFAULT_PATH",
    "Accounts",
    "DnsRecord",
    "Pages",
    "Push",
    "Registration",
    "Retention",
    "Settings",
    "Turn",
]

DEFAULT_PATH: Final = Path("/etc/chatmail/settings.json")

# JSON schema's name of a type -> Python's types (`bool` is no number here), and how errors call it
_TYPES: Final[Mapping[str, tuple[tuple[type, ...], str]]] = {
    "array": ((list,), "a list"),
    "boolean": ((bool,), "true or false"),
    "integer": ((int,), "a whole number"),
    "null": ((type(None),), "null"),
    "number": ((int, float), "a number"),
    "object": ((dict,), "an object"),
    "string": ((str,), "a text"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(settings_types.Settings):
    """Everything that chatmaild knows about the relay it runs on."""

    @classmethod
    def from_json(cls, data: Any) -> Self:
        """The settings in a decoded JSON document.

        Raises:
            SettingsError: names the key and what is wrong with its value.
        """
        schema = json.loads(Path(__file__).with_name("settings.schema.json").read_bytes())
        return cls(**_arguments(schema, data, ""))

    @classmethod
    def load(cls, path: Path = DEFAULT_PATH) -> Self:
        """The settings in a file.

        Raises:
            SettingsError: names the file; it cannot be read, is not JSON, or see `from_json`.
        """
        try:
            return cls.from_json(json.loads(path.read_bytes()))
        except OSError as error:
            raise SettingsError(f"{path}: {error.strerror or error}") from error
        except SettingsError as error:
            raise SettingsError(f"{path}: {error}") from error
        except ValueError as error:
            raise SettingsError(f"{path}: not JSON: {error}") from error


def _converted(schema: Any, value: Any, path: str) -> Any:
    """The value as instances of the dataclasses that the schema's titles name."""
    if "anyOf" in schema:
        return _alternative(schema["anyOf"], value, path)
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if value is None and "null" in kinds:
        return None
    if problem := _problem(schema, kinds[0], value):
        raise SettingsError(f"{path}: {problem}")
    match kinds[0]:
        case "array":
            items = enumerate(value)
            return tuple(_converted(schema["items"], item, f"{path}[{i}]") for i, item in items)
        case "object" if "properties" in schema:
            return getattr(settings_types, schema["title"])(**_arguments(schema, value, path))
        case "object":
            inner = schema["additionalProperties"]
            return {key: _converted(inner, item, f"{path}.{key}") for key, item in value.items()}
        case "number":
            return float(value)
    return value


def _alternative(schemas: Any, value: Any, path: str) -> Any:
    """The value by the first schema that it fits; the error says what is wrong with each."""
    problems = []
    for schema in schemas:
        try:
            return _converted(schema, value, path)
        except SettingsError as error:
            problems.append(str(error).removeprefix(f"{path}: "))
    raise SettingsError(f"{path}: {', or '.join(problems)}")


def _arguments(schema: Any, value: Any, path: str) -> dict[str, Any]:
    """The fields of an object by their names in Python."""
    if problem := _problem(schema, "object", value):
        raise SettingsError(f"{path or 'settings'}: {problem}")
    properties, prefix = schema["properties"], f"{path}." if path else ""
    for key in value:
        if key not in properties:
            raise SettingsError(f"{prefix}{key}: unknown key")
    arguments = {
        _snake_case(key): _converted(properties[key], item, f"{prefix}{key}")
        for key, item in value.items()
    }
    for key in schema["required"]:
        if key not in value:
            raise SettingsError(f"{prefix}{key}: missing")
    return arguments


def _problem(schema: Any, kind: str, value: Any) -> str | None:
    """What is wrong with a value that is not null, or None."""
    if "enum" in schema:
        choices = [choice for choice in schema["enum"] if choice is not None]
        return None if value in choices else f"must be one of {', '.join(choices)}"
    types, name = _TYPES[kind]
    if type(value) not in types:
        return f"must be {name}, not {_name_of(value)}"
    if "pattern" in schema and not re.fullmatch(schema["pattern"], value):
        return f"must be {schema.get('description', 'like ' + schema['pattern'])}"
    if "minimum" in schema and value < schema["minimum"]:
        return f"must be at least {schema['minimum']}, not {value}"
    if "maximum" in schema and value > schema["maximum"]:
        return f"must be at most {schema['maximum']}, not {value}"
    if "exclusiveMinimum" in schema and not value > schema["exclusiveMinimum"]:
        return f"must be above {schema['exclusiveMinimum']}, not {value}"
    return None


def _name_of(value: Any) -> str:
    return next(name for types, name in _TYPES.values() if type(value) in types)


def _snake_case(name: str) -> str:
    return re.sub("[A-Z]", lambda letter: f"_{letter[0].lower()}", name)
