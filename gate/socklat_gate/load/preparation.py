"""What the driver has to learn from the service before it can write its requests."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, cast

from socklat_gate.load.messages import Message, MessageSource, common_headers, variables_of
from socklat_gate.load.protocols.by_driver import alpn_of
from socklat_gate.load.protocols.tls import TlsClient
from socklat_gate.load.unprepared import TYPED_MESSAGE, Unprepared
from socklat_gate.load.values import Values

if TYPE_CHECKING:
    from socklat_gate.load.dialer import Network
    from socklat_gate.scenario import Load

__all__ = ["prepare", "row_text"]

MAX_ROWS = 20_000
"""Later rows are written when they are due, by which `load.unprepared.Unsendable` is raised."""
NO_REFLECTION = (
    "let the service register gRPC server reflection, or give its types in "
    "load.grpc.descriptor_set or load.grpc.proto"
)


async def prepare(
    load: Load, endpoints: Sequence[tuple[str, int]], network: Network | None = None
) -> None:
    """Give ``load`` the types of its gRPC methods; the first endpoint's, for all of them.

    The same bytes then go to all.  Raises `Unprepared`.
    """
    if load.driver != "grpc":
        return
    from socklat_gate.load.grpc_caller import ask_types  # noqa: PLC0415 - needs the extra
    from socklat_gate.load.protocols.grpc_reflection import ReflectionFailed  # noqa: PLC0415
    from socklat_gate.scenario.grpc_types import (  # noqa: PLC0415
        GrpcTypes,
        NoSuchMethod,
        NotOfType,
        WrongDescriptors,
    )

    host, port = endpoints[0]
    where = f"the service at {host}:{port}"
    if not load.descriptors:
        try:
            types = await ask_types(
                host,
                port,
                [request.path for request in load.requests],
                common_headers(load),
                None if load.tls is None else TlsClient(load.tls, alpn_of(load)),
                network,
            )
        except ReflectionFailed as error:
            text = f"{where} does not tell the types of its gRPC methods: {error}"
            raise Unprepared(text, NO_REFLECTION) from None
        cast("Any", load).descriptors = types
    filled_by = ""
    try:
        types_of = GrpcTypes(load.descriptors)
        for kind, request in enumerate(load.requests):
            types_of.check(request.path)
            for row, message in _messages(load, kind):
                filled_by = row
                types_of.encode(message.path, message.body)
    except WrongDescriptors as error:
        text = f"the types that {where} tells by reflection cannot be used: {error}"
        raise Unprepared(text, NO_REFLECTION) from None
    except NoSuchMethod as error:
        raise Unprepared(f"{where}: {error}", "correct the path of the request") from None
    except NotOfType as error:
        text = f"the body of {request.path}{filled_by}: {error}"
        raise Unprepared(text, TYPED_MESSAGE) from None


def row_text(row: int | None) -> str:
    """What a request is filled with, as a part of a message; ``row`` counts from 0."""
    return "" if row is None else f", filled with row {row + 1} of load.feeder"


def _messages(load: Load, kind: int) -> Iterator[tuple[str, Message]]:
    """Those of a request: one, or as many as there are rows to fill in, up to `MAX_ROWS`.

    Then with random numbers at the ends of their range.  Each with the words that say what it is
    filled with ("": nothing of interest).
    """
    rows = load.rows.rows if load.rows is not None else 0
    numbers = min(max(rows, 1), MAX_ROWS)
    values = Values(0, load.rows, variables_of(load))
    source = MessageSource(load, [kind] * numbers, values)
    fixed = source.fixed(kind)
    if fixed is not None:
        yield "", fixed
        return
    for number in range(numbers):
        yield row_text(values.row_of(number)), source.message(number)
    for message in source.extremes(kind):
        yield ", filled with an end of random_int's range", message
