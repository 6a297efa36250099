"""Requests, feeders and setups that do not go together: exit 2 with key, line and remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from socklat_gate.errors import Exit, Reason, UsageError
from socklat_gate.scenario.loader import load_scenario

HEAD = """\
name = "shop"

[service]
image = "shop:dev"
port = 8080

[load]
driver = "http"
"""
TCP = HEAD.replace('"http"', '"tcp"')
FEEDER = "id,name\n1,a\n2,b\n"


def load(directory: Path, text: str, head: str = HEAD, feeder: str = FEEDER):
    (directory / "users.csv").write_text(feeder)
    (directory / "order.json").write_text('{"id": {id}, "note": "{{id}}"}')
    (directory / "image.png").write_bytes(b"\x89PNG{id}\xff")
    path = directory / "socklat.toml"
    path.write_text(head + text)
    return load_scenario(path).load


def refusal(directory: Path, text: str, **options: str) -> str:
    with pytest.raises(UsageError) as caught:
        load(directory, text, **options)
    assert caught.value.exit_code is Exit.USAGE
    assert caught.value.reason in {Reason.BAD_SCENARIO, Reason.BAD_PAYLOAD}
    return caught.value.message.removeprefix(f"{directory / 'socklat.toml'}:")


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ("[load.headers]", "load.headers.X-Key"),
        ('[[load.setup]]\nname = "in"\n[load.setup.headers]', "load.setup.0.headers.X-Key"),
    ],
)
def test_a_variable_that_no_header_can_hold(tmp_path, table, key):
    text = f'variables = {{ k = "a\\nb" }}\n{table}\nX-Key = "{{k}}"\n'
    assert f"{key}: the variable k holds a line break" in refusal(tmp_path, text)
    body = 'variables = { k = "a\\nb" }\nmethod = "POST"\nbody = "{k}"\n'
    assert load(tmp_path, body).variables == {"k": "a\nb"}


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ('method = "POST"\nbody = \'{"n": "{rand_int:1:9}"}\'\n', "10: load.body"),
        ('path = "/u/{rand_int:1:9}"\n', "9: load.path"),
        ('headers = { X-N = "{rand_int:1:9}" }\n', "9: load.headers.X-N"),
        (
            '[[load.request]]\nname = "a"\nmethod = "POST"\nbody = "n={rand_int:1:9}"\n',
            "12: load.request.0.body",
        ),
    ],
)
def test_a_mistyped_built_in_is_no_text(tmp_path, text, where):
    said = refusal(tmp_path, text)
    assert said.startswith(f"{where}: {{rand_int:1:9}} is no column and no variable")
    assert "; the nearest is {random_int:1:9}; {{rand_int:1:9}} is the text itself" in said
    load(tmp_path, text.replace("rand_int", "random_int"))
    load(tmp_path, text.replace("{rand_int:1:9}", "{{rand_int:1:9}}"))


def test_what_load_says_holds_for_all_requests(tmp_path):
    text = """\
headers = { Accept = "a", X-Key = "k" }
expect = { status = [200] }

[[load.request]]
name = "list"
weight = 3

