"""A value for a schema of OpenAPI or JSON Schema: its example, or the smallest that fits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from socklat_gate.init.scrub.bodies import shape_of
from socklat_gate.init.scrub.values import FILLER, SOME_DATE, SOME_TIME, Kind, kind_of, placeholder
from socklat_gate.init.scrub.words import is_key
from socklat_gate.init.traffic.openapi_document import Document, Pointer
from socklat_gate.masking import looks_secret

__all__ = ["example_body", "kept_value", "parameter_text"]

MAX_DEPTH = 12
MAX_VALUES = 2_000
DEEPEST = 30
USUAL_HIGHEST = 1000
LONGEST_EXAMPLE = 64
MOST_EXAMPLE_DIGITS = 6
LONGEST_STRING = 1000
FORMATS = {
    "uuid": "{uuid}",
    "date": SOME_DATE,
    "date-time": f"{SOME_DATE}{SOME_TIME}Z",
    "email": "user{random_int:1:1000}@example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "http://example.com/",
    "url": "http://example.com/",
    "byte": "cGxhY2Vob2xkZXI=",
}


def parameter_text(
    document: Document, schema: Mapping[str, Any], example: Any, at: Pointer, name: str = ""
) -> str:
    """What stands for the parameter ``name`` in a path or query; templates included."""
    schema = document.resolved(schema, at)
    kept = _example_of(name)
    for given in (example, schema.get("example"), *_listed(schema.get("examples"))):
        if isinstance(given, str | int | float) and not isinstance(given, bool):
            return str(kept(str(given)))
    choices = schema.get("enum")
    first = choices[0] if isinstance(choices, list) and choices else None
    for given, keep in ((schema.get("const"), kept), (first, _kept), (schema.get("default"), kept)):
        if isinstance(given, str | int | float):
            return str(keep(str(given).lower() if isinstance(given, bool) else str(given)))
    return _smallest_text(document, schema, at)


def _smallest_text(document: Document, schema: Mapping[str, Any], at: Pointer) -> str:
    kind = _type_of(schema)
    low, high = _bounds(schema)
    if kind == "array":
        items = schema.get("items")
        inner = items if isinstance(items, Mapping) else {}
        return parameter_text(document, inner, None, (*at, "items")) if len(at) < DEEPEST else "1"
    fixed = {"integer": f"{{random_int:{low}:{high}}}", "number": str(low), "boolean": "true"}
    return fixed.get(kind) or _string(schema)


def example_body(document: Document, schema: Any, at: Pointer) -> Any:
    """A body: the schema's example with its values replaced, or one made of the schema.

    Raises `FileProblem`, and `ValueError` for more than `MAX_VALUES` values.
    """
    return _Maker(document).of(schema, at, 0)


class _Maker:
    """One pass over a schema, which counts what it makes."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._left = MAX_VALUES

    def of(self, schema: Any, at: Pointer, depth: int, name: str = "") -> Any:
        self._left -= 1
        if self._left < 0:
            raise ValueError("too many values")
        if schema is True or schema == {}:
            return {}
        schema = self._document.resolved(schema, at)
        if depth > MAX_DEPTH:
            return None
        for given in (schema.get("example"), *_listed(schema.get("examples"))):
            if given is not None:
                return shape_of(given, _example_of(name))
        for key in ("const", "default"):
            if isinstance(schema.get(key), str | int | float | bool):
                return shape_of(schema[key], _example_of(name))
        if isinstance(schema.get("enum"), list) and schema["enum"]:
            return shape_of(schema["enum"][0], kept_value)
        merged = self._merged(schema, at, depth)
        return merged if merged is not None else self._of_type(schema, at, depth)

    def _merged(self, schema: Mapping[str, Any], at: Pointer, depth: int) -> Any:
        parts = schema.get("allOf")
        if isinstance(parts, list) and parts:
            made = [
                self.of(part, (*at, "allOf", index), depth + 1) for index, part in enumerate(parts)
            ]
            objects = [one for one in made if isinstance(one, Mapping)]
            if "properties" in schema:
                objects.append(self._object(schema, at, depth))
            return {key: one for part in objects for key, one in part.items()} or made[0]
        for name in ("oneOf", "anyOf"):
            choices = schema.get(name)
            if isinstance(choices, list) and choices:
                return self.of(choices[0], (*at, name, 0), depth + 1)
        return None

    def _of_type(self, schema: Mapping[str, Any], at: Pointer, depth: int) -> Any:
        kind = _type_of(schema)
        if kind == "object":
            return self._object(schema, at, depth)
        if kind == "array":
            if "items" not in schema or depth >= MAX_DEPTH:
                return []
            return [self.of(schema["items"], (*at, "items"), depth + 1)]
        if kind in ("integer", "number"):
            return _bounds(schema)[0]
        return {"boolean": True, "null": None}[kind] if kind != "string" else _string(schema)

    def _object(self, schema: Mapping[str, Any], at: Pointer, depth: int) -> dict[str, Any]:
        properties = schema.get("properties") or {}
        if not isinstance(properties, Mapping):
            raise self._document.problem("properties is no object", (*at, "properties"))
        required = schema.get("required")
        wanted = required if isinstance(required, list) else []
        made = {}
        for number, (name, inner) in enumerate(properties.items(), 1):
            if depth >= MAX_DEPTH // 2 and name not in wanted:
                continue
            read_only = isinstance(inner, Mapping) and inner.get("readOnly") is True
            if not read_only:
                key = name if isinstance(name, str) and is_key(name) else f"key{number}"
                made[key] = self.of(inner, (*at, "properties", name), depth + 1, str(name))
        return made


