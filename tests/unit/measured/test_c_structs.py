from __future__ import annotations

import numpy as np
import pytest

from socklat_gate.measured.c_structs import assertions, parse_structs

HEADER = """/* Shared. */
#ifndef SHARED_H
#define SHARED_H

struct small {
	u8 one; /* padded */
	u64 eight;
};
struct large {
	u16 two; // padded
	struct small parts[COUNT];
	s32 signed_one;
	u32 words[3];
};

#endif
"""


def test_fields_lie_where_a_compiler_puts_them() -> None:
    small, large = parse_structs(HEADER, {"COUNT": 2}).values()
    assert small.itemsize == 16
    assert small.fields is not None
    assert small.fields["eight"][:2] == (np.uint64, 8)
    assert large.itemsize == 56
    assert large.fields is not None
    assert {name: offset for name, (_, offset) in large.fields.items()} == {
        "two": 0,
        "parts": 8,
        "signed_one": 40,
        "words": 44,
    }
    assert large["parts"].shape == (2,)
    assert large["signed_one"] == np.int32


def test_the_compiler_is_asked_for_each_size_and_offset() -> None:
    lines = assertions(parse_structs(HEADER, {"COUNT": 2})).splitlines()
    assert len(lines) == 2 + 2 + 4
    assert lines[0].startswith("_Static_assert(sizeof(struct small) == 16, ")
    assert lines[2].startswith("_Static_assert(__builtin_offsetof(struct small, eight) == 8, ")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("struct a { int x; };", "unknown type 'int'"),
        ("struct a { u128 x; };", "unknown type 'u128'"),
        ("struct a { struct b x; };", "unknown type 'struct b'"),
        ("struct a { u8 x[MISSING]; };", "unknown length 'MISSING'"),
        ("struct a { u8 x[0]; };", "unknown length '0'"),
        ("struct a { u8 x[1 + 1]; };", "is not understood"),
        ("struct a { u8 *x; };", "is not understood"),
        ("struct a { u8 x : 3; };", "is not understood"),
        ("struct a { u8 x, y; };", "is not understood"),
        ("struct a { u8 x; u8 x; };", "two fields x"),
        ("struct a { u8 x };", "is not understood"),
        ("struct a { };", "has no fields"),
        ("struct a { u8 x; } __attribute__((packed));", "is not understood"),
        ("struct a { u8 x; }; struct a { u8 x; };", "defined twice"),
        ("struct a { union { u8 x; }; };", "is not understood"),
        ("#pragma pack(1)\nstruct a { u8 x; u64 y; };", "is not understood"),
        ("#if 0\nstruct a { u8 x; };\n#endif", "is not understood"),
        ("typedef u8 small;", "is not understood"),
    ],
)
def test_what_is_not_understood_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message.replace("(", r"\(")):
        parse_structs(text, {})
