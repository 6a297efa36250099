"""A pattern that finds values in every form in which a text may have them.

Logs hold values quoted for a shell, escaped in JSON, YAML or XML, percent-encoded to some degree,
broken over lines, coloured, as numbers or in Base64.  Each character has its own ways, and a tool
mixes them, so the pattern has the ways of each character rather than a list of whole texts.  No
text matches in two ways, or to look for one that almost does would take for ever.
"""

from __future__ import annotations

import base64
import json
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from functools import lru_cache
from html.entities import codepoint2name

__all__ = ["MIN_FRAGMENT", "MIN_LINE", "pattern_of", "spans_over_breaks"]

MIN_LINE = 8
MIN_FRAGMENT = 6
MIN_ENCODED = 5
WRAPPED = (76, 64)
"""Columns of Base64 texts of several lines."""
MAX_CUT = 48
MAX_RARE = 256
"""A longer value is not looked for in forms that only single words have."""

SPLIT = re.compile(r"\r?[\n\ufffd][ \t]*|\x1b\[[0-9;]*[mK]")
"""What a log may put into a long value: a line break, or what `wording.sanitise` makes of one, or
the change of a colour."""

BACKSLASH = "\\"
SLASHES = r"\\{1,8}"
"""Before an escaped character: one where it is written once, seven where it is thrice."""
LETTERS = {"\n": "n", "\r": "r", "\t": "t", "\0": "0", "\a": "a", "\b": "b", "\f": "f", "\v": "v"}
DOUBLED = "'\"$`%"
IN_QUOTES = ("'\\''", "'\"'\"'")
"""What a single quote is in a shell's single quotes."""
NAMES = {**codepoint2name, ord("'"): "apos"}
_SPECIAL, _WIDE = r"[^A-Za-z0-9\\\x80-\U0010ffff]", r"[\x80-\U0010ffff]+"
RUNS = re.compile(
    rf"[A-Za-z0-9]|\\+(?:(?P<a>{_SPECIAL})(?P=a)*|{_WIDE})?|(?P<b>{_SPECIAL})(?P=b)*|{_WIDE}"
)
UNKNOWN = "\ufffd"


def pattern_of(values: Iterable[str]) -> re.Pattern[str]:
    """What matches each of ``values`` in each of its forms, the longest first."""
    found = dict(one for value in values for one in _patterns(value))
    # What is left of a value that contains another must not stay.
    ordered = sorted(found, key=lambda one: (-found[one], one))
    # Those of one first letter together, so that most of a text is looked at once a letter.
    by_first: dict[str, list[str]] = {}
    for one in ordered:
        by_first.setdefault(one[0] if one[0].isalnum() else "", []).append(one)
    groups = [
        f"{first}(?:{'|'.join(o[1:] for o in by_first[first])})" for first in by_first if first
    ]
    return re.compile("|".join((*groups, *by_first.get("", ()))))


def spans_over_breaks(pattern: re.Pattern[str], text: str) -> Iterator[tuple[int, int]]:
    """Where ``pattern`` matches once breaks are taken out of a text, in order.

    Short matches are left out: the end of a line and the beginning of the next make many a word.
    """
    kept: list[str] = []
    begins: list[tuple[int, int]] = []
    at = length = 0
    for found in SPLIT.finditer(text):
        begins.append((length, at))
        kept.append(text[at : found.start()])
        length, at = length + found.start() - at, found.end()
    if not begins:
        return
    begins.append((length, at))
    kept.append(text[at:])
    places = [place for place, _ in begins]
    for match in pattern.finditer("".join(kept)):
        if match.end() - match.start() >= MIN_LINE:
            first, last = (
                position - places[piece] + begins[piece][1]
                for position in (match.start(), match.end() - 1)
                for piece in (bisect_right(places, position) - 1,)
            )
            yield first, last + 1


def _patterns(value: str) -> Iterator[tuple[str, int]]:
    """Patterns, each with the characters of the shortest text that it matches."""
    data = value.encode("utf-8", "surrogateescape")
    for text in {value, *(value.replace("'", quoted) for quoted in IN_QUOTES)}:
        yield "".join(map(_of_unit, _units(text))), len(text)
    if len(value) <= MAX_RARE:
        yield r"[\s,:-]{0,3}(?:0x|\\{1,8}x)?".join(map(_hex, data)), 2 * len(data)
    if MIN_LINE <= len(value) <= MAX_CUT:
        yield _cut(value), MIN_FRAGMENT
    texts = {*_base64_forms(data), *_base64_lines(data)}
    if len(value) <= MAX_RARE:
        yield "".join(rf"%(?:25)?{_hex(one)}" for one in data), 3 * len(data)
        texts |= {*_base64_forms(json.dumps(value)[1:-1].encode()), *_other_bases(data)}
    for text in texts:
        if len(text) >= MIN_ENCODED:
            yield "".join(map(_of_digit, text)), len(text)


def _units(text: str) -> list[str]:
    return [found[0] for found in RUNS.finditer(text)]


def _cut(value: str) -> str:
    """The beginning of a value, as tools show a long text: with dots for the rest."""
    each = [re.escape(one) for one in value]
    further = each[MIN_FRAGMENT:-1]
    rest = "".join(f"(?:{one}" for one in further) + ")?" * len(further)
    return rf"{''.join(each[:MIN_FRAGMENT])}{rest}(?:\.\.\.|\u2026)"


