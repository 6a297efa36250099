"""Values that must not be seen: in every form, at every cut, in every text that leaves."""

from __future__ import annotations

import base64
import html
import json
import os
import quopri
import re
import shlex
import subprocess
import sys
import textwrap
import time
import urllib.parse
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from socklat_gate import masking
from socklat_gate.errors import InvalidMeasurement, Reason, UsageError
from socklat_gate.masking import MASK, looks_secret, mask, mask_cut, mask_foreign, register, suspect

ROOT = Path(__file__).resolve().parents[2]
CANARY = """canary-9f3/+"\\<&'ü ~Zq7="""
PLAIN = "canary5bd1e8c7a2f4096"
SEAM = 4


@pytest.mark.parametrize("value", [CANARY, PLAIN])
@pytest.mark.parametrize(
    "form",
    [
        str,
        lambda value: f"x{value}y",
        json.dumps,
        lambda value: json.dumps(value, ensure_ascii=False),
        repr,
        html.escape,
        urllib.parse.quote,
        urllib.parse.quote_plus,
        lambda value: urllib.parse.quote(value, safe=""),
        lambda value: urllib.parse.quote(value, safe="").replace("%2F", "%2f"),
        lambda value: value.encode().hex(),
        lambda value: value.encode().hex().upper(),
        lambda value: shlex.join(["tool", f"--token={value}"]),
        lambda value: json.dumps(json.dumps({"a": value}))[6:-2],
        lambda value: (
            json.dumps(value, ensure_ascii=False)
            .replace("&", "\\u0026")
            .replace("<", "\\u003c")
            .replace(">", "\\u003e")
        ),
        lambda value: (
            json.dumps(value, ensure_ascii=False)
            .replace("&", "\\u0026")
            .replace("<", "\\u003c")
            .replace("=", "\\u003d")
            .replace("'", "\\u0027")
        ),
        lambda value: json.dumps(value).replace("/", "\\/"),
        lambda value: html.escape(value).replace("&#x27;", "&apos;"),
        lambda value: re.sub(r"([^\w@%+=:,./-])", r"\\\1", value),
        lambda value: urllib.parse.quote(urllib.parse.quote(value, safe=""), safe=""),
        lambda value: base64.b64encode(value.encode()).decode(),
        lambda value: base64.urlsafe_b64encode(value.encode()).decode(),
        lambda value: base64.b64encode(f"user:{value}".encode()).decode(),
        lambda value: base64.b64encode(f"u:{value}\n".encode()).decode(),
        lambda value: base64.b64encode(f"me:{value}and more".encode()).decode(),
    ],
)
def test_a_registered_value_is_gone_in_every_form(value: str, form: Callable[[str], str]) -> None:
    register(value)
    text = mask(f"before {form(value)} after")
    assert text.startswith("before ")
    assert text.endswith(" after")
    assert MASK in text
    # What is left is what the form has of itself; at the seams of Base64 a digit or two.
    assert len(text) <= len(f"before {form('')} after") + len(MASK) + SEAM


def octal(text: str) -> str:
    """As git quotes a name, and a shell in $'...'."""
    return "".join(
        chr(one) if 32 <= one < 127 and one not in b'"\\' else f"\\{one:03o}"
        for one in text.encode()
    )


