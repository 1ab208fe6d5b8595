"""What the system lets this process have, and tells of it."""

from __future__ import annotations

import sys

if sys.platform != "win32":
    import resource

_MANY = 10_000


def descriptors() -> int:
    """How many sockets and files this process may have open: as many as it may allow itself.

    Where there are no more, nobody is let in, not even who asks for health. The lower limit that
    processes start with is kept for old programs that use select(2); Go and Java raise it, too.
    """
    if sys.platform == "win32":
        return _MANY
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (ValueError, OSError):  # macOS has another bound
        hard = soft
    return hard if hard > 0 else _MANY  # below 0: there is none


def slept() -> int:
    """How often this thread has given its core away of itself (getrusage(2), voluntary switches),
    where the system tells it."""
    if sys.platform != "linux":
        return 0
    return resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw
