from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from socklat_gate.load.protocols.delimiter import DelimiterParser
from socklat_gate.load.protocols.http import MAX_HEAD
from socklat_gate.load.protocols.length import LengthParser
from socklat_gate.load.protocols.parser import BadResponse
from socklat_gate.load.protocols.registry import parser_for, request_bytes
from socklat_gate.load.protocols.resp import MAX_DEPTH, MAX_LINE, RespParser
from socklat_gate.scenario import Load


def tcp(response="resp", payload=r"PING\r\n"):
    return Load(payload=payload, response=response)


def http(**options):
    return Load(driver="http", **options)


def feed_in(parser, data, cuts):
    """Total of responses when ``data`` arrives cut at ``cuts``."""
    edges = [0, *sorted(cuts), len(data)]
    return sum(parser.feed(data[a:b]) for a, b in itertools.pairwise(edges) if b > a)


def check_every_split(make, data, responses, errors=0):
    splits = [[], range(1, len(data)), *([cut] for cut in range(1, len(data)))]
    for cuts in splits:
        parser = make()
        assert feed_in(parser, data, cuts) == responses, list(cuts)
        assert parser.errors == errors, list(cuts)
        assert not parser.partial, list(cuts)


RESP = {
    "simple": (b"+PONG\r\n", 1, 0),
    "error": (b"-ERR no such command\r\n", 1, 1),
    "integer": (b":1000\r\n", 1, 0),
    "bulk": (b"$5\r\nhello\r\n", 1, 0),
    "bulk holding CR LF": (b"$6\r\n\r\n+\r\n-\r\n", 1, 0),
    "empty bulk": (b"$0\r\n\r\n", 1, 0),
    "null bulk": (b"$-1\r\n", 1, 0),
    "null array": (b"*-1\r\n", 1, 0),
    "null": (b"_\r\n", 1, 0),
    "empty array": (b"*0\r\n", 1, 0),
    "nested": (b"*3\r\n*2\r\n:1\r\n*0\r\n$-1\r\n*1\r\n*1\r\n+x\r\n", 1, 0),
    "error inside an array": (b"*2\r\n-ERR a\r\n+b\r\n", 1, 0),
    "map": (b"%2\r\n+a\r\n:1\r\n+b\r\n*1\r\n:2\r\n", 1, 0),
    "set": (b"~2\r\n+a\r\n+b\r\n", 1, 0),
    "double, boolean, big number": (b",1.5\r\n#t\r\n(34928903284092\r\n", 3, 0),
    "verbatim": (b"=7\r\ntxt:abc\r\n", 1, 0),
    "bulk error": (b"!5\r\nERR a\r\n", 1, 1),
    "push, then a reply": (b">2\r\n+invalidate\r\n*1\r\n+k\r\n+OK\r\n", 1, 0),
    "attribute, then a reply": (b"|1\r\n+ttl\r\n:3\r\n$1\r\nx\r\n", 1, 0),
    "attribute inside an array": (b"*2\r\n|1\r\n+a\r\n:1\r\n:5\r\n:6\r\n", 1, 0),
    "several": (b"+a\r\n-ERR b\r\n$1\r\nc\r\n", 3, 1),
}


@pytest.mark.parametrize("name", RESP)
def test_resp_in_every_split(name):
    data, responses, errors = RESP[name]
    check_every_split(RespParser, data, responses, errors)


def encode(value):
    if isinstance(value, list):
        return b"*%d\r\n" % len(value) + b"".join(map(encode, value))
    if isinstance(value, bytes):
        return b"$%d\r\n%b\r\n" % (len(value), value)
    return b":%d\r\n" % value if isinstance(value, int) else b"$-1\r\n"


REPLIES = st.recursive(
    st.integers() | st.binary(max_size=40) | st.none(),
    lambda inner: st.lists(inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(st.lists(REPLIES, min_size=1, max_size=4), st.data())
def test_resp_count_does_not_depend_on_the_chunks(replies, data):
    text = b"".join(map(encode, replies))
    cuts = data.draw(st.sets(st.integers(1, len(text) - 1)))
    parser = RespParser()
    assert feed_in(parser, text, cuts) == len(replies)
    assert not parser.partial


def test_resp_error_text_is_kept():
    parser = RespParser()
    parser.feed(b"-ERR unknown command 'FOO'\r\n")
    assert parser.last_error == "ERR unknown command 'FOO'"


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\n",
        b"\r\n",
        b"$x\r\n",
        b"$\r\n",
        b"$-2\r\n",
        b"*-7\r\n",
        b"$?\r\n",
        b"$3\r\nabcd\r\n",
        b"$3\r\nabc\rx",
        b"*1\r\n" * (MAX_DEPTH + 1),
        b"+" + b"x" * (MAX_LINE + 1),
    ],
)
def test_resp_rejects(data):
    with pytest.raises(BadResponse, match="RESP"):
        RespParser().feed(data)


def test_resp_does_not_keep_a_bulk_string():
    parser = RespParser()
    assert parser.feed(b"$1000000000\r\n" + b"x" * 1000) == 0
    assert parser.partial
    assert parser._line == b""