TOOLS = {
    "encodeURIComponent": lambda value: urllib.parse.quote(value, safe="!~*'()-._"),
    "userinfo of Go": lambda value: urllib.parse.quote(value, safe="$&+,;=:-._~"),
    "userinfo of RFC 3986": lambda value: urllib.parse.quote(value, safe="!$&'()*+,;=~-._"),
    "encodeURI": lambda value: urllib.parse.quote(value, safe=";/?:@&=+$,#-_.!~*'()"),
    "every byte": lambda value: "".join(f"%{one:02X}" for one in value.encode()),
    "bytes of Python": lambda value: repr(value.encode())[2:-1],
    "ascii": lambda value: ascii(value)[1:-1],
    "repr of JSON": lambda value: repr(json.dumps(value))[2:-2],
    "JSON thrice": lambda value: json.dumps(json.dumps(json.dumps(value)))[7:-7],
    "JSON, upper case": lambda value: re.sub(
        r"\\u[0-9a-f]{4}", lambda found: "\\u" + found[0][2:].upper(), json.dumps(value)[1:-1]
    ),
    "YAML, single quotes": lambda value: value.replace("'", "''"),
    "YAML, double quotes": lambda value: yaml.safe_dump(value, default_style='"', width=999)[1:-2],
    "CSV": lambda value: value.replace('"', '""'),
    "a shell's trace": lambda value: value.replace("'", "'\\''"),
    "octal": octal,
    "XML": lambda value: value.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;"),
    "XML in ASCII": lambda value: html.escape(value).encode("ascii", "xmlcharrefreplace").decode(),
    "properties of Java": lambda value: re.sub(r"([\\:=#!])", r"\\\1", value),
    "quoted-printable": lambda value: quopri.encodestring(value.encode()).decode(),
    "compose": lambda value: value.replace("$", "$$"),
    "ASCII with marks": lambda value: value.encode("ascii", "replace").decode(),
    "another encoding": lambda value: value.encode().decode("latin-1"),
    "ASCII with U+FFFD": lambda value: value.encode().decode("ascii", "replace"),
    "hexadecimal with blanks": lambda value: value.encode().hex(" "),
    "an array of C": lambda value: ", 0x".join(f"{one:02x}" for one in value.encode()),
    "Base64 in an address": lambda value: urllib.parse.quote(
        base64.b64encode(value.encode()).decode(), safe=""
    ).rstrip("%3D"),
    "Base64 of Base64": lambda value: base64.b64encode(base64.b64encode(value.encode())).decode(),
    "Base64 of UTF-16": lambda value: base64.b64encode(value.encode("utf-16-le")).decode(),
    "Base32": lambda value: base64.b32encode(value.encode()).decode(),
    "Base64 of JSON": lambda value: base64.b64encode(json.dumps(value).encode()[1:-1]).decode(),
    "a colour": lambda value: f"{value[:5]}\x1b[1m{value[5:9]}\x1b[0m{value[9:]}",
    "dots": lambda value: f"{value[:-4]}...",
}


@pytest.mark.parametrize("value", [CANARY, PLAIN, "p@ss:w0rd$/with#all?&x=1%", "Пароль-ключ-42"])
@pytest.mark.parametrize("form", TOOLS.values(), ids=TOOLS)
def test_a_value_as_a_tool_writes_it(value: str, form: Callable[[str], str]) -> None:
    register(value)
    left = mask(f"before {form(value)} after")
    assert left.startswith("before ")
    assert left.endswith(" after")
    rest = left[len("before ") : -len(" after")].strip("=\n")
    assert rest.startswith(MASK)
    assert len(rest) <= len(MASK) + SEAM


@pytest.mark.parametrize(
    "unit",
    ["\\\\%%", "&\\", "\\ü", "\"'", "'\\", "ü?", "\ufffd?", "%25", "= ", "\n ", '\\"', "👍\\"],
)
def test_a_text_that_almost_holds_a_value_takes_no_time_to_speak_of(unit: str) -> None:
    register(unit * 20 + "z")
    ways = (unit, urllib.parse.quote(unit), repr(unit)[1:-1], json.dumps(unit)[1:-1], "\ufffd")
    begun_s = time.process_time()
    for way in ways:
        mask(way * 500)
        mask(f"{way}{unit}" * 500)
    assert time.process_time() - begun_s < 5


def test_what_nobody_registered_stays() -> None:
    assert mask(CANARY) == CANARY
    register(PLAIN)
    assert mask("canary and the rest") == "canary and the rest"


def test_a_value_inside_another_leaves_no_rest() -> None:
    register("inner-value")
    register("inner-value-and-more")
    assert mask("inner-value-and-more inner-value") == f"{MASK} {MASK}"


@pytest.mark.parametrize("broken", ["\n", "\r\n", "\n    ", "\ufffd"])
def test_a_value_that_a_log_breaks_over_lines(broken: str) -> None:
    register(PLAIN)
    for at in range(1, len(PLAIN)):
        assert mask(f"a {PLAIN[:at]}{broken}{PLAIN[at:]} b") == f"a {MASK} b"


@pytest.mark.parametrize("width", [76, 64, 20, 9])
@pytest.mark.parametrize("before", ["", "a", "Authorization: Bearer ", "x" * 60])
def test_base64_that_is_wrapped_wherever_the_value_begins(before: str, width: int) -> None:
    register(PLAIN)
    data = f"{before}{PLAIN}, and more of it".encode()
    text = mask("\n".join(textwrap.wrap(base64.b64encode(data).decode(), width)))
    assert MASK in text
    pieces = re.sub(r"\s", "", text).split(MASK)
    assert len(pieces) == 2
    # A digit or two at the seams belong to both.
    assert len("".join(pieces)) <= len(base64.b64encode(f"{before}, and more of it".encode())) + 4


def test_each_line_of_a_value_of_several() -> None:
    lines = ["-----BEGIN KEY-----", "MIIEvQIBADANBgkq", "hkiG9w0BAQEFAASC", "-----END KEY-----"]
    register("\n".join(lines))
    for line in lines:
        assert line not in mask(f"log: {line} end")


