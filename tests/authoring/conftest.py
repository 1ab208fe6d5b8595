"""Specs in a few lines, as the authoring modules get them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gateway import yaml12
from gateway.authoring.catalogue import Entry, catalogue
from gateway.references import References

Catalogued = Callable[..., tuple[Entry, ...]]


@pytest.fixture
def catalogued() -> Catalogued:
    """The entries of a spec that is written as its `paths`."""

    def make(paths: str, **rest: Any) -> tuple[Entry, ...]:
        document = {"openapi": "3.1.0", "paths": yaml12.load(paths), **rest}
        return catalogue(document, References(document), "a spec")

    return make
