"""Messages of gRPC methods: JSON to protobuf, by the descriptors of their types.

Needs protobuf, of the extra ``grpc``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory
from google.protobuf.message import DecodeError, EncodeError, Message

if TYPE_CHECKING:
    from google.protobuf.descriptor import MethodDescriptor

__all__ = ["GrpcTypes", "NoSuchMethod", "NotOfType", "WrongDescriptors", "path_parts"]

MAX_SHOWN = 8


class WrongDescriptors(ValueError):
    """The bytes are no descriptor set, or one that lacks files which others import."""


class NoSuchMethod(ValueError):
    """The descriptors have no unary method of that name; the text has what they do have."""


class NotOfType(ValueError):
    """The JSON is not a message of the method's type."""


class GrpcTypes:
    """The methods of a ``FileDescriptorSet``, as bytes.  Raises `WrongDescriptors`."""

    def __init__(self, descriptor_set: bytes) -> None:
        files = descriptor_pb2.FileDescriptorSet()
        try:
            files.ParseFromString(descriptor_set)
        except DecodeError as error:
            raise WrongDescriptors(f"not a descriptor set: {error}") from None
        if not files.file:
            raise WrongDescriptors("no descriptor set, or an empty one")
        self._pool = descriptor_pool.DescriptorPool()
        for file in _in_order(files.file):
            try:
                self._pool.Add(file)
                self._pool.FindFileByName(file.name)
            except (TypeError, KeyError) as error:
                text = str(error).strip("'\"")
                raise WrongDescriptors(f"{file.name} does not fit the others: {text}") from None
        self._names = [
            f"{file.package}{'.' if file.package else ''}{service.name}/{method.name}"
            for file in files.file
            for service in file.service
            for method in service.method
        ]

    def check(self, path: str) -> None:
        """Raises `NoSuchMethod` unless ``path`` (``/package.Service/Method``) is a unary one."""
        self._method(path)

    def encode(self, path: str, body: bytes) -> bytes:
        """``body`` (JSON; empty: an empty message) as bytes of the type that the method takes.

        Raises `NoSuchMethod` and `NotOfType`.
        """
        method = self._method(path)
        message: Message = message_factory.GetMessageClass(method.input_type)()
        try:
            json_format.Parse(body or b"{}", message, descriptor_pool=self._pool)
        except (json_format.ParseError, UnicodeDecodeError, RecursionError) as error:
            text = " ".join(str(error).split())
            raise NotOfType(f"not a {method.input_type.full_name}: {text}") from None
        try:
            data: bytes = message.SerializeToString(deterministic=True)
        except EncodeError as error:  # of proto2: a required field is missing
            raise NotOfType(f"not a {method.input_type.full_name}: {error}") from None
        return data

    def _method(self, path: str) -> MethodDescriptor:
        service, name = path_parts(path)
        try:
            found = self._pool.FindServiceByName(service).methods_by_name[name]
        except KeyError:
            shown = ", ".join(self._names[:MAX_SHOWN]) or "no method at all"
            more = f" and {len(self._names) - MAX_SHOWN} more" * (len(self._names) > MAX_SHOWN)
            raise NoSuchMethod(f"no method {service}/{name}; there is {shown}{more}") from None
        if found.client_streaming or found.server_streaming:
            raise NoSuchMethod(f"{service}/{name} streams; only unary methods can be called")
        return found


def path_parts(path: str) -> tuple[str, str]:
    """Service and method of ``/package.Service/Method``; the method is "" where that is missing."""
    service, _, method = path.removeprefix("/").partition("/")
    return service, method


def _in_order(
    files: Iterable[descriptor_pb2.FileDescriptorProto],
) -> list[descriptor_pb2.FileDescriptorProto]:
    """Each after those that it imports, as a pool wants them; sets by reflection have no order."""
    by_name = {file.name: file for file in files}
    order: dict[str, descriptor_pb2.FileDescriptorProto] = {}
    open_names: set[str] = set()

    def add(file: descriptor_pb2.FileDescriptorProto) -> None:
        if file.name in order or file.name in open_names:
            return
        open_names.add(file.name)
        for name in file.dependency:
            if name in by_name:
                add(by_name[name])
        order[file.name] = file

    for file in by_name.values():
        add(file)
    return list(order.values())
