from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from socklat_gate.errors import Reason, UsageError
from socklat_gate.init.traffic.openapi import proposal_of, read_openapi
from socklat_gate.init.traffic.openapi_document import DEEPEST, LARGEST
from socklat_gate.init.traffic.proposal import LeftOut, Proposal
from socklat_gate.init.traffic.source import FileProblem
from tests.unit.init.traffic.files import no_progress, written


def document(paths: Any, version: str = "3.0.3", **more: Any) -> dict[str, Any]:
    info = {"title": "shop", "version": "1"}
    return {"openapi": version, "info": info, "paths": paths, **more}


def proposed(paths: Any, **more: Any) -> Proposal:
    return proposal_of(json.dumps(document(paths, **more)).encode(), 30)


def path_of(schema: Any, path: str = "/a/{x}", **more: Any) -> str:
    parameter = {"name": "x", "in": "path", "required": True, "schema": schema, **more}
    [request] = proposed({path: {"get": {"parameters": [parameter]}}}).requests
    return request.path


SHOP = """\
openapi: 3.1.0
info: {title: shop, version: "1"}
servers:
  - url: https://{region}.shop.example:9443/api/v1
    variables: {region: {default: eu}}
components:
  securitySchemes:
    token: {type: http, scheme: bearer}
    key: {type: apiKey, in: header, name: X-Api-Key}
  parameters:
    id: {name: id, in: path, required: true, schema: {type: integer, minimum: 10, maximum: 99}}
  schemas:
    Order:
      type: object
      required: [sku]
      properties:
        id: {type: integer, readOnly: true}
        sku: {type: string, minLength: 3}
        status: {enum: [open, paid]}
        day: {type: string, format: date, example: 2026-11-29}
        lines: {type: array, items: {$ref: '#/components/schemas/Line'}}
    Line:
      type: object
      properties:
        count: {type: integer, minimum: 1}
        order: {$ref: '#/components/schemas/Order'}
paths:
  /orders/{id}:
    parameters: [{$ref: '#/components/parameters/id'}]
    get: {operationId: getOrder}
    delete: {}
  /orders:
    get:
      parameters:
        - {name: limit, in: query, required: true, schema: {type: integer, default: 20}}
        - {name: page, in: query, schema: {type: integer}}
    post:
      operationId: createOrder
      requestBody:
        content:
          application/json: {schema: {$ref: '#/components/schemas/Order'}}
"""


def test_a_document_becomes_a_scenario(tmp_path: Path) -> None:
    path = tmp_path / "openapi.yaml"
    path.write_text(SHOP)
    proposal = read_openapi(path, 30, no_progress)
    text, scenario = written(tmp_path, proposal)
    assert [(one.name, one.method, one.path, one.weight) for one in scenario.load.request] == [
        ("getOrder", "GET", "/api/v1/orders/{random_int:10:99}", 1),
        ("delete_orders_id", "DELETE", "/api/v1/orders/{random_int:10:99}", 1),
        ("orders", "GET", "/api/v1/orders?limit=20", 1),
        ("createOrder", "POST", "/api/v1/orders", 1),
    ]
    body = json.loads(scenario.load.request[3].body or "")
    assert (body["sku"], body["status"], body["day"]) == ("placeholder", "open", "2026-01-15")
    assert body["lines"][0]["count"] == 1
    assert "id" not in body
    assert (proposal.port, proposal.secrets) == (9443, {"authorization", "x-api-key"})
    assert '{ env = "API_KEY" }' in text


def test_swagger_2(tmp_path: Path) -> None:
    data = {
        "swagger": "2.0",
        "host": "shop.example:81",
        "basePath": "/v2",
        "securityDefinitions": {"a": {"type": "basic"}},
        "definitions": {"Pet": {"properties": {"name": {"type": "string", "example": "rex"}}}},
        "paths": {
            "/pets/{id}": {
                "get": {"parameters": [{"name": "id", "in": "path", "type": "integer"}]},
                "put": {
                    "parameters": [
                        {"name": "id", "in": "path", "type": "string", "format": "uuid"},
                        {"name": "pet", "in": "body", "schema": {"$ref": "#/definitions/Pet"}},
                    ]
                },
                "post": {
                    "parameters": [
                        {"name": "id", "in": "path", "type": "integer"},
                        {"name": "age", "in": "formData", "type": "integer"},
                    ]
                },
            }
        },
    }
    path = tmp_path / "swagger.json"
    path.write_text(json.dumps(data))
    proposal = read_openapi(path, 30, no_progress)
    _, scenario = written(tmp_path, proposal)
    assert [(one.method, one.path, one.body) for one in scenario.load.request] == [
        ("GET", "/v2/pets/{random_int:1:1000}", None),
        ("PUT", "/v2/pets/{uuid}", '{"name":"rex"}'),
        ("POST", "/v2/pets/{random_int:1:1000}", "age=1"),
    ]
    assert (proposal.port, proposal.secrets) == (81, {"authorization"})


