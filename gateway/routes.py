"""Method + path → operation, for the addresses of one plugin. Pure, compiled at load.

Paths are matched as they came, percent-encoded, segment by segment, and each value is decoded
by itself: an encoded `/` in a value stays in its value and can never reach another operation.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from urllib.parse import unquote

from gateway.plugin import Operation

_HOLE = re.compile(r"\{([^{}]*)\}")
NO_VALUES: Mapping[str, str] = {}


class Routes:
    """The addresses of a plugin's operations."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        self._fixed: dict[tuple[str, str], Operation] = {}
        # By method and number of segments; the more literal text, the earlier it is tried
        # (OpenAPI 3.1, Path Templating: concrete before templated).
        self._open: dict[tuple[str, int], list[tuple[re.Pattern[str], tuple[str, ...], Operation]]]
        self._open = defaultdict(list)
        self._methods: set[str] = set()
        for operation in sorted(operations, key=lambda one: _literal(one.address), reverse=True):
            self._methods.add(operation.method)
            names = tuple(_HOLE.findall(operation.address))
            if not names:
                self._fixed[operation.method, operation.address] = operation
                continue
            key = (operation.method, operation.address.count("/"))
            self._open[key].append((_pattern(operation.address), names, operation))

    def match(self, method: str, path: str) -> tuple[Operation, Mapping[str, str]] | None:
        """The operation at a raw path, and the decoded values in it."""
        operation = self._fixed.get((method, path))
        if operation is not None:
            return operation, NO_VALUES
        for pattern, names, operation in self._open.get((method, path.count("/")), ()):
            found = pattern.fullmatch(path)
            if found:
                values = (unquote(value, errors="strict") for value in found.groups())
                try:
                    return operation, dict(zip(names, values, strict=True))
                except UnicodeDecodeError:
                    return None
        return None

    def methods(self, path: str) -> tuple[str, ...]:
        """The methods that are served at a raw path."""
        return tuple(sorted(one for one in self._methods if self.match(one, path) is not None))


def _literal(address: str) -> tuple[int, str]:
    return len(_HOLE.sub("", address)), address


def _pattern(address: str) -> re.Pattern[str]:
    parts = re.split(r"(\{[^{}]*\})", address)
    return re.compile("".join("([^/]+)" if p[:1] == "{" else re.escape(p) for p in parts))
