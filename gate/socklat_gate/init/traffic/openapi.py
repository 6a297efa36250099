"""OpenAPI 2.0 (Swagger), 3.0 and 3.1: one request for each operation, all with equal weight."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from socklat_gate.init.traffic.names import Names
from socklat_gate.init.traffic.openapi_document import (
    LARGEST,
    Document,
    Pointer,
    name_of,
    parse_document,
)
from socklat_gate.init.traffic.openapi_operation import Operation
from socklat_gate.init.traffic.openapi_server import secrets_of, server_of
from socklat_gate.init.traffic.proposal import KNOWN_METHODS, LeftOut, Proposal
from socklat_gate.init.traffic.source import (
    FileProblem,
    OnBytes,
    TrafficSource,
    open_source,
    refuse,
)

__all__ = ["OPENAPI", "proposal_of"]

ORIGIN = "an OpenAPI document"


def read_openapi(path: Path, most: int, on_bytes: OnBytes) -> Proposal:
    """The operations of the document in the file, in its order.  Raises as `TrafficSource` says."""
    with open_source(path) as file:
        data = file.read(LARGEST + 1)
    on_bytes(len(data))
    try:
        if len(data) > LARGEST:
            raise FileProblem(
                f"it is larger than {LARGEST / 1e6:g} MB",
                "give a document of the operations that matter, without examples of responses",
            )
        return proposal_of(data, most)
    except FileProblem as problem:
        raise refuse(path, problem) from None


def proposal_of(data: bytes, most: int) -> Proposal:
    """The operations of a document.  Raises `FileProblem`."""
    document = parse_document(data)
    _check_version(document)
    paths = document.data.get("paths") or {}
    if not isinstance(paths, Mapping):
        raise document.problem("paths is no object", ("paths",))
    found = list(_operations(document, paths))
    if not found:
        raise document.problem("it has no operation below paths", ("paths",))
    port, base = server_of(document)
    names = Names()
    requests = tuple(one.request(document, base, names) for one in found[:most])
    left_out = len(found) - len(requests)
    return Proposal(
        ORIGIN,
        requests,
        secrets_of(document),
        {LeftOut.RARE: left_out} if left_out else {},
        port=port,
    )


def _check_version(document: Document) -> None:
    version = document.data.get("openapi", document.data.get("swagger"))
    if not re.match(r"2\.0|3\.[01]", str(version) if isinstance(version, str | float) else ""):
        raise document.problem(
            "this is no OpenAPI document of version 2.0, 3.0 or 3.1: it has neither such an "
            "`openapi` nor a `swagger`",
            ("openapi" if "openapi" in document.data else "swagger",),
        )


def _operations(document: Document, paths: Mapping[str, Any]) -> Iterator[Operation]:
    for path, entry in paths.items():
        at: Pointer = ("paths", path)
        if not isinstance(path, str) or not path.startswith("/"):
            if isinstance(path, str) and path.startswith("x-"):
                continue
            raise document.problem(f"{name_of(at)} does not begin with /", at)
        item = document.resolved(entry, at)
        for method, operation in item.items():
            if not isinstance(method, str) or method.upper() not in KNOWN_METHODS:
                continue
            here = (*at, method)
            defined = document.resolved(operation, here)
            shared = _list(document, item.get("parameters"), (*at, "parameters"))
            own = _list(document, defined.get("parameters"), (*here, "parameters"))
            parameters = {(one.get("in"), one.get("name")): (one, at) for one, at in shared + own}
            yield Operation(method.upper(), path, defined, tuple(parameters.values()), here)


def _list(document: Document, given: Any, at: Pointer) -> list[tuple[Mapping[str, Any], Pointer]]:
    if given is None:
        return []
    if not isinstance(given, list):
        raise document.problem(f"{name_of(at)} is no list", at)
    found = [
        (document.resolved(one, (*at, index)), (*at, index)) for index, one in enumerate(given)
    ]
    for one, where in found:
        if not isinstance(one.get("name"), str) or not isinstance(one.get("in"), str):
            raise document.problem(f"{name_of(where)} has no `name` or no `in`", where)
    return found


OPENAPI = TrafficSource("--from-openapi", read_openapi)
