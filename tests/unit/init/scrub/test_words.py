from __future__ import annotations

import random
import string

import pytest

from socklat_gate.init.scrub.words import is_key, is_word


@pytest.mark.parametrize(
    "text",
    [
        *("orders", "v2", "v1.2", "order-items", "getUser", "user_id", "index.html", "api"),
        *("OrderService", "shop.v1.Orders", "2fa", "oauth2", "k8s", "search", "health", "checkout"),
        *("authentication", "recommendations", "openapi.json", "GetCustomerOrdersByStatus"),
    ],
)
def test_names_of_routes_are_words(text: str) -> None:
    assert is_word(text)


@pytest.mark.parametrize(
    "text",
    [
        *("", "123", "2026-01-15", "12-34-56", "john@example.org", "a b", "x" * 49, "deadbeef01"),
        *("abc\u0661", "v\u0661", "1\u0662"),
        *("AKIAIOSFODNN7EXAMPLE", "ghp_16C7e42F292c6912E7710c838347Ae178B4a", "../etc", "ünï"),
        *("sk_live_4eC39HqLyjWDarjtT1zdp7dc", "eyJhbGciOiJIUzI1NiJ9.e30.abc", "{uuid}", "555-0100"),
        *("qzxvkjwpqmxz", "KqZxWvTpLmNbQr", "xoxb-2147483647-AbCdEf"),
    ],
)
def test_data_and_secrets_are_not(text: str) -> None:
    assert not is_word(text)


@pytest.mark.parametrize(
    ("alphabet", "length", "share"),
    [
        (string.ascii_letters + string.digits, 16, 0.995),
        (string.ascii_letters, 20, 0.995),
        (string.ascii_lowercase, 16, 0.985),
        ("0123456789abcdef", 8, 0.97),
    ],
)
def test_random_strings_are_told_from_words(alphabet: str, length: int, share: float) -> None:
    rng = random.Random(7)
    found = [is_word("".join(rng.choices(alphabet, k=length))) for _ in range(5000)]
    assert 1 - sum(found) / len(found) >= share


@pytest.mark.parametrize("text", ["id", "userName", "$ref", "@type", "items[0]", "x-total", "a.b"])
def test_keys(text: str) -> None:
    assert is_key(text)


@pytest.mark.parametrize(
    "text", ["", "a b", "john@example.org", "4111111111111111", "k12345", "{x}", "9f86d081884c"]
)
def test_no_keys(text: str) -> None:
    assert not is_key(text)
