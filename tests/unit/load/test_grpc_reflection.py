from __future__ import annotations

import asyncio
import struct

import pytest
from google.protobuf import descriptor_pb2
from grpc_reflection.v1alpha import reflection_pb2

from socklat_gate.load.protocols.grpc_reflection import ReflectionFailed, describe
from socklat_gate.scenario.grpc_types import GrpcTypes
from tests.unit.load.grpc_shop import shop_files


def prefixed(message):
    data = message.SerializeToString()
    return struct.pack(">BI", 0, len(data)) + data


def files(*names, unknown=()):
    """A server that sends just the file that was asked for, as the specification allows."""
    by_name = {file.name: file for file in shop_files()}
    asked = []

    async def ask(method, data):
        question = reflection_pb2.ServerReflectionRequest.FromString(data)
        asked.append((method.split(".")[2], question.file_by_filename or "cart.proto"))
        response = reflection_pb2.ServerReflectionResponse()
        if asked[-1][1] in unknown:
            response.error_response.error_code = 5
            response.error_response.error_message = "not found"
        else:
            file = by_name[asked[-1][1]]
            response.file_descriptor_response.file_descriptor_proto.append(file.SerializeToString())
        return 0, "", prefixed(response)

    return ask, asked


def run(ask, services=("shop.Cart",)):
    return asyncio.run(describe(ask, services))


def test_files_that_others_import_are_asked_for():
    ask, asked = files()
    data = run(ask, ["shop.Cart", "shop.Cart"])
    assert asked == [("v1", "cart.proto"), ("v1", "types.proto")]
    GrpcTypes(data).check("/shop.Cart/Add")
    names = [file.name for file in descriptor_pb2.FileDescriptorSet.FromString(data).file]
    assert sorted(names) == ["cart.proto", "types.proto"]


def test_the_older_version_is_asked_where_the_newer_is_not_there():
    inner, asked = files()

    async def ask(method, data):
        return (12, "unimplemented", b"") if ".v1." in method else await inner(method, data)

    run(ask)
    assert {version for version, _ in asked} == {"v1alpha"}


@pytest.mark.parametrize("name", ["cart.proto", "types.proto"])
def test_what_the_service_does_not_know(name):
    ask, _ = files(unknown=[name])
    with pytest.raises(ReflectionFailed, match=r"not found \(code 5\)"):
        run(ask)


@pytest.mark.parametrize(
    ("outcome", "text"),
    [
        ((12, "grpc-status 12", b""), "no server reflection"),
        ((16, "grpc-status 16 (UNAUTHENTICATED)", b""), "UNAUTHENTICATED"),
        ((0, "", b"\1\0\0\0\0"), "compressed"),
        ((0, "", b"\0\0\0\0\7abc"), "cut off"),
        ((0, "", b"\0\0\0\0\2\xff\xff"), "cannot be read"),
    ],
)
def test_no_types(outcome, text):
    async def ask(_method, _data):
        return outcome

    with pytest.raises(ReflectionFailed, match=text):
        run(ask)


def test_a_file_that_never_comes():
    _, service = shop_files()
    response = reflection_pb2.ServerReflectionResponse()
    response.file_descriptor_response.file_descriptor_proto.append(service.SerializeToString())

    async def ask(_method, _data):
        return 0, "", prefixed(response)

    with pytest.raises(ReflectionFailed, match=r"types\.proto"):
        run(ask)
