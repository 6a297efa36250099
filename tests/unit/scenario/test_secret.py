"""Secrets of a scenario: by their names alone, read when used, refused with key and line."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from socklat_gate import masking
from socklat_gate.errors import Exit, Reason, UsageError
from socklat_gate.scenario import Scenario
from socklat_gate.scenario.loader import load_scenario
from socklat_gate.scenario.secret import (
    REVEALED,
    SecretRef,
    beside,
    payload_shown,
    payload_text,
    reveal,
    secrets_in,
)
from socklat_gate.scenario.secret_check import require_secrets
from socklat_gate.scenario.tables import tomllib

CANARY = "canary5bd1e8c7a2f4096"
TEXT = """\
name = "shop"

[service]
image = "shop:dev"
port = 8080
env = { LOG = "x", DB_PASSWORD = { file = "db.txt" } }

[load]
driver = "http"
headers = { accept = "*/*", authorization = { env = "API_TOKEN", prefix = "Bearer " } }

[[load.request]]
name = "cart"

[load.request.headers]
x-key = { env = "CART_KEY" }
"""
COMMAND = """\
name = "shop"

[service]
image = "shop:dev"
port = 8080

[load]
driver = "command"

[load.command]
argv = ["tool", "--token", { env = "API_TOKEN" }]
environment = { PGPASSWORD = { env = "API_TOKEN" } }
"""
TCP = """\
name = "cache"

[service]
image = "cache:dev"
port = 6379

