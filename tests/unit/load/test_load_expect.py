"""What the parsers say about each response: status, size, and whether it is as expected."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from socklat_gate.load.expectation import SEARCHED_BYTES
from socklat_gate.load.protocols.registry import parser_for
from socklat_gate.scenario import Load


def tcp(response="resp", **expect):
    return Load(payload="x", response=response, expect=expect or None)


def http(method="GET", **expect):
    return Load(driver="http", method=method, expect=expect or None)


def http_response(status=200, body=b"", head=b""):
    return b"HTTP/1.1 %d X\r\n%bContent-Length: %d\r\n\r\n%b" % (status, head, len(body), body)


def feed_in(parser, data, cuts=()):
    edges = [0, *sorted(cuts), len(data)]
    return sum(parser.feed(data[a:b]) for a, b in itertools.pairwise(edges) if b > a)


def check_every_split(load, data, status, size, failure=""):
    for cuts in [(), range(1, len(data)), *((cut,) for cut in range(1, len(data)))]:
        parser = parser_for(load)
        for repeat in (1, 2):  # nothing of the first is left for the second
            assert feed_in(parser, data, cuts) == 1, (cuts, repeat)
            assert (parser.status, parser.size, parser.failure) == (status, size, failure), cuts
        assert parser.errors == (2 if failure else 0)


CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"5\r\nhello\r\n6;x=1\r\n world\r\n0\r\n\r\n"
)


@pytest.mark.parametrize(
    ("load", "data", "status", "size"),
    [
        (http(), http_response(200, b"hello"), 200, 5),
        (http(), CHUNKED, 200, 11),
        (http(), http_response(302, head=b"Location: /login\r\n"), 302, 0),
        (http(), b"HTTP/1.1 204 No Content\r\n\r\n", 204, 0),
        (
            http(),
            b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + http_response(201, b"ok"),
            201,
            2,
        ),
        (tcp(), b"+PONG\r\n", 0, 7),
        (tcp(), b"*2\r\n$3\r\nabc\r\n$-1\r\n", 0, 18),
        (tcp(), b">1\r\n+x\r\n$2\r\nhi\r\n", 0, 16),
        (tcp(4), b"abcd", 0, 4),
        (tcp("until:END"), b"one EN two END", 0, 14),
    ],
)
def test_status_and_size_in_every_split(load, data, status, size):
    check_every_split(load, data, status, size)


def test_of_several_responses_the_latest_has_its_own_size():
    for load, data in (
        (tcp(), b"$5\r\nhello\r\n+OK\r\n"),
        (tcp("until:\\r\\n"), b"hello\r\nOOK\r\n"),
    ):
        for cut in range(1, len(data)):
            parser = parser_for(load)
            assert feed_in(parser, data, (cut,)) == 2
            assert parser.size == 5, cut


def test_a_response_to_head_has_no_size():
    parser = parser_for(http(method="HEAD"))
    assert parser.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n") == 1
    assert (parser.status, parser.size) == (200, 0)


@pytest.mark.parametrize(
    ("load", "data", "failure"),
    [
        (http(), http_response(404), "bad_status"),
        (http(status=[404]), http_response(404), ""),
        (http(status=[200, 201]), http_response(201), ""),
        (http(status=[200, 201]), http_response(302), "unexpected_status"),
        (http(min_bytes=3), http_response(200, b"abc"), ""),
        (http(min_bytes=4), http_response(200, b"abc"), "unexpected_size"),
        (http(min_bytes=12), CHUNKED, "unexpected_size"),
        (http(text="lo wo"), CHUNKED, ""),
        (http(text="hello!"), CHUNKED, "unexpected_body"),
        (http(text="é"), http_response(200, "né".encode()), ""),
        (http(regex=r"^hello\s\w+$"), CHUNKED, ""),
        (http(regex=r'"id": \d+'), http_response(200, b'{"id": null}'), "unexpected_body"),
        (http(text="world", regex="^b"), CHUNKED, "unexpected_body"),
        (http(text="world"), http_response(500, b"world"), "bad_status"),
        (http(min_bytes=9, text="b"), http_response(200, b"a"), "unexpected_size"),
        (tcp(prefix="+PONG"), b"+PONG\r\n", ""),
        (tcp(prefix="+PONG"), b"+OK\r\n", "unexpected_body"),
        (tcp(prefix="+PONG"), b"-ERR busy\r\n", "bad_status"),
        (tcp(prefix="-WRONGTYPE"), b"-WRONGTYPE no\r\n", ""),
        (tcp(min_bytes=8), b"+PONG\r\n", "unexpected_size"),
        (tcp(min_bytes=8), b"-ERR a long one\r\n", "bad_status"),
        (tcp(4, prefix=r"\x00\x01"), b"\x00\x01\x02\x03", ""),
        (tcp(4, prefix=r"\x00\x02"), b"\x00\x01\x02\x03", "unexpected_body"),
        (tcp("until:\\r\\n", prefix="VALUE "), b"VALUE 1\r\n", ""),
        (tcp("until:\\r\\n", prefix="VALUE "), b"END\r\n", "unexpected_body"),
    ],
)
def test_what_is_expected_in_every_split(load, data, failure):
    parser = parser_for(load)
    parser.feed(data)
    check_every_split(load, data, parser.status, parser.size, failure)


def test_messages_name_the_key_and_what_came():
    for load, data, text in (
        (http(status=[200]), http_response(302), "HTTP status 302, which load.expect.status"),
        (http(min_bytes=3), http_response(200, b"{}"), "2 bytes, below load.expect.min_bytes = 3"),
        (http(text="x" * 60), CHUNKED, "load.expect.text 'xxxxx"),
        (http(regex="a+"), CHUNKED, "load.expect.regex 'a+'"),
        (tcp(prefix="+PONG"), b"+OK\r\n", r"begins with '+OK\r\n', not with load.expect.prefix"),
    ):
        parser = parser_for(load)
        parser.feed(data)
        assert text in parser.last_error
        assert len(parser.last_error) < 150


@settings(max_examples=60, deadline=None)
@given(st.text("ab", min_size=1, max_size=4), st.text("ab", max_size=30), st.data())
def test_text_is_found_over_every_chunking(wanted, body, data):
    encoded = http_response(200, body.encode())
    cuts = data.draw(st.sets(st.integers(1, len(encoded) - 1)))
    parser = parser_for(http(text=wanted))
    assert feed_in(parser, encoded, cuts) == 1
    assert (parser.failure == "") == (wanted in body)


@pytest.mark.parametrize(
    ("before", "found"), [(SEARCHED_BYTES - 4, True), (SEARCHED_BYTES - 3, False)]
)
def test_only_the_beginning_of_a_body_is_kept_and_searched(before, found):
    body = b"." * before + b"here" + b"." * 300_000
    parser = parser_for(http(text="here"))
    data = http_response(200, body)
    for at in range(0, len(data), 50_000):
        done = parser.feed(data[at : at + 50_000])
        assert len(parser._kept) <= SEARCHED_BYTES
    assert done == 1
    assert parser.size == len(body)
    assert (parser.failure == "") == found


def test_without_a_text_nothing_of_a_body_is_kept():
    parser = parser_for(http(min_bytes=1))
    assert parser.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"x" * 9_000) == 0
    assert len(parser._kept) == 0