@pytest.mark.parametrize(
    ("schema", "path"),
    [
        ({"type": "integer"}, "/a/{random_int:1:1000}"),
        ({"type": "integer", "minimum": 5, "maximum": 7}, "/a/{random_int:5:7}"),
        ({"type": "integer", "minimum": -5, "maximum": -2}, "/a/{random_int:-5:-2}"),
        ({"type": "integer", "exclusiveMinimum": 5, "maximum": 7}, "/a/{random_int:6:7}"),
        (
            {"type": "integer", "minimum": 5, "exclusiveMinimum": True, "maximum": 9},
            "/a/{random_int:6:9}",
        ),
        ({"type": "integer", "maximum": 1e300}, "/a/{random_int:1:1000}"),
        ({"type": "integer", "minimum": 2000}, "/a/{random_int:2000:2000}"),
        ({"type": "string", "format": "uuid"}, "/a/{uuid}"),
        ({"type": "string", "enum": ["red", "blue"]}, "/a/red"),
        ({"type": "integer", "example": 7}, "/a/7"),
        ({"type": ["null", "integer"]}, "/a/{random_int:1:1000}"),
        ({"type": "boolean"}, "/a/true"),
        ({"type": "array", "items": {"type": "integer"}}, "/a/{random_int:1:1000}"),
        ({"type": "string"}, "/a/placeholder"),
        ({"type": "string", "maxLength": 4}, "/a/plac"),
        ({"type": "string", "default": "a b/c"}, "/a/place"),
        ({"const": "fixed"}, "/a/fixed"),
        ({"format": [], "type": {}, "minimum": "", "enum": {}}, "/a/placeholder"),
        ({}, "/a/placeholder"),
    ],
)
def test_parameters_by_schema(schema: Any, path: str) -> None:
    assert path_of(schema) == path


def test_an_example_wins() -> None:
    assert path_of({"type": "integer"}, example=12) == "/a/12"
    assert path_of({"type": "string"}, examples={"one": {"value": "blue"}}) == "/a/blue"
    secret = "eyJhbGciOiJIUzI1NiJ9.e30.Et9HFtf9R3GEMA0IICOfFMVXY7kkTX1wr4qCyhIf58U"
    assert "eyJ" not in path_of({"type": "string"}, example=secret)


def test_examples_of_what_is_named_like_a_secret_are_not_kept() -> None:
    word: dict[str, Any] = {"type": "string", "example": "swordfish"}
    names = ("password", "apiToken", "client_secret")
    schema = {"type": "object", "properties": dict.fromkeys(names, word)}
    default = {"type": "object", "properties": {"password": {"default": "swordfish"}}}
    whole = {"user": {"password": ["swordfish", {"a": "swordfish"}]}, "kind": "fish"}
    bodies = [{"schema": schema}, {"schema": default}, {"example": whole}]
    bodies.append({"schema": {"example": whole}})
    query = [{"name": "token", "in": "query", "required": True, "schema": word}]
    paths: dict[str, Any] = {
        f"/a{at}": {
            "post": {"parameters": query, "requestBody": {"content": {"application/json": one}}}
        }
        for at, one in enumerate(bodies)
    }
    requests = proposed(paths).requests
    assert not any("swordfish" in f"{one.path} {one.body}" for one in requests)
    assert json.loads(requests[-1].body or "")["kind"] == "fish"
    assert set(json.loads(requests[0].body or "")) == set(names)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/users/{x}", "/users/{uuid}"),
        ("/files/{x}.json", "/files/{uuid}.json"),
        ("/a/{x}-{y}/b", "/a/{uuid}-{random_int:1:1000}/b"),
        ("/reset/{x}", "/reset/{uuid}"),
    ],
)
def test_parameters_stand_where_the_document_has_them(path: str, found: str) -> None:
    assert path_of({"format": "uuid"}, path) == found


def test_bodies_have_examples_and_a_bounded_depth() -> None:
    loop = {"type": "object", "properties": {"next": {"$ref": "#/components/schemas/Loop"}}}
    wide = {"properties": {f"a{n}": {"$ref": "#/components/schemas/Loop"} for n in range(9)}}
    schemas = {"components": {"schemas": {"Loop": loop, "Wide": wide}}}
    content: dict[str, Any] = {
        "application/json": {"schema": {"$ref": "#/components/schemas/Wide"}}
    }
    posted = {"/a": {"post": {"requestBody": {"content": content}}}}
    [request] = proposed(posted, **schemas).requests
    assert len(json.loads(request.body or "")) == 9
    content["application/json"]["example"] = {"name": "rex", "mail": "a.longer@name.example"}
    [request] = proposed(posted, **schemas).requests
    assert json.loads(request.body or "") == {"name": "rex", "mail": "placehold@example.com"}
    merged = {"allOf": [{"properties": {"a": {"const": 1}}}, {"properties": {"b": {"const": 2}}}]}
    content["application/json"] = {"schema": merged}
    assert json.loads(proposed(posted).requests[0].body or "") == {"a": 1, "b": 2}
    content["application/json"] = {"schema": {"oneOf": [{"type": "integer"}, {"type": "string"}]}}
    assert proposed(posted).requests[0].body == "1"
    del content["application/json"]
    content["application/octet-stream"] = {}
    [request] = proposed(posted).requests
    assert request.body is None
    assert request.comments == ("its body is application/octet-stream: put one here",)


