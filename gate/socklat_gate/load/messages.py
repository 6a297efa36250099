"""Which request is sent as number i of the schedule, and what is in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from socklat_gate.load.request_template import Message, Place, RequestTemplate, encode_for
from socklat_gate.load.values import Values
from socklat_gate.scenario.template import RANDOM_INT, Field, parts_of

if TYPE_CHECKING:
    from socklat_gate.scenario import Load
    from socklat_gate.scenario.request import Request
    from socklat_gate.scenario.secret import Shown

__all__ = ["Message", "MessageSource", "common_headers", "variables_of", "with_variables"]


class MessageSource:
    """The requests of one arm: ``requests``, by default those of the load.

    ``kinds`` are indices of these by request number.
    """

    def __init__(
        self,
        load: Load,
        kinds: Sequence[int],
        values: Values | None = None,
        requests: Sequence[Request] | None = None,
    ) -> None:
        self.requests: Sequence[Request] = load.requests if requests is None else requests
        self._kinds = kinds
        self.values = values or Values(0)
        columns = load.rows.columns if load.rows is not None else ()
        self.templates = tuple(
            RequestTemplate(load.driver, kind, request, columns, self.values.variables)
            for kind, request in enumerate(self.requests)
        )
        self._fixed = [_fixed(template) for template in self.templates]
        self._value_of = lru_cache(maxsize=None)(self._make_value)

    def kind_of(self, number: int) -> int:
        """Of request ``number`` of the schedule, its index in ``load.requests``."""
        return self._kinds[number]

    def fixed(self, kind: int) -> Message | None:
        """The message of all requests of ``kind``; None when they differ."""
        return self._fixed[kind]

    def message(self, number: int) -> Message:
        """Request ``number`` of the schedule."""
        kind = self._kinds[number]
        fixed = self._fixed[kind]
        if fixed is not None:
            return fixed
        return self.templates[kind].message(lambda field, at: self._value_of(field, at)(number))

    def extremes(self, kind: int) -> Iterator[Message]:
        """The first message of ``kind`` with each random number at its lowest, and its highest.

        None where it has no such number.
        """
        template = self.templates[kind]
        if all(field.name != RANDOM_INT for field in template.fields()):
            return
        for bound in ("low", "high"):

            def fill_in(field: Field, place: Place, bound: str = bound) -> str:
                if field.name == RANDOM_INT:
                    return str(getattr(field, bound))
                return self._value_of(field, place)(0)

            yield template.message(fill_in)

    def _make_value(self, field: Field, place: Place) -> Callable[[int], str]:
        return self.values.of(field, encode_for(place))


def common_headers(load: Load) -> tuple[tuple[str, str], ...]:
    """Those of ``[load]`` itself, as the worker has them, with the variables of the scenario."""
    return tuple((name, with_variables(load, text)) for name, text in load.headers.items())


def with_variables(load: Load, text: Shown) -> str:
    """``text`` with the values of the scenario's variables."""
    assert isinstance(text, str), "load.load_json reveals it"
    variables = variables_of(load)
    parts = parts_of(text, variables, strict=False)
    return "".join(
        variables.get(part.name, "") if isinstance(part, Field) else part for part in parts
    )


def variables_of(load: Load) -> dict[str, str]:
    """Those of the scenario, as the worker has them."""
    return {name: str(value) for name, value in load.variables.items()}


def _fixed(template: RequestTemplate) -> Message | None:
    if any(template.fields()):
        return None
    return template.message(lambda field, _: field.name)
