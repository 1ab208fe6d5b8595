"""All tables of cases, by the word that a mutation names them with."""

from __future__ import annotations

from tests.attacks.case import Case
from tests.attacks.cases import (
    addresses,
    answers,
    browsers,
    callers,
    headers,
    methods,
    parameters,
    paths,
    signing,
)

TABLES: dict[str, list[Case]] = {
    "paths": paths.CASES,
    "methods": methods.CASES,
    "parameters": parameters.CASES,
    "headers": headers.CASES,
    "answers": answers.CASES,
    "callers": callers.CASES,
    "browsers": browsers.CASES,
    "addresses": addresses.CASES,
    "signing": signing.CASES,
}
