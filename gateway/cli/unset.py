"""Checking configs where their secrets are not: on a laptop, in a pull request.

A variable that is not set stops `serve`; for `check` it is a note, and something of the right
form stands in for its value: a word, an address, `user:password` or a number, whichever brings
no mistake.
"""

from __future__ import annotations

import os
import re
from collections import ChainMap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from gateway.cli.common import read
from gateway.config import Loaded, ReadMistakes, read_configs
from gateway.errors import Mistake

_MOST = 50  # variables that are tried; the last of more are mistakes


class _Noticing(Mapping[str, str]):
    """The environment; keeps what was asked of it, and what of that is not there."""

    def __init__(self) -> None:
        self.asked: dict[str, None] = {}
        self.missing: dict[str, None] = {}

    def __getitem__(self, name: str) -> str:
        self.asked[name] = None
        if name not in os.environ:
            self.missing[name] = None
        return os.environ[name]

    def __iter__(self) -> Iterator[str]:
        return iter(os.environ)

    def __len__(self) -> int:
        return len(os.environ)


def read_without_secrets(
    paths: Sequence[Path], state: Path | None, *, as_json: bool
) -> tuple[list[Loaded], tuple[Mistake, ...]]:
    """Read configs; with mistakes, show them all and leave with 2.

    Returns:
        The configs, and a note for each place that names a variable which is not set.
    """
    noticing = _Noticing()
    mistakes = _mistakes(paths, noticing)
    missing = list(noticing.missing)[:_MOST]
    if not mistakes or not missing:
        return read(paths, state, as_json=as_json), ()
    values = {name: _forms(name)[0] for name in missing}
    for name in missing:
        tried = {form: len(_mistakes(paths, _env({**values, name: form}))) for form in _forms(name)}
        values[name] = min(tried, key=lambda form: tried[form])
    left = _mistakes(paths, _env(values))
    if not set(left) <= set(mistakes):  # nothing fits: what is not set is a mistake after all
        return read(paths, state, as_json=as_json), ()
    unset = [
        replace(one, message=f"{one.message}: `serve` needs it")
        for one in mistakes
        if one not in left
    ]
    return read(paths, state, as_json=as_json, env=_env(values)), tuple(unset)


def variables_of(paths: Sequence[Path]) -> tuple[str, ...]:
    """The environment variables that configs name, each once."""
    noticing = _Noticing()
    _mistakes(paths, noticing)
    return tuple(noticing.asked)


def _mistakes(paths: Sequence[Path], env: Mapping[str, str]) -> tuple[Mistake, ...]:
    try:
        read_configs(paths, env)
    except ReadMistakes as mistakes:
        return mistakes.mistakes
    return ()


def _env(values: dict[str, str]) -> Mapping[str, str]:
    return ChainMap(values, os.environ)


def _forms(name: str) -> tuple[str, ...]:
    """What may stand in; no two names have the same."""
    word = "unset-" + re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    return word, f"http://{word}.invalid", f"user:{word}", "8080"
