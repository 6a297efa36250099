"""Values that must not be seen, and texts without them.

What a scenario names as secret is registered when it is read (`scenario.secret`) and replaced in
everything that leaves the process.  What only looks like a secret, by the name of its variable, is
replaced in foreign text: logs of containers and the output of tools.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from urllib.parse import unquote

from socklat_gate.secret_forms import MIN_FRAGMENT, MIN_LINE, pattern_of, spans_over_breaks

__all__ = [
    "MASK",
    "MIN_LENGTH",
    "MIN_SUSPECT",
    "anything_known",
    "be_ready",
    "forget_all",
    "looks_secret",
    "mask",
    "mask_cut",
    "mask_foreign",
    "mask_own",
    "register",
    "register_within",
    "registered",
    "suspect",
    "suspect_values",
]

MASK = "***"
MIN_LENGTH = 4
"""Shorter values are everywhere by chance."""

MIN_SUSPECT = 8
"""A shorter value of a variable that looks secret is as likely an ordinary word."""
MIN_TOKEN = 20
"""Of a name in an address that has no password: a shorter one is somebody's."""

SECRET_WORDS = frozenset(
    {
        *("TOKEN", "SECRET", "PASSWORD", "PASSWD", "PASSPHRASE", "PASS", "PWD", "CREDENTIAL"),
        *("CREDENTIALS", "KEY", "APIKEY", "AUTHTOKEN", "PAT", "JWT", "BEARER", "DSN", "PASSCODE"),
        *("SECRETKEY", "ACCESSKEY", "PRIVATEKEY", "ENCRYPTIONKEY", "AUTH", "CREDS", "COOKIE"),
        "WEBHOOK",
    }
)
SUFFIXES = ("TOKEN", "SECRET", "PASSWORD", "PASSWD")
NO_SECRETS = {"PWD", "OLDPWD", "SSH_AUTH_SOCK"}

_IN_URL = re.compile(
    r"(?<![A-Za-z0-9+.-])[A-Za-z][A-Za-z0-9+.-]*://(?:([^/?#@\s:]*)@|[^/?#@\s:]*:([^/?#\s]+)@)"
)
_IN_SETTINGS = re.compile(
    r"(?:^|[;?&\s])(?:password|pwd|passwd|accountkey|sharedaccesskey|secret|token)\s*=\s*([^;&\s]+)",
    re.IGNORECASE,
)
"""Of a connection string, whatever its variable is called."""
_WORD = re.compile("[a-z]+")
_IN_LOGINS = re.compile(r"""["']auth["']\s*:\s*["']([A-Za-z0-9+/=]{8,})["']""")
"""Of registries, as in ``config.json`` of Docker: name and password in Base64."""


class _Known:
    """Process-wide, as the streams that the values must not reach."""

    values: dict[str, None] = {}  # noqa: RUF012 - replaced as a whole by tests
    suspects: dict[str, None] = {}  # noqa: RUF012


def register(value: str) -> None:
    """Replace ``value`` in everything from now on; each line of a longer one too."""
    for one in (value, *_lines(value), *_decoded(value)):
        if len(one) >= MIN_LENGTH:
            _Known.values[one] = None


def suspect(environment: Mapping[str, str]) -> None:
    """Replace in foreign text what looks secret: by a variable's name, or within an address.

    The password of ``postgres://shop:PASSWORD@db/`` is one, whatever the variable is called.
    """
    for name, value in environment.items():
        if looks_secret(name) and len(value) >= MIN_SUSPECT and not _is_ordinary(value):
            suspect_values((value,))
        suspect_values(_within(value))


def register_within(values: Iterable[str]) -> None:
    """Replace in everything what addresses among these have as passwords: a command line's, say."""
    for value in values:
        for one in _within(value):
            register(one)


def suspect_values(values: Iterable[str]) -> None:
    """Replace these in foreign text, and each line of those that have several."""
    for value in values:
        for one in (value, *_lines(value)):
            if len(one) >= MIN_LENGTH:
                _Known.suspects[one] = None


