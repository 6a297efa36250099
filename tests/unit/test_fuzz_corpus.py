"""What was fuzzed once (`tests/fuzz`) is refused as documented, or read, for ever."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.targets import TARGETS

CORPUS = Path(__file__).resolve().parents[1] / "fuzz" / "corpus"


@pytest.mark.parametrize("name", TARGETS)
def test_the_corpus(name: str) -> None:
    files = sorted((CORPUS / name).iterdir())
    assert files, f"nothing in the corpus of {name}"
    for path in files:
        try:
            TARGETS[name](path.read_bytes())
        except Exception as error:  # the name of the input is what matters
            raise AssertionError(f"{path.name} of {name}") from error
