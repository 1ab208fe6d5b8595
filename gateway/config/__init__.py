"""The YAML: its types, which are its reference, and reading it with file:line:column.

Read `types` first. Then a file's way: `read` (text → tree, with marks), `check` (tree against
the JSON Schema that `schema` makes of the types), `secrets` (`${NAME}`), and the rules that no
schema can say: `rules`, `headers`, `oauth`, `inline` within a file, `across` between files. What
is wrong does not stop the rest: `sound` leaves it out.
"""

from __future__ import annotations

from gateway.config.faults import suggest
from gateway.config.read import Loaded, ReadMistakes, read_configs

__all__ = ["Loaded", "ReadMistakes", "read_configs", "suggest"]