[[load.request]]
name = "make"
method = "POST"
path = "/orders"
headers = { accept = "b" }
body_file = "order.json"
expect = { status = [201] }
"""
    one, other = load(tmp_path, text).requests
    assert (one.name, one.weight, one.method, one.path) == ("list", 3.0, "GET", "/")
    assert one.headers == {"Accept": "a", "X-Key": "k"}
    assert other.headers == {"X-Key": "k", "accept": "b"}
    assert (one.expect.status, other.expect.status) == ([200], [201])
    assert (one.content, other.content) == (None, '{"id": {id}, "note": "{{id}}"}')


def test_without_a_list_there_is_one_request_without_a_name(tmp_path):
    (only,) = load(tmp_path, 'path = "/cart"\nbody = "x"\n').requests
    assert (only.name, only.weight, only.path, only.content) == ("", 1.0, "/cart", "x")


def test_a_file_that_is_no_text_is_sent_as_it_is(tmp_path):
    text = '[[load.request]]\nname = "put"\nbody_file = "image.png"\n'
    assert load(tmp_path, text).requests[0].content == b"\x89PNG{id}\xff"


ONE = '[[load.request]]\nname = "one"\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f'path = "/a"\n{ONE}', "9: load.path: path is one request's: move it into a"),
        (f'method = "PUT"\n{ONE}', "9: load.method: method is one request's"),
        (f'body = "x"\n{ONE}', "9: load.body: body is one request's"),
        (f"{ONE}{ONE}", "12: load.request.1.name: 'one' is there twice"),
        (f"{ONE}weight = 0\n", "11: load.request.0.weight: input should be greater than 0"),
        (f'{ONE}[[load.request]]\nname = "a b"\n', "12: load.request.1.name: string should match"),
        (f'{ONE}payload = "x"\n', '11: load.request.0.payload: driver "http" sends no payload'),
        (f'{ONE}headers = {{ "a b" = "x" }}\n', "11: load.request.0.headers.a b: header 'a b'"),
        (f'headers = {{ a = "x\\ny" }}\n{ONE}', "9: load.headers.a: header 'a' cannot be sent"),
        (f'{ONE}body = "x"\nbody_file = "order.json"\n', "12: load.request.0.body_file: give body"),
        (f'{ONE}body_file = "none.json"\n', "11: load.request.0.body_file: none.json cannot be"),
        (f'{ONE}body_file = "."\n', "11: load.request.0.body_file: . cannot be read"),
        (
            f'{ONE}method = "HEAD"\nexpect = {{ text = "x" }}\n',
            "12: load.request.0.expect: text can never be met: a response to HEAD has no body",
        ),
        (
            f'expect = {{ text = "x" }}\n{ONE}method = "HEAD"\n',
            "10: load.request.0: load.expect: text can never be met",
        ),
        (f'{ONE}path = "/{{id}}"\n', "11: load.request.0.path: {id} is no column and no variable"),
        ('path = "/{id}"\n', "9: load.path: {id} is no column and no variable: there are none, "),
        ('feeder = "none.csv"\n', "9: load.feeder: none.csv cannot be read in the scenario's"),
        ('feeder = "users.csv"\n', "9: load.feeder: no request is filled with a column of it"),
        (
            f'feeder = "users.csv"\n{ONE}path = "/{{usr}}"\n',
            "12: load.request.0.path: {usr} is no column and no variable: there are id, name, and",
        ),
        (
            f'feeder = "users.csv"\n{ONE}path = "/{{id}}"\nbody = \'{{"a": {{usr}}}}\'\n',
            "13: load.request.0.body: {usr} is no column and no variable",
        ),
        (
            f'feeder = "users.csv"\nheaders = {{ X-User = "{{usr}}" }}\n{ONE}path = "/{{id}}"\n',
            "10: load.headers.X-User: {usr} is no column and no variable",
        ),
        (f'{ONE}path = "/{{random_int:9:1}}"\n', "11: load.request.0.path: {random_int:9:1}: "),
        (
            f'variables = {{ id = "7" }}\nfeeder = "users.csv"\n{ONE}path = "/{{id}}"\n',
            "9: load.variables.id: 'id' is a column of users.csv, too",
        ),
        ('variables = { "a-b" = "7" }\n', "9: load.variables: 'a-b' cannot be the name"),
        (
            '[[load.setup]]\nname = "in"\nsave = { token = "token" }\n',
            "11: load.setup.0.save: 'token' is no place in a response: give a JSON pointer",
        ),
        (
            '[[load.setup]]\nname = "in"\nsave = { uuid = "/a" }\n',
            "11: load.setup.0.save: uuid is a built-in field",
        ),
        (
            '[[load.setup]]\nname = "in"\npath = "/{token}"\nsave = { token = "/a" }\n',
            "11: load.setup.0.path: {token} is no column and no variable: there are none",
        ),
        (
            '[[load.setup]]\nname = "in"\nsave = { a = "/a" }\n'
            '[[load.setup]]\nname = "on"\n[load.setup.save]\na = "/b"\n',
            "15: load.setup.1.save.a: 'a' is a variable already",
        ),
        (
            '[[load.setup]]\nname = "in"\n[[load.setup]]\nname = "in"\n',
            "12: load.setup.1.name: 'in' is there twice",
        ),
    ],
)
def test_what_does_not_go_together_is_refused_with_key_and_line(tmp_path, text, message):
    assert refusal(tmp_path, text).startswith(message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (ONE, "9: load.request.0.payload: driver tcp needs a payload"),
        (f'payload = "x"\n{ONE}payload = "y"\n', "9: load.payload: payload is one request's"),
        (
            f'{ONE}payload = "y"\npath = "/"\n',
            '12: load.request.0.path: driver "tcp" sends',
        ),
        (f'{ONE}payload = "y"\nresponse = "x"\n', '12: load.request.0.response: use "resp"'),
        (f'{ONE}payload = "\\\\y"\n', r"11: load.request.0.payload: unknown escape \y"),
        (
            f'{ONE}payload = "y"\nresponse = 2\nexpect = {{ prefix = "abc" }}\n',
            "13: load.request.0.expect: prefix can never be met",
        ),
        ('payload = "x"\n[[load.setup]]\nname = "in"\n', '10: load.setup: a setup needs driver "h'),
    ],
)
def test_the_same_of_driver_tcp(tmp_path, text, message):
    assert refusal(tmp_path, text, head=TCP).startswith(message)


def test_a_command_sends_its_own_requests(tmp_path):
    head = HEAD.replace('"http"', '"command"') + 'command = { argv = ["wrk"] }\n'
    for text, key in ((ONE, "request"), ('feeder = "users.csv"\n', "feeder")):
        assert f'load.{key}: driver "command" sends' in refusal(tmp_path, text, head=head)


def test_a_value_that_no_header_can_have_is_refused_with_its_line(tmp_path):
    text = 'feeder = "users.csv"\nheaders = { X-Name = "{name}" }\n'
    message = refusal(tmp_path, text, feeder='id,name\n1,a\n2,"b\nc"\n')
    assert message.startswith("10: load.headers.X-Name: users.csv:3: name holds a line break")
    assert load(tmp_path, text.replace("{name}", "{id}")).rows.rows == 2


def test_a_ragged_line_is_refused_with_its_line(tmp_path):
    message = refusal(tmp_path, 'feeder = "users.csv"\n', feeder="id,name\n1,a\n2\n")
    assert message.startswith("9: load.feeder: users.csv:3: 1 fields, where the first line has 2")


def test_a_setup_gets_the_headers_whose_variables_are_known(tmp_path):
    text = """\
