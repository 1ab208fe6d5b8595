"""What Prometheus is told: read by its own parser, in both formats."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_families
from prometheus_client.parser import text_string_to_metric_families as text_families

from gateway import __version__, errors
from gateway.telemetry.counted import BOUNDS
from gateway.telemetry.counts import Counts
from gateway.telemetry.metrics import METRICS, OPENMETRICS, Told, exposed
from gateway.telemetry.snapshots import merged

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"
# What Prometheus 3 sends.
PROMETHEUS = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)
Families = Callable[[str], Iterable[Metric]]
FORMATS = pytest.mark.parametrize(
    ("accept", "families"), [("", text_families), (PROMETHEUS, open_families)], ids=["text", "open"]
)


def full() -> dict[str, Any]:
    """A snapshot with something of everything."""
    counts = Counts()
    own = counts.of("p", "op")
    own.ended("ok", "http", 0.003, 50, "plugin-gateway; hit; ttl=3", (100, 120), 400)
    own.ended("limit_reached", "mcp", 0.5, 0, "", None, 0)
    own.ended("upstream_4xx", "call", 40, 7, "", None, 9)
    upstream = counts.upstream("p")
    upstream.asked("ok", 0.2, 400)
    upstream.retried("5xx")
    upstream.withheld("budget")
    upstream.refused("open")
    upstream.breaker("closed")
    upstream.breaker("open")
    upstream.in_flight(3)
    upstream.waiting(1)
    counts.refused("not_found")
    counts.refused("limit_reached", "p")
    counts.reloads("ok", at=1_700_000_000)
    counts.reloads("failed", mistakes=2)
    counts.shed("load")
    counts.plugins({"p": True, "late": False})
    counts.spec("p", 1000, 50)
    counts.gauge("calls", lambda: 4)
    counts.gauge("connections", lambda: 5)
    counts.gauge("store_unused", lambda: 1)
    return counts.snapshot()


def samples(text: bytes, families: Families) -> dict[tuple[str, ...], float]:
    """By name and the values of the labels, in the labels' order."""
    return {
        (one.name, *(value for _, value in sorted(one.labels.items()))): one.value
        for family in families(text.decode())
        for one in family.samples
    }


@FORMATS
def test_everything_is_told_and_read_again(accept: str, families: Families) -> None:
    body, content_type = exposed(full(), accept)
    assert content_type.startswith(OPENMETRICS if accept else "text/plain; version=0.0.4")
    told = samples(body, families)
    assert told["gateway_build_info", __version__] == 1
    assert told["gateway_workers",] == 1
    # Labels by their names: operation, outcome, plugin, route.
    assert told["gateway_calls_total", "op", "ok", "p", "http"] == 1
    assert told["gateway_calls_total", "op", "upstream_4xx", "p", "call"] == 1
    assert told["gateway_refusals_total", "limit_reached", "p"] == 2
    assert told["gateway_refusals_total", "not_found", ""] == 1
    assert ("gateway_refusals_total", "upstream_4xx", "p") not in told
    assert told["gateway_call_duration_seconds_count", "op", "p"] == 3
    assert told["gateway_call_duration_seconds_sum", "op", "p"] == 40.503
    assert told["gateway_call_duration_seconds_bucket", "0.005", "op", "p"] == 1
    assert told["gateway_call_duration_seconds_bucket", "30.0", "op", "p"] == 2
    assert told["gateway_call_duration_seconds_bucket", "+Inf", "op", "p"] == 3
    assert told["gateway_cache_results_total", "op", "p", "hit"] == 1
    assert told["gateway_tokens_before_total", "op", "p"] == 100
    assert told["gateway_tokens_after_total", "op", "p"] == 120
    assert told["gateway_answers_bigger_total", "op", "p"] == 1
    assert told["gateway_received_bytes_total", "op", "p"] == 409
    assert told["gateway_sent_bytes_total", "op", "p"] == 57
    assert told["gateway_upstream_tries_total", "ok", "p"] == 1
    assert told["gateway_upstream_retries_total", "p", "5xx"] == 1
    assert told["gateway_upstream_breakers", "p", "open"] == 1
    assert told["gateway_upstream_breakers", "p", "closed"] == 0
    assert told["gateway_upstream_breaker_changes_total", "p", "open"] == 1
    assert told["gateway_upstream_in_flight", "p"] == 3
    assert told["gateway_plugin_ready", "p"] == 1
    assert told["gateway_plugin_ready", "late"] == 0
    assert told["gateway_reloads_total", "failed"] == 1
    assert told["gateway_last_reload_timestamp_seconds",] == 1_700_000_000
    assert told["gateway_config_mistakes",] == 2
    assert told["gateway_shed_total", "load"] == 1
    assert told["gateway_store_used",] == 0
    assert told["gateway_spec_tokens", "whole", "p"] == 1000


