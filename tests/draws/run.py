"""All draws of one spec: what is served of each, what is wrong with it, what it costs."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from gateway.errors import Mistakes, SpecError
from gateway.references import Parts
from gateway.shrinking import count
from tests.draws.checks import Fault, difference, faults
from tests.draws.drawing import VERSIONS, Served, config, draw, serve
from tests.draws.specs import Opened, opened, path_of


@dataclass(frozen=True, slots=True)
class Draw:
    """One draw. `digest` is of all its documents, `tokens` of the 3.0.3 one as YAML and JSON."""

    number: int
    entries: tuple[str, ...]
    digest: str = ""
    tokens: tuple[int, int] = (0, 0)
    ms: float = 0.0
    lost: tuple[str, ...] = ()
    refused: str = ""
    faults: tuple[Fault, ...] = ()


@dataclass(slots=True)
class Result:
    """The draws of one spec; `refused` says why there are none."""

    name: str
    refused: str = ""
    operations: int = 0
    budget: int = 0
    draws: list[Draw] = field(default_factory=list)


def run(
    name: str, numbers: list[int], *, checked: bool = True, digest_only: bool = False
) -> Result:
    """Make draws of one spec. Where there are too few operations to choose from, one is all.

    Args:
        name: As in `specs.names`.
        numbers: Which draws, in this order.
        checked: Whether to look for faults.
        digest_only: Whether only the bytes matter: everything else stays empty.
    """
    return asyncio.run(_run(name, numbers, checked=checked, digest_only=digest_only))


async def _run(name: str, numbers: list[int], *, checked: bool, digest_only: bool) -> Result:
    try:
        spec = await opened(path_of(name))
    except SpecError as error:
        return Result(name, refused=str(error))
    result = Result(name, operations=len(spec.operations))
    if not spec.operations:
        # What somebody is told who names one all the same.
        one = await _draw(spec, 0, ("GET /",), checked=False)
        return Result(name, refused=one.refused or "served without operations")
    seen: dict[frozenset[str], Draw] = {}
    for number in numbers:
        entries = draw(name, number, spec.operations)
        one = seen.get(frozenset(entries))
        if one is None or digest_only:
            one = await _draw(spec, number, entries, checked=checked)
            seen.setdefault(frozenset(entries), one)
            result.draws.append(one)
    return result


async def _draw(spec: Opened, number: int, entries: tuple[str, ...], *, checked: bool) -> Draw:
    loaded = config(entries)
    make = partial(_serve, spec, entries)
    start = time.perf_counter()
    try:
        served = await spec.with_parts(make)
    except (Mistakes, SpecError) as error:
        return Draw(number, entries, refused=str(error))
    except RecursionError:
        raise
    ms = (time.perf_counter() - start) * 1000
    texts = [*served.json.values(), *served.yaml.values()]
    plugin = served.plugin
    found: tuple[Fault, ...] = ()
    if checked:
        whole = await spec.with_parts(partial(_serve, spec, entries, budget="no"))
        found = (*faults(served), *_unfixed(whole))
    tokens = count(served.yaml["3.0"]), count(served.json["3.0"])
    if tokens[0] > loaded.plugin.spec_budget:
        found = (*found, Fault("over-budget", "3.0", f"{tokens[0]:,} tokens"))
    return Draw(
        number,
        entries,
        hashlib.sha256(b"\0".join(texts)).hexdigest(),
        tokens,
        ms,
        tuple(f"{line.operation}: {line.what}" for line in plugin.ledger if line.lost),
        faults=found,
    )


def _serve(spec: Opened, entries: tuple[str, ...], parts: Parts, **more: Any) -> Served:
    source = spec.source
    return serve(config(entries, **more), source.document, source.location, parts)


def _unfixed(served: Served) -> Iterator[Fault]:
    """What is served without a budget, taken as a spec itself, is served as the same.

    With one it says where cuts are announced, and an announcement of cuts announced is another.
    """
    for version in VERSIONS:
        document = served.document(version)
        try:
            again = serve(config("all", budget="no"), document)
        except (Mistakes, SpecError) as error:
            yield Fault("fixed-point", version, f"refused: {error}")
            continue
        if where := difference(document, again.document(version)):
            yield Fault("fixed-point", version, where)
