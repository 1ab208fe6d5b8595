"""`gateway check --deep`: the whole spec through prance, its parts included. Advice, never more.

Of 46 large public specs 17 have faults that such a check finds, and are served all the same;
so what it finds are warnings. prance and the validator behind it would ask any host and open any
file that a spec names. Here they get no chance to: files are read by the gateway's own bounded
loader (`spec.parts`), every reference is written anew so that it names one of those, whatever
else could send a reader elsewhere (`$id`, `$schema`, `$self` …) is left out, and what prance does
not find among what it was given it is refused.
"""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from types import FrameType
from typing import Any

import click

from gateway.cli.common import err, run
from gateway.config import Loaded, types
from gateway.errors import GatewayError
from gateway.loading import masked_document
from gateway.pipeline import Mask
from gateway.references import Found, Place, References
from gateway.spec.parts import Library
from gateway.spec.source import fetch

SECONDS = 120  # GitHub's spec takes 11, DigitalOcean's 1,507 files 14
MOST = 20  # faults listed of one spec
MISSING = "--deep needs prance: install it with `pip install '.[deep]'` in the checkout"
_ELSEWHERE = ("$id", "$schema", "$self", "$dynamicRef", "$recursiveRef", "jsonSchemaDialect")
_DATA = frozenset({"example", "examples", "default", "enum", "const", "value"})

Document = dict[str, Any]


deep_option = click.option(
    "--deep",
    is_flag=True,
    help="Validate the whole spec with prance, too, and warn of what is wrong with it. Needs the "
    "extra `deep`; may take a minute.",
)


def add_deep(reports: Sequence[dict[str, Any]], loaded: Sequence[Loaded], state: Path) -> None:
    """Add what prance finds to the warnings of reports.

    Raises:
        click.UsageError: it is not installed.
    """
    if find_spec("prance") is None or find_spec("openapi_spec_validator") is None:
        raise click.UsageError(MISSING)
    for report, one in zip(reports, loaded, strict=True):
        with err.status(f"checking all of the spec of {one.plugin.plugin}"):
            report["warnings"] = [*report["warnings"], *faults(one, state)]


def faults(loaded: Loaded, state: Path) -> list[str]:
    """What is wrong with the whole spec of a plugin, each with its place; empty without one."""
    source = loaded.plugin.spec
    if source is None:
        return []
    where, headers = (
        (source.url, source.headers) if isinstance(source, types.SpecSource) else (source, {})
    )
    try:
        documents, found = run(_documents(loaded, where, headers, state))
    except GatewayError as error:
        found = [str(error)]
    else:
        found += _found_by_prance(documents)
    mask = Mask(loaded.secrets)
    found = [f"{one} ({n} times)" if n > 1 else one for one, n in Counter(found).items()]
    more = [f"{len(found) - MOST} more are not listed"] if len(found) > MOST else []
    return [str(loaded.mistake(("spec",), mask.text(one))) for one in (*found[:MOST], *more)]


async def _documents(
    loaded: Loaded, where: str, headers: Mapping[str, str], state: Path
) -> tuple[list[Document], list[str]]:
    """The spec and all its files, confined, and what is wrong with their references."""
    masked = partial(masked_document, mask=Mask(loaded.secrets)) if headers else None
    base = loaded.file.parent
    got = await fetch(where, base=base, headers=headers, state=state, masked=masked)
    async with Library(got, headers=headers, state=state, masked=masked) as library:
        while True:
            references = References(got.document, library.parts)
            documents, found = _confined(references)
            if not references.wanted:
                return documents, found
            await library.read(tuple(references.wanted))


# --- what prance is given ---------------------------------------------------------------------


def _confined(references: References) -> tuple[list[Document], list[str]]:
    """The document and the files it leads to, each reference naming one of them by its number;
    and what is wrong with those that lead nowhere."""
    numbers: dict[str, int] = {references.home: 0}
    documents: list[Document] = []
    found: dict[str, None] = {}
    for address in _growing(numbers):
        held = references.parts.held.get(address) if references.parts else None
        top = references.doc if address == references.home else {"top": held}
        documents.append(_Copy(references, address, numbers, found).of(top))
    return documents, list(found)


def _growing(numbers: Mapping[str, int]) -> Iterator[str]:
    """The keys of a mapping, those included that are added meanwhile."""
    index = 0
    while index < len(numbers):
        yield next(islice(numbers, index, None))
        index += 1


