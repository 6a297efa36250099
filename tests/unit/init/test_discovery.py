from __future__ import annotations

import json

import pytest

from socklat_gate.init.discovery import DOCUMENTS, discovered
from tests.unit.init.http_service import HOST, served

PAGE = b'<a href="/cart">x</a><a href="/gone">x</a><a href="/logout">x</a><a href="/old">x</a>'
DOCUMENT = json.dumps(
    {
        "openapi": "3.0.0",
        "paths": {
            "/cart/{id}": {
                "get": {
                    "parameters": [{"name": "id", "in": "path", "schema": {"type": "integer"}}]
                },
                "delete": {},
            },
            "/gone": {"get": {}},
        },
    }
).encode()


def test_links_that_respond_well_are_requests() -> None:
    pages = {
        "/": (200, "text/html; charset=utf-8", PAGE),
        "/cart": (200, "text/html", b""),
        "/old": (301, "text/html", b""),
        "/logout": (200, "text/html", b""),
    }
    with served(pages) as service:
        found = discovered(HOST, service.port, "/", 30)
    assert found is not None
    assert [(one.name, one.path) for one in found.proposal.active] == [
        ("root", "/"),
        ("cart", "/cart"),
    ]
    assert not any("logout" in line for line in service.asked)


@pytest.mark.parametrize("path", DOCUMENTS)
def test_a_document_goes_before_links(path: str) -> None:
    pages = {
        "/": (200, "text/html", PAGE),
        "/cart/1": (200, "text/plain", b""),
        path: (200, "application/json", DOCUMENT),
    }
    with served(pages) as service:
        found = discovered(HOST, service.port, "/", 30)
    assert found is not None
    assert found.proposal.origin == f"the OpenAPI document at {path}"
    assert [(one.name, one.active) for one in found.proposal.requests] == [
        ("cart_id", True),
        ("delete_cart_id", False),
        ("gone", False),
    ]
    assert not any(line.startswith("DELETE") for line in service.asked)


@pytest.mark.parametrize(
    "pages",
    [
        {},
        {"/": (200, "text/plain", PAGE)},
        {"/": (200, "text/html", b"<p>hello")},
        {"/": (404, "text/html", PAGE)},
        {"/": (200, "text/html", PAGE)},  # and none of the links
        {"/openapi.json": (200, "application/json", b"{}")},
        {"/openapi.json": (200, "application/json", b"\xff")},
        {"/openapi.json": (200, "text/html", DOCUMENT)},
        {"/openapi.json": (200, "application/json", DOCUMENT)},  # and none of its paths
    ],
    ids=range(9),
)
def test_nothing_more_than_the_page_is_nothing(pages: dict[str, tuple[int, str, bytes]]) -> None:
    with served(pages) as service:
        assert discovered(HOST, service.port, "/", 30) is None
