"""Method + path → operation, for the addresses of one plugin. Pure, compiled at load.

Paths are matched as they came, percent-encoded, segment by segment, and values stay encoded:
an encoded `/` or `,` is part of a value and can never reach another operation or end an item.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from gateway.plugin import Operation
from gateway.request.templates import HOLE, Template, template

NO_VALUES: Mapping[str, str] = {}


class Routes:
    """The addresses of a plugin's operations."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        self._fixed: dict[tuple[str, str], Operation] = {}
        # By method and number of segments; the more literal text, the earlier it is tried
        # (OpenAPI 3.1, Path Templating: concrete before templated).
        self._open: dict[tuple[str, int], list[tuple[Template, Operation]]] = defaultdict(list)
        self._methods: set[str] = set()
        operations = tuple(operations)
        self._all = next((one for one in operations if one.passing), None)
        for operation in sorted(operations, key=lambda one: _literal(one.address), reverse=True):
            self._methods.add(operation.method)
            compiled = template(operation.address)
            if compiled.names:
                key = (operation.method, len(compiled.segments))
                self._open[key].append((compiled, operation))
            else:
                self._fixed[operation.method, operation.address] = operation

    def match(self, method: str, path: str) -> tuple[Operation, Mapping[str, str]] | None:
        """The operation at a raw path, and the values in it, as they came."""
        operation = self._fixed.get((method, path))
        if operation is not None:
            return operation, NO_VALUES
        segments = path.split("/")
        for compiled, operation in self._open.get((method, len(segments)), ()):
            values = compiled.match(segments)
            if values is not None:
                return operation, dict(zip(compiled.names, values, strict=True))
        return None if self._all is None else (self._all, NO_VALUES)

    def methods(self, path: str) -> tuple[str, ...]:
        """The methods that are served at a raw path."""
        return tuple(sorted(one for one in self._methods if self.match(one, path) is not None))


def _literal(address: str) -> tuple[int, str]:
    return len(HOLE.sub("", address)), address
