"""Secrets and personal data of recorded traffic are in no scenario, wherever they were."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from socklat_gate.init.traffic.access_log import read_access_log
from socklat_gate.init.traffic.har import read_har
from socklat_gate.init.traffic.openapi import read_openapi
from tests.unit.init.traffic.files import har_entry, har_text, log_line, no_progress, written

CANARIES = (
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.Et9HFtf9R3GEMA0IICOfFMVXY7kkTX1wr4qCyhIf58U",
    "canary.frank@company.example",
    "+49 171 5550199",
    "+491715550199",
    "4111111111111111",
    "4111-1111-1111-1111",
    "203.0.113.77",
    "2001:db8:85a3::8a2e:370:7334",
    "AKIAIOSFODNN7EXAMPLE",
    "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
    "sk_live_4eC39HqLyjWDarjtT1zdp7dc",
    "Zm9vYmFyY2FuYXJ5c2VjcmV0dG9rZW4=",
    "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "3c0ffee1-5d47-4a69-9b10-7c2d8e4f6a15",
    "qzxvkjwpqmxzbtfh",
    "1987-06-05",
    "GB82WEST12345698765432",
    "hunter2!pass",
    "{random_int:7:77}canary",
)
"""Things that are recognised by their form, wherever they are."""

NAMES = ("johndoe", "Maria.Garcia", "canaryuser")
"""Names of people, which look like any word: they are known by where they are."""

random_strings = st.text(
    st.sampled_from("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/_-"),
    min_size=24,
    max_size=80,
).filter(lambda text: any(map(str.isdigit, text)))
canaries = st.one_of(st.sampled_from(CANARIES), random_strings)
pieces = st.lists(st.sampled_from(["orders", "v1", "items"]), max_size=3)

FAST = settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)


def scenario_of(read: Callable[..., Any], text: str) -> str:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "given"
        path.write_text(text, encoding="utf-8")
        return written(Path(name), read(path, 30, no_progress))[0]


def check(text: str, canary: str) -> None:
    """Neither whole nor as it stands in a URL, nor what of it is long."""
    assert canary not in text
    assert quote(canary, safe="") not in text
    digits = "".join(filter(str.isdigit, canary))
    if len(digits) >= 9:
        assert digits not in text
    longest = max(canary.replace("@", ".").split("."), key=len)
    if len(longest) >= 12:
        assert longest not in text


def har_places(canary: str) -> list[dict[str, Any]]:
    """Entries that have the canary in one place each."""
    inside = quote(canary, safe="")
    home = "http://shop.example"
    plain: list[dict[str, Any]] = [
        har_entry(f"{home}/orders/{inside}"),
        har_entry(f"{home}/{inside}/orders"),
        har_entry(f"{home}/orders;{inside}/x"),
        har_entry(f"{home}/orders?q={inside}&a=1"),
        har_entry(f"{home}/orders?{inside}=1"),
        har_entry(f"{home}/orders?{inside}"),
        har_entry(f"{home}/orders#{inside}"),
        har_entry(f"http://frank:{inside}@shop.example/orders"),
        har_entry(f"{home}/orders", headers={"Authorization": f"Bearer {canary}"}),
        har_entry(f"{home}/orders", headers={"Accept": canary, "Accept-Encoding": canary}),
        har_entry(f"{home}/orders", headers={"Accept": f"application/{canary}"}),
        har_entry(f"{home}/orders", headers={"Cookie": canary, "X-Other": canary, canary: "x"}),
        har_entry(f"{home}/orders", comment=canary, serverIPAddress=canary),
    ]
    typed = "application/json"
    values = [{"a": canary}, [canary], canary, {canary: 1}, {"a": [{"b": {"c": canary}}]}]
    bodies: list[dict[str, Any]] = [
        {"mimeType": typed, "text": json.dumps(value)} for value in values
    ]
    bodies += [
        {"mimeType": f"{typed}; x={canary}", "text": "{}"},
        {"mimeType": f"application/{canary}", "text": "{}"},
        {"mimeType": "text/plain", "text": canary},
        {"mimeType": "application/x-www-form-urlencoded", "text": f"a={inside}&{inside}=1"},
        {
            "mimeType": "application/x-www-form-urlencoded",
            "params": [{"name": "a", "value": canary}, {"name": canary, "value": "b"}],
        },
        {"mimeType": f"multipart/form-data; boundary={canary}", "text": f"--{canary}"},
    ]
    return plain + [
        har_entry(f"{home}/p{number}", "POST", post=one) for number, one in enumerate(bodies)
    ]


@FAST
@given(canaries)
def test_har(canary: str) -> None:
    check(scenario_of(read_har, har_text(har_places(canary))), canary)


@FAST
@given(st.integers(10**9, 10**19))
def test_long_numbers_of_a_body(number: int) -> None:
    post = {"mimeType": "application/json", "text": json.dumps({"card": number, "a": [number]})}
    text = scenario_of(read_har, har_text([har_entry(method="POST", post=post)]))
    if str(number) not in "1234567890" * 3:
        assert str(number) not in text


@FAST
@given(canaries, pieces)
def test_access_log(canary: str, before: list[str]) -> None:
    inside, base = quote(canary, safe=""), "/".join(["", *before])
    lines = [
        log_line(f"{base}/{inside}"),
        log_line(f"{base}/{inside}/more"),
        log_line(f"{base}/a?token={inside}&limit={inside}"),
        log_line(f"{base}/a?{inside}=1"),
        log_line(f"http://{inside}@shop.example{base}/a"),
        log_line(f"{base}/a", user=canary.replace('"', "").replace("[", "")),
        log_line(f"{base}/a", end=f'"https://x.example/{inside}" "{canary}"'),
        log_line(f"{base}/a", "POST"),
    ]
    check(scenario_of(read_access_log, "".join(lines)), canary)


@FAST
@given(canaries)
def test_json_logs(canary: str) -> None:
    inside = quote(canary, safe="")
    envoy = {"method": "GET", "path": f"/a/{inside}?b={inside}", "response_code": 200}
    envoy |= {"authority": canary, "user_agent": canary, "x_forwarded_for": canary, canary: canary}
    request = {"method": "GET", "uri": f"/b/{inside}", "headers": {"Cookie": [canary]}}
    caddy = {"request": request | {"remote_ip": canary}, "status": 200, "user_id": canary}
    text = json.dumps(envoy) + "\n" + json.dumps(caddy) + "\n"
    check(scenario_of(read_access_log, text), canary)


@FAST
@given(canaries)
def test_openapi(canary: str) -> None:
    inside = quote(canary, safe="")
    string = {"type": "string"}
    schema = {
        "type": "object",
        "properties": {
            "a": {**string, "example": canary},
            "b": {**string, "enum": [canary]},
            "c": {**string, "default": canary},
            "d": {"const": canary},
            "e": {**string, "examples": [canary], "description": canary, "pattern": canary},
            canary: string,
        },
    }
    parameters = [
        {"name": "x", "in": "path", "schema": {**string, "example": canary}},
        {"name": "q", "in": "query", "required": True, "example": canary, "schema": string},
        {"name": canary, "in": "query", "required": True, "schema": string},
        {"name": canary, "in": "header", "required": True, "example": canary, "schema": string},
    ]
    typed = {"application/json": {"schema": schema}, canary: {"example": canary}}
    data = {
        "openapi": "3.0.0",
        "info": {"title": canary, "description": canary, "contact": {"email": canary}},
        "servers": [{"url": f"http://shop.example/{inside}", "description": canary}],
        "components": {
            "securitySchemes": {canary: {"type": "apiKey", "in": "header", "name": canary}}
        },
        "paths": {
            "/a/{x}": {"get": {"operationId": canary, "summary": canary, "parameters": parameters}},
            f"/{inside}/{{x}}": {"get": {"tags": [canary]}},
            "/b": {"post": {"requestBody": {"content": typed}}},
            "/c": {"post": {"requestBody": {"content": {canary: {"example": canary}}}}},
            "/d": {"post": {"requestBody": {"content": {"application/json": {"example": canary}}}}},
        },
    }
    check(scenario_of(read_openapi, json.dumps(data)), canary)


@pytest.mark.parametrize("name", NAMES)
def test_names_of_people_where_they_are_known_to_be(name: str) -> None:
    lines = [
        log_line(f"/users/{name}/orders"),
        log_line(f"/api/v2/customers/{name}"),
        log_line(f"/~{name}/index.html"),
        log_line(f"/@{name}"),
        log_line(f"/orders?user={name}&name={name}"),
        log_line(f"/wall/{name}"),
        log_line("/a", user=name),
        log_line(f"http://{name}:secret@shop.example/a"),
    ]
    assert name not in scenario_of(read_access_log, "".join(lines))
    body = {"mimeType": "application/json", "text": json.dumps({"user": name, "to": [name]})}
    entries = [
        har_entry(f"http://shop.example/users/{name}"),
        har_entry(f"http://{name}@shop.example/orders?author={name}"),
        har_entry(f"http://{name}.example/orders"),
        har_entry("http://shop.example/orders", "POST", post=body, headers={"X-User": name}),
    ]
    assert name not in scenario_of(read_har, har_text(entries))
