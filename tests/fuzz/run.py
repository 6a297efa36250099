"""Fuzzes one target with Atheris: ``python -m tests.fuzz.run TARGET [LIBFUZZER OPTIONS]``.

Atheris is installed for this alone (``pip install atheris``).  What it finds beside the corpus in
``tests/fuzz/corpus/TARGET`` goes to ``socklat-out/fuzz/TARGET``; a crash goes into the corpus with
the test that it becomes (``tests/unit/test_fuzz_corpus.py`` replays it in CI without Atheris).
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    import atheris  # noqa: PLC0415 - not a dependency of the tests

    name, options = sys.argv[1], sys.argv[2:]
    with atheris.instrument_imports(include=["socklat_gate"]):
        from tests.fuzz.targets import TARGETS  # noqa: PLC0415 - instrumented
    found = ROOT / "socklat-out" / "fuzz" / name
    found.mkdir(parents=True, exist_ok=True)
    corpus = ROOT / "tests" / "fuzz" / "corpus" / name
    prefix = f"-artifact_prefix={found.parent}/{name}-"
    atheris.Setup([sys.argv[0], *options, prefix, str(found), str(corpus)], TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
