"""What in a text is a place for a value, and what only has braces."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from socklat_gate.scenario.template import (
    Field,
    UnknownField,
    Verbatim,
    check_name,
    names_in,
    parts_of,
)

KNOWN = ("id", "user_name")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ()),
        ("/cart", ("/cart",)),
        ("/users/{id}", ("/users/", Field("id"))),
        ("{id}{user_name}", (Field("id"), Field("user_name"))),
        ('{"id": {id}}', ('{"id": ', Field("id"), "}")),
        ('{"a": {"id":{id}}}', ('{"a": {"id":', Field("id"), "}}")),
        ('{"a": {}, "b": [{}]}', ('{"a": {}, "b": [{}]}',)),
        ("{{id}}", ("{id}",)),
        ("a{{id}}b{id}", ("a{id}b", Field("id"))),
        ("{{{id}}}", ("{{id}}",)),
        ("{ id }", ("{ id }",)),
        ("{seq}-{uuid}", (Field("seq"), "-", Field("uuid"))),
        ("{random_int:-5:10}", (Field("random_int", -5, 10),)),
        ("{other}", ("{other}",)),
        ("{{other}}", ("{{other}}",)),
        ("{id:3}", ("{id:3}",)),
    ],
)
def test_known_names_alone_are_fields(text, parts):
    assert parts_of(text, KNOWN, strict=False) == parts


def test_where_all_must_be_known_another_name_is_refused():
    with pytest.raises(UnknownField, match=r"\{usr\} is no column .* there are id, user_name"):
        parts_of("/u/{usr}", KNOWN, strict=True)
    assert parts_of("/u/{{usr}}", KNOWN, strict=True) == ("/u/{usr}",)
    assert parts_of('{"a": {"b": 1}}', KNOWN, strict=True) == ('{"a": {"b": 1}}',)


@pytest.mark.parametrize(
    "text", ["{random_int}", "{random_int:1}", "{random_int:5:1}", "{random_int:a:b}", "{uuid:4}"]
)
def test_a_built_in_with_wrong_bounds_is_refused(text):
    for strict in (True, False):
        with pytest.raises(ValueError, match=r"random_int needs|uuid has nothing"):
            parts_of(text, (), strict=strict)


@pytest.mark.parametrize(
    ("text", "nearest"),
    [
        ("{rand_int:1:9}", "{random_int:1:9}"),
        ("{randomInt:1:9}", "{random_int:1:9}"),
        ("{number:-5:10}", "{random_int:-5:10}"),
        ("{random_in:}", "{random_int:LOW:HIGH}"),
        ("{random:int}", "{random_int:LOW:HIGH}"),
        ("{uuid4:hex}", "{uuid}"),
        ("{Seq:1}", "{seq}"),
    ],
)
def test_what_can_only_be_a_mistyped_built_in_is_refused_with_the_nearest(text, nearest):
    for body in (text, f'{{"n": "{text}"}}'):
        for strict in (True, False):
            with pytest.raises(UnknownField) as refused:
                parts_of(body, (), strict=strict)
            assert f"; the nearest is {nearest}; {{{text}}} is the text itself" in str(
                refused.value
            )
            assert parts_of(f"{{{text}}}", (), strict=strict) == (text,)


@pytest.mark.parametrize(
    "text",
    [
        "a{color:red}",
        "p{margin:0}",
        "{smallPic:profilePic}",
        '{"key": "{user:1000}:cart"}',
        '{"a":1}',
        "{a:{b:1}}",
        "{sequence_of_events:1}",
    ],
)
def test_styles_queries_and_keys_are_no_mistyped_fields(text):
    for strict in (True, False):
        assert parts_of(text, KNOWN, strict=strict) == (text,)


def test_in_a_path_all_braces_are_fields():
    for text in ("/u/{id:[0-9]+}", "/u/{color:red}", "/u/{other}"):
        with pytest.raises(UnknownField):
            parts_of(text, (), strict=False, in_path=True)
    assert parts_of("/u/{{id:[0-9]+}}", (), strict=False, in_path=True) == ("/u/{id:[0-9]+}",)


def test_a_name_that_is_nearly_known_is_named():
    with pytest.raises(UnknownField, match=r"; the nearest is \{user_name\}$"):
        parts_of("{username}", KNOWN, strict=True)


def test_nothing_is_filled_into_a_secret():
    assert parts_of(Verbatim("to{id}ken{uuid}"), KNOWN, strict=True) == ("to{id}ken{uuid}",)
    assert names_in(object(), KNOWN) == set()
    assert names_in("{id} {uuid} {other}", KNOWN) == {"id", "uuid"}


@pytest.mark.parametrize("name", ["", "1a", "a b", "a-b", "uuid", "seq", "random_int"])
def test_a_value_has_a_name_that_can_stand_in_braces(name):
    with pytest.raises(ValueError, match=r"cannot be the name|built-in"):
        check_name(name)


@given(st.text(alphabet='{}id":, 1x'))
def test_a_text_without_known_names_stays_as_it_is(text):
    assume(not re.search(r"\{[idx1]+:1+:1+\}", text))  # those have the bounds of a random_int
    assert "".join(map(str, parts_of(text, (), strict=False))) == text


@given(st.lists(st.sampled_from(["{id}", "{{id}}", '{"a":', "}", "{", "x", "{}", " "])))
def test_what_is_no_field_is_kept_in_its_order(pieces):
    text = " ".join(pieces)
    parts = parts_of(text, ("id",), strict=False)
    shown = "".join("<id>" if isinstance(part, Field) else part for part in parts)
    assert (
        shown.replace("<id>", "{id}").replace(" ", "")
        in {
            text.replace("{{id}}", "{id}").replace(" ", ""),
            text.replace(" ", ""),
        }
        or "{{id}}" in text
    )
