from __future__ import annotations

import pytest

from socklat_gate.init.traffic.names import Names, route_name
from socklat_gate.init.traffic.route import is_hashed_asset, path_text, target_of


def path_of(text: str) -> str:
    target = target_of(text)
    assert target is not None
    return path_text(target.route, target.numbers, target.query)


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ("/", "/"),
        ("/orders/", "/orders/"),
        ("/orders/123", "/orders/{random_int:1:200}"),
        ("/orders/123/items/7", "/orders/{random_int:1:200}/items/{random_int:1:10}"),
        ("/a/3f2b8c1e-5d47-4a69-9b10-7c2d8e4f6a15", "/a/{uuid}"),
        ("/a/507f1f77bcf86cd799439011", "/a/000000000000000000{random_int:100000:999999}"),
        ("/days/2026-11-29", "/days/2026-01-15"),
        ("/mail/frank%40example.org", "/mail/user{random_int:1:1000}@example.com"),
        ("/users/johndoe/orders", "/users/user{random_int:1:1000}/orders"),
        ("/users/me", "/users/me"),
        ("/~johndoe/", "/user{random_int:1:1000}/"),
        ("/@johndoe", "/user{random_int:1:1000}"),
        ("/reset/opensesame", "/reset/placeholder"),
        ("/a;jsessionid=ABC?x#y", "/a?x"),
        ("https://frank:pw@shop.example:8443/orders", "/orders"),
        ("http://shop.example?x=true", "/?x=true"),
        ("/s?q=red+shoes&page=2&id=77", "/s?q=placehold&page=2&id={random_int:1:100}"),
        ("/s?mail=a@b.org&4111111111111111=1", "/s?mail=p@example.com"),
        ("/%31%32/7", "/{random_int:1:1000}/{random_int:1:1000}"),
        ("/7;a/1/2", "/{random_int:1:1000}/{random_int:1:1000}/{random_int:1:1000}"),
        ("/a%0Ab", "/placeholder"),
        ("/{uuid}", "/placeholder"),
    ],
)
def test_data_in_a_target_becomes_a_template(given: str, path: str) -> None:
    assert path_of(given) == path


@pytest.mark.parametrize("given", ["*", "", "shop.example:443", "ftp://x/y"])
def test_what_is_no_path_is_none(given: str) -> None:
    assert target_of(given) is None


def test_files_whose_names_change_with_their_content() -> None:
    hashed, plain = target_of("/static/app.9f86d081884c.js"), target_of("/static/app.js")
    assert hashed is not None
    assert plain is not None
    assert (is_hashed_asset(hashed), is_hashed_asset(plain)) == (True, False)


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("GET", "/", "root"),
        ("GET", "/api/v1/orders/123", "orders_id"),
        ("POST", "/orders", "post_orders"),
        ("GET", "/users/johndoe", "users_user"),
        ("GET", "/api", "api"),
        ("GET", "/" + "/".join(["segment"] * 20), "segment_segment_segment_segment_segment"),
    ],
)
def test_names_of_requests(method: str, path: str, name: str) -> None:
    target = target_of(path)
    assert target is not None
    assert route_name(method, target.route) == name


def test_a_name_is_given_once() -> None:
    names = Names()
    assert [names.give("orders") for _ in range(3)] == ["orders", "orders_2", "orders_3"]
