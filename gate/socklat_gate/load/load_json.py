"""The load as the gate sends it to its worker, as JSON: with every value that is to be sent."""

from __future__ import annotations

import base64
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from socklat_gate.scenario.feeder import Feeder
from socklat_gate.scenario.template import Verbatim, names_in

if TYPE_CHECKING:
    from socklat_gate.scenario import Load
    from socklat_gate.scenario.request import Content, Request
    from socklat_gate.scenario.secret import Shown

__all__ = ["load_from_json", "load_to_json"]


def load_to_json(load: Load) -> dict[str, Any]:
    """JSON object of ``load``: all of its members, so that none needs a default.

    Secrets stand there in the clear: it is for the worker's stdin alone.  Raises `UsageError`
    (BAD_SECRET).
    """
    # It needs pydantic, and so is not for the worker.
    from socklat_gate.scenario.secret import REVEALED, reveal, secrets_in  # noqa: PLC0415

    for _, secret in secrets_in(load):
        reveal(secret)  # an error within the dump would come as one of pydantic's
    members = load.model_dump(mode="json", exclude={"request", "setup"}, context=REVEALED)
    steps = [(_request_to_json(step.request), dict(step.save)) for step in load.steps]
    rows = load.rows
    return {
        **members,
        "requests": [_request_to_json(request) for request in load.requests],
        "steps": steps,
        "rows": None if rows is None else {name: rows.columns[name] for name in _used(load, rows)},
        "descriptors": base64.b64encode(load.descriptors).decode(),
    }


def _request_to_json(request: Request) -> dict[str, Any]:
    """With texts revealed; a secret is marked as one, since nothing is filled into its value."""
    expect, payload = request.expect, request.payload
    return {
        "name": request.name,
        "weight": request.weight,
        "method": request.method,
        "path": request.path,
        "headers": {name: _text_to_json(text) for name, text in request.headers.items()},
        "content": _content_to_json(request.content),
        "payload": list(map(_text_to_json, payload)) if isinstance(payload, list) else payload,
        "response": request.response,
        "expect": None if expect is None else expect.model_dump(mode="json"),
    }


def load_from_json(document: dict[str, Any]) -> Load:
    """What `load_to_json` was given, as far as the driver knows: an object with these members.

    It was validated when the scenario was read.  The model itself needs pydantic, which takes as
    long to import as all else that the worker needs.
    """
    rows, tls = document["rows"], document["tls"]
    members = {
        "requests": tuple(map(_request_from_json, document["requests"])),
        "steps": tuple(
            SimpleNamespace(request=_request_from_json(request), save=save)
            for request, save in document["steps"]
        ),
        "rows": None if rows is None else _feeder_of(rows),
        "descriptors": base64.b64decode(document["descriptors"]),
        "tls": None if tls is None else SimpleNamespace(**tls),
    }
    return cast("Load", SimpleNamespace(**{**_with_expect(document), **members}))


def _request_from_json(document: dict[str, Any]) -> SimpleNamespace:
    payload = document["payload"]
    members = {
        "headers": {name: _text_from_json(text) for name, text in document["headers"].items()},
        "content": _content_from_json(document["content"]),
        "payload": list(map(_text_from_json, payload)) if isinstance(payload, list) else payload,
    }
    return SimpleNamespace(**{**_with_expect(document), **members})


def _text_to_json(text: Shown) -> Any:
    from socklat_gate.scenario.secret import reveal  # noqa: PLC0415 - needs pydantic

    return text if isinstance(text, str) else {"verbatim": reveal(text)}


def _text_from_json(text: Any) -> str:
    return text if isinstance(text, str) else Verbatim(text["verbatim"])


def _used(load: Load, rows: Feeder) -> list[str]:
    """The columns that requests are filled with; the worker needs no others."""
    used: set[str] = set()
    for request in load.requests:
        payload = request.payload if isinstance(request.payload, list) else [request.payload]
        texts = request.path, request.content, *request.headers.values(), *payload
        used.update(*(names_in(text, rows.columns) for text in texts))
    return [name for name in rows.columns if name in used]


def _feeder_of(columns: dict[str, list[str]]) -> Feeder:
    rows = len(next(iter(columns.values())))
    return Feeder({name: tuple(values) for name, values in columns.items()}, range(rows), "")


def _with_expect(document: dict[str, Any]) -> dict[str, Any]:
    expect = document["expect"]
    return {**document, "expect": None if expect is None else SimpleNamespace(**expect)}


def _content_to_json(content: Content) -> Any:
    if isinstance(content, bytes):
        return {"base64": base64.b64encode(content).decode()}
    return content


def _content_from_json(content: Any) -> Content:
    if isinstance(content, dict):
        return base64.b64decode(content["base64"])
    return cast("str | None", content)
