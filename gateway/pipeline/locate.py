"""An upstream's Location → the address of the exposed operation that serves it.

Anything else must not leave: it would tell where the upstream is, and lead past the gateway.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import urljoin, urlsplit

from gateway.plugin import Operation, Plugin
from gateway.request.templates import HOLE, template
from gateway.servers import origin


def locator(plugin: Plugin) -> Callable[[str], str | None]:
    """Compile the map of one plugin: URL in, path below the plugin's root or None out."""
    base = urlsplit(plugin.base)
    known = [
        (template(base.path.rstrip("/") + operation.spec.path), operation)
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
        segments = url.path.split("/")
        for compiled, operation in known:
            values = compiled.match(segments)
            if values is not None:
                return _address(operation, dict(zip(compiled.names, values, strict=True)))
        return None

    return locate


def _address(operation: Operation, values: Mapping[str, str]) -> str | None:
    """The served path with the values that stood in the upstream's, still encoded."""
    served = {arg.name: arg.source[0] for arg in operation.arguments if arg.served == "path"}
    if len(served) != len(values):
        return None
    return HOLE.sub(lambda hole: values[served[hole[1]]], operation.address)
