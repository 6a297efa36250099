"""A gRPC service for tests: its types, and a server of grpcio's on the loopback interface."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from grpc_reflection.v1alpha import reflection

STRING, INT32, MESSAGE = 9, 5, 11


def shop_files():
    """A service with a unary and a streaming method, its types in a file of their own."""
    types = descriptor_pb2.FileDescriptorProto(
        name="types.proto", package="shop.types", syntax="proto3"
    )
    item = types.message_type.add(name="Item")
    item.field.add(name="id", number=1, type=INT32, label=1)
    item.field.add(name="name", number=2, type=STRING, label=1)
    service = descriptor_pb2.FileDescriptorProto(
        name="cart.proto", package="shop", syntax="proto3", dependency=["types.proto"]
    )
    cart = service.service.add(name="Cart")
    item_name = ".shop.types.Item"
    cart.method.add(name="Add", input_type=item_name, output_type=item_name)
    cart.method.add(
        name="Watch", input_type=item_name, output_type=item_name, server_streaming=True
    )
    return types, service


def shop_set(*files):
    out = descriptor_pb2.FileDescriptorSet()
    out.file.extend(files or shop_files())
    return out.SerializeToString()


def shop_pool():
    pool = descriptor_pool.DescriptorPool()
    for file in shop_files():
        pool.Add(file)
    return pool


def item_class(pool=None):
    return message_factory.GetMessageClass(
        (pool or shop_pool()).FindMessageTypeByName("shop.types.Item")
    )


@contextmanager
def shop_server(handle, *, reflects=True):
    """A server whose ``shop.Cart/Add`` is ``handle(item, context)``; its port."""
    pool = shop_pool()
    item = item_class(pool)
    add = grpc.unary_unary_rpc_method_handler(
        lambda request, context: handle(item, request, context),
        request_deserializer=item.FromString,
        response_serializer=lambda message: message.SerializeToString(),
    )
    server = grpc.server(ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers(
        [grpc.method_handlers_generic_handler("shop.Cart", {"Add": add})]
    )
    if reflects:
        reflection.enable_server_reflection(["shop.Cart"], server, pool)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield port
    finally:
        server.stop(None)
