"""A snapshot of the numbers as Prometheus reads it: its text format 0.0.4, or OpenMetrics 1.0.

`METRICS` lists all there is, in the order in which it is told; docs/metrics.md says what it is for.
The package prometheus_client writes the formats; what it counts with is not used, since in several
workers it would count into files.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from prometheus_client import exposition, openmetrics
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)

from gateway import __version__
from gateway.telemetry.counted import BOUNDS, BREAKERS, GONE
from gateway.telemetry.snapshots import Snapshot

OPENMETRICS = "application/openmetrics-text"
_TEXT = exposition.CONTENT_TYPE_PLAIN_0_0_4
_OPEN = f"{OPENMETRICS}; version=1.0.0; charset=utf-8"
_OPERATION = ("plugin", "operation")
# An outcome that is no refusal: an answer, an error of the upstream's that was passed on, nobody.
_ANSWERED = ("ok", "upstream_4xx", "upstream_5xx", GONE)


class Told(NamedTuple):
    """A metric. `path` leads to its values in a snapshot: below it are the values of its labels,
    in that order, but where the name of a label is a step on the way: `{plugin}`."""

    name: str
    kind: str  # counter, gauge, histogram or info
    labels: tuple[str, ...]
    path: tuple[str, ...]
    help: str


_OF_OPERATION = ("sum", "operations", "{plugin}", "{operation}")
_OF_UPSTREAM = ("sum", "upstreams", "{plugin}")
_UPSTREAM_NOW = ("now", "upstreams", "{plugin}")

METRICS = (
    Told("gateway_build_info", "info", ("version",), (), "The version that runs."),
    Told("gateway_workers", "gauge", (), ("now", "workers"), "Processes that serve."),
    Told(
        "gateway_calls_total",
        "counter",
        (*_OPERATION, "route", "outcome"),
        (*_OF_OPERATION, "calls", "{route}", "{outcome}"),
        "Calls that ended.",
    ),
    Told(
        "gateway_call_duration_seconds",
        "histogram",
        _OPERATION,
        (*_OF_OPERATION, "seconds"),
        "From a call's arguments to its answer.",
    ),
    Told(
        "gateway_refusals_total",
        "counter",
        ("plugin", "code"),
        (),
        "Refusals, also of what never reached an operation.",
    ),
    Told(
        "gateway_cache_results_total",
        "counter",
        (*_OPERATION, "result"),
        (*_OF_OPERATION, "cached", "{result}"),
        "How the cache had replies.",
    ),
    Told(
        "gateway_tokens_before_total",
        "counter",
        _OPERATION,
        (*_OF_OPERATION, "before"),
        "Tokens of the replies that answers were made of.",
    ),
    Told(
        "gateway_tokens_after_total",
        "counter",
        _OPERATION,
        (*_OF_OPERATION, "after"),
        "Tokens of the answers.",
    ),
    Told(
        "gateway_answers_bigger_total",
        "counter",
        _OPERATION,
        (*_OF_OPERATION, "bigger"),
        "Answers of more tokens than their reply had.",
    ),
    Told(
        "gateway_answers_uncounted_total",
        "counter",
        _OPERATION,
        (*_OF_OPERATION, "untold"),
        "Answers whose tokens nobody knows.",
    ),
    Told(
        "gateway_received_bytes_total",
        "counter",
        _OPERATION,
        (*_OF_OPERATION, "received"),
        "Bytes of the upstream's bodies.",
    ),
    Told(
        "gateway_sent_bytes_total",
        "counter",
        _OPERATION,
        (*_OF_OPERATION, "sent"),
        "Bytes of the answers' bodies.",
    ),
    Told(
        "gateway_upstream_tries_total",
        "counter",
        ("plugin", "outcome"),
        (*_OF_UPSTREAM, "tries", "{outcome}"),
        "Requests sent to the upstream.",
    ),
    Told(
        "gateway_upstream_duration_seconds",
        "histogram",
        ("plugin",),
        (*_OF_UPSTREAM, "seconds"),
        "How long the upstream took, each try.",
    ),
    Told(
        "gateway_upstream_received_bytes_total",
        "counter",
        ("plugin",),
        (*_OF_UPSTREAM, "received"),
        "Bytes of the bodies that it sent, each try.",
    ),
    Told(
        "gateway_upstream_retries_total",
        "counter",
        ("plugin", "why"),
        (*_OF_UPSTREAM, "retries", "{why}"),
        "Requests sent once more.",
    ),
    Told(
        "gateway_upstream_retries_withheld_total",
        "counter",
        ("plugin", "why"),
        (*_OF_UPSTREAM, "withheld", "{why}"),
        "Requests that were not sent once more, though it might have helped.",
    ),
    Told(
        "gateway_upstream_refused_total",
        "counter",
        ("plugin", "why"),
        (*_OF_UPSTREAM, "refused", "{why}"),
        "Calls kept from the upstream.",
    ),
    Told(
        "gateway_upstream_breakers",
        "gauge",
        ("plugin", "state"),
        (*_UPSTREAM_NOW, "breaker", "{state}"),
        "Circuit breakers in each state: one for each worker and address.",
    ),
    Told(
        "gateway_upstream_breaker_changes_total",
        "counter",
        ("plugin", "state"),
        (*_OF_UPSTREAM, "changes", "{state}"),
        "Changes of a circuit breaker into a state.",
    ),
    Told(
        "gateway_upstream_in_flight",
        "gauge",
        ("plugin",),
        (*_UPSTREAM_NOW, "in_flight"),
        "Requests that the upstream has not answered yet.",
    ),
    Told(
        "gateway_upstream_waiting",
        "gauge",
        ("plugin",),
        (*_UPSTREAM_NOW, "waiting"),
        "Calls that wait until the upstream may be asked.",
    ),
    Told(
        "gateway_spec_tokens",
        "gauge",
        ("plugin", "of"),
        ("most", "specs", "{plugin}", "{of}"),
        "Tokens of the upstream's whole spec, and of the served one.",
    ),
    Told("gateway_plugin_ready", "gauge", ("plugin",), (), "1 where a plugin is ready to serve."),
    Told(
        "gateway_reloads_total",
        "counter",
        ("result",),
        ("sum", "reloads", "{result}"),
        "Reloads of the configuration.",
    ),
    Told(
        "gateway_last_reload_timestamp_seconds",
        "gauge",
        (),
        ("most", "reloaded"),
        "When the configuration that is served was loaded.",
    ),
    Told(
        "gateway_config_mistakes",
        "gauge",
        (),
        ("most", "mistakes"),
        "Mistakes that keep the configuration as it is from being loaded.",
    ),
    Told("gateway_calls_in_flight", "gauge", (), ("now", "calls"), "Calls under way."),
    Told("gateway_connections", "gauge", (), ("now", "connections"), "Callers' connections."),
    Told(
        "gateway_shed_total",
        "counter",
        ("why",),
        ("sum", "shed", "{why}"),
        "Calls and connections that were not taken, since there were too many.",
    ),
    Told("gateway_store_used", "gauge", (), (), "1 where the store can be asked."),
)


def exposed(snapshot: Snapshot, accept: str = "") -> tuple[bytes, str]:
    """A snapshot in the format that is asked for, and its content type."""
    collector = _Collector(snapshot)
    if _takes_openmetrics(accept):
        return openmetrics.exposition.generate_latest(collector, version="1.0.0"), _OPEN  # type: ignore[no-untyped-call]
    return exposition.generate_latest(collector), _TEXT


def _takes_openmetrics(accept: str) -> bool:
    """Whether who asks takes OpenMetrics: Prometheus does, and likes it best."""
    for one in accept.lower().split(","):
        name, *parameters = (part.strip() for part in one.split(";"))
        if name == OPENMETRICS:
            return not any(part in ("q=0", "q=0.0", "q=0.00", "q=0.000") for part in parameters)
    return False


class _Collector:
    """What prometheus_client asks for what there is."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def collect(self) -> Iterator[Metric]:
        """All metrics that have a value."""
        for told in METRICS:
            metric = _metric(told, self._snapshot)
            if metric.samples:
                yield metric


