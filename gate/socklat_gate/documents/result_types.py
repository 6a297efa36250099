"""Results of each kind from their bodies; a body's ``kind`` names its type.

Documents of earlier versions have the members of all kinds, empty where they do not apply.
"""

from __future__ import annotations

from dataclasses import fields

from socklat_gate.documents.codec import from_body
from socklat_gate.documents.fields import Field
from socklat_gate.measured.result import RESULT_TYPES, Result

__all__ = ["result_from_body"]

TYPES = {one.kind: one for one in RESULT_TYPES}
MEMBERS = {kind: {field.name for field in fields(one)} for kind, one in TYPES.items()}
OF_ANY = frozenset().union(*MEMBERS.values())


def result_from_body(body: object) -> Result:
    """The result that a body describes.

    Raises `NoUsableBaseline` (baseline_corrupt) as `from_body` does, and for a member of another
    kind that is not empty.
    """
    document = Field(body)
    members = document.members()
    if "kind" not in members:
        document.refuse("an object with member 'kind'")
    kind = next((one for one in TYPES if one == members["kind"].value), None)
    if kind is None:
        members["kind"].refuse(f"one of {', '.join(TYPES)}")
    others = OF_ANY - MEMBERS[kind]
    for name in sorted(others & members.keys()):
        if members[name].value not in (None, "", [], {}):
            members[name].refuse(f"nothing, since a result of kind {kind!r} has no such member")
    gone = {"kind", *others}
    return from_body(
        TYPES[kind], {name: one.value for name, one in members.items() if name not in gone}
    )
