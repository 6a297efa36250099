"""A compose file as its author wrote it: what it names, before compose has read it.

Every text stays one (a date, ``no``), and compose's own tags, ``!reset`` and ``!override``, are
looked through: what stands behind them counts as if they were not there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

__all__ = ["compose_documents"]

_KEPT = {"tag:yaml.org,2002:merge", "tag:yaml.org,2002:null"}


class _Loader(yaml.SafeLoader):
    """Knows of all that is no text only ``<<`` and null."""


_Loader.yaml_implicit_resolvers = {
    first: kept
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
    if (kept := [one for one in found if one[0] in _KEPT])
}


def _behind(loader: _Loader, _tag: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return None if node.value in ("", "~", "null") else node.value


_Loader.add_multi_constructor("!", _behind)


def compose_documents(text: str) -> list[Mapping[str, Any]]:
    """The documents of a file, of which compose takes several; those that are no tables left out.

    Raises `ValueError` for what is no YAML.
    """
    try:
        found = list(yaml.load_all(text, _Loader))
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError(f"it is no YAML: {type(error).__name__}") from None
    return [one for one in found if isinstance(one, Mapping)]
