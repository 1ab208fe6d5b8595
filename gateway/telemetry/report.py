"""What calls cost and what was saved, operation by operation: for programs and as a page.

It is made of a snapshot of the numbers (`counts`). Where the gateway made answers bigger than the
upstream's, that is said as plainly as what it saved.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Any

import msgspec

from gateway.telemetry.counted import BOUNDS, GONE
from gateway.telemetry.plot import plot
from gateway.telemetry.snapshots import Snapshot, added, quantile

Report = dict[str, Any]

_HITS = ("hit", "stale")  # what was answered without the upstream
_STYLE = """
:root{color-scheme:light dark;--ink:#1c1e26;--soft:#5d6272;--line:#dfe2ea;--back:#f6f7fa;
--more:#b3261e}
@media(prefers-color-scheme:dark){:root{--ink:#e9eaf0;--soft:#a0a5b5;--line:#31353f;--back:#14161b;
--more:#ff8a80}}
body{margin:2rem auto;max-width:72rem;padding:0 1rem;background:var(--back);color:var(--ink);
font:15px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin:2rem 0 .2rem}
p{color:var(--soft);margin:.2rem 0 .6rem}
div{overflow-x:auto}
table{border-collapse:collapse;white-space:nowrap}
th,td{border-bottom:1px solid var(--line);padding:.25rem .7rem;text-align:right}
th:first-child,td:first-child{text-align:left;padding-left:0}
th{font-weight:600}
.more{color:var(--more);font-weight:600}
svg{max-width:100%;height:auto}
""".strip()
HTML, JSON = "text/html; charset=utf-8", "application/json"
COLUMNS = (
    *("operation", "calls", "errors", "cache hits"),
    *("tokens before", "after", "saved", "answer p50", "p95", "bigger"),
    *("seconds p50", "p95"),
)


def report_of(snapshot: Snapshot) -> Report:
    """Sum up a snapshot.

    Returns:
        `{"plugins": [{"plugin", "spec": {"whole", "served"}, "operations": […], "total"}],
        "total"}`; an operation and a total have `calls`, `errors` (without callers who left),
        `outcomes`, `hits`, `cached`, `tokens` (`before`, `after`, `saved` and their `p50` and
        `p95`, as pairs), `bigger` (answers that have more tokens than their replies),
        `is_bigger` (all of them together do), `uncounted`, and `seconds` (`p50`, `p95`).
        What is not known is null.
    """
    operations = snapshot.get("sum", {}).get("operations", {})
    specs = snapshot.get("most", {}).get("specs", {})
    plugins = []
    for name in sorted({*operations, *specs}):
        own = operations.get(name, {})
        whole = {"whole": specs.get(name, {}).get("whole")}
        plugins.append(
            {
                "plugin": name,
                "spec": whole | {"served": specs.get(name, {}).get("served")},
                "operations": [{"operation": one, **_summed(own[one])} for one in sorted(own)],
                "total": _summed(added(list(own.values()))),
            }
        )
    every = [one for own in operations.values() for one in own.values()]
    return {"plugins": plugins, "total": _summed(added(every))}


def _summed(counts: dict[str, Any]) -> dict[str, Any]:
    """The numbers of an operation, or of several."""
    outcomes: dict[str, int] = added(list(counts.get("calls", {}).values()))
    cached = counts.get("cached", {})
    befores, afters = counts.get("befores", {}), counts.get("afters", {})
    before, after = counts.get("before", 0), counts.get("after", 0)
    return {
        "calls": sum(outcomes.values()),
        "errors": sum(n for word, n in outcomes.items() if word not in ("ok", GONE)),
        "outcomes": outcomes,
        "hits": sum(cached.get(word, 0) for word in _HITS),
        "cached": cached,
        "tokens": {
            "before": before,
            "after": after,
            "saved": before - after,
            "p50": [quantile(befores, 0.5), quantile(afters, 0.5)],
            "p95": [quantile(befores, 0.95), quantile(afters, 0.95)],
        },
        "bigger": counts.get("bigger", 0),
        "is_bigger": after > before,
        "uncounted": counts.get("untold", 0),
        "seconds": {
            name: _seconds(counts.get("seconds", {}).get("counts", []), share)
            for name, share in (("p50", 0.5), ("p95", 0.95))
        },
    }


def _seconds(counts: list[int], share: float) -> float | None:
    """The seconds that this share of all took at most, within their class; None of none."""
    rank, seen = share * sum(counts), 0
    for number, count in enumerate(counts):
        if count and seen + count >= rank:
            if number == len(BOUNDS):  # beyond the last bound nothing is known but that
                return BOUNDS[-1]
            least = BOUNDS[number - 1] if number else 0.0
            return round(least + (BOUNDS[number] - least) * (rank - seen) / count, 4)
        seen += count
    return None


def row_of(name: str, one: dict[str, Any]) -> tuple[str, ...]:
    """An operation, or a total, as the cells below `COLUMNS`."""
    tokens, seconds = one["tokens"], one["seconds"]
    return (
        name,
        f"{one['calls']:,}",
        f"{one['errors']:,}",
        f"{one['hits']:,}",
        f"{tokens['before']:,}",
        f"{tokens['after']:,}",
        saved(tokens["before"], tokens["after"]),
        _pair(tokens["p50"]),
        _pair(tokens["p95"]),
        f"{one['bigger']:,}",
        *("" if seconds[name] is None else f"{seconds[name]:.3f}" for name in ("p50", "p95")),
    )


def saved(before: int, after: int) -> str:
    """What share was saved, in words that cannot be read the wrong way."""
    if not before:
        return "" if not after else "BIGGER"
    if after > before:
        return f"BIGGER by {(after - before) / before:.0%}"
    return f"{(before - after) / before:.0%}"


def spec_told(spec: dict[str, Any]) -> str:
    """What the served spec costs, beside the whole one; "" where that is not known."""
    whole, served = spec["whole"], spec["served"]
    if served is None:
        return ""
    if whole is None:
        return f"served spec {served:,} tokens"
    return (
        f"served spec {served:,} tokens, of the upstream's some {whole:,}: {saved(whole, served)}"
    )


def _pair(values: list[int | None]) -> str:
    before, after = values
    return "" if before is None or after is None else f"{before:,} → {after:,}"


def told(snapshot: Snapshot, accept: str = "") -> tuple[bytes, str]:
    """The report of a snapshot and its content type: a page for who asks for HTML, else JSON."""
    report = report_of(snapshot)
    if "text/html" in accept.lower():
        return page(report).encode(), HTML
    return msgspec.json.encode(report), JSON


def page(report: Report) -> str:
    """A page for people: it needs nothing from elsewhere, and all names are escaped."""
    shown = plot(report)
    parts = [
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width,initial-scale=1">',
        f"<title>Report</title><style>{_STYLE}</style></head><body><h1>Report</h1>",
        (
            "<p>Since the gateway began. Tokens are o200k_base, of long texts estimated; p50 and "
            "p95 are within 5 %.</p>"
        ),
        *(_section(one) for one in report["plugins"]),
    ]
    if shown:
        parts.append(f"<h2>Tokens of answers</h2><div>{shown}</div>")
    if not report["plugins"]:
        parts.append("<p>Nothing was called yet.</p>")
    return "".join([*parts, "</body></html>\n"])


def _section(plugin: dict[str, Any]) -> str:
    rows = [_cells(row_of(one["operation"], one), one) for one in plugin["operations"]]
    if len(rows) > 1:
        rows.append(_cells(row_of("all", plugin["total"]), plugin["total"]))
    head = "".join(f"<th>{escape(one)}</th>" for one in COLUMNS)
    table = f"<div><table><tr>{head}</tr>{''.join(rows)}</table></div>" if rows else ""
    told = spec_told(plugin["spec"])
    return f"<h2>{escape(plugin['plugin'])}</h2><p>{escape(told)}</p>{table}"


def _cells(row: Iterable[str], one: dict[str, Any]) -> str:
    kind = ' class="more"' if one["is_bigger"] else ""
    return f"<tr{kind}>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>"