[load]
payload = ["AUTH ", { env = "API_TOKEN" }, '\\r\\n']
"""


@pytest.fixture(autouse=True)
def values(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("API_TOKEN", "CART_KEY"):
        monkeypatch.setenv(name, f"{CANARY}-{name}")
    (tmp_path / "db.txt").write_text(f"{CANARY}-file\n\n")


def loaded(directory: Path, text: str = TEXT) -> tuple[Path, Scenario]:
    path = directory / "socklat.toml"
    path.write_text(text)
    return path, load_scenario(path)


@pytest.mark.parametrize("text", [TEXT, COMMAND, TCP])
def test_no_value_is_in_the_model_its_dump_or_its_text(tmp_path: Path, text: str) -> None:
    path, scenario = loaded(tmp_path, text)
    require_secrets(path, scenario)
    for shown in (repr(scenario), str(scenario), scenario.model_dump_json(), scenario.load.asked):
        assert CANARY not in shown


@pytest.mark.parametrize("text", [TEXT, COMMAND, TCP])
def test_the_hash_is_the_same_whatever_the_value_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    _, scenario = loaded(tmp_path, text)
    before = scenario.hashes(), scenario.gate_hash()
    monkeypatch.setenv("API_TOKEN", "another value")
    monkeypatch.delenv("CART_KEY")
    (tmp_path / "db.txt").unlink()
    (elsewhere := tmp_path / "elsewhere").mkdir()
    for directory in (tmp_path, elsewhere):
        _, again = loaded(directory, text)
        assert (again.hashes(), again.gate_hash()) == before


def test_another_name_or_prefix_is_another_load(tmp_path: Path) -> None:
    first = loaded(tmp_path)[1].measured_hash()
    for old, new in (("Bearer ", "Token "), ("API_TOKEN", "OTHER_TOKEN")):
        assert loaded(tmp_path, TEXT.replace(old, new))[1].measured_hash() != first


def test_values_are_read_when_they_are_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, scenario = loaded(tmp_path)
    authorization = scenario.load.headers["authorization"]
    assert reveal(authorization) == f"Bearer {CANARY}-API_TOKEN"
    monkeypatch.setenv("API_TOKEN", "rotated-value")
    assert reveal(authorization) == "Bearer rotated-value"
    assert reveal(scenario.service.env["DB_PASSWORD"]) == f"{CANARY}-file"
    assert reveal(scenario.service.env["LOG"]) == "x"
    assert masking.mask(f"{CANARY}-API_TOKEN rotated-value {CANARY}-file") == "*** *** ***"


def test_only_the_dump_for_the_worker_has_them(tmp_path: Path) -> None:
    load = loaded(tmp_path)[1].load
    dumped = load.model_dump(mode="json", context=REVEALED)
    assert dumped["headers"]["authorization"] == f"Bearer {CANARY}-API_TOKEN"
    assert dumped["request"][0]["headers"] == {"x-key": f"{CANARY}-CART_KEY"}
    assert load.model_dump(mode="json")["headers"] == {
        "accept": "*/*",
        "authorization": {"env": "API_TOKEN", "prefix": "Bearer "},
    }


def test_a_payload_is_joined_and_escapes_count_in_its_plain_parts_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("API_TOKEN", r"back\nslash\\")
    load = loaded(tmp_path, TCP)[1].load
    assert load.payload is not None
    assert payload_shown(load.payload) == r"AUTH ***\r\n"
    dumped = load.model_dump(mode="json", context=REVEALED)["payload"]
    assert dumped == payload_text(load.payload) == r"AUTH back\\nslash\\\\\r\n"
    assert load.model_dump(mode="json")["payload"] == ["AUTH ", {"env": "API_TOKEN"}, r"\r\n"]
    assert load.asked == "AUTH ***"


def test_all_secrets_are_found_with_their_keys(tmp_path: Path) -> None:
    _, scenario = loaded(tmp_path)
    assert {".".join(map(str, place)): secret.place for place, secret in secrets_in(scenario)} == {
        "service.env.DB_PASSWORD": "the file db.txt",
        "load.headers.authorization": "the variable API_TOKEN",
        "load.request.0.headers.x-key": "the variable CART_KEY",
    }


BINARY = b"\xff\xfe\xfd\xfc"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"API_TOKEN": None}, "socklat.toml:10: load.headers.authorization: the variable "
         "API_TOKEN is not set"),
        ({"API_TOKEN": ""}, "socklat.toml:10: load.headers.authorization: the variable "
         "API_TOKEN is empty"),
        ({"API_TOKEN": "abc"}, "the variable API_TOKEN is shorter than 4 characters"),
        ({"API_TOKEN": "two\nlines"}, "the variable API_TOKEN has a line break"),
        ({"API_TOKEN": "caf\udce9"}, "the variable API_TOKEN is not UTF-8"),
        ({"CART_KEY": None}, "socklat.toml:16: load.request.0.headers.x-key: the variable "
         "CART_KEY is not set"),
        ({"file": None}, "socklat.toml:6: service.env.DB_PASSWORD: the file db.txt cannot be "
         "read: No such file or directory"),
        ({"file": b"\n"}, "the file db.txt is empty"),
        ({"file": BINARY}, "the file db.txt is not UTF-8"),
        ({"file": b"a\0bcd"}, "the file db.txt has a NUL"),
        ({"file": b"x" * 70_000}, "the file db.txt has more than 64 KiB"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_refused_by_key_line_and_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any], said: str
) -> None:
    path, scenario = loaded(tmp_path)
    for name, value in change.items():
        if name == "file":
            (tmp_path / "db.txt").unlink()
            if value is not None:
                (tmp_path / "db.txt").write_bytes(value)
        elif value is None:
            monkeypatch.delenv(name)
        else:
            monkeypatch.setenv(name, value)
    with pytest.raises(UsageError) as caught:
        require_secrets(path, scenario)
    assert caught.value.reason is Reason.BAD_SECRET
    assert caught.value.exit_code is Exit.USAGE
    assert said in caught.value.message
    assert "abc" not in caught.value.message
    assert caught.value.remedy


def test_all_problems_are_named_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, scenario = loaded(tmp_path)
    for name in ("API_TOKEN", "CART_KEY"):
        monkeypatch.delenv(name)
    with pytest.raises(UsageError) as caught:
        require_secrets(path, scenario)
    assert len(caught.value.message.splitlines()) == 2


def test_a_pipe_is_no_file(tmp_path: Path) -> None:
    path, scenario = loaded(tmp_path)
    (tmp_path / "db.txt").unlink()
    os.mkfifo(tmp_path / "db.txt")
    with pytest.raises(UsageError, match=r"the file db\.txt is no regular file"):
        require_secrets(path, scenario)


def test_a_file_can_be_looked_for_elsewhere(tmp_path: Path) -> None:
    _, scenario = loaded(tmp_path)
    text = scenario.service.env["DB_PASSWORD"]
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "db.txt").write_text("the other value")
    assert reveal(beside(text, tmp_path / "there")) == "the other value"
    assert reveal(text) == f"{CANARY}-file"
    assert beside("plain", tmp_path) == "plain"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ('{ envv = "X" }', "unknown key 'load.headers.authorization.envv'; did you mean 'env'?"),
        ("{}", "load.headers.authorization: give either env or file"),
        ('{ env = "X", file = "y" }', "load.headers.authorization: give either env or file"),
        ('{ env = "A B" }', "load.headers.authorization.env: string should match pattern"),
        ('{ env = "X", prefix = "a\\nb" }', "load.headers.authorization: prefix"),
        ("5", "load.headers.authorization: input should be a valid string (given: 5)"),
    ],
)
def test_a_table_that_names_no_secret(tmp_path: Path, given: str, said: str) -> None:
    bad = TEXT.replace('{ env = "API_TOKEN", prefix = "Bearer " }', given)
    with pytest.raises(UsageError) as caught:
        loaded(tmp_path, bad)
    assert caught.value.message.splitlines() == [caught.value.message]
    assert f"socklat.toml:10: {said}" in caught.value.message


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('["tool", ', '["tool\\u0000", ', "no process can be given a null byte"),
        ('["tool", ', '[{ env = "API_TOKEN" }, ', "the first of them is the program"),
        ("{ PGPASSWORD =", "{ SOCKLAT_PORT =", "variables such as SOCKLAT_PORT are the load's own"),
        ("{ PGPASSWORD =", '{ "A=B" =', "'A=B' cannot be the name of a variable"),
    ],
)
def test_a_command_that_cannot_be(tmp_path: Path, old: str, new: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        loaded(tmp_path, COMMAND.replace(old, new))
    assert said in caught.value.message
    assert "socklat.toml:11" in caught.value.message or "socklat.toml:12" in caught.value.message


@pytest.mark.parametrize("text", [TEXT, COMMAND, TCP])
def test_the_schema_takes_them(text: str) -> None:
    jsonschema.validate(tomllib.loads(text), Scenario.model_json_schema())


def test_a_later_key_of_a_secret_changes_no_hash() -> None:
    assert SecretRef(env="X").model_dump() == {"env": "X"}
