"""Types of a service's methods, asked of the service itself: gRPC server reflection.

https://github.com/grpc/grpc/blob/master/doc/server-reflection.md.  Each question is a call of its
own, so that it needs no more than a unary call does.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from functools import cache
from typing import TYPE_CHECKING, Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

from socklat_gate.load.protocols.grpc import PREFIX, GrpcSession, call_outcome
from socklat_gate.load.protocols.http2_requests import Http2Requests
from socklat_gate.load.protocols.parser import BadResponse

if TYPE_CHECKING:
    from socklat_gate.load.expectation import Expectation
    from socklat_gate.load.protocols.http2_head import Head

__all__ = ["MAX_BYTES", "Ask", "ReflectionFailed", "ReflectionSession", "describe"]

METHODS = tuple(
    f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo"
    for version in ("v1", "v1alpha")
)
UNIMPLEMENTED = 12
MAX_BYTES = 32 << 20
MAX_FILES = 10_000

Ask = Callable[[str, bytes], Awaitable[tuple[int, str, bytes]]]
"""Calls a method with a message: grpc-status, its text, and what came back, prefixes included."""


class ReflectionFailed(Exception):
    """The service does not tell its types; the text says why."""


class ReflectionSession(GrpcSession):
    """``outcome`` of the latest call: grpc-status, its text, and all messages that came."""

    __slots__ = ("outcome",)

    def __init__(self, requests: Http2Requests) -> None:
        super().__init__(requests)
        self.outcome: tuple[int, str, bytes] = (0, "", b"")

    def _kept_bytes(self, expected: Expectation | None) -> int:  # noqa: ARG002 - as the others
        return MAX_BYTES

    def _judge(self, head: Head, trailers: Head | None) -> None:
        if self.size > MAX_BYTES:
            raise BadResponse(f"gRPC: reflection sent more than {MAX_BYTES} bytes")
        code, text = call_outcome(head, trailers)
        self.outcome = code, text, bytes(self._kept)


async def describe(ask: Ask, services: Iterable[str]) -> bytes:
    """A descriptor set with all that the methods of ``services`` need.

    Raises `ReflectionFailed` and what ``ask`` does.
    """
    files: dict[str, bytes] = {}
    method = METHODS[0]
    for service in dict.fromkeys(services):
        question = {"file_containing_symbol": service}
        code, text, data = await ask(method, _question(question))
        if code == UNIMPLEMENTED and method == METHODS[0]:
            method = METHODS[1]
            code, text, data = await ask(method, _question(question))
        if code == UNIMPLEMENTED:
            raise ReflectionFailed("the service has no server reflection")
        _take(files, code, text, data)
    while missing := _missing(files):
        if len(files) > MAX_FILES:
            raise ReflectionFailed(f"more than {MAX_FILES} files")
        _take(files, *await ask(method, _question({"file_by_filename": missing})))
        if missing not in files:
            raise ReflectionFailed(f"the service does not send {missing}, which others import")
    out = descriptor_pb2.FileDescriptorSet()
    for data in files.values():
        out.file.add().ParseFromString(data)
    return bytes(out.SerializeToString())


def _take(files: dict[str, bytes], code: int, text: str, data: bytes) -> None:
    if code:
        raise ReflectionFailed(text)
    at = 0
    while at + PREFIX.size <= len(data):
        compressed, length = PREFIX.unpack_from(data, at)
        at += PREFIX.size
        response = _messages()["Response"]()
        try:
            if compressed or at + length > len(data):
                raise ReflectionFailed("its response is compressed or cut off")
            response.ParseFromString(data[at : at + length])
            if response.error_response.error_code or response.error_response.error_message:
                raise ReflectionFailed(
                    f"{response.error_response.error_message or 'unknown'} "
                    f"(code {response.error_response.error_code})"
                )
            for one in response.file_descriptor_response.file_descriptor_proto:
                files[descriptor_pb2.FileDescriptorProto.FromString(one).name] = one
        except DecodeError as error:
            raise ReflectionFailed(f"its response cannot be read: {error}") from None
        at += length


def _missing(files: dict[str, bytes]) -> str:
    """A file that another imports and that did not come; "" when there is none."""
    for data in files.values():
        for name in descriptor_pb2.FileDescriptorProto.FromString(data).dependency:
            if name not in files:
                return str(name)
    return ""


def _question(members: dict[str, str]) -> bytes:
    return bytes(_messages()["Question"](**members).SerializeToString())


@cache
def _messages() -> dict[str, Any]:
    """What of grpc/reflection/v1/reflection.proto is needed here."""
    kinds = descriptor_pb2.FieldDescriptorProto
    text, data, number, message = (
        kinds.TYPE_STRING,
        kinds.TYPE_BYTES,
        kinds.TYPE_INT32,
        kinds.TYPE_MESSAGE,
    )
    once, many = kinds.LABEL_OPTIONAL, kinds.LABEL_REPEATED
    file = descriptor_pb2.FileDescriptorProto(name="socklat_reflection.proto", package="socklat")
    for name, fields in {
        "Question": (
            ("file_by_filename", 3, text, once, ""),
            ("file_containing_symbol", 4, text, once, ""),
        ),
        "Files": (("file_descriptor_proto", 1, data, many, ""),),
        "Error": (("error_code", 1, number, once, ""), ("error_message", 2, text, once, "")),
        "Response": (
            ("file_descriptor_response", 4, message, once, ".socklat.Files"),
            ("error_response", 7, message, once, ".socklat.Error"),
        ),
    }.items():
        kind = file.message_type.add(name=name)
        for field, at, type_, label, type_name in fields:
            kind.field.add(
                name=field, number=at, type=type_, label=label, type_name=type_name or None
            )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"socklat.{name}"))
        for name in ("Question", "Response")
    }
