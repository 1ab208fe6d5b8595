"""What is left as it is, each with its reason: a line that nothing fits any more is a failure of
the long run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from tests.fuzzing.running import Finding, Run

# So many examples of each operation find every one of them.
EXAMPLES = 1000
ANY = ""

_SHORTENED = "what is left out of the served schema for its size is still checked"
_NULL = "this body goes out as a form, where a null cannot be written: nothing is given"


@dataclass(frozen=True)
class Known:
    """A check that fails in a plugin's operation, `ANY` for any, and why it stays.

    `what` stands in what the check says, `code` is the refusal's, `fault` stands in one of its
    sentences: every one of them has to be known. What is rare is not always met.
    """

    plugin: str
    operation: str
    check: str
    reason: str
    what: str = ""
    code: str = ""
    fault: str = ""
    rare: bool = False

    def fits(self, finding: Finding, fault: str) -> bool:
        """Whether this fault is what is known."""
        return (
            self.plugin in (ANY, finding.plugin)
            and self.operation in (ANY, finding.operation)
            and self.check == finding.check
            and self.what in finding.what
            and self.code in ("", finding.code)
            and self.fault in fault
        )


KNOWN: tuple[Known, ...] = (
    Known(
        ANY,
        ANY,
        "positive_data_acceptance",
        "a body's properties are the arguments, and a name that is none is refused with the "
        "nearest right one; `additionalProperties: false` would say it in every document",
        fault="of this operation",
    ),
    Known(
        ANY,
        ANY,
        "positive_data_acceptance",
        "what goes into a path or a header holds no control characters, and no word of a schema "
        "says so",
        fault="must not hold control characters",
    ),
    Known(
        ANY,
        ANY,
        "positive_data_acceptance",
        "a schema counts characters, an address has at most 8,190 bytes; by name more is taken",
        code="target_too_long",
    ),
    Known(
        ANY,
        ANY,
        "negative_data_rejection",
        "414 is a refusal that this check does not count as one",
        code="target_too_long",
    ),
    Known(
        ANY,
        ANY,
        "unsupported_method",
        "an address that is too long is refused whatever the method",
        code="target_too_long",
    ),
    Known(
        ANY,
        ANY,
        "negative_data_rejection",
        "no body is an object with nothing in it, where nothing in it is required",
        what="Missing request body",
    ),
    Known(
        ANY,
        ANY,
        "negative_data_rejection",
        "a list of one number is written as that number, and 0.0 is an integer to JSON Schema",
        what="(was integer, became array)",
        rare=True,
    ),
    Known("slack", "POST /chat.postMessage", "negative_data_rejection", _NULL, what="in body"),
    Known(
        "shapes",
        "GET /things",
        "positive_data_acceptance",
        "an object in a query is served as a text, that it is JSON stands in its description",
        fault="'between' expected an object",
    ),
    Known(
        "stripe",
        "GET /v1/customers",
        "positive_data_acceptance",
        "an object in a query is served as a text, that it is JSON stands in its description",
        fault="'created' expected an object",
    ),
    Known(
        "shapes",
        ANY,
        "positive_data_acceptance",
        "the reference that closes a circle is only named, for readers that follow it for ever",
        fault="'parts' at '",
    ),
    Known(
        "stripe",
        ANY,
        "positive_data_acceptance",
        "its bodies go out as forms, which have no words for an empty list or object",
        fault="and a form cannot say so",
    ),
    Known(
        "stripe",
        ANY,
        "positive_data_acceptance",
        "its bodies go out as forms, which have no words for an empty list or object",
        fault="holds an empty ",
    ),
    Known(
        "xero",
        ANY,
        "positive_data_acceptance",
        "an argument of it goes into a header, which loses the spaces around a value",
        fault="must not begin or end with a space",
        rare=True,
    ),
    Known(
        "stripe",
        ANY,
        "positive_data_acceptance",
        "its bodies go out as forms, where a name in brackets holds none",
        fault="a bracket ends a name here",
    ),
    Known(
        "stripe",
        ANY,
        "positive_data_acceptance",
        "its bodies go out as forms, where a name holds no control characters",
        fault="a name holds no control characters",
    ),
    Known("stripe", "POST /v1/customers", "negative_data_rejection", _NULL, what="became null"),
    Known("stripe", ANY, "positive_data_acceptance", _SHORTENED, fault=" lacks '"),
    Known("stripe", ANY, "positive_data_acceptance", _SHORTENED, fault=": expected "),
    Known("xero", "PUT /Invoices", "positive_data_acceptance", _SHORTENED, fault=": expected "),
)


@dataclass(frozen=True)
class Sorted:
    """The findings of some runs: those to be mended, how often each line was met, and how many
    of each plugin were the upstream's own."""

    failures: tuple[Finding, ...]
    known: Counter[tuple[str, Known]]
    upstreams: Counter[str]

    def unused(self, plugins: Iterable[str]) -> list[Known]:
        """The lines that nothing fitted, of those of some plugins; `ANY` are those of any."""
        used = {line for _, line in self.known}
        served = set(plugins)
        return [
            line for line in KNOWN if line.plugin in served and line not in used and not line.rare
        ]


def sorted_out(runs: Iterable[Run]) -> Sorted:
    """Tell what is to be mended from what is known and what is the upstream's own."""
    failures: list[Finding] = []
    known: Counter[tuple[str, Known]] = Counter()
    upstreams: Counter[str] = Counter()
    for run in runs:
        for finding in run.findings:
            fitting = [
                [line for line in KNOWN if line.fits(finding, fault)] for fault in finding.faults
            ]
            if finding.is_upstreams:
                upstreams[run.plugin] += 1
            elif all(fitting):
                known.update((run.plugin, line) for line in {one[0] for one in fitting})
            else:
                failures.append(finding)
    return Sorted(tuple(failures), known, upstreams)
