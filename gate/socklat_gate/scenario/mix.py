"""Whether the requests of ``[load]`` go together, and with the values they are filled with."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from socklat_gate.scenario.feeder import Feeder
from socklat_gate.scenario.located import problem_at
from socklat_gate.scenario.response import check_end, check_expect
from socklat_gate.scenario.secret import Shown, shown
from socklat_gate.scenario.template import Field, Part, fields_of, parts_of

if TYPE_CHECKING:
    from socklat_gate.scenario.load import Load
    from socklat_gate.scenario.request import Request
    from socklat_gate.scenario.setup import Setup

__all__ = ["NO_HEADER", "check_mix"]

Where = tuple[str | int, ...]
OF_ONE = {
    "http": ("method", "path", "headers", "body", "body_file"),
    "tcp": ("payload", "response"),
}
"""Keys of a request by the driver that sends them."""
HEADER_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
NO_HEADER = r"[\r\n\0]"


def check_mix(load: Load, feeder: Feeder | None) -> None:
    """Raises pydantic's problem with the first thing that is wrong."""
    if load.driver == "command":
        for key in ("request", "setup", "feeder", "variables"):
            if getattr(load, key):
                raise problem_at('driver "command" sends its own requests: leave this out', key)
        return
    _check_names(load)
    for at, request in enumerate(load.request):
        _check_keys(load, at, request)
        _check_expect(load, at, request)
    if load.setup and load.driver != "http":
        raise problem_at('a setup needs driver "http"', "setup")
    _check_requests(load, feeder, _check_setup(load, feeder))


def _check_names(load: Load) -> None:
    """Each name once; and what belongs to one request stands in none of several's table."""
    if load.request:
        keys = {"method", "path", "body", "payload"} & load.model_fields_set
        # The path of a WebSocket is its connection's.
        for key in sorted(keys - ({"path"} if load.driver == "websocket" else set())):
            raise problem_at(f"{key} is one request's: move it into a [[load.request]]", key)
    for table in ("request", "setup"):
        seen: set[str] = set()
        for at, one in enumerate(getattr(load, table)):
            if one.name in seen:
                raise problem_at(f"{one.name!r} is there twice", table, at, "name")
            seen.add(one.name)


def _check_keys(load: Load, at: int, request: Request) -> None:
    """What another driver would send is not sent by this one."""
    if load.driver not in OF_ONE:  # for other keys see `scenario.load_check`
        if request.response is not None:
            text = f'driver "{load.driver}" knows the end of a response: leave this out'
            raise problem_at(text, "request", at, "response")
        return
    other = "tcp" if load.driver == "http" else "http"
    for key in OF_ONE[other]:
        if key in request.model_fields_set:
            raise problem_at(
                f'driver "{load.driver}" sends no {key} (driver "{other}" does)', "request", at, key
            )
    if load.driver == "tcp" and not request.payload:
        raise problem_at("driver tcp needs a payload", "request", at, "payload")


def _check_expect(load: Load, at: int, request: Request) -> None:
    """The response ends somewhere, and can be what is expected of it."""
    try:
        if request.response is not None:
            check_end(request.response)
    except ValueError as error:
        raise problem_at(str(error), "request", at, "response") from None
    expect = request.expect or load.expect
    response = load.response if request.response is None else request.response
    try:
        if expect is not None:
            check_expect(expect, load.driver, request.method, response)
    except ValueError as error:
        text = str(error) if request.expect else f"load.expect: {error}; give it one of its own"
        raise problem_at(text, "request", at, *(("expect",) if request.expect else ())) from None


def _check_setup(load: Load, feeder: Feeder | None) -> list[str]:
    """The names of the variables, those that the setup saves included."""
    saved = list(load.variables)
    columns = feeder.columns if feeder is not None else ()
    for name in saved:
        if name in columns:
            raise problem_at(f"{name!r} is a column of {load.feeder}, too", "variables", name)
    for at, setup in enumerate(load.setup):
        for where, text in _texts("setup", at, setup):
            parts = _parts(where, text, saved)
            if "headers" in where:
                _check_values(load, None, list(fields_of(parts)), where)
        for name in setup.save:
            where = ("setup", at, "save", name)
            if name in saved:
                raise problem_at(f"{name!r} is a variable already", *where)
            if name in columns:
                raise problem_at(f"{name!r} is a column of {load.feeder}, too", *where)
            saved.append(name)
    return saved


def _check_requests(load: Load, feeder: Feeder | None, saved: list[str]) -> None:
    """Every field has a value that can be sent where it stands, and every row a use."""
    columns = feeder.columns if feeder is not None else {}
    known = [*columns, *saved]
    used: set[str] = set()
    for where, text in _all_texts(load):
        fields = list(fields_of(_parts(where, text, known)))
        used.update(field.name for field in fields)
        if "headers" in where:
            _check_values(load, feeder, fields, where)
    if columns and not used & set(columns):
        raise problem_at(
            f"no request is filled with a column of it: name one as {{{next(iter(columns))}}} in "
            "path, headers, body or payload",
            "feeder",
        )


def _check_values(
    load: Load, feeder: Feeder | None, fields: Collection[Field], where: Where
) -> None:
    """Columns and variables can stand in a header; secrets are checked when they are read."""
    for field in fields:
        if re.search(NO_HEADER, shown(load.variables.get(field.name, ""))):
            raise problem_at(
                f"the variable {field.name} holds a line break or a null byte, which no header can",
                *where,
            )
        if feeder is None:
            continue
        for line, value in zip(feeder.lines, feeder.columns.get(field.name, ()), strict=False):
            if re.search(NO_HEADER, value):
                raise problem_at(
                    f"{load.feeder}:{line}: {field.name} holds a line break or a null byte, which "
                    "no header can",
                    *where,
                )


def _all_texts(load: Load) -> Iterator[tuple[Where, Shown]]:
    """Whatever is filled in: where it stands, and the text."""
    for name, text in load.headers.items():
        yield ("headers", name), text
    if not load.request:
        keys = {"http": ("path", "body"), "tcp": ("payload",)}
        for key in keys.get(load.driver, ("path", "body", "payload")):
            yield from _pieces((key,), getattr(load, key))
    for at, request in enumerate(load.request):
        yield from _texts("request", at, request)


def _texts(table: str, at: int, request: Request | Setup) -> Iterator[tuple[Where, Shown]]:
    yield (table, at, "path"), request.path
    for name, text in request.headers.items():
        yield (table, at, "headers", name), text
    if isinstance(request.content, str):
        yield (table, at, "body_file" if request.body_file else "body"), request.content
    yield from _pieces((table, at, "payload"), getattr(request, "payload", None))


def _pieces(where: Where, text: str | list[Shown] | None) -> Iterator[tuple[Where, Shown]]:
    """A text as it is, or each of a payload's parts."""
    for piece in text if isinstance(text, list) else () if text is None else (text,):
        yield where, piece


def _parts(where: Where, text: Shown, known: list[str]) -> tuple[Part, ...]:
    """Those of a text; a secret is one, whatever is in it."""
    if "headers" in where and (
        not re.fullmatch(HEADER_NAME, str(where[-1])) or re.search(NO_HEADER, shown(text))
    ):
        raise problem_at(f"header {where[-1]!r} cannot be sent", *where)
    if not isinstance(text, str):
        return ()
    try:
        return parts_of(text, known, strict=bool(known), in_path=where[-1] == "path")
    except ValueError as error:
        raise problem_at(str(error), *where) from None
