"""An OpenAPI document as data: JSON or YAML, references within it, and where a thing is in it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, ClassVar

import yaml

from socklat_gate.init.traffic.source import FileProblem

__all__ = ["LARGEST", "REMEDY", "Document", "Pointer", "parse_document"]

LARGEST = 16_000_000
DEEPEST = 200
MOST_MEMBERS = 20_000
MOST_REFERENCES = 32
REMEDY = "give an OpenAPI document of version 2.0, 3.0 or 3.1, as JSON or YAML in one file"
BUNDLE = "bundle it into one file first, for instance with `redocly bundle`"

Pointer = tuple[str | int, ...]


class Document:
    """The document, and its text for line numbers."""

    def __init__(self, text: str, data: Mapping[str, Any]) -> None:
        self._text = text
        self.data = data

    def resolved(self, value: Any, at: Pointer) -> Mapping[str, Any]:
        """The object that ``value`` is, or refers to.  Raises `FileProblem` for anything else."""
        for _ in range(MOST_REFERENCES):
            if not isinstance(value, Mapping):
                raise self.problem(f"{name_of(at)} is no object", at)
            if "$ref" not in value:
                return value
            value = self._target(value["$ref"], at)
        raise self.problem(f"the references of {name_of(at)} lead in a circle", at)

    def problem(self, text: str, at: Pointer, remedy: str = REMEDY) -> FileProblem:
        """What is wrong with the thing at ``at``, and on which line it is."""
        return FileProblem(text, remedy, _line_of(self._text, at))

    def _target(self, reference: Any, at: Pointer) -> Any:
        if not isinstance(reference, str) or not reference.startswith("#/"):
            shown = reference[:80] if isinstance(reference, str) else "what is no text"
            raise self.problem(
                f"{name_of(at)} refers to {shown!r}, which is not in this file",
                (*at, "$ref"),
                BUNDLE,
            )
        found: Any = self.data
        for part in reference[2:].split("/"):
            key = part.replace("~1", "/").replace("~0", "~").replace("%7B", "{").replace("%7D", "}")
            try:
                found = found[int(key)] if isinstance(found, list) else found[key]
            except (KeyError, IndexError, TypeError, ValueError):
                raise self.problem(
                    f"{name_of(at)} refers to {reference[:80]!r}, which is not there",
                    (*at, "$ref"),
                ) from None
        return found


def parse_document(data: bytes) -> Document:
    """The document in ``data``.  Raises `FileProblem`."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise FileProblem("this is not UTF-8", REMEDY, line) from None
    if deep := _too_deep(text):
        raise FileProblem(f"values are nested deeper than {DEEPEST} levels", REMEDY, deep)
    found = _from_json(text) if text.lstrip()[:1] == "{" else _from_yaml(text)
    if not isinstance(found, Mapping):
        raise FileProblem("this is no OpenAPI document: it is no object", REMEDY)
    return Document(text, found)


def name_of(at: Pointer) -> str:
    """A pointer as people write it: ``paths./orders.get``."""
    return ".".join(str(part)[:80] for part in at)


def _from_json(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        with suppress(FileProblem):  # braces are YAML, too
            return _from_yaml(text)
        raise FileProblem(f"this is not JSON: {error.msg}", REMEDY, error.lineno) from None
    except (ValueError, RecursionError) as error:
        raise FileProblem(f"this is not JSON: {error}", REMEDY) from None


def _from_yaml(text: str) -> Any:
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - one of the safe loaders
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        cause = error.problem or error.context or "it cannot be parsed"
        line = mark.line + 1 if mark else None
        raise FileProblem(f"this is not YAML: {cause[:200]}", REMEDY, line) from None
    except (yaml.YAMLError, ValueError, RecursionError, TypeError, OverflowError) as error:
        raise FileProblem(f"this is not YAML: {str(error)[:200]}", REMEDY) from None


# The C library's where the package has it, which is ten times as fast.
_SafeLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_SafeLoader):  # type: ignore[misc]
    """Without dates, which are text here, and without merges that multiply."""

    yaml_implicit_resolvers: ClassVar[dict[str, list[tuple[str, Any]]]] = {
        first: [one for one in resolvers if one[0] != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in _SafeLoader.yaml_implicit_resolvers.items()
    }

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Raises `yaml.YAMLError` for an object that merges made too large."""
        super().flatten_mapping(node)
        if len(node.value) > MOST_MEMBERS:
            raise yaml.constructor.ConstructorError(
                None, None, f"an object has more than {MOST_MEMBERS} members", node.start_mark
            )


def _too_deep(text: str) -> int:
    """The line from which brackets or indentation go deeper than `DEEPEST`; 0 for none.

    Brackets in strings are counted, too: the document is a little less deep than they say.
    """
    depth = 0
    for number, line in enumerate(text.split("\n"), 1):
        blank = len(line) - len(line.lstrip(" -?"))
        if blank > 4 * DEEPEST and line.strip():
            return number
        if "[" not in line and "{" not in line and "]" not in line and "}" not in line:
            continue
        deepest = 0
        here = 0
        for mark in line:
            if mark in "[{":
                here += 1
                deepest = max(deepest, here)
            elif mark in "]}":
                here -= 1
        if depth + deepest > DEEPEST:
            return number
        depth = max(0, depth + here)
    return 0


def _line_of(text: str, at: Sequence[str | int]) -> int | None:
    """The line of the thing at ``at``, or of the nearest thing around it."""
    try:
        node = yaml.compose(text, Loader=_Loader)
    except (yaml.YAMLError, RecursionError, ValueError):
        return None
    line = None
    for part in at:
        step = next(_steps(node, part), None)
        if step is None:
            break
        line, node = step
    return line


def _steps(node: Any, part: str | int) -> Iterator[tuple[int, Any]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == str(part):
                yield key.start_mark.line + 1, value
    elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        yield node.value[part].start_mark.line + 1, node.value[part]
