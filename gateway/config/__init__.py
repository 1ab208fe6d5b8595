"""The YAML: its types, which are its reference, and reading it with file:line:column.

Read `types` first. Then a file's way: `read` (text → tree, with marks), `check` (tree against
the JSON Schema that `schema` makes of the types), `secrets` (`${NAME}`), and the rules that no
schema can say: `rules`, `headers`, `inline` within a file, `across` between files.
"""

from __future__ import annotations

from gateway.config.faults import suggest
from gateway.config.read import Loaded, read_configs

__all__ = ["Loaded", "read_configs", "suggest"]
