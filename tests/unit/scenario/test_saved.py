"""What a setup takes from a response."""

from __future__ import annotations

import pytest

from socklat_gate.scenario.saved import NotThere, check_place, value_at

HEADERS = [
    ("Location", "/carts/7"),
    ("Set-Cookie", "a=1; Path=/"),
    ("set-cookie", " sid = s%20x=; HttpOnly"),
]
BODY = b'{"token": "t", "user": {"id": 7, "ok": true, "a/b": ["x", 2.5], "~": null}, "": 0}'


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("/token", "t"),
        ("/user/id", "7"),
        ("/user/ok", "true"),
        ("/user/a~1b/1", "2.5"),
        ("/", "0"),
        ("header:location", "/carts/7"),
        ("cookie:a", "1"),
        ("cookie:sid", "s%20x="),
    ],
)
def test_a_value_is_found_at_its_place(place, value):
    check_place(place)
    assert value_at(place, HEADERS, BODY) == value


@pytest.mark.parametrize(
    ("place", "body", "message"),
    [
        ("/nothing", BODY, "nothing at /nothing"),
        ("/user/a~1b/2", BODY, "nothing at /user/a~1b/2"),
        ("/token/x", BODY, "nothing at /token/x"),
        ("/user", BODY, "neither a text nor a number"),
        ("/user/~0", BODY, "neither a text nor a number"),
        ("/token", b"<html>", r"body \(6 bytes\) is not JSON"),
        ("/token", b'{"token": "a\\nb"}', "line break"),
        ("/token", b'{"token": "\\ud800"}', "no Unicode text"),
        ("/user/a~1b/" + "1" * 5000, BODY, "nothing at /user"),
        ("header:x-token", BODY, "no such header"),
        ("cookie:b", BODY, "no such cookie"),
    ],
)
def test_what_is_not_there_is_named_and_not_shown(place, body, message):
    with pytest.raises(NotThere, match=message) as caught:
        value_at(place, HEADERS, body)
    assert "html" not in str(caught.value)


@pytest.mark.parametrize("place", ["token", "", "header:", "cookie:", "/a~2", "json:/a"])
def test_what_is_no_place_is_refused(place):
    with pytest.raises(ValueError, match="is no place in a response"):
        check_place(place)