class _Copy:
    """Copies one file, without recursion: a spec may be as deep as it likes."""

    def __init__(
        self, references: References, base: str, numbers: dict[str, int], found: dict[str, None]
    ) -> None:
        self.references = references
        self.base = base
        self.numbers = numbers
        self.found = found

    def of(self, top: Mapping[str, Any]) -> Document:
        out: Document = {}
        stack: list[tuple[Any, Any, bool]] = [(top, out, False)]
        while stack:
            node, copy, data = stack.pop()
            for key, value in node.items() if isinstance(node, dict) else enumerate(node):
                kept = self._kept(str(key), value, data) if isinstance(node, dict) else value
                if kept is _NOTHING:
                    continue
                name = "x-ref" if key == "$ref" and isinstance(value, dict | list) else key
                inner: Any = kept
                if isinstance(kept, dict | list):
                    inner = {} if isinstance(kept, dict) else []
                    is_data = data or key in _DATA or str(key).startswith("x-")
                    stack.append((kept, inner, is_data))
                if isinstance(copy, dict):
                    copy[name] = inner
                else:
                    copy.append(inner)
        return out

    def _kept(self, key: str, value: Any, data: bool) -> Any:
        """A value, references in it written anew; `_NOTHING` where it is left out."""
        if key == "$ref" and isinstance(value, str):
            return _NOTHING if data else self._ref(value)
        return _NOTHING if key in _ELSEWHERE and isinstance(value, str) else value

    def _ref(self, ref: str) -> Any:
        found = self.references.find(ref, self.base)
        if isinstance(found, Found):
            number = self.numbers.setdefault(found.place.address, len(self.numbers))
            own = number == self.numbers[self.base]
            return f"{'' if own else _file(number)}#{_pointer(found.place, number)}"
        # Of a file that is not there, one line, however many references lead to it.
        self.found[found.partition(" cannot be followed: ")[2] or found] = None
        return _NOTHING


_NOTHING: Any = object()


def _file(number: int) -> str:
    return f"file:///{number}.json"


def _pointer(place: Place, number: int) -> str:
    """A part may be a list or a text; prance takes mappings only, so parts stand below `top`."""
    steps = ("top", *place.pointer) if number else place.pointer
    return "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in steps)


# --- prance -----------------------------------------------------------------------------------


def _found_by_prance(documents: list[Document]) -> list[str]:
    from openapi_spec_validator.shortcuts import get_validator_cls
    from prance.util.resolver import RefResolver
    from prance.util.url import ResolutionError

    class Given(dict[Any, Any]):
        """prance's cache of files, which is all it has."""

        def get(self, key: Any, default: Any = None) -> Any:
            if key not in self:
                raise ResolutionError(f"{key} is not read")
            return super().get(key, default)

    given = Given({(_file(number), True): one for number, one in enumerate(documents)})
    try:
        with _at_most(SECONDS):
            resolver = RefResolver(
                documents[0],
                _file(0),
                reference_cache=given,
                recursion_limit_handler=lambda *_: {},
            )
            resolver.resolve_references()
            # One file needs no expanding to be validated, and some would take hours then.
            whole = resolver.specs if len(documents) > 1 else documents[0]
            validator = get_validator_cls(whole)(whole)
            return [_told(error) for error in validator.iter_errors()]
    except TimeoutError:
        return [f"the deep check took more than {SECONDS} s and was stopped"]
    except Exception as error:  # noqa: BLE001 - whatever they trip over is the spec's fault, or theirs
        return [f"the deep check stopped: {type(error).__name__}: {str(error)[:300]}"]


def _told(error: Any) -> str:
    while getattr(error, "context", None):  # of "valid under none of these", what went furthest
        error = max(error.context, key=lambda one: len(one.absolute_path))
    where = ".".join(str(step) for step in getattr(error, "absolute_path", ()))
    text = str(getattr(error, "message", error)).splitlines()[0]
    if len(text) > 240:  # it begins with the whole value, and ends with what is wrong with it
        text = f"{text[:80]} … {text[-150:]}"
    return f"{where}: {text}" if where else text


@contextmanager
def _at_most(seconds: int) -> Iterator[None]:
    """Stop what runs in here after a time: the expanded tree of a spec may be without end."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