def test_more_operations_than_wanted_are_left_out() -> None:
    paths = {f"/a{n}": {"get": {}} for n in range(9)}
    proposal = proposal_of(json.dumps(document(paths)).encode(), 4)
    assert len(proposal.requests) == 4
    assert proposal.left_out == {LeftOut.RARE: 5}


def test_an_alias_bomb_takes_no_time() -> None:
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    text = "openapi: 3.0.0\n" + "\n".join(levels)
    text += "\npaths: {/a: {post: {requestBody: {content: {application/json: {example: *a29}}}}}}\n"
    [request] = proposal_of(text.encode(), 30).requests
    assert request.comments == ("its body has too many values: put one here",)
    merges = ["a0: &a0 {" + ", ".join(f"k{n}: 1" for n in range(9)) + "}"]
    merges += [f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}" for n in range(1, 30)]
    # Newer PyYAML merges an object once: then the document has no operation.
    with pytest.raises(FileProblem, match=r"more than 20000 members|no operation"):
        proposal_of("\n".join(["openapi: 3.0.0", *merges]).encode(), 30)


BAD = [
    ("", None, "no object"),
    ("- a", None, "no object"),
    ("{}", None, "no OpenAPI document of version"),
    ("a: 1\nopenapi: 4.0.0", 2, "no OpenAPI document of version"),
    ("openapi: 3.0.0\nb: [1, }\n", 2, "not YAML"),
    ('{"openapi": "3.0.0",\n"paths": {"/a" 1}}', 2, "not"),
    ("openapi: 3.0.0\npaths: 7", 2, "paths is no object"),
    ("openapi: 3.0.0\npaths: {}", 2, "no operation"),
    ("openapi: 3.0.0\npaths:\n  a: {get: {}}", 3, "does not begin with /"),
    ("openapi: 3.0.0\npaths:\n  /a:\n    get: 7", 4, "paths./a.get is no object"),
    ("openapi: 3.0.0\npaths: {/a: {get: {parameters: 7}}}", 2, "is no list"),
    ("openapi: 3.0.0\npaths: {/a: {get: {parameters: [7]}}}", 2, "is no object"),
    ("openapi: 3.0.0\npaths: {/a: {get: {parameters: [{}]}}}", 2, "has no `name`"),
    ("openapi: 3.0.0\npaths:\n  /a:\n    $ref: http://x/y", 4, "not in this file"),
    ("openapi: 3.0.0\npaths:\n  /a:\n    $ref: other.yaml#/a", 4, "not in this file"),
    ("openapi: 3.0.0\npaths:\n  /a:\n    $ref: '#/b'", 4, "which is not there"),
    ("openapi: 3.0.0\npaths:\n  /a:\n    $ref: [[1]]", 4, "what is no text"),
    ("openapi: 3.0.0\npaths: {/a: {$ref: '#/paths/~1a'}}", 2, "lead in a circle"),
    ("openapi: 3.0.0\nservers: 7\npaths: {/a: {get: {}}}", 2, "servers is no list"),
    ("openapi: 3.0.0\nservers: [{}]\npaths: {/a: {get: {}}}", 2, "has no url"),
    ("openapi: 3.0.0\npaths: {/a: {post: {requestBody: {}}}}", 2, "has no content"),
    ("openapi: 3.0.0\na: " + "[" * 5000, 2, f"deeper than {DEEPEST}"),
    ('{"openapi": "3.0.0",\n"a": ' + '{"a":' * 5000, 2, f"deeper than {DEEPEST}"),
    ("\n".join("  " * n + "a:" for n in range(1000)), 402, f"deeper than {DEEPEST}"),
    ("openapi: !!python/object/apply:os.system [id]", 1, "not YAML"),
    ("a: *missing", 1, "not YAML"),
    ("a: \x01", None, "not YAML"),
]


@pytest.mark.parametrize(("text", "line", "said"), BAD, ids=range(len(BAD)))
def test_what_is_no_document_is_refused(
    tmp_path: Path, text: str, line: int | None, said: str
) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(UsageError, match=r"bad\.yaml") as caught:
        read_openapi(path, 30, no_progress)
    assert caught.value.reason is Reason.BAD_TRAFFIC_FILE
    assert caught.value.message.startswith(f"{path}:{line}: " if line else f"{path}: ")
    assert said in caught.value.message
    assert caught.value.remedy


def test_other_bytes_and_sizes_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_bytes(b"openapi: 3.0.0\n\xff\n")
    with pytest.raises(UsageError, match=r"bad.yaml:2: this is not UTF-8"):
        read_openapi(path, 30, no_progress)
    path.write_bytes(b" " * (LARGEST + 1))
    with pytest.raises(UsageError, match="larger than 16 MB"):
        read_openapi(path, 30, no_progress)
