"""Counting, and being sure without counting."""

from __future__ import annotations

import time

import pytest

from gateway.config.scalars import Budget
from gateway.shrinking.tokens import characters, count, estimate, fits
from tests.shrinking.generated import PAYLOADS

# o200k_base, as tiktoken counts.
PINNED = {
    "": 0,
    "hello world": 2,
    '{"id":1,"name":"LeBron James"}': 11,
    "<|endoftext|>": 7,
    "字字字": 3,
    "👩‍👩‍👧‍👦": 11,
}
PINNED_PAYLOADS = {
    "tmdb_search": 1613,
    "jira_issues": 2972,
    "github_issues_list": 9373,
    "k8s_pods": 41057,
    "worldbank_countries": 27589,
}


@pytest.mark.parametrize("text", PINNED)
def test_counts_are_those_of_the_vocabulary(text: str) -> None:
    assert count(text) == PINNED[text]
    assert count(text.encode()) == PINNED[text]


@pytest.mark.parametrize(
    "path", [p for p in PAYLOADS if p.stem in PINNED_PAYLOADS], ids=lambda p: p.stem
)
def test_counts_of_real_answers_are_those_measured_elsewhere(path) -> None:
    assert count(path.read_bytes()) == PINNED_PAYLOADS[path.stem]


@pytest.mark.parametrize("path", PAYLOADS, ids=lambda path: path.stem)
def test_an_estimate_is_near(path) -> None:
    body = path.read_bytes()
    assert estimate(body) == pytest.approx(count(body), rel=0.2)


def test_a_lone_surrogate_and_bad_bytes_are_counted_somehow() -> None:
    assert count("\ud800") > 0
    assert count(b"\xff") > 0


def test_a_text_of_fewer_bytes_than_tokens_fits() -> None:
    assert fits(b"\xe5\xad\x97" * 33, Budget(100))


def test_a_text_of_too_many_characters_does_not_fit_whatever_its_tokens() -> None:
    assert fits(b"a" * 800, Budget(100_000, 800))
    assert not fits(b"a" * 801, Budget(100_000, 800))
    assert fits("é".encode() * 800, Budget(100_000, 800))
    assert characters("é".encode() * 800) == 800


def test_the_last_token_decides() -> None:
    text = b" word" * 500
    assert count(text) == 500
    assert fits(text, Budget(500))
    assert not fits(text, Budget(499))


@pytest.mark.parametrize("character", ["a", "=", " ", "0", "字", "é", "😀"])
def test_a_hundred_kilobytes_of_one_character_are_counted_in_no_time(character: str) -> None:
    text = character * (100_000 // len(character.encode()))
    count(text)
    started = time.process_time()
    count(text)
    assert time.process_time() - started < 0.5
