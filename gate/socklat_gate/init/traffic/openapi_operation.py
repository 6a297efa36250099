"""One operation of an OpenAPI document as a request."""

from __future__ import annotations

import json
import re
import string
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from socklat_gate.init.scrub.bodies import form_body
from socklat_gate.init.scrub.headers import SECRET_HEADERS, media_type
from socklat_gate.init.scrub.words import is_key, is_word
from socklat_gate.init.traffic.names import Names, route_name, tidy_name
from socklat_gate.init.traffic.openapi_document import Document, Pointer, name_of
from socklat_gate.init.traffic.openapi_schema import example_body, parameter_text
from socklat_gate.init.traffic.proposal import BODY_METHODS, ProposedRequest
from socklat_gate.init.traffic.route import path_text, target_of

__all__ = ["Operation"]

MOST_BODY = 65_536
PARAMETER_WORD = "socklatparameter"
"""Stands for a parameter, with a letter of its own, while the words around it are looked at."""

LETTERS = string.ascii_lowercase
_PARAMETER = re.compile(r"\{([^{}/]{1,100})\}")


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path; parameters with where they are in the document."""

    method: str
    path: str
    data: Mapping[str, Any]
    parameters: tuple[tuple[Mapping[str, Any], Pointer], ...]
    at: Pointer

    def request(self, document: Document, base: str, names: Names) -> ProposedRequest:
        """The request for it below the path ``base``.  Raises `FileProblem`."""
        path, name = self._path(document, base)
        headers: dict[str, str] = {}
        body, comment = None, ""
        if self.method in BODY_METHODS:
            body, kind, comment = self._body(document)
            if kind:
                headers["Content-Type"] = kind
        return ProposedRequest(
            names.give(self._given_name() or name),
            1.0,
            self.method,
            path,
            headers,
            body,
            comments=(comment,) if comment else (),
        )

    def _given_name(self) -> str:
        given = self.data.get("operationId")
        if not isinstance(given, str) or not is_word(given):
            return ""
        return tidy_name(given)

    def _path(self, document: Document, base: str) -> tuple[str, str]:
        """The path of a request, and a name by its words."""
        values = {
            one["name"]: self._text(document, one, at)
            for one, at in self.parameters
            if one["in"] == "path"
        }
        inside: dict[str, str] = {}

        def hide(match: re.Match[str]) -> str:
            word = PARAMETER_WORD + LETTERS[len(inside) % len(LETTERS)]
            inside[word] = _in_path(values.get(match[1], "{random_int:1:1000}"))
            return word

        path = _PARAMETER.sub(hide, base.rstrip("/") + self.path)
        target = target_of(path, fixed=PARAMETER_WORD)
        if target is None:
            raise document.problem(f"{name_of(self.at[:2])} is no path", self.at[:2])
        name = re.sub(f"{PARAMETER_WORD}[a-z]", "id", route_name(self.method, target.route))
        path = path_text(target.route, target.numbers, [*target.query, *self._query(document)])
        for word, value in inside.items():
            path = path.replace(word, value)
        return path, name

    def _query(self, document: Document) -> list[tuple[str, str]]:
        """Keys and values of the parameters that are required."""
        return [
            (one["name"], _in_query(self._text(document, one, at)))
            for one, at in self.parameters
            if one["in"] == "query"
            and one.get("required") is True
            and is_key(one["name"])
            and one["name"].lower() not in SECRET_HEADERS
        ]

    def _text(self, document: Document, parameter: Mapping[str, Any], at: Pointer) -> str:
        schema = parameter.get("schema", parameter)  # 2.0 has its keys beside the name
        examples = parameter.get("examples")
        example = parameter.get("example", parameter.get("x-example"))
        if example is None and isinstance(examples, Mapping) and examples:
            first = next(iter(examples.values()))
            example = document.resolved(first, (*at, "examples")).get("value")
        where = (*at, "schema") if "schema" in parameter else at
        return parameter_text(document, schema, example, where, parameter["name"])

    def _body(self, document: Document) -> tuple[str | None, str, str]:
        """Body, content type, and what is to be said of them."""
        found = self._content(document)
        if found is None:
            return None, "", ""
        kind, media, at = found
        try:
            value = self._body_value(document, media, at)
        except ValueError:
            return None, kind, "its body has too many values: put one here"
        if "json" in kind:
            text = json.dumps(value, separators=(",", ":"))
        elif kind.endswith("x-www-form-urlencoded") and isinstance(value, Mapping):
            text = form_body([(str(key), str(one)) for key, one in value.items()])
        else:
            return None, kind, f"its body is {kind or 'of another kind'}: put one here"
        if len(text) > MOST_BODY:
            return None, kind, "its body is too large for a scenario: put one into body_file"
        return text, kind, ""

    def _content(self, document: Document) -> tuple[str, Mapping[str, Any], Pointer] | None:
        """Media type and description of the body, JSON before others."""
        for one, at in self.parameters:  # 2.0
            if one["in"] == "body":
                return "application/json", one, at
        fields = {one["name"]: one for one, _ in self.parameters if one["in"] == "formData"}
        if fields:
            schema = {"type": "object", "properties": fields}
            return "application/x-www-form-urlencoded", {"schema": schema}, self.at
        if "requestBody" not in self.data:
            return None
        at = (*self.at, "requestBody")
        content = document.resolved(self.data["requestBody"], at).get("content")
        if not isinstance(content, Mapping) or not content:
            raise document.problem(f"{name_of(at)} has no content", at)
        kind = next((one for one in content if "json" in str(one)), next(iter(content)))
        media = document.resolved(content[kind], (*at, "content", kind))
        return media_type(str(kind)), media, (*at, "content", kind)

    def _body_value(self, document: Document, media: Mapping[str, Any], at: Pointer) -> Any:
        examples = media.get("examples")
        example = media.get("example")
        if example is None and isinstance(examples, Mapping) and examples:
            first = next(iter(examples.values()))
            example = document.resolved(first, (*at, "examples")).get("value")
        schema: Any = {"example": example} if example is not None else media.get("schema", {})
        return example_body(document, schema, (*at, "schema"))


def _in_path(text: str) -> str:
    return quote(text, safe="{}:@.-_~")


def _in_query(text: str) -> str:
    return quote(text, safe="{}:@.-_~/")