def _metric(told: Told, snapshot: Snapshot) -> Metric:
    values = list(_values(told, snapshot))
    name, labels = told.name, told.labels
    if told.kind == "counter":
        counter = CounterMetricFamily(name, told.help, labels=labels)
        for of, value in values:
            counter.add_metric(of, value)
        return counter
    if told.kind == "histogram":
        histogram = HistogramMetricFamily(name, told.help, labels=labels)
        for of, value in values:
            histogram.add_metric(of, _buckets(value["counts"]), value["micros"] / 1e6)
        return histogram
    if told.kind == "info":
        return InfoMetricFamily(
            name.removesuffix("_info"), told.help, value={labels[0]: __version__}
        )
    gauge = GaugeMetricFamily(name, told.help, labels=labels)
    for of, value in values:
        gauge.add_metric(of, value)
    return gauge


def _values(told: Told, snapshot: Snapshot) -> Iterable[tuple[tuple[str, ...], Any]]:
    """The values of a metric, by its labels."""
    most = snapshot.get("most", {})
    match told.name:
        case "gateway_refusals_total":
            return _refusals(snapshot)
        case "gateway_plugin_ready":
            return [((_plain(name),), 1 - waits) for name, waits in most.get("waits", {}).items()]
        case "gateway_store_used":
            return [((), 1 - most["store_unused"])] if "store_unused" in most else ()
        case "gateway_upstream_breakers":  # a state that is left is 0, and is told
            upstreams = snapshot.get("now", {}).get("upstreams", {})
            return [
                ((_plain(plugin), state), own["breaker"].get(state, 0))
                for plugin, own in upstreams.items()
                if own.get("breaker")
                for state in BREAKERS
            ]
    return _found(snapshot, told.path, ())


def _found(
    value: Any, path: tuple[str, ...], of: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], Any]]:
    """What is at the end of a path, with the keys where it branches."""
    if not path:
        yield of, value
        return
    if not isinstance(value, dict):
        return
    step, rest = path[0], path[1:]
    if step.startswith("{"):
        for key, below in value.items():
            yield from _found(below, rest, (*of, _plain(key)))
    elif step in value:
        yield from _found(value[step], rest, of)


def _refusals(snapshot: Snapshot) -> list[tuple[tuple[str, ...], Any]]:
    """By plugin and code: what was refused at the door, and the calls that were."""
    counted: dict[tuple[str, ...], int] = {}
    at_door = _found(snapshot, ("sum", "refusals", "{plugin}", "{code}"), ())
    calls = _found(snapshot, (*_OF_OPERATION, "calls", "{route}", "{outcome}"), ())
    for of, number in (*at_door, *calls):
        if of[-1] not in _ANSWERED:
            key = (of[0], of[-1])
            counted[key] = counted.get(key, 0) + number
    return list(counted.items())


def _buckets(counts: list[int]) -> list[tuple[str, float]]:
    """The classes as Prometheus has them: each with all that are smaller."""
    total, buckets = 0, []
    for bound, number in zip([*map(str, BOUNDS), "+Inf"], counts, strict=True):
        total += number
        buckets.append((bound, float(total)))
    return buckets


def _plain(text: str) -> str:
    """A label that can be written: half a surrogate pair cannot."""
    return text.encode("utf-8", "replace").decode()