@FORMATS
def test_every_metric_of_the_list_is_told_as_it_is_listed(accept: str, families: Families) -> None:
    body, _ = exposed(full(), accept)
    found: dict[str, set[str]] = {}
    for family in families(body.decode()):
        for one in family.samples:
            name = re.sub(r"_(bucket|sum|count)$", "", one.name)
            found.setdefault(name, set()).update(one.labels.keys() - {"le"})
    assert found == {told.name: set(told.labels) for told in METRICS}


@FORMATS
@given(names=st.lists(st.text(), min_size=2, max_size=2))
def test_a_name_cannot_break_the_format(accept: str, families: Families, names: list[str]) -> None:
    counts = Counts()
    plugin, operation = names
    counts.of(plugin, operation).ended("ok", "http", 0.1, 5, "", None, 5)
    body, _ = exposed(counts.snapshot(), accept)
    told = [
        one.labels
        for family in families(body.decode())
        for one in family.samples
        if one.name == "gateway_calls_total"
    ]
    wanted = {"plugin": plugin, "operation": operation, "route": "http", "outcome": "ok"}
    assert told == [wanted]


@FORMATS
@pytest.mark.parametrize("name", ['a"} 1\nevil_total 7\n#', "\\", 'x\\"', "\n", "\ud800", "é中"])
def test_a_hostile_name_stays_a_label(accept: str, families: Families, name: str) -> None:
    counts = Counts()
    counts.of(name, name).ended("ok", "http", 0.1, 5, "", None, 5)
    counts.refused("not_found", name)
    body, _ = exposed(counts.snapshot(), accept)
    told = samples(body, families)
    shown = name.encode("utf-8", "replace").decode()
    assert told["gateway_refusals_total", "not_found", shown] == 1
    assert not any(key[0].startswith("evil") for key in told)


def test_openmetrics_is_for_who_takes_it() -> None:
    def kind(accept: str) -> str:
        return exposed(Counts().snapshot(), accept)[1].partition(";")[0]

    assert kind("") == kind("*/*") == kind("text/html") == "text/plain"
    assert kind("application/openmetrics-text;q=0") == "text/plain"
    assert kind("Application/OpenMetrics-Text ; version=9.9.9") == OPENMETRICS


def test_numbers_of_workers_are_told_as_their_sum() -> None:
    body, _ = exposed(merged([full() for _ in range(3)]))
    told = samples(body, text_families)
    assert told["gateway_workers",] == 3
    assert told["gateway_calls_total", "op", "ok", "p", "http"] == 3
    assert told["gateway_call_duration_seconds_bucket", "+Inf", "op", "p"] == 9
    assert told["gateway_calls_in_flight",] == 12
    assert told["gateway_upstream_breakers", "p", "open"] == 3
    assert told["gateway_config_mistakes",] == 2
    assert told["gateway_plugin_ready", "late"] == 0


def test_what_nobody_has_called_has_no_series() -> None:
    counts = Counts()
    counts.of("p", "never")
    assert b"never" not in exposed(counts.snapshot())[0]


# --- the page ---------------------------------------------------------------------------------


def rows(heading: str) -> list[list[str]]:
    """The cells of the table below a heading of the page."""
    section = PAGE.read_text().partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    found = [line.strip("|").split(" | ") for line in section.splitlines() if line[:1] == "|"]
    return [[cell.strip() for cell in row] for row in found[2:]]


def listed(told: Told) -> list[str]:
    labels = ", ".join(f"`{one}`" for one in told.labels)
    return [f"`{told.name}`", told.kind, labels]


def test_the_page_lists_every_metric_as_it_is() -> None:
    assert [row[:3] for row in rows("Every metric")] == [listed(told) for told in METRICS]


def test_the_page_names_the_metrics_that_there_are_and_no_others() -> None:
    known = {told.name for told in METRICS}
    for name in re.findall(r"\bgateway_[a-z_]+", PAGE.read_text()):
        assert re.sub(r"_(bucket|sum|count)$", "", name) in known, name


def test_the_page_tells_the_bounds() -> None:
    text = " ".join(PAGE.read_text().split())
    assert ", ".join(f"{one:g}" for one in BOUNDS) in text


def test_the_page_lists_every_code_that_a_refusal_may_have() -> None:
    codes = {kind.code for kind in errors.Refusal.__subclasses__()} - {errors.UpstreamStatus.code}
    told = set(re.findall(r"`([a-z_]+)`", PAGE.read_text()))
    assert codes <= told, codes - told


def test_the_alerts_are_three_rules_of_metrics_that_there_are() -> None:
    import yaml

    (block,) = re.findall(r"```yaml\n(groups:.*?)```", PAGE.read_text(), re.DOTALL)
    (group,) = yaml.safe_load(block)["groups"]
    rules: list[dict[str, Any]] = group["rules"]
    assert len(rules) == 3
    for rule in rules:
        assert rule.keys() >= {"alert", "expr", "for", "annotations"}
        labels = set(re.findall(r"(\w+)=~?\"", rule["expr"]))
        told = [one for one in METRICS if one.name in rule["expr"]]
        assert told
        assert labels <= {label for one in told for label in one.labels} | {"le"}
