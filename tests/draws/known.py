"""Faults that are left in what is served, each with its reason: an entry that no longer occurs is
an error of the long run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tests.draws.checks import Fault
from tests.draws.run import Draw, Result

# So many draws of each spec find every one of them.
DRAWS = 200

Found = tuple[str, Draw, Fault]


@dataclass(frozen=True, slots=True)
class Known:
    """A fault of `kind` in draws of `spec` whose text has `what` in it, and why it stays."""

    spec: str
    kind: str
    what: str
    reason: str


KNOWN: tuple[Known, ...] = (
    Known(
        "grpcgw_abe_swagger2.json",
        "over-budget",
        "tokens",
        "its operations have many parameters, and no argument is left out for size",
    ),
    Known(
        "spotify_restbench.json",
        "required-missing",
        "['uris']",
        "the publisher's own: it requires what it does not describe, and a caller may send it",
    ),
    Known(
        "github.json",
        "required-missing",
        "anyOf/",
        "the publisher's own: each choice only says which of the properties it requires",
    ),
    Known(
        "cafe_3.2.yaml",
        "required-missing",
        "['category']",
        "the publisher's own: it requires, beside its forms, what each form declares",
    ),
    Known(
        "redocly_lint_3.2.yaml",
        "fixed-point",
        "x-openai-isConsequential: false became true",
        "QUERY, which only reads, is served as POST, and a POST of a spec may write",
    ),
)


def sorted_out(results: Iterable[Result]) -> tuple[list[Found], list[str]]:
    """The faults that are not known, and the known ones that do not occur."""
    unknown: list[Found] = []
    used: set[Known] = set()
    for result in results:
        for draw in result.draws:
            for fault in draw.faults:
                fitting = [
                    one
                    for one in KNOWN
                    if (one.spec, one.kind) == (result.name, fault.kind) and one.what in fault.what
                ]
                used.update(fitting)
                if not fitting:
                    unknown.append((result.name, draw, fault))
    return unknown, [f"{one.spec}: {one.kind}: {one.what}" for one in KNOWN if one not in used]
