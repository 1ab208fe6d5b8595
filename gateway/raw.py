"""Parsed documents, which may hold anything anywhere: a value as what is expected there, or
nothing. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def as_map(raw: Any) -> Mapping[str, Any]:
    """A mapping; an empty one instead of anything else."""
    return raw if isinstance(raw, dict) else {}


def as_list(raw: Any) -> list[Any]:
    """A list; an empty one instead of anything else."""
    return raw if isinstance(raw, list) else []


def as_text(raw: Any) -> str:
    """A text; an empty one instead of anything else."""
    return raw if isinstance(raw, str) else ""


def pointed(raw: Any, doc: Mapping[str, Any], section: str) -> Any:
    """What a reference of a trimmed document leads to, among its components; anything else is
    itself."""
    if isinstance(raw, dict) and isinstance(raw.get("$ref"), str):
        components = as_map(as_map(doc.get("components")).get(section))
        return components.get(raw["$ref"].rpartition("/")[2])
    return raw
