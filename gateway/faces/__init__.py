"""Faces: the forms in which a plugin is served. A new one is a file here and a word in `FACES`.

A face gives documents: the path below the plugin's root, and what makes the document for a
base URL (`documents`). Everything that does not hang on the base URL is written here, once,
when a plugin loads. `pages` is what people read; `platforms` compares with what each takes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gateway.faces import copilot, manifest, openapi, tools
from gateway.faces.documents import Document, Maker
from gateway.plugin import Plugin

__all__ = ["FACES", "Document", "Maker"]

FACES: Mapping[str, Callable[[Plugin], Mapping[str, Maker]]] = {
    "manifest": manifest.documents,
    "openapi": openapi.documents,
    "copilot": copilot.documents,
    "tools": tools.documents,
}
