"""Values that must not be seen, and texts without them.

What a scenario names as secret is registered when it is read (`scenario.secret`) and replaced in
everything that leaves the process.  What only looks like a secret, by the name of its variable, is
replaced in foreign text: logs of containers and the output of tools.
"""

from __future__ import annotations

import base64
import binascii
import html
import json
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from urllib.parse import quote, quote_plus, unquote

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
    "register",
    "registered",
    "suspect",
    "suspect_values",
]

MASK = "***"
MIN_LENGTH = 4
"""Shorter values are everywhere by chance."""

MIN_SUSPECT = 8
"""A shorter value of a variable that looks secret is as likely an ordinary word."""
MIN_LINE = 8
MIN_ENCODED = 5
MIN_FRAGMENT = 6
WRAPPED = (76, 64)
"""Columns of Base64 texts of several lines."""
MAX_SPLIT = 2048
"""A longer value is looked for in one piece: the pattern takes 0.1 ms a character to make."""
MAX_SPLIT_ENCODED = 512
"""A Base64 text is wrapped wherever its line is full, and a value begins anywhere in it."""

SECRET_WORDS = frozenset(
    {
        *("TOKEN", "SECRET", "PASSWORD", "PASSWD", "PASSPHRASE", "PASS", "PWD", "CREDENTIAL"),
        *("CREDENTIALS", "KEY", "APIKEY", "AUTHTOKEN", "PAT", "JWT", "BEARER", "DSN", "PASSCODE"),
        *("SECRETKEY", "ACCESSKEY", "PRIVATEKEY", "ENCRYPTIONKEY"),
    }
)
SUFFIXES = ("TOKEN", "SECRET", "PASSWORD", "PASSWD")
NO_SECRETS = {"PWD", "OLDPWD"}

_IN_URL = re.compile(r"(?<![A-Za-z0-9+.-])[A-Za-z][A-Za-z0-9+.-]*://[^/?#@\s:]*:([^/?#@\s]+)@")
_IN_SETTINGS = re.compile(
    r"(?:^|[;?&\s])(?:password|pwd|passwd|accountkey|sharedaccesskey|secret|token)\s*=\s*([^;&\s]+)",
    re.IGNORECASE,
)
"""Of a connection string, whatever its variable is called."""

SPLIT = r"(?:(?:\r?\n|\ufffd)[ \t]*)?"
"""What a log may put into a long value: a line break, or what `wording.sanitise` makes of one."""


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
    mask_foreign("-")


def forget_all() -> None:
    """As in a new process."""
    _Known.values, _Known.suspects = {}, {}


def mask(text: str) -> str:
    """``text`` with `MASK` for every registered value, also where it is encoded or escaped."""
    return _replaced(text, tuple(_Known.values))


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
    return _pattern(values).sub(MASK, text) if values and text else text


@lru_cache(maxsize=8)
def _pattern(values: tuple[str, ...]) -> re.Pattern[str]:
    forms: dict[str, None] = {}
    for value in values:
        forms.update(dict.fromkeys(_forms(value)))
    split = {value for value in values if MIN_LINE <= len(value) <= MAX_SPLIT}
    for value in values:
        encoded = value.encode("utf-8", "surrogateescape")
        if MIN_LINE <= len(encoded) <= MAX_SPLIT_ENCODED:
            split.update(_base64_forms(encoded))
    # The longest first: what is left of a value that contains another must not stay.
    ordered = sorted(forms, key=len, reverse=True)
    return re.compile("|".join(_matcher(form, split=form in split) for form in ordered))


def _matcher(form: str, *, split: bool) -> str:
    if split:
        return SPLIT.join(map(re.escape, form))
    # Both cases of hexadecimal digits are in use.
    return re.sub(r"%[0-9A-F]{2}", r"(?i:\g<0>)", re.escape(form))


def _forms(value: str) -> Iterator[str]:
    yield value
    data = value.encode("utf-8", "surrogateescape")
    quoted = {quote(data, safe=""), quote(data), quote_plus(data, safe="")}
    quoted |= {quote(one, safe="") for one in quoted}
    in_json = {json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]}
    by_others = {_escaped(text, which) for text in in_json for which in ("&<>", "&<>='")}
    escaped = {
        *in_json,
        *by_others,  # as Go and Java write JSON
        *(text.replace("/", "\\/") for text in in_json),  # as PHP does
        *(json.dumps(one)[1:-1] for one in in_json),  # a log of lines of JSON, as JSON
        repr(value)[1:-1],
        html.escape(value),
        html.escape(value).replace("&#x27;", "&#39;").replace("&quot;", "&#34;"),
        html.escape(value).replace("&#x27;", "&apos;"),
        shlex.quote(value).strip("'"),
        re.sub(r"([^\w@%+=:,./-])", r"\\\1", value),  # as printf %q of a shell does
    }
    yield from (one for one in quoted | escaped if len(one) >= MIN_LENGTH)
    encoded = {data.hex(), data.hex().upper(), *_base64_forms(data), *_base64_lines(data)}
    yield from (one for one in encoded if len(one) >= MIN_ENCODED)


def _escaped(text: str, which: str) -> str:
    return "".join(f"\\u{ord(one):04x}" if one in which else one for one in text)


def _base64_forms(data: bytes) -> Iterator[str]:
    """What all base64 texts have in common that contain ``data``: one for each alignment."""
    for before in range(3):
        whole = bytes(before) + data
        # Digits that also hold bits of what comes before or after differ from text to text.
        begun = (8 * before + 5) // 6
        complete = 8 * len(whole) // 6
        for encode in (base64.standard_b64encode, base64.urlsafe_b64encode):
            yield encode(whole).decode()[begun:complete]


def _base64_lines(data: bytes) -> Iterator[str]:
    """Lines of a Base64 text of ``data`` that is wrapped, as by ``base64`` or in PEM."""
    for width in WRAPPED:
        step = width * 3 // 4
        if len(data) > step:
            yield from (
                base64.b64encode(data[at : at + step]).decode() for at in range(0, len(data), step)
            )


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
        password = found[1]
        yield f":{password}@"
        yield from (one for one in (password, unquote(password)) if len(one) >= MIN_SUSPECT)
    for found in _IN_SETTINGS.finditer(value):
        if len(found[1]) >= MIN_SUSPECT and not _is_ordinary(found[1]):
            yield found[1]


def _is_ordinary(value: str) -> bool:
    """A number or the path of a file is no secret, whatever the variable's name is."""
    return value.isdigit() or value.startswith(("/", "./", "~/"))