@pytest.mark.parametrize("length", [1, 3, 7])
def test_length_in_every_split(length):
    check_every_split(lambda: LengthParser(length), b"x" * 21, 21 // length)


def test_length_shows_the_bytes_of_the_next_response():
    parser = LengthParser(5)
    assert parser.feed(b"+PONG\r\n") == 1
    assert parser.partial


@pytest.mark.parametrize(
    ("delimiter", "data", "responses"),
    [
        (b"\n", b"one\ntwo\n", 2),
        (b"\r\n.\r\n", b"a\r\n..\r\n.\r\nb\r\n.\r\n", 2),
        (b"aa", b"xaaaa", 2),
        (b"END", b"EENDENEND", 2),
    ],
)
def test_delimiter_in_every_split(delimiter, data, responses):
    check_every_split(lambda: DelimiterParser(delimiter), data, responses)


@settings(max_examples=150, deadline=None)
@given(st.text("ab", min_size=1, max_size=3), st.text("ab", min_size=2, max_size=40), st.data())
def test_delimiter_count_does_not_depend_on_the_chunks(delimiter, text, data):
    cuts = data.draw(st.sets(st.integers(1, len(text) - 1)))
    parser = DelimiterParser(delimiter.encode())
    assert feed_in(parser, text.encode(), cuts) == text.count(delimiter)
    assert parser.partial == (not text.endswith(delimiter) or text.split(delimiter)[-1] != "")


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
HTTP = {
    "content-length": (OK, 1, 0),
    "two on one connection": (OK + OK, 2, 0),
    "chunked": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"3\r\nabc\r\n2;e=1\r\nde\r\n0\r\n\r\n",
        1,
        0,
    ),
    "chunked with trailer": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX: y\r\n\r\n",
        1,
        0,
    ),
    "without body": (b"HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 304 Not Modified\r\n\r\n", 2, 0),
    "continue first": (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, 1, 0),
    "early hints first": (b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK, 1, 0),
    "server error": (b"HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy", 1, 1),
    "redirect": (b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n", 1, 0),
}


@pytest.mark.parametrize("name", HTTP)
def test_http_in_every_split(name):
    data, responses, errors = HTTP[name]
    check_every_split(lambda: parser_for(http()), data, responses, errors)


def test_http_error_names_the_status():
    parser = parser_for(http())
    parser.feed(HTTP["server error"][0])
    assert parser.last_error == "HTTP status 503"
    assert parser.reusable


@pytest.mark.parametrize(
    ("head", "reusable"),
    [
        (b"HTTP/1.1 200 OK\r\n", True),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n", False),
        (b"HTTP/1.0 200 OK\r\n", False),
        (b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n", True),
    ],
)
def test_http_says_whether_the_connection_stays(head, reusable):
    parser = parser_for(http())
    assert parser.feed(head + b"Content-Length: 1\r\n\r\nx") == 1
    assert parser.reusable is reusable


def test_http_response_that_ends_with_the_connection():
    parser = parser_for(http())
    assert parser.feed(b"HTTP/1.1 200 OK\r\nServer: a\r\n\r\nbody") == 0
    assert parser.eof() == 1
    assert not parser.reusable
    assert parser.eof() == 0


@pytest.mark.parametrize(
    "cut_short",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nbody",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbo",
        b"HTTP/1.1 200 OK\r\nServer: a\r\n",
        b"",
    ],
)
def test_http_response_cut_short_is_no_response(cut_short):
    parser = parser_for(http())
    parser.feed(cut_short)
    assert parser.eof() == 0


def test_http_head_responses_have_no_body():
    parser = parser_for(http(method="HEAD"))
    for _ in range(3):
        assert parser.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n") == 1
        assert not parser.partial
    assert parser.reusable


@pytest.mark.parametrize(
    "data",
    [
        b"+PONG\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * MAX_HEAD,
    ],
)
def test_http_rejects(data):
    with pytest.raises(BadResponse, match="HTTP"):
        parser_for(http()).feed(data)


def test_an_alert_of_tls_in_the_place_of_a_response_says_what_to_set():
    alert = b"\x15\x03\x01\x00\x02\x02\x46"
    with pytest.raises(BadResponse, match=r"speaks TLS: set load\.tls = true"):
        parser_for(http()).feed(alert)


def test_a_parser_for_each_kind_of_response():
    assert parser_for(tcp()).feed(b"*1\r\n:1\r\n") == 1
    assert parser_for(tcp(4)).feed(b"abcd") == 1
    assert parser_for(tcp(r"until:\x00\n")).feed(b"a\0\nb\0\n") == 2


def test_tcp_request_is_the_payload():
    assert request_bytes(tcp(payload=r"*1\r\n$4\r\nPING\r\n\xff"), "h", 1) == (
        b"*1\r\n$4\r\nPING\r\n\xff"
    )


def test_http_request_has_what_a_server_needs():
    assert request_bytes(http(path="/a?b=c%20d"), "172.18.0.2", 8080) == (
        b"GET /a?b=c%20d HTTP/1.1\r\nHost: 172.18.0.2:8080\r\n"
        b"User-Agent: socklat-gate\r\nAccept: */*\r\n\r\n"
    )


def test_http_request_with_body_and_own_headers():
    load = http(method="POST", path="/ü", headers={"host": "api", "X-Key": "1"}, body="né")
    request = request_bytes(load, "::1", 80)
    head, _, body = request.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0] == b"POST /%C3%BC HTTP/1.1"
    assert b"Content-Length: 3" in lines
    assert [line for line in lines if line.lower().startswith(b"host:")] == [b"host: api"]
    assert b"X-Key: 1" in lines
    assert body == "né".encode()


def test_http_host_of_ipv6_and_the_usual_port():
    assert b"\r\nHost: [::1]\r\n" in request_bytes(http(), "::1", 80)
    assert b"\r\nContent-Length: 0\r\n" in request_bytes(http(method="POST"), "::1", 81)
