"""Hook of mkdocs: README, SECURITY and so on, which lie beside docs/, are pages of the site, too.

In the repository their links lead to ``docs/...`` and back by ``../../SECURITY.md``; on the site
they are in ``project/``.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
BESIDE = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that lie beside docs/."""
    for name in BESIDE:
        text = (ROOT / name).read_text("utf-8")
        text = re.sub(r"(\]\(|^\[\w+\]: )docs/", r"\1../", text, flags=re.MULTILINE)
        files.append(File.generated(config, f"project/{name}", content=text))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """The text of a page with its links to what lies beside docs/ led to the site's copy."""
    up = "../" * page.file.src_uri.count("/")
    return re.sub(rf"\]\((?:\.\./)+({'|'.join(BESIDE)})", rf"]({up}project/\1", markdown)
