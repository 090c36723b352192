"""JSON into frozen dataclasses, strictly: each key known, each key there, each value in range."""

import dataclasses
import re
import types
import typing
from typing import Any, TypeVar

from chatmaild.errors import SettingsError

T = TypeVar("T")


@dataclasses.dataclass(frozen=True, slots=True)
class Between:
    """A number from `low` to `high`, both included; None leaves a side open."""

    low: float
    high: float | None = None

    def problem(self, value: float) -> str | None:
        """What is wrong with the value, or None."""
        if value < self.low:
            return f"must be at least {self.low}, not {value}"
        if self.high is not None and value > self.high:
            return f"must be at most {self.high}, not {value}"
        return None


@dataclasses.dataclass(frozen=True, slots=True)
class Matching:
    """A text that matches the regular expression as a whole."""

    pattern: str
    meaning: str

    def problem(self, value: str) -> str | None:
        """What is wrong with the value, or None."""
        return None if re.fullmatch(self.pattern, value) else f"must be {self.meaning}"


def camel_case(name: str) -> str:
    """`max_message_bytes` as JSON spells it: `maxMessageBytes`."""
    head, *tail = name.split("_")
    return head + "".join(word.capitalize() for word in tail)


def convert(kind: Any, value: Any, path: str) -> Any:
    """The JSON value as an instance of the type.

    Args:
        kind: str, int, float, bool, None, a dataclass, `tuple[X, ...]`, `Literal`, a union or
            `Annotated` with Between or Matching.
        path: where the value stands, for example `mail.maxMessageBytes`.

    Raises:
        SettingsError: names the path and what is expected there.
    """
    origin = typing.get_origin(kind)
    if origin is typing.Annotated:
        return _annotated(kind, value, path)
    if origin in (typing.Union, types.UnionType):
        return _union(typing.get_args(kind), value, path)
    if origin is typing.Literal:
        choices = typing.get_args(kind)
        if value not in choices:
            raise SettingsError(f"{path}: must be one of {', '.join(map(str, choices))}")
        return value
    if origin is tuple:
        if not isinstance(value, list):
            raise SettingsError(f"{path}: must be a list, not {_kind_of(value)}")
        element = typing.get_args(kind)[0]
        return tuple(convert(element, item, f"{path}[{i}]") for i, item in enumerate(value))
    if dataclasses.is_dataclass(kind):
        return _record(kind, value, path)
    return _scalar(kind, value, path)


def from_json(kind: type[T], value: Any) -> T:
    """The JSON value as an instance of the dataclass; see `convert`."""
    converted = convert(kind, value, "")
    assert isinstance(converted, kind)
    return converted


def _annotated(kind: Any, value: Any, path: str) -> Any:
    inner, *rules = typing.get_args(kind)
    converted = convert(inner, value, path)
    for rule in rules:
        if problem := rule.problem(converted):
            raise SettingsError(f"{path}: {problem}")
    return converted


def _union(kinds: tuple[Any, ...], value: Any, path: str) -> Any:
    if value is None and type(None) in kinds:
        return None
    (kind,) = (k for k in kinds if k is not type(None))
    return convert(kind, value, path)


def _record(kind: Any, value: Any, path: str) -> Any:
    if not isinstance(value, dict):
        raise SettingsError(f"{path or 'settings'}: must be an object, not {_kind_of(value)}")
    hints = typing.get_type_hints(kind, include_extras=True)
    fields = {camel_case(field.name): field for field in dataclasses.fields(kind)}
    prefix = f"{path}." if path else ""
    for key in value:
        if key not in fields:
            raise SettingsError(f"{prefix}{key}: unknown key")
    arguments = {}
    for key, field in fields.items():
        if key in value:
            arguments[field.name] = convert(hints[field.name], value[key], f"{prefix}{key}")
        elif field.default is dataclasses.MISSING:
            raise SettingsError(f"{prefix}{key}: missing")
    return kind(**arguments)


def _scalar(kind: Any, value: Any, path: str) -> Any:
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise SettingsError(f"{path}: must be {_NAMES[kind]}, not {_kind_of(value)}")
    return value


_NAMES: dict[Any, str] = {
    str: "a text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "a list",
    dict: "an object",
    type(None): "null",
}


def _kind_of(value: Any) -> str:
    return _NAMES[type(value)]