headers = { Accept = "a", Authorization = "Bearer {token}", X-Tenant = "{tenant}" }
variables = { tenant = "acme" }
path = "/{token}"

[[load.setup]]
name = "login"
method = "POST"
headers = { accept = "json" }
save = { token = "/token" }

[[load.setup]]
name = "open"
path = "/cart"
"""
    login, opened = load(tmp_path, text).steps
    assert login.request.headers == {"X-Tenant": "{tenant}", "accept": "json"}
    assert (login.request.method, dict(login.save)) == ("POST", {"token": "/token"})
    assert set(opened.request.headers) == {"Accept", "Authorization", "X-Tenant"}


@pytest.mark.parametrize(
    ("rate", "message"),
    [
        ("[]", "a shape has from 1 to"),
        ("[[0]]", "list should have at least 2 items"),
        ("[[1, 5]]", "the first step begins at 0"),
        ("[[0, 5], [3, 4], [3, 6]]", "each step begins later than"),
        ("[[0, 0], [3, 4]]", "the first rate must be above 0"),
        ("[[0, -1]]", "input should be greater than or equal to 0"),
        ("[[0, 5000], [8, 4]]", "the last step begins at 8 s, when the window of"),
        ("-1", "input should be greater than 0 (given: -1)"),
        ('"fast"', "9: load.rate: input should be a valid number, or \"auto\" (given: 'fast')"),
    ],
)
def test_what_is_no_rate_is_refused(tmp_path, rate, message):
    text = refusal(tmp_path, f"rate = {rate}\n")
    assert text.startswith("9: load.rate")
    assert message in text
    assert "\n" not in text


def test_a_mix_is_asked_by_its_count(tmp_path):
    assert load(tmp_path, f'{ONE}[[load.request]]\nname = "b"\n').asked == "a mix of 2 requests"
