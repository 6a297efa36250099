"""Requests before the load: what they save fills the load's, for each arm its own."""

from __future__ import annotations

import itertools

import pytest

from socklat_gate import masking
from socklat_gate.errors import Exit, InvalidMeasurement, Reason
from socklat_gate.load.load_driver import Endpoint
from socklat_gate.load.process import LoadProcess
from tests.unit.load.load_of import load_of
from tests.unit.load.virtual import LEAD_NS, VirtualServer, VirtualWorker, connect, run

LOGIN = {
    "name": "login",
    "method": "POST",
    "path": "/login",
    "body": '{"user": "ci", "password": "{password}"}',
    "save": {"token": "/user/token", "sid": "cookie:sid"},
}
CART = {
    "name": "cart",
    "path": "/cart",
    "headers": {"X-Once": "{uuid}"},
    "save": {"cart": "header:location"},
}
HEADERS = {"Authorization": "Bearer {token}", "Cookie": "sid={sid}"}


def shop_load(**options):
    path = {} if "request" in options else {"path": "/carts/{cart}/items"}
    settings = {
        "driver": "http",
        **path,
        "headers": HEADERS,
        "variables": {"password": "pass-of-ci"},
        "setup": [LOGIN, CART],
        **options,
    }
    return load_of(**settings)


class Shop:
    """Gives out tokens and carts of its own, and responds 401 without them."""

    def __init__(self, name="a"):
        self.name = name
        self.token = f"token-of-{name}-0123456789abcdef"
        self.asked = []
        self.numbers = itertools.count(1)
        self.server = VirtualServer(self.respond, b"\r\n\r\n")

    def respond(self, peer, _):
        head, _, body = peer.data.partition(b"\r\n\r\n")
        line, *headers = head.decode().split("\r\n")
        given = dict(header.split(": ", 1) for header in headers)
        peer.unread = b""
        self.asked.append((line, given, body.decode()))
        known = given.get("Authorization") == f"Bearer {self.token}"
        if line.startswith("POST /login"):
            self.write(peer, 200, f'{{"user": {{"token": "{self.token}"}}}}', "Set-Cookie: sid=s1")
        elif not known:
            self.write(peer, 401)
        elif line.startswith("GET /cart "):
            self.write(peer, 201, "", f"Location: {self.name}7")
        else:
            self.write(peer, 200 if line == f"GET /carts/{self.name}7/items HTTP/1.1" else 404)

    def write(self, peer, status, body="", *headers):
        lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *headers]
        peer.write("\r\n".join([*lines, "", body]).encode())


def test_what_a_response_holds_fills_the_load():
    shop = Shop()
    (counts,) = run(shop_load(), shop.server)
    assert (counts.errors, counts.first_error) == (0, "")
    assert counts.responded == 101
    (login, cart), items = shop.asked[:2], shop.asked[2:]
    assert login[2] == '{"user": "ci", "password": "pass-of-ci"}'
    assert "Authorization" not in login[1]
    assert (cart[1]["Cookie"], cart[1]["Authorization"]) == ("sid=s1", f"Bearer {shop.token}")
    assert len(items) == 101
    assert {item[0] for item in items} == {"GET /carts/a7/items HTTP/1.1"}


def test_each_arm_has_values_of_its_own():
    one, other = Shop("a"), Shop("b")
    counts = run(shop_load(), one.server, other.server)
    assert [arm.errors for arm in counts] == [0, 0]
    # Built-in values are the same for both.
    assert one.asked[1][1]["X-Once"] == other.asked[1][1]["X-Once"]


def test_its_exchanges_are_none_of_the_load_but_the_kernel_sees_them():
    shop = Shop()
    (counts,) = run(shop_load(warmup_s=0.0), shop.server)
    assert counts.planned == counts.sent == counts.responded == 101
    assert counts.responded_total == 103 == shop.server.requests
    assert counts.answers.statuses == {"200": 101}
    assert counts.answers.opened == 5
    assert shop.server.connections == 7


def test_how_long_each_took_is_told_by_arm():
    class Slow(Shop):
        def respond(self, peer, number):
            if peer.data.startswith(b"POST /login"):
                self.server.pause(0.2)
            super().respond(peer, number)

    slow, quick = run(shop_load(), Slow().server, Shop("b").server)
    assert list(slow.setup_ns) == list(quick.setup_ns) == ["login", "cart"]
    assert 200_000_000 <= slow.setup_ns["login"] < 300_000_000
    assert slow.setup_ns["cart"] < 100_000_000
    assert quick.setup_ns["login"] < 100_000_000


def test_named_requests_have_no_rows_of_a_setup():
    shop = Shop()
    requests = [{"name": "items", "path": "/carts/{cart}/items"}]
    driver, worker = connect(shop_load(request=requests), shop.server)
    with driver:
        driver.connect()
        driver.start(worker.now_ns() + LEAD_NS)
        (counts,) = driver.wait()
        assert driver.sent().size == counts.sent == 101


def failure(load, *servers):
    worker = VirtualWorker(*servers)
    names = ("baseline", "candidate")[-len(servers) :]
    endpoints = [Endpoint("127.0.0.1", port, name) for port, name in enumerate(names, 1)]
    driver = LoadProcess(load, endpoints, 7, workers=[worker], now_ns=worker.now_ns)
    with driver, pytest.raises(InvalidMeasurement) as caught:
        driver.connect()
    assert caught.value.exit_code is Exit.INVALID
    assert caught.value.reason is Reason.SETUP_FAILED
    return caught.value.message


class Closing(Shop):
    def respond(self, peer, _):
        peer.transport.close()


class Silent(Shop):
    def respond(self, peer, _):
        pass


@pytest.mark.parametrize(
    ("options", "shop", "message"),
    [
        (
            {"setup": [{**LOGIN, "path": "/none"}]},
            Shop,
            "login (POST): HTTP status 401",
        ),
        (
            {"setup": [{**LOGIN, "expect": {"status": [204]}}]},
            Shop,
            "login (POST): HTTP status 200, which load.expect.status does not name",
        ),
        (
            {"setup": [{**LOGIN, "save": {"token": "/token", "sid": "cookie:sid"}}]},
            Shop,
            "login (POST): save.token = '/token': the response's JSON has nothing at /token",
        ),
        ({}, Closing, "login (POST): the server closed the connection"),
        ({"timeout_s": 0.5}, Silent, "login (POST): no response within 0.5 s"),
    ],
)
def test_a_failure_names_arm_and_request_and_measures_nothing(options, shop, message):
    settings = {"headers": {}, "path": "/{token}", "setup": [LOGIN], **options}
    text = failure(shop_load(**settings), Shop("a").server, shop("b").server)
    # The first arm's server is as it should be only where the scenario is.
    arm = "candidate" if shop is not Shop else "baseline"
    assert text.startswith(f"{arm}: load.setup: {message}")
    assert "token-of" not in text


def test_nobody_there_is_a_failure_of_the_setup():
    server = VirtualServer(lambda peer, _: None)
    server.stop_listening()
    assert "login (POST): " in failure(shop_load(), server)


def test_tokens_are_masked_from_then_on(monkeypatch):
    monkeypatch.setattr(masking._Known, "values", {})
    shop = Shop()
    run(shop_load(), shop.server)
    assert masking.mask(f"log: {shop.token}") == f"log: {masking.MASK}"
    # What is as short as any number is no token.
    assert masking.mask("a7 s1") == "a7 s1"
