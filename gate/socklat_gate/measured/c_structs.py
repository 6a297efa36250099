"""C structs as numpy dtypes: a strict parser for ``bpf/shared.h``, and assertions for its compiler.

It knows what that header may hold and refuses the rest: sized integers, arrays of them, and structs
defined above.  Alignment is the C compiler's, natural; `assertions` lets the compiler confirm it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

__all__ = ["assertions", "parse_structs"]

_INTEGERS: Mapping[str, type[np.integer[Any]]] = {
    "u8": np.uint8,
    "u16": np.uint16,
    "u32": np.uint32,
    "u64": np.uint64,
    "s32": np.int32,
    "s64": np.int64,
}
_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
_GUARD = re.compile(r"^#(?:ifndef|define) \w+$|^#endif$", re.MULTILINE)
_STRUCT = re.compile(r"struct (\w+) \{([^{}]*)\};")
_FIELD = re.compile(r"((?:struct )?\w+) (\w+)(?:\[(\w+)\])?")


def parse_structs(text: str, numbers: Mapping[str, int]) -> dict[str, np.dtype[Any]]:
    """Name -> dtype of every struct in a header; ``numbers`` has the names of array lengths.

    Raises `ValueError` for anything that is not understood: an unknown type or length, a name used
    twice, a construct that is no struct.
    """
    text = _GUARD.sub("", _COMMENT.sub(" ", text))
    found: dict[str, np.dtype[Any]] = {}
    at = 0
    for struct in _STRUCT.finditer(text):
        _refuse(text[at : struct.start()])
        name, body = struct.groups()
        if name in found:
            raise ValueError(f"struct {name} is defined twice")
        found[name] = _dtype(name, body, numbers, found)
        at = struct.end()
    _refuse(text[at:])
    return found


def assertions(structs: Mapping[str, np.dtype[Any]]) -> str:
    """C text that compiles only where the compiler lays all structs out as the dtypes are."""
    lines = []
    for name, dtype in structs.items():
        lines.append(_assertion(f"sizeof(struct {name})", dtype.itemsize, name))
        for field, (_, offset, *_rest) in (dtype.fields or {}).items():
            at = f"__builtin_offsetof(struct {name}, {field})"
            lines.append(_assertion(at, offset, f"{name}.{field}"))
    return "\n".join(lines) + "\n"


def _assertion(expression: str, value: int, what: str) -> str:
    return f'_Static_assert({expression} == {value}, "{what} is not where user space reads it");'


def _dtype(
    name: str, body: str, numbers: Mapping[str, int], known: Mapping[str, np.dtype[Any]]
) -> np.dtype[Any]:
    *declarations, rest = (part.strip() for part in body.split(";"))
    _refuse(rest)
    fields: list[tuple[Any, ...]] = []
    for declaration in declarations:
        match = _FIELD.fullmatch(declaration)
        if match is None:
            raise ValueError(f"struct {name}: {declaration!r} is not understood")
        kind, field, length = match.groups()
        if field in [known_field for known_field, *_ in fields]:
            raise ValueError(f"struct {name} has two fields {field}")
        fields.append((field, _type(kind, known), *_shape(length, numbers)))
    if not fields:
        raise ValueError(f"struct {name} has no fields")
    return np.dtype(fields, align=True)


def _type(kind: str, known: Mapping[str, np.dtype[Any]]) -> np.dtype[Any]:
    if kind in _INTEGERS:
        return np.dtype(_INTEGERS[kind])
    struct = kind.removeprefix("struct ")
    if struct != kind and struct in known:
        return known[struct]
    raise ValueError(f"unknown type {kind!r}")


def _shape(length: str | None, numbers: Mapping[str, int]) -> tuple[tuple[int, ...], ...]:
    if length is None:
        return ()
    size = int(length) if length.isdecimal() else numbers.get(length, 0)
    if size <= 0:
        raise ValueError(f"unknown length {length!r}")
    return ((size,),)


def _refuse(text: str) -> None:
    if text.strip():
        raise ValueError(f"{text.strip().splitlines()[0]!r} is not understood")