@lru_cache(maxsize=1024)
def _of_unit(unit: str) -> str:
    """A letter or digit; or a run of backslashes, of another character, or of the first upon it."""
    if unit.isascii() and unit.isalnum():
        return unit
    run = unit.lstrip(BACKSLASH)
    slashes = len(unit) - len(run)
    coded = "|".join(_times((*_escapes(BACKSLASH), *_plain_ways(BACKSLASH)), slashes or 1))
    if not run:
        return f"(?:{_slashes(slashes)}|{coded})"
    if not slashes:
        return _of_run(run)
    further = "".join(map(_raw, run[1:]))
    upon = "|".join((re.escape(run[0]), *_escaped_as(run[0])))
    # The backslashes before a character may be its own, or escapes of others.
    together = rf"\\{{{slashes},{8 * slashes + 8}}}(?:{upon}){further}"
    plain = "|".join(_times(_plain_ways(run[0]), len(run) if run == run[0] * len(run) else 1))
    rest = "" if run == run[0] * len(run) else further
    by_name, as_it_is = f"(?:{plain}){rest}", f"{_raw(run[0])}{further}"
    return f"(?:{together}|(?:{_slashes(slashes)}|{coded}){by_name}|(?:{coded}){as_it_is})"


def _of_run(run: str) -> str:
    """Of one character again and again; or of any that ASCII has not."""
    if run.isascii():
        first = rf"(?:\\{{0,8}}{re.escape(run[0])})"
        ways = _times((first, *_escapes(run[0]), *_plain_ways(run[0])), len(run))
        return f"(?:{'|'.join(ways)})"
    each = (dict.fromkeys((re.escape(one), *_escapes(one), *_plain_ways(one))) for one in run)
    ways = ["".join(f"(?:{'|'.join(one)})" for one in each)]
    if UNKNOWN not in run:
        lengths = {len(run), len(run.encode("utf-8", "surrogateescape"))}
        ways += [rf"\?{{{len(run)}}}", *(f"{UNKNOWN}{{{one}}}" for one in sorted(lengths))]
    return f"(?:{'|'.join(ways)})"


def _raw(one: str) -> str:
    return f"(?:{'|'.join((re.escape(one), *_escapes(one)))})"


def _hex(byte: int) -> str:
    return _either_case(f"{byte:02x}")


def _either_case(digits: str) -> str:
    # Faster than a flag, with which no branch is known by its first character.
    return re.sub("[a-f]", lambda found: f"[{found[0]}{found[0].upper()}]", digits)


def _slashes(times: int) -> str:
    return rf"\\{{{times},{8 * times}}}"


def _times(ways: Iterable[str], times: int) -> list[str]:
    found = dict.fromkeys(ways)
    return list(found) if times == 1 else [f"(?:{way}){{{times}}}" for way in found]


def _escapes(one: str) -> Iterator[str]:
    return (SLASHES + way for way in _escaped_as(one))


def _escaped_as(one: str) -> Iterator[str]:
    """What follows upon a backslash."""
    data, code = one.encode("utf-8", "surrogateescape"), ord(one)
    units = one.encode("utf-16-be", "surrogatepass")
    pairs = ["".join(map(_hex, units[at : at + 2])) for at in range(0, len(units), 2)]
    yield f"{SLASHES}u".join(("", *pairs))[len(SLASHES) :]
    yield f"{SLASHES}x".join(("", *(f"{_hex(byte)}" for byte in data)))[len(SLASHES) :]
    yield SLASHES.join(("", *(f"{byte:03o}" for byte in data)))[len(SLASHES) :]
    if 128 <= code < 256:
        yield f"x{_hex(code)}"
    if one in LETTERS:
        yield LETTERS[one]


def _plain_ways(one: str) -> Iterator[str]:
    """Ways without a backslash, of which the first is percent-encoding."""
    data, code = one.encode("utf-8", "surrogateescape"), ord(one)
    # Also what was encoded again; both cases of hexadecimal digits are in use.
    yield "".join(rf"%(?:25){{0,2}}{_hex(byte)}" for byte in data)
    yield rf"&(?:amp;){{0,2}}#(?:0*{code}|[xX]0*{_either_case(f'{code:x}')});"
    if code in NAMES:
        yield rf"&(?:amp;){{0,2}}{NAMES[code]};"
    yield "".join(rf"={_hex(byte)}" for byte in data)
    if one in DOUBLED:
        yield re.escape(one) * 2
    if one == " ":
        yield r"\+"
    if one == "\n":
        yield r"\r\n"
    if not one.isascii():
        yield re.escape(data.decode("latin-1"))
        if (apart := unicodedata.normalize("NFD", one)) != one:
            yield re.escape(apart)


def _of_digit(one: str) -> str:
    """Of a Base64 text, which may stand in an address."""
    return one if one.isalnum() else rf"(?:{re.escape(one)}|%(?:25)?{_hex(ord(one))})"


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


def _other_bases(data: bytes) -> Iterator[str]:
    """Of the value alone: Base32, Base64 of Base64, and of UTF-16 as PowerShell takes it."""
    yield base64.b32encode(data).decode().rstrip("=")
    yield base64.b64encode(base64.b64encode(data)).decode().rstrip("=")
    wide = data.decode("utf-8", "surrogateescape").encode("utf-16-le", "surrogatepass")
    yield base64.b64encode(wide).decode().rstrip("=")