def looks_secret(name: str) -> bool:
    """Whether a variable of that name holds a secret, as far as its name tells."""
    upper = name.upper()
    words = re.split(r"[^A-Z0-9]+", upper)
    return upper not in NO_SECRETS and any(
        word in SECRET_WORDS or word.endswith(SUFFIXES) for word in words
    )


def registered() -> tuple[str, ...]:
    """All values given to `register`, for a process that masks on its own."""
    return tuple(_Known.values)


def anything_known() -> bool:
    """Whether there is a value to replace anywhere."""
    return bool(_Known.values or _Known.suspects)


def be_ready() -> None:
    """Make what `mask` needs, which takes up to a second: not while a load runs."""
    mask("-")
    mask_own("-")
    mask_foreign("-")


def forget_all() -> None:
    """As in a new process."""
    _Known.values, _Known.suspects = {}, {}


def mask(text: str) -> str:
    """``text`` with `MASK` for every registered value, also where it is encoded or escaped."""
    return _replaced(text, tuple(_Known.values))


def mask_own(text: str) -> str:
    """The same for a sentence of ours, which may quote what a file made of a variable.

    Values that look secret go, but for single words: a database's password is often its name.
    """
    suspects = (one for one in _Known.suspects if not _WORD.fullmatch(one))
    return _replaced(text, (*_Known.values, *suspects))


def mask_foreign(text: str) -> str:
    """The same for text of a container or a tool, where values that look secret go as well."""
    return _replaced(text, (*_Known.values, *_Known.suspects))


def mask_cut(text: str) -> str:
    """`mask_foreign` for a piece of a text: values that its ends cut through go as well."""
    text = mask_foreign(text)
    for value in (*_Known.values, *_Known.suspects):
        for length in range(len(value) - 1, MIN_FRAGMENT - 1, -1):
            if text.startswith(value[-length:]):
                text = MASK + text[length:]
            if text.endswith(value[:length]):
                text = text[:-length] + MASK
    return text


def _replaced(text: str, values: tuple[str, ...]) -> str:
    if not (values and text):
        return text
    pattern = _pattern(values)
    text = pattern.sub(MASK, text)
    pieces: list[str] = []
    at = 0
    for first, end in spans_over_breaks(pattern, text):
        pieces += (text[at:first], MASK)
        at = end
    return "".join((*pieces, text[at:]))


@lru_cache(maxsize=8)
def _pattern(values: tuple[str, ...]) -> re.Pattern[str]:
    return pattern_of(values)


def _lines(value: str) -> Iterable[str]:
    """Lines of a value that has several, such as a key in PEM: logs show them one by one."""
    lines = value.splitlines()
    return [line.strip() for line in lines if len(line.strip()) >= MIN_LINE] if lines[1:] else ()


def _decoded(value: str) -> Iterable[str]:
    """Name and password that credentials of HTTP's Basic scheme encode, and the password alone."""
    try:
        text = base64.b64decode(value, validate=True).decode()
    except (binascii.Error, ValueError):
        return ()
    password = text.partition(":")[2]
    return (text, password) if password and text.isprintable() else ()


def _within(value: str) -> Iterator[str]:
    """Passwords within an address or a connection string; a short one with what is around it."""
    for found in _IN_URL.finditer(value):
        name, password = found.groups()
        if password is None:
            if len(name) >= MIN_TOKEN:  # as in https://TOKEN@github.com/
                yield name
            continue
        yield f":{password}@"
        yield from (one for one in (password, unquote(password)) if len(one) >= MIN_SUSPECT)
    for found in _IN_LOGINS.finditer(value):
        yield from (one for one in (found[1], *_decoded(found[1])) if len(one) >= MIN_SUSPECT)
    for found in _IN_SETTINGS.finditer(value):
        if len(found[1]) >= MIN_SUSPECT and not _is_ordinary(found[1]):
            yield found[1]


def _is_ordinary(value: str) -> bool:
    """A number or the path of a file is no secret, whatever the variable's name is."""
    return value.isdigit() or value.startswith(("/", "./", "~/"))
