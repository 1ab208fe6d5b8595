"""Proofs that a model is asked for: a key among the parameters of an operation. Pure.

Some specs describe the key of an API as a plain, required parameter. Served as it is, the model
makes one up, or asks people for theirs; it is the operator's to pin.
"""

from __future__ import annotations

import re

from gateway.plugin import Operation, Plugin
from gateway.values import Argument

_NAMES = frozenset({"accesskey", "accesstoken", "apikey", "apitoken", "authkey", "authtoken"})
# A token may be many things: of a page, of a share. Its description tells.
_DOUBTFUL = frozenset({"token", "key", "secret"})
_TOLD = re.compile(
    r"\b(auth(entication|orization)?|api.?key|access.?token|credentials?)\b", re.IGNORECASE
)
_PLACES = ("query", "header", "cookie", "body")


def is_proof(argument: Argument, *, has_credential: bool = False) -> bool:
    """Whether an argument that a caller has to give is a proof of who calls.

    `has_credential`: the config has one already, so that a bare `token` is one more.
    """
    if not argument.required or argument.place not in _PLACES or len(argument.source) != 1:
        return False
    name = re.sub(r"[^a-z]", "", argument.source[0].lower().removeprefix("x-"))
    is_told = _TOLD.search(argument.description) is not None
    if argument.place == "body":  # where tokens may well be what a call is about
        return is_told and name in _NAMES | _DOUBTFUL
    if name in _DOUBTFUL:
        return is_told or (has_credential and name == "token")
    return name in _NAMES


def asked(plugin: Plugin) -> dict[str, list[Operation]]:
    """The proofs that a plugin asks its callers for, with the operations that do.

    What the config itself says something of is meant so.
    """
    has_credential = plugin.config.upstream.credential is not None
    found: dict[str, list[Operation]] = {}
    for operation in plugin.operations.values():
        for argument in operation.arguments:
            known = operation.parameters.keys() & {argument.name, *argument.source}
            if not known and is_proof(argument, has_credential=has_credential):
                found.setdefault(argument.name, []).append(operation)
    return found
