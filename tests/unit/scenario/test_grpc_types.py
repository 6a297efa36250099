from __future__ import annotations

import pytest
from google.protobuf import descriptor_pb2, struct_pb2

from socklat_gate.scenario.grpc_types import (
    GrpcTypes,
    NoSuchMethod,
    NotOfType,
    WrongDescriptors,
    path_parts,
)
from tests.unit.load.grpc_shop import item_class, shop_files, shop_set

ADD = "/shop.Cart/Add"


def test_json_becomes_the_bytes_of_the_type():
    data = GrpcTypes(shop_set()).encode(ADD, b'{"id": 5, "name": "lamp"}')
    item = item_class()
    assert item.FromString(data) == item(id=5, name="lamp")


def test_files_may_come_in_any_order():
    types, service = shop_files()
    assert GrpcTypes(shop_set(service, types)).encode(ADD, b'{"id": 1}') == b"\x08\x01"


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'{"id": "x"}', "id"),
        (b'{"nme": "x"}', 'no field named "nme"'),
        (b"{", "Failed to load JSON"),
        (b"[1]", "shop.types.Item"),
        (b'"\xff"', "shop.types.Item"),
        (b"[" * 5000, "recursion"),
    ],
)
def test_json_that_does_not_fit(body, text):
    with pytest.raises(NotOfType, match=text) as raised:
        GrpcTypes(shop_set()).encode(ADD, body)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/shop.Cart/Remove", "there is shop.Cart/Add, shop.Cart/Watch"),
        ("/shop.Basket/Add", "there is shop.Cart/Add"),
        ("/", "no method"),
        ("/shop.Cart/Watch", "streams"),
    ],
)
def test_a_method_that_cannot_be_called(path, text):
    types = GrpcTypes(shop_set())
    with pytest.raises(NoSuchMethod, match=text):
        types.check(path)
    with pytest.raises(NoSuchMethod, match=text):
        types.encode(path, b"")


def test_many_methods_are_not_all_listed():
    types, service = shop_files()
    for number in range(20):
        method = service.service[0].method.add(name=f"M{number}")
        method.input_type = method.output_type = ".shop.types.Item"
    with pytest.raises(NoSuchMethod, match="M5 and 14 more"):
        GrpcTypes(shop_set(types, service)).check("/shop.Cart/Nope")


def dependent(name):
    _, service = shop_files()
    service.dependency.append(name)
    return service


def in_circle():
    return [
        descriptor_pb2.FileDescriptorProto(name=name, dependency=[other])
        for name, other in (("a.proto", "b.proto"), ("b.proto", "a.proto"))
    ]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "empty"),
        (b"\xff\xff", "not a descriptor set"),
        (b"syntax = 'proto3';", "not a descriptor set"),
        (shop_set(shop_files()[1]), "types.proto"),
        (shop_set(*shop_files()[:1], dependent("money.proto")), "money.proto"),
        (shop_set(*in_circle()), "does not fit"),
    ],
)
def test_what_is_no_whole_descriptor_set(data, text):
    with pytest.raises(WrongDescriptors, match=text):
        GrpcTypes(data)


def test_well_known_types_are_found_in_the_set():
    types, service = shop_files()
    types.dependency.append("google/protobuf/struct.proto")
    types.message_type[0].field.add(
        name="more", number=3, type=11, type_name=".google.protobuf.Struct", label=1
    )
    known = descriptor_pb2.FileDescriptorProto.FromString(struct_pb2.DESCRIPTOR.serialized_pb)
    data = GrpcTypes(shop_set(known, types, service)).encode(ADD, b'{"more": {"a": [1, null]}}')
    assert len(data) > 4


def test_parts_of_a_path():
    assert path_parts("/a.b.C/D") == ("a.b.C", "D")
    assert path_parts("/a") == ("a", "")


def test_a_required_field_that_is_missing():
    file = descriptor_pb2.FileDescriptorProto(name="old.proto", package="old", syntax="proto2")
    kinds = descriptor_pb2.FieldDescriptorProto
    message = file.message_type.add(name="Item")
    message.field.add(name="id", number=1, type=kinds.TYPE_INT32, label=kinds.LABEL_REQUIRED)
    service = file.service.add(name="Cart")
    service.method.add(name="Add", input_type=".old.Item", output_type=".old.Item")
    types = GrpcTypes(descriptor_pb2.FileDescriptorSet(file=[file]).SerializeToString())
    assert types.encode("/old.Cart/Add", b'{"id": 1}')
    with pytest.raises(NotOfType, match="required fields: id"):
        types.encode("/old.Cart/Add", b"{}")
