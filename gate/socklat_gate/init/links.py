"""Links of a page to the service that it came from."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

from socklat_gate.init.scrub.bodies import form_fields
from socklat_gate.init.scrub.values import Kind, kind_of

__all__ = ["links_of"]

MOST_LINKS = 200
LONGEST_PATH = 200
MOST_DIGITS = 6
_HOME = "http://service.invalid"
_ATTRIBUTES = {"a": "href", "link": "href", "script": "src", "img": "src", "area": "href"}
_PATH = re.compile(r"/[A-Za-z0-9._~/%?&=+,:@-]*")
_CHANGING = re.compile(
    r"log-?(out|off)|sign-?(out|off)|delete|remove|destroy|unsubscribe|cancel|shutdown|restart",
    re.IGNORECASE,
)


def links_of(page: bytes) -> tuple[str, ...]:
    """Paths below the page's own host, each once, in the page's order.

    Leaves out what may change something when it is requested (such as ``/logout``), and what looks
    like an id or a secret.
    """
    parser = _Links()
    try:
        parser.feed(page.decode("utf-8", "replace"))
        parser.close()
    except (AssertionError, RecursionError):  # Python's parser asserts what some pages break
        pass
    return tuple(dict.fromkeys(path for link in parser.found if (path := _own_path(link))))


class _Links(HTMLParser):
    """Collects the targets of links."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Of one tag; `HTMLParser` calls it."""
        wanted = _ATTRIBUTES.get(tag)
        for name, value in attrs:
            if name == wanted and value and len(self.found) < MOST_LINKS:
                self.found.append(value.strip())


def _own_path(link: str) -> str:
    """The path of a link to the same service that is safe to request; else empty."""
    try:
        there = urlsplit(urljoin(f"{_HOME}/", link))
    except ValueError:
        return ""
    if f"{there.scheme}://{there.netloc}" != _HOME:
        return ""
    path = (there.path or "/") + (f"?{there.query}" if there.query else "")
    if len(path) > LONGEST_PATH or not _PATH.fullmatch(path) or _CHANGING.search(path):
        return ""
    values = [part for part in there.path.split("/") if part]
    values += [value for _, value in form_fields(there.query) if value]
    return path if all(map(_is_public, values)) else ""


def _is_public(value: str) -> bool:
    kind = kind_of(value)
    return kind is Kind.WORD or (kind is Kind.INTEGER and len(value) <= MOST_DIGITS)
