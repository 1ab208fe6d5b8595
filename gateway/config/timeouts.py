"""What `timeout` must hold to beyond its schema: no part is longer than the whole."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.config import types
from gateway.config.entries import operations
from gateway.config.faults import Fault, Path


def _levels(plugin: types.Plugin) -> Iterator[tuple[Path, types.Timeout]]:
    if plugin.upstream.timeout is not None:
        yield ("upstream", "timeout"), plugin.upstream.timeout
    for name, operation in operations(plugin):
        if operation.timeout is not None:
            yield ("operations", name, "timeout"), operation.timeout


def check(plugin: types.Plugin) -> Iterator[Fault]:
    """Parts that cannot act, since the call is over before."""
    for path, timeout in _levels(plugin):
        for key in ("connect", "read"):
            part = getattr(timeout, key)
            if part is not None and part > timeout.total:
                text = f"cannot act: the whole call ends after total, {timeout.total.written}"
                yield Fault((*path, key), text)
