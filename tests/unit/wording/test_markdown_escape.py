import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socklat_gate.wording.markdown_escape import Md, code, md
from tests.unit.hostile_texts import TEXTS
from tests.unit.report.markdown_judge import PARSER, markup_of, tables, visible_text

CONTROLS = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("escape", [md, code])
def test_hostile_text_is_only_text_wherever_it_stands(escape, text):
    shown = escape(text)
    assert markup_of(shown) == []
    assert markup_of(f"before {shown} after") == []
    bulleted = [t for t in markup_of(f"- {shown}") if not t.startswith(("bullet_", "list_item_"))]
    assert bulleted == []
    (table,) = tables(f"| a | b |\n|---|---|\n| {shown} | end |\n")
    assert [len(row) for row in table] == [2, 2]
    assert table[1][1] == "end"


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("escape", [md, code])
def test_what_is_left_is_short_printable_and_on_one_line(escape, text):
    shown = escape(text, 50)
    assert isinstance(shown, Md)
    if escape is md:
        assert len(visible_text(shown).replace("\u2060", "")) <= 50
    else:
        assert len(shown) <= 52
    assert not [c for c in shown if unicodedata.category(c) in CONTROLS and c != "\u2060"]


printable = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40)
markdown_like = st.text(st.sampled_from("*_`[]()<>|~#@:/.-+=1w \\&!\n\tab"), max_size=30)


@given(st.one_of(printable, markdown_like))
def test_any_text_is_only_text(text):
    for shown in (md(text), code(text)):
        assert markup_of(shown) == []
        assert markup_of(f"a {shown} b") == []


@given(printable)
def test_the_reader_sees_the_text_itself(text):
    seen = visible_text(md(text)).replace("\u2060", "")
    assert seen == " ".join(text.split())


@given(markdown_like.filter(lambda text: not set(text) & set("`|")))
def test_code_shows_the_text_itself(text):
    tokens = PARSER.parseInline(code(text))[0].children
    expected = " ".join(text.split())
    assert [t.content.replace("\u2060", "") for t in tokens] == [expected or "\u2013"]


def test_mathematics_is_not_typeset():
    # GitHub looks for dollars in the source, before entities are decoded.
    assert "$" not in md("$x^2$ and $$y$$")


@pytest.mark.parametrize(
    "text",
    [
        "response_p99 is 31.0% slower (interval 24.0% to 39.0%), most of it in app",
        "+3.1% after 12.5 s; -5 then",
        "the candidate ended with exit code 137: out of memory?",
        "answered 12\u202f345 requests",
    ],
)
def test_ordinary_sentences_stay_as_they_are(text):
    assert md(text) == text


@pytest.mark.parametrize("text", ["redis:7.2", "ghcr.io/org/app@sha256:0123", "sh -c 'a && b'"])
def test_identifiers_can_be_copied(text):
    assert code(text) == f"`{text}`"


def test_long_text_ends_with_an_ellipsis():
    assert md("word " * 100, 20) == "word word word word\u2026"
    assert code("x" * 100, 10) == "`xxxxxxxxx\u2026`"
