"""shop.Carts of cart.proto by grpcio, on port 50051; cart_pb2 is what protoc makes of that file."""

import threading
from concurrent.futures import ThreadPoolExecutor

import cart_pb2
import grpc

ITEMS = 200
lock = threading.Lock()
counts = dict.fromkeys(range(ITEMS), 1)


def cart():
    items = [cart_pb2.Item(id=number, count=count) for number, count in counts.items()]
    return cart_pb2.Cart(items=items, total_cents=sum(item.count * item.id for item in items))


def get(request, context):
    with lock:
        return cart()


def add(request, context):
    if request.id not in counts:
        context.abort(grpc.StatusCode.NOT_FOUND, f"no item {request.id}")
    with lock:
        counts[request.id] = max(1, (counts[request.id] + request.count) % 1000)
        return cart()


def method(handle):
    return grpc.unary_unary_rpc_method_handler(
        handle,
        request_deserializer=cart_pb2.Item.FromString,
        response_serializer=cart_pb2.Cart.SerializeToString,
    )


server = grpc.server(ThreadPoolExecutor(4))
handlers = {"Get": method(get), "Add": method(add)}
server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("shop.Carts", handlers)])
server.add_insecure_port("[::]:50051")
server.start()
server.wait_for_termination()