def _listed(examples: Any) -> list[Any]:
    return examples[:1] if isinstance(examples, list) else []


def _type_of(schema: Mapping[str, Any]) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):  # 3.1
        kind = next((one for one in kind if one != "null"), "null")
    if kind in ("object", "array", "string", "integer", "number", "boolean", "null"):
        return str(kind)
    return "object" if "properties" in schema else "array" if "items" in schema else "string"


def _bounds(schema: Mapping[str, Any]) -> tuple[int, int]:
    """Lowest and highest integer that the schema allows; `USUAL_HIGHEST` where it names none."""
    low, high = schema.get("minimum"), schema.get("maximum")
    lowest = _whole(low, 1 if high is None or _whole(high, 1) >= 1 else _whole(high, 1))
    if schema.get("exclusiveMinimum") is True:
        lowest += 1
    lowest = max(lowest, _whole(schema.get("exclusiveMinimum"), lowest - 1) + 1)
    highest = _whole(high, max(lowest, USUAL_HIGHEST))
    if schema.get("exclusiveMaximum") is True:
        highest -= 1
    highest = min(highest, _whole(schema.get("exclusiveMaximum"), highest + 1) - 1)
    return lowest, max(lowest, min(highest, lowest + 999_999))


def _whole(value: Any, otherwise: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 2**53:
        return otherwise
    return int(value)


def _string(schema: Mapping[str, Any]) -> str:
    if (fixed := FORMATS.get(str(schema.get("format")))) is not None:
        return fixed
    shortest = min(LONGEST_STRING, _whole(schema.get("minLength"), 0))
    longest = min(LONGEST_STRING, _whole(schema.get("maxLength"), LONGEST_STRING))
    text = "placeholder" if shortest <= 11 else (FILLER * (shortest // 12 + 1))[:shortest]
    return text[: max(1, longest)]


def _example_of(name: str) -> Callable[[str | float], Any]:
    """What becomes of an example of ``name``: that of a password or a token is not kept."""
    return shape_of if looks_secret(name) else kept_value


def _kept(given: str) -> str:
    """An example that is a short word or number as it is; else another of its kind and length."""
    kind = kind_of(given)
    if kind is Kind.WORD and len(given) <= LONGEST_EXAMPLE:
        return given
    if kind in (Kind.INTEGER, Kind.DECIMAL) and len(given) <= MOST_EXAMPLE_DIGITS:
        return given
    return placeholder(kind, given[:LONGEST_STRING])


def kept_value(given: str | float) -> str | float:
    """A value of an example that is a short word or number as it is; else another."""
    if isinstance(given, str):
        return _kept(given)
    return given if isinstance(given, bool) or abs(given) < 10**MOST_EXAMPLE_DIGITS else 1
