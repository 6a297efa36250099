"""A damaged stored document is refused; `ci/faults` tries every bit, this a part of them."""

from __future__ import annotations

import pytest

from tests.faults.flips import DOCUMENTS, Damage, damages, unnoticed


@pytest.mark.parametrize("name", DOCUMENTS)
def test_flipped_bits_and_cuts_are_noticed(name: str) -> None:
    stored = DOCUMENTS[name]()
    tried = list(damages(stored.data, stride=101))
    assert len(tried) > 5_000
    assert [found for damage in tried if (found := unnoticed(stored, damage))] == []


def test_what_goes_unnoticed_is_found() -> None:
    stored = DOCUMENTS["link"]()
    blind = type(stored)(stored.data, lambda data: data)
    assert unnoticed(blind, Damage(5, 0))
    assert unnoticed(blind, Damage(5, None))
