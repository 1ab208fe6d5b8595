"""An upstream's Location → the address of the exposed operation that serves it.

Anything else must not leave: it would tell where the upstream is, and lead past the gateway.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import urljoin, urlsplit

from gateway.plugin import Operation, Plugin, origin


def locator(plugin: Plugin) -> Callable[[str], str | None]:
    """Compile the map of one plugin: URL in, path below the plugin's root or None out."""
    base = urlsplit(plugin.base)
    known = [
        (_pattern(base.path.rstrip("/") + operation.spec.path), operation)
        for operation in plugin.operations.values()
        if operation.method == "GET" and "{" in operation.spec.path
    ]

    def locate(value: str) -> str | None:
        try:
            url = urlsplit(urljoin(plugin.base + "/", value))
        except ValueError:
            return None
        if origin(url.geturl()) != origin(plugin.base) or url.query or url.fragment:
            return None
        for pattern, operation in known:
            match = pattern.fullmatch(url.path)
            if match:
                return _address(operation, match)
        return None

    return locate


def _pattern(path: str) -> re.Pattern[str]:
    parts = re.split(r"(\{[^{}]*\})", path)
    return re.compile("".join("([^/?#]+)" if p[:1] == "{" else re.escape(p) for p in parts))


def _address(operation: Operation, match: re.Match[str]) -> str | None:
    """The served path with the values that stood in the upstream's, still encoded."""
    names = re.findall(r"\{([^{}]*)\}", operation.spec.path)
    values = dict(zip(names, match.groups(), strict=True))
    served = {arg.name: arg.source[0] for arg in operation.arguments if arg.served == "path"}
    if len(served) != len(values):
        return None
    return re.sub(r"\{([^{}]*)\}", lambda hole: values[served[hole[1]]], operation.address)