KEY = "\n".join(
    [
        "-----BEGIN KEY-----",
        *(f"MIIEvQIBADANBgkq{at:048d}" for at in range(25)),
        "-----END KEY-----",
    ]
)


@pytest.mark.parametrize(
    "form",
    [
        str,
        lambda value: value.replace("\n", "\r\n"),
        json.dumps,
        lambda value: json.dumps({"log": json.dumps({"key": value})}),
        urllib.parse.quote,
        repr,
        lambda value: base64.b64encode(value.encode()).decode(),
        lambda value: base64.encodebytes(value.encode()).decode(),
        lambda value: "\n".join(textwrap.wrap(base64.b64encode(value.encode()).decode(), 64)),
    ],
)
def test_a_key_of_several_lines_is_gone_in_every_form(form: Callable[[str], str]) -> None:
    register(KEY)
    left = mask(f"before {form(KEY)} after")
    assert left.startswith("before ")
    assert left.endswith(" after")
    shown = set(re.findall(r"[A-Za-z0-9+/]{12,}", left))
    assert shown == set()


def test_name_and_password_of_basic_credentials() -> None:
    register(base64.b64encode(b"shop:s3cret-word").decode())
    assert mask("logged in shop:s3cret-word") == f"logged in {MASK}"
    assert mask("password s3cret-word") == f"password {MASK}"


@pytest.mark.parametrize("left", [6, 12, len(PLAIN) - 1])
def test_a_value_that_a_cut_goes_through(left: int) -> None:
    register(PLAIN)
    assert mask_cut(f"{PLAIN[-left:]} rest") == f"{MASK} rest"
    assert mask_cut(f"rest {PLAIN[:left]}") == f"rest {MASK}"


def test_names_that_look_secret() -> None:
    names = "API_TOKEN GITHUB_TOKEN DB_PASSWORD PGPASSWORD AWS_SECRET_ACCESS_KEY SIGNING_KEY"
    names += " DOCKER_AUTH_CONFIG NPM_AUTH REGISTRY_CREDS SLACK_WEBHOOK_URL SESSION_COOKIE"
    names += " STRIPE_APIKEY my-secret mysql_pwd authToken SESSION_JWT SENTRY_DSN secretKey"
    assert [name for name in names.split() if not looks_secret(name)] == []


@pytest.mark.parametrize(
    "name",
    ["PATH", "HOME", "SSH_AUTH_SOCK", "PWD", "OLDPWD", "KEYBOARD", "MONKEY", "LOG_LEVEL", "AUTHOR"],
)
def test_names_that_do_not(name: str) -> None:
    assert not looks_secret(name)


def test_what_looks_secret_is_masked_in_foreign_text_alone() -> None:
    suspect({"DB_PASSWORD": "postgres-dev", "MODE": "production", "SHORT_KEY": "abc"})
    log = "postgres-dev production abc"
    assert mask_foreign(log) == f"{MASK} production abc"
    assert mask(log) == log


def test_an_error_of_ours_quotes_nothing_that_looks_secret_but_for_words() -> None:
    suspect({"API_TOKEN": "canary-5eCret", "POSTGRES_PASSWORD": "postgres"})
    error = UsageError(
        Reason.BAD_SCENARIO,
        "services.postgres.image: x:canary-5eCret is not known",
        remedy="give x:canary-5eCret another name",
    ).and_beside(["canary-5eCret"])
    assert error.message == f"services.postgres.image: x:{MASK} is not known\n{MASK}"
    assert error.remedy == f"give x:{MASK} another name"


