"""Whether anybody is asked for an address that a spec names: told as JSON.

    python -m tests.hostile.asked file|url

A program of its own: it forks, which a process with threads, such as one that runs many tests,
had better not.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.hostile.asking import outputs, targets, write
from tests.hostile.checking import warm
from tests.hostile.jail import run
from tests.hostile.server import CANARY, canary, files


def asked(root: Path, *, by_url: bool) -> dict[str, Any]:
    """Which words led to the canary or its file, what died, and what the canary heard."""
    hits, folder = root / "hits", root / "specs"
    told: dict[str, Any] = {"leaked": [], "died": {}}
    warm()
    with canary(hits) as url, files(folder) as base:
        own = targets(folder, url)
        for word in ("web",) if by_url else ("web", "file", "above", "link"):
            names = write(folder, own[word], base if by_url else "")
            outcome = run(lambda names=names: list(outputs(folder, names, deep=not by_url)), 120)
            if outcome.died:
                told["died"][word] = outcome.died
            elif any(CANARY in one for one in outcome.result):
                told["leaked"].append(word)
    return {**told, "heard": hits.read_text()}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        sys.stdout.write(json.dumps(asked(Path(temporary), by_url=sys.argv[1] == "url")))
