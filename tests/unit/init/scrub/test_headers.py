from __future__ import annotations

import pytest

from socklat_gate.init.scrub.headers import kept_headers, media_type, secret_headers


def test_only_headers_that_shape_a_response_are_kept() -> None:
    given = [
        ("accept", "application/json, text/*;q=0.5"),
        ("Content-Type", "application/json; charset=UTF-8"),
        ("Accept-Encoding", "gzip, br, x-canary"),
        ("Authorization", "Bearer abc"),
        ("Cookie", "session=1"),
        ("User-Agent", "Mozilla"),
        ("X-Api-Key", "k"),
        ("Referer", "https://example.org/john"),
    ]
    assert kept_headers(given) == {
        "Accept": "application/json, text/*;q=0.5",
        "Accept-Encoding": "gzip, br",
        "Content-Type": "application/json; charset=utf-8",
    }
    assert secret_headers(name for name, _ in given) == {"authorization", "cookie", "x-api-key"}


@pytest.mark.parametrize(
    "value",
    [
        "multipart/form-data; boundary=abc",
        "application/qzxvkjwpqmxz",
        "eyJhbGciOiJIUzI1NiJ9",
        "a@b.org/x",
        "",
    ],
)
def test_values_without_the_form_of_a_media_type_are_dropped(value: str) -> None:
    assert media_type(value) == ""


def test_a_vendors_type_is_kept() -> None:
    assert media_type("application/vnd.shop.order.v2+json") == "application/vnd.shop.order.v2+json"
