"""``[load]`` of HTTP/2, gRPC and WebSocket: what does not fit, with file, line, key and remedy."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

import pytest

from socklat_gate.errors import Exit, Reason, UsageError
from socklat_gate.scenario import Scenario
from socklat_gate.scenario.loader import load_scenario
from tests.unit.load.grpc_shop import shop_files, shop_set

START = """\
name = "shop"

[service]
image = "shop:dev"
port = 8080

[load]
"""
PROTO = """\
syntax = "proto3";
package shop;
import "types.proto";
service Cart { rpc Add(shop.types.Item) returns (shop.types.Item); }
"""
TYPES = """\
syntax = "proto3";
package shop.types;
message Item { int32 id = 1; string name = 2; }
"""
GRPC = 'driver = "grpc"\npath = "/shop.Cart/Add"\n'


def read(directory: Path, load: str) -> Scenario:
    path = directory / "socklat.toml"
    path.write_text(START + load)
    return load_scenario(path)


def refusal(directory: Path, load: str) -> UsageError:
    with pytest.raises(UsageError) as raised:
        read(directory, load)
    assert raised.value.exit_code is Exit.USAGE
    return raised.value


@pytest.mark.parametrize(
    ("load", "line", "said"),
    [
        ('driver = "http"\nstreams = 4\n', 9, "load.streams: HTTP/1.1 has one request"),
        ('payload = "x"\nhttp = "2"\n', 9, 'load.http: nothing that driver "tcp" knows'),
        ('driver = "http"\n[load.grpc]\nproto = "a.proto"\n', 9, "load.grpc: nothing that"),
        (
            'driver = "http"\nhttp = "2"\nheaders = { Connection = "close" }\n',
            10,
            "load.headers: HTTP/2 has no header Connection",
        ),
        (
            'driver = "http"\nhttp = "2"\n[[load.request]]\nname = "a"\n'
            '[[load.request]]\nname = "b"\nheaders = { Upgrade = "x" }\n',
            14,
            "load.request.1.headers: HTTP/2 has no header Upgrade",
        ),
        ('driver = "grpc"\n', 7, "load.path: no gRPC method: /"),
        ('driver = "grpc"\npath = "/shop.Cart"\n', 9, "load.path: no gRPC method: /shop.Cart"),
        (
            'driver = "grpc"\n[[load.request]]\nname = "a"\npath = "/shop/x/y"\n',
            11,
            "load.request.0.path: no gRPC method",
        ),
        (GRPC + 'method = "PUT"\n', 10, "load.method: calls of gRPC are always a POST"),
        (GRPC + 'payload = "x"\n', 10, "load.payload"),
        (GRPC + 'headers = { TE = "x" }\n', 10, "load.headers: HTTP/2 has no header TE"),
        (GRPC + "expect = { status = [200] }\n", 10, "status is nothing"),
        (GRPC + 'grpc = { proto = "a", descriptor_set = "b" }\n', 10, "not both"),
        (GRPC + 'grpc = { import_paths = ["a"] }\n', 10, "import_paths"),
        ('driver = "websocket"\n', 7, "load.body: a message is either text"),
        ('driver = "websocket"\nbody = "x"\npayload = "y"\n', 10, "load.payload"),
        ('driver = "websocket"\nbody = "x"\nmethod = "PUT"\n', 10, "load.method"),
        (
            'driver = "websocket"\n[[load.request]]\nname = "a"\nbody = "x"\npath = "/chat"\n',
            12,
            "load.request.0.path: belongs to the handshake",
        ),
        (
            'driver = "websocket"\n[[load.request]]\nname = "a"\nbody = "x"\nresponse = 4\n',
            12,
            'load.request.0.response: driver "websocket" knows the end',
        ),
        (
            'driver = "websocket"\nbody = "x"\npath = "/{uuid}"\n',
            10,
            "load.path: {uuid} differs by request",
        ),
        (
            'driver = "websocket"\nbody = "x"\n[load.headers]\na = "{seq}"\n',
            10,
            "load.headers: {seq} differs by request",
        ),
    ],
)
def test_what_does_not_fit_the_driver(tmp_path: Path, load: str, line: int, said: str) -> None:
    error = refusal(tmp_path, load)
    assert error.reason is Reason.BAD_SCENARIO
    assert f"socklat.toml:{line}: " in error.message
    assert said in error.message
    assert error.remedy


@pytest.mark.parametrize(
    ("load", "package", "extra"),
    [
        ('driver = "http"\nhttp = "2"\n', "hpack", "http2"),
        (GRPC, "google.protobuf", "grpc"),
        ('driver = "websocket"\nbody = "x"\n', "wsproto", "websocket"),
    ],
)
def test_an_extra_that_is_missing_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, load: str, package: str, extra: str
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == package else find(name)
    )
    error = refusal(tmp_path, load)
    assert error.reason is Reason.MISSING_EXTRA
    assert package in error.message
    assert error.remedy == f"pip install 'socklat-gate[{extra}]'"


def test_plain_loads_need_no_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    assert read(tmp_path, 'driver = "http"\n').load.http == "1.1"


def test_http2_with_a_connection_for_each_request_sends_no_connection_header(
    tmp_path: Path,
) -> None:
    scenario = read(tmp_path, 'driver = "http"\nhttp = "2"\nkeep_alive = false\n')
    assert [dict(request.headers) for request in scenario.load.requests] == [{}]


@pytest.mark.parametrize(
    ("key", "name", "text", "reason"),
    [
        ("descriptor_set", "none.binpb", None, Reason.NO_SUCH_FILE),
        ("proto", "none.proto", None, Reason.NO_SUCH_FILE),
        ("proto", "bad.proto", "syntax = nope", Reason.BAD_SCENARIO),
    ],
)
def test_a_file_of_types_that_cannot_be_used_is_named_with_its_line(
    tmp_path: Path, key: str, name: str, text: str | None, reason: Reason
) -> None:
    if text is not None:
        (tmp_path / name).write_text(text)
    error = refusal(tmp_path, f'{GRPC}[load.grpc]\n{key} = "{name}"\n')
    assert error.reason is reason
    assert f"socklat.toml:11: load.grpc.{key}: {tmp_path / name} cannot be" in error.message
    assert error.remedy


def test_a_descriptor_set_is_beside_the_scenario(tmp_path: Path) -> None:
    (tmp_path / "shop.binpb").write_bytes(shop_set())
    scenario = read(
        tmp_path, GRPC + "body = '{\"id\": 1}'\n[load.grpc]\ndescriptor_set = 'shop.binpb'\n"
    )
    assert scenario.load.descriptors == shop_set()
    assert scenario.load.asked == "shop.Cart/Add"


@pytest.mark.parametrize(
    ("load", "line", "said"),
    [
        (
            'path = "/shop.Cart/Nope"\n',
            9,
            "load.path: no method shop.Cart/Nope; there is shop.Cart/Add",
        ),
        ('path = "/shop.Cart/Watch"\n', 9, "load.path: shop.Cart/Watch streams"),
        ('path = "/shop.Cart/Add"\nbody = "{"\n', 10, "load.body: not a shop.types.Item"),
        ('path = "/shop.Cart/Add"\nbody = \'{"x": 1}\'\n', 10, 'no field named "x"'),
        (
            '[[load.request]]\nname = "a"\npath = "/shop.Cart/Add"\nbody = "7"\n',
            12,
            "load.request.0.body: not a shop.types.Item",
        ),
    ],
)
def test_requests_are_held_against_their_types(
    tmp_path: Path, load: str, line: int, said: str
) -> None:
    (tmp_path / "shop.binpb").write_bytes(shop_set())
    text = f'driver = "grpc"\n{load}[load.grpc]\ndescriptor_set = "shop.binpb"\n'
    error = refusal(tmp_path, text)
    assert error.reason is Reason.BAD_SCENARIO
    assert (
        f"socklat.toml:{line}: {said.partition(':')[0]}" in error.message or said in error.message
    )
    assert f"socklat.toml:{line}: " in error.message
    assert said in error.message


def test_a_field_that_is_filled_in_later_is_no_problem(tmp_path: Path) -> None:
    (tmp_path / "shop.binpb").write_bytes(shop_set())
    text = GRPC + "body = '{\"id\": {seq}}'\n[load.grpc]\ndescriptor_set = 'shop.binpb'\n"
    assert read(tmp_path, text).load.body == '{"id": {seq}}'


@pytest.mark.parametrize("data", [b"", PROTO.encode()])
def test_a_file_that_is_no_descriptor_set(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "shop.binpb").write_bytes(data)
    error = refusal(tmp_path, GRPC + '[load.grpc]\ndescriptor_set = "shop.binpb"\n')
    assert "socklat.toml:11: load.grpc.descriptor_set: " in error.message
    assert "--include_imports" in (error.remedy or "")


@pytest.mark.parametrize("key", ["descriptor_set", "proto"])
def test_a_file_that_is_missing(tmp_path: Path, key: str) -> None:
    error = refusal(tmp_path, GRPC + f'[load.grpc]\n{key} = "nope"\n')
    assert error.reason is Reason.NO_SUCH_FILE
    assert str(tmp_path / "nope") in error.message


@pytest.mark.parametrize("key", ["descriptor_set", "proto"])
def test_a_path_that_cannot_be(tmp_path: Path, key: str) -> None:
    error = refusal(tmp_path, GRPC + f'[load.grpc]\n{key} = "a\\u0000b"\n')
    assert f"socklat.toml:11: load.grpc.{key}: " in error.message
    assert error.remedy


def test_a_descriptor_set_that_is_too_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shop.binpb").write_bytes(shop_set())
    monkeypatch.setattr("socklat_gate.scenario.grpc_files.MAX_BYTES", 7)
    error = refusal(tmp_path, GRPC + '[load.grpc]\ndescriptor_set = "shop.binpb"\n')
    assert error.reason is Reason.BAD_SCENARIO
    assert "shop.binpb has more than 7 bytes" in error.message
    assert error.remedy


def test_a_message_in_a_file_is_held_against_its_type(tmp_path: Path) -> None:
    (tmp_path / "shop.binpb").write_bytes(shop_set())
    (tmp_path / "item.json").write_text('{"x": 1}')
    request = '[[load.request]]\nname = "a"\npath = "/shop.Cart/Add"\nbody_file = "item.json"\n'
    text = f'driver = "grpc"\n{request}[load.grpc]\ndescriptor_set = "shop.binpb"\n'
    error = refusal(tmp_path, text)
    assert "socklat.toml:12: load.request.0.body_file: " in error.message
    assert 'no field named "x"' in error.message


def test_a_proto_is_compiled_with_what_it_imports(tmp_path: Path) -> None:
    (tmp_path / "protos").mkdir()
    (tmp_path / "protos" / "cart.proto").write_text(PROTO)
    (tmp_path / "common").mkdir()
    (tmp_path / "common" / "types.proto").write_text(TYPES)
    text = GRPC + 'body = \'{"id": 1}\'\n[load.grpc]\nproto = "protos/cart.proto"\n'
    error = refusal(tmp_path, text)
    assert error.reason is Reason.BAD_SCENARIO
    assert "types.proto" in error.message
    assert "import_paths" in (error.remedy or "")
    scenario = read(tmp_path, text + 'import_paths = ["protos", "common"]\n')
    assert b"types.proto" in scenario.load.descriptors


def test_without_a_compiler_the_error_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "grpc_tools" else find(name)
    )
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    (tmp_path / "a.proto").write_text(TYPES)
    error = refusal(tmp_path, GRPC + '[load.grpc]\nproto = "a.proto"\n')
    assert error.reason is Reason.MISSING_EXTRA
    assert "grpcio-tools" in (error.remedy or "")


def test_other_types_methods_and_messages_are_other_scenarios(tmp_path: Path) -> None:
    types, service = shop_files()
    (tmp_path / "shop.binpb").write_bytes(shop_set())
    (tmp_path / "same.binpb").write_bytes(shop_set())
    types.message_type[0].field[0].number = 9
    (tmp_path / "other.binpb").write_bytes(shop_set(types, service))

    def hash_of(load: str, types: str) -> str:
        return read(tmp_path, f"{load}[load.grpc]\n{types}\n").measured_hash()

    by_file = hash_of(GRPC, 'descriptor_set = "shop.binpb"')
    assert by_file == hash_of(GRPC, 'descriptor_set = "same.binpb"')
    others = [
        hash_of(GRPC, 'descriptor_set = "other.binpb"'),
        hash_of(GRPC + "body = '{\"id\": 2}'\n", 'descriptor_set = "shop.binpb"'),
        hash_of(GRPC, ""),
        hash_of(GRPC.replace("Add", "Put"), ""),
        hash_of(GRPC + "body = '{\"id\": 2}'\n", ""),
    ]
    assert len({by_file, *others}) == 6


@pytest.mark.parametrize(
    ("load", "marks"),
    [
        ('driver = "http"\n', False),
        ('driver = "http"\nhttp = "2"\n', True),
        ('driver = "http"\ntls = true\n', True),
        (GRPC, True),
        ('driver = "websocket"\nbody = "x"\n', True),
        ('payload = "x"\n', False),
    ],
)
def test_which_loads_begin_with_control_bytes(tmp_path: Path, load: str, marks: bool) -> None:
    assert read(tmp_path, load).load.marks_control is marks
