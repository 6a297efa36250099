from __future__ import annotations

import pytest

from socklat_gate.init.links import MOST_LINKS, links_of


def test_links_of_a_page() -> None:
    page = b"""<!doctype html><title>x</title>
    <link rel=stylesheet href="/style.css"><script src='app.js'></script>
    <a href="/cart?page=2&amp;open=true">Cart</a> <a href="items/7#reviews">x</a> <a>none</a>
    <a href="/cart?page=2&open=true">again</a> <img src="./logo.png"> <area href="/map">
    """
    assert links_of(page) == (
        "/style.css",
        "/app.js",
        "/cart?page=2&open=true",
        "/items/7",
        "/logo.png",
        "/map",
    )


@pytest.mark.parametrize(
    "link",
    [
        *("https://other.example/a", "//other.example/a", "mailto:a@b.org", "javascript:x()"),
        *("data:text/plain,x", "http://[", "/logout", "/users/7/delete", "/sign-out?x=1"),
        *("/a/9f86d081884c7d65", "/reset?token=AKIAIOSFODNN7EXAMPLE", "/a b", "/{uuid}", "/%zz"),
        *("/" + "a" * 300, "/frank@example.org", "/4111111111111111", "/é"),
    ],
)
def test_links_that_are_not_requested(link: str) -> None:
    assert links_of(f'<a href="{link}">x</a>'.encode()) == ()


@pytest.mark.parametrize(
    "page",
    [b"", b"\xff\xfe\x00", b"<" * 10_000, b"<a href=" * 1000, b"<!" * 1000, b"<![x[" * 100],
    ids=range(6),
)
def test_a_broken_page_has_no_links_and_no_error(page: bytes) -> None:
    assert isinstance(links_of(page), tuple)


def test_links_are_bounded() -> None:
    page = "".join(f'<a href="/p/{n}">' for n in range(10_000)).encode()
    assert len(links_of(page)) == MOST_LINKS