@pytest.mark.parametrize(
    ("value", "log", "left"),
    [
        (
            "postgres://shop:pr0d-canary@db:5432/shop",
            "cannot reach postgres://shop:pr0d-canary@db (pr0d-canary)",
            f"cannot reach postgres://shop{MASK}db ({MASK})",
        ),
        (
            "redis://:tiny@cache",
            "redis://:tiny@cache a tiny bit",
            f"redis://{MASK}cache a tiny bit",
        ),
        (
            "https://ghp_16C7e42F292c6912E7710c838347Ae178B4a@github.com/o/r",
            "fatal: ghp_16C7e42F292c6912E7710c838347Ae178B4a",
            f"fatal: {MASK}",
        ),
        (
            "postgres://shop:p@ss-word@db/shop",
            "login failed: p@ss-word",
            f"login failed: {MASK}",
        ),
        (
            '{"auths": {"r.example": {"auth": "c2hvcDpzM2NyZXQtd29yZA=="}}}',
            "unauthorized: shop s3cret-word c2hvcDpzM2NyZXQtd29yZA==",
            f"unauthorized: shop {MASK} {MASK}",
        ),
        ("ssh://deploy@host.example", "user deploy@host.example", "user deploy@host.example"),
        ("amqp://u:p%40ss-word@mq", "login u p@ss-word", f"login u {MASK}"),
        (
            "Server=db;User Id=sa;Password=canary-9f31;",
            "login with canary-9f31",
            f"login with {MASK}",
        ),
        ("jdbc:mysql://db/x?user=a&password=canary-9f31", "canary-9f31!", f"{MASK}!"),
        ("http://proxy:3128/a:b@c", "http://proxy:3128/a:b@c", "http://proxy:3128/a:b@c"),
        ("https://db?tokens=canary-9f31", "canary-9f31", "canary-9f31"),
    ],
)
def test_a_password_within_an_address_whatever_its_variable_is_called(
    value: str, log: str, left: str
) -> None:
    suspect({"DATABASE": value})
    assert mask_foreign(log) == left
    assert mask(log) == log


@pytest.mark.parametrize("value", ["1234567890", "/run/secrets/db", "./key.pem"])
def test_numbers_and_paths_are_no_suspects(value: str) -> None:
    suspect({"SESSION_KEY": value})
    assert mask_foreign(f"reading {value}") == f"reading {value}"


def test_an_error_holds_no_secret() -> None:
    register(PLAIN)
    suspect({"DB_PASSWORD": "postgres-dev"})
    error = UsageError(Reason.BAD_SCENARIO, f"no {PLAIN}", remedy=f"give {PLAIN}")
    assert (error.message, error.remedy, str(error)) == (f"no {MASK}", f"give {MASK}", f"no {MASK}")
    died = InvalidMeasurement(Reason.SERVICE_DIED, "died").with_log(f"{PLAIN}\npostgres-dev")
    assert died.log == f"{MASK}\n{MASK}"
    assert died.message == "died"


PROGRAM = f"""
import sys, traceback
from socklat_gate import masking
from socklat_gate.stdio import ensure_buffered_stdio
ensure_buffered_stdio()
masking.register({PLAIN!r})
print("to stderr {PLAIN}", file=sys.stderr)
print("number 1234")
from rich.console import Console
Console(stderr=True).print("rich [bold]{PLAIN}[/]")
raise RuntimeError("internal {PLAIN}")
"""


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_nothing_secret_leaves_by_stderr(unbuffered: str) -> None:
    environment = {"PYTHONPATH": f"{ROOT}/gate", "PYTHONUNBUFFERED": unbuffered}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "number 1234\n"
    assert f"to stderr {MASK}\n" in done.stderr
    assert f"rich {MASK}\n" in done.stderr
    assert f"RuntimeError: internal {MASK}\n" in done.stderr
    # The line of source that the traceback shows is the program's own.
    assert PLAIN not in done.stderr


STARTED = """
import os
from socklat_gate import cli, masking
try:
    cli.main(["--version"])
except SystemExit:
    print(masking.mask_foreign(f"compose: {os.environ['API_TOKEN']} is no port"))
"""


def test_what_looks_secret_is_known_from_the_start() -> None:
    done = subprocess.run(
        [sys.executable, "-c", STARTED],
        env={**os.environ, "PYTHONPATH": f"{ROOT}/gate", "API_TOKEN": PLAIN},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.endswith(f"compose: {MASK} is no port\n")


def test_a_password_in_an_argument_is_not_repeated() -> None:
    place = f"git+branch:x@https://shop:{PLAIN}@forge.example/shop"
    done = subprocess.run(
        [sys.executable, "-m", "socklat_gate", "baseline", "list", "--baselines", place],
        env={**os.environ, "PYTHONPATH": f"{ROOT}/gate"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "forge.example" in done.stderr
    assert PLAIN not in done.stdout + done.stderr


def test_nothing_is_known_after_forgetting() -> None:
    register(PLAIN)
    suspect({"DB_PASSWORD": PLAIN})
    masking.forget_all()
    assert masking.registered() == ()
    assert mask_foreign(PLAIN) == PLAIN


def test_a_long_value_takes_no_time_to_speak_of() -> None:
    value = "0123456789abcdef" * 4000
    register(value)
    assert mask(f"a {value} b") == f"a {MASK} b"
    assert mask_cut(f"{value[30:]} b") == f"{MASK} b"
    begun_s = time.monotonic()
    suspect({"A": value * 10, "B": "://" * 100_000, "C": "x://" * 100_000, "D": " " * 300_000})
    assert time.monotonic() - begun_s < 5
