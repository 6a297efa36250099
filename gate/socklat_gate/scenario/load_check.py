"""What of ``[load]`` fits its driver: HTTP/2, gRPC and WebSocket; each problem with its key.

Beyond the models: extras that have to be installed, and messages held against their types.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from socklat_gate.errors import Reason, UsageError
from socklat_gate.scenario.grpc_files import descriptor_set_of
from socklat_gate.scenario.template import fields_of, parts_of

if TYPE_CHECKING:
    from socklat_gate.scenario.load import Load
    from socklat_gate.scenario.request import Request
    from socklat_gate.scenario.tables import KeyPath

__all__ = ["check_load"]

Problem = tuple["KeyPath", str, str]
"""Where, what is wrong, and what to do."""
Key = Callable[[str], "KeyPath"]

GRPC_PATH = r"/[\w.]+/\w+"
TEMPLATE = rb"\{[A-Za-z_][\w.:]*\}"
EXTRAS = {"http2": ("hpack",), "grpc": ("hpack", "google.protobuf"), "websocket": ("wsproto",)}


def check_load(load: Load, where: Callable[[KeyPath], str]) -> None:
    """Raises `UsageError` for what the models let pass.

    BAD_SCENARIO, with one line a problem, which begins with ``where`` of its key; MISSING_EXTRA,
    and what `descriptor_set_of` raises.
    """
    problems = [*_of_keys(load)]
    if not problems:
        _check_extras(load)
        if load.driver == "grpc":
            problems += _of_types(load, where)
    if problems:
        raise UsageError(
            Reason.BAD_SCENARIO,
            "\n".join(
                f"{where(key)}: {'.'.join(map(str, key))}: {text}" for key, text, _ in problems
            ),
            remedy="; ".join(dict.fromkeys(remedy for _, _, remedy in problems)),
        )


def _of_keys(load: Load) -> Iterator[Problem]:
    if load.streams > 1:
        yield from _of_streams(load)
    if load.http != "1.1" and load.driver != "http":
        yield ("load", "http"), f'nothing that driver "{load.driver}" knows', "leave it out"
    if load.grpc is not None and load.driver != "grpc":
        yield ("load", "grpc"), f'nothing that driver "{load.driver}" knows', 'use driver = "grpc"'
    checks = {"grpc": _of_grpc, "websocket": _of_websocket, "http": _of_http2}
    check = checks.get(load.driver)
    if check is None or (load.driver == "http" and load.http == "1.1"):
        return
    for request, key in _requests(load):
        yield from check(load, request, key)
    if load.driver == "websocket":
        yield from _of_handshake(load)


def _of_streams(load: Load) -> Iterator[Problem]:
    has_streams = load.driver == "grpc" or (load.driver == "http" and load.http == "2")
    if not has_streams:
        what = "HTTP/1.1" if load.driver == "http" else f'driver "{load.driver}"'
        yield (
            ("load", "streams"),
            f"{what} has one request in flight on a connection",
            'leave it out and raise load.connections, or use http = "2" or driver = "grpc"',
        )
    elif not load.keep_alive:
        yield (
            ("load", "streams"),
            "load.keep_alive = false gives each request a connection of its own",
            "leave one of the two out",
        )


def _requests(load: Load) -> Iterator[tuple[Request, Key]]:
    """Each with a function that has the path of one of its keys."""
    for at, request in enumerate(load.requests):
        own = load.request[at].model_fields_set if load.request else frozenset[str]()

        def key(name: str, at: int = at, own: frozenset[str] | set[str] = own) -> KeyPath:
            return ("load", "request", at, name) if name in own else ("load", name)

        yield request, key


def _of_http2(_: Load, request: Request, key: Key) -> Iterator[Problem]:
    yield from _headers(request, key, ("connection", "upgrade", "transfer-encoding"))


def _headers(request: Request, key: Key, refused: tuple[str, ...]) -> Iterator[Problem]:
    for name in request.headers:
        if name.lower() in refused:
            yield key("headers"), f"HTTP/2 has no header {name}", "leave it out"


def _of_grpc(_: Load, request: Request, key: Key) -> Iterator[Problem]:
    yield from _headers(
        request, key, ("connection", "upgrade", "transfer-encoding", "te", "content-type")
    )
    if not re.fullmatch(GRPC_PATH, request.path):
        yield (
            key("path"),
            f"no gRPC method: {request.path}",
            "write /package.Service/Method, as it is on the wire",
        )
    if request.method != "GET":
        yield key("method"), "calls of gRPC are always a POST", "leave it out; name it in path"
    if request.payload is not None:
        yield (
            key("payload"),
            'nothing that driver "grpc" sends',
            "write the message in body, as JSON",
        )


def _of_websocket(load: Load, request: Request, key: Key) -> Iterator[Problem]:
    given = [
        name for name in ("body", "body_file", "payload") if getattr(request, name) is not None
    ]
    if len(given) != 1:
        yield (
            key(given[1] if given else "body"),
            "a message is either text (body, body_file) or binary (payload)",
            "give one of them",
        )
    if request.method != "GET":
        yield key("method"), "a WebSocket is always opened by GET", "leave it out"
    for name, common in (("path", load.path), ("headers", load.headers)):
        if getattr(request, name) != common and key(name) != ("load", name):
            yield (
                key(name),
                "belongs to the handshake, of which a connection has one for all its messages",
                f"write it in [load]: load.{name}",
            )


def _of_handshake(load: Load) -> Iterator[Problem]:
    """It is the same for all connections, whichever request comes first on one."""
    known = [*load.variables, *(load.rows.columns if load.rows is not None else ())]
    texts = [("path", load.path), *(("headers", text) for text in load.headers.values())]
    for key, text in texts:
        if isinstance(text, str):
            names = {one.name for one in fields_of(parts_of(text, known, strict=False))}
            for name in sorted(names - set(load.variables)):
                yield (
                    ("load", key),
                    f"{{{name}}} differs by request, and a handshake is its connection's",
                    "fill it into body or payload, or use one of load.variables",
                )


def _check_extras(load: Load) -> None:
    extra = "http2" if load.driver == "http" and load.http == "2" else load.driver
    missing = [name for name in EXTRAS.get(extra, ()) if not _installed(name)]
    if missing:
        what = 'load.http = "2"' if extra == "http2" else f'load.driver = "{load.driver}"'
        raise UsageError(
            Reason.MISSING_EXTRA,
            f"{what} needs a package that is not installed ({', '.join(missing)})",
            remedy=f"pip install 'socklat-gate[{extra}]'",
        )


def _installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # of the package around it
        return False


def _of_types(load: Load, where: Callable[[KeyPath], str]) -> Iterator[Problem]:
    """What the scenario's own files say against the requests; by reflection nothing is known.

    Raises what `descriptor_set_of` does, with the place of its key.
    """
    from socklat_gate.scenario.grpc_types import (  # noqa: PLC0415 - needs the extra
        GrpcTypes,
        NoSuchMethod,
        NotOfType,
        WrongDescriptors,
    )

    try:
        data = descriptor_set_of(load.grpc)
    except UsageError as error:
        name = "proto" if load.grpc is not None and load.grpc.proto else "descriptor_set"
        place = where(("load", "grpc", name))
        raise UsageError(error.reason, f"{place}: {error.message}", remedy=error.remedy) from None
    if not data and (load.grpc is None or load.grpc.descriptor_set is None):
        return
    try:
        types = GrpcTypes(data)
    except WrongDescriptors as error:
        yield (
            ("load", "grpc", "descriptor_set"),
            str(error),
            "write it with `protoc --include_imports --descriptor_set_out=FILE`",
        )
        return
    for request, key in _requests(load):
        try:
            types.check(request.path)
            content = request.content or ""
            body = content if isinstance(content, bytes) else content.encode()
            if not re.search(TEMPLATE, body):
                types.encode(request.path, body)
        except NoSuchMethod as error:
            yield key("path"), str(error), "name a unary method of these types"
        except NotOfType as error:
            name = "body" if request.body_file is None else "body_file"
            yield key(name), str(error), "write the message as JSON of that type"
