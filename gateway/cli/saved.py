"""What `shrink` and `suggest` share: a saved answer, and the operation that it is of."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from gateway.authoring.words import one_line
from gateway.cli.common import compiled, leave
from gateway.cli.unset import read_without_secrets
from gateway.plugin import Plugin
from gateway.shrinking import count

BAR = 24  # characters


@dataclass(frozen=True, slots=True)
class Size:
    """What a text costs: exact tokens, and bytes."""

    tokens: int
    bytes: int


def size_of(text: bytes) -> Size:
    """Count a text."""
    return Size(count(text), len(text))


def plugin_of(config: Path, state: Path | None, *, as_json: bool) -> Plugin:
    """Read and compile the plugin of one file, whether or not its secrets are set: nothing is
    sent."""
    loaded, _ = read_without_secrets([config], state, as_json=as_json)
    return compiled(loaded, config, state, as_json=as_json)


def answer_of(file: str, *, as_json: bool) -> bytes:
    """The bytes of a saved answer; `-` is standard input."""
    if file == "-":
        body = sys.stdin.buffer.read()
    else:
        try:
            body = Path(file).read_bytes()
        except OSError as error:
            text = f"{one_line(file, 200)} cannot be read: {error.strerror or error}"
            leave(text, 2, as_json=as_json)
        except ValueError:  # NUL in a name
            leave(f"{one_line(file, 200)} is no name of a file", 2, as_json=as_json)
    if not body.strip():
        leave(f"{name_of(file)} is empty", 2, as_json=as_json)
    return body


def name_of(file: str) -> str:
    """What a file is called in messages."""
    return "standard input" if file == "-" else one_line(file, 200)


def bar(share: float) -> str:
    """A share of one as a bar; whatever is not nothing is seen."""
    eighths = min(8 * BAR, max(1, round(share * 8 * BAR))) if share > 0 else 0
    return "█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8].strip()


def percent(part: int, whole: int) -> str:
    """A share for people."""
    share = 100 * part / whole if whole else 0.0
    return f"{share:.0f} %" if share >= 10 or share == 0 else f"{share:.1f} %"
