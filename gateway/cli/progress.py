"""What is being done, shown on a terminal while somebody waits: on stderr, and only if it takes
longer than a moment. Elsewhere, and where it is quick, nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape

from gateway.authoring.words import one_line
from gateway.spec.source import Progress

AFTER = 0.5  # seconds; what is done sooner needs no word
_LONGEST = 100


@contextmanager
def progress(console: Console, first: str, after: float = AFTER) -> Iterator[Progress]:
    """Show what is told, from any thread, until the block is left."""
    if not console.is_terminal:
        yield lambda _: None
        return
    status = console.status(escape(first))
    timer = threading.Timer(after, status.start)
    timer.daemon = True
    timer.start()
    try:
        yield lambda text: status.update(escape(one_line(text, _LONGEST)))
    finally:
        timer.cancel()
        timer.join()  # it may be starting just now
        status.stop()
