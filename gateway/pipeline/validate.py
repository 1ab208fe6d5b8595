"""Arguments → the upstream request, or a refusal that names every fault.

The operation's builder checks the arguments against the upstream's own, full schemas, refuses what
is unknown, withheld or missing, and writes the rest as the upstream's own description says
(`request`). What the gateway itself offers, the choice of fields, is taken out before.
"""

from __future__ import annotations

from collections.abc import Awaitable

from gateway.pipeline.call import Call, Plan
from gateway.plugin import Operation
from gateway.values import Answer


def step(operation: Operation, inner: Plan) -> Plan:
    """Build the upstream request."""
    build, choice = operation.build, operation.shrinker.choice

    def validate(call: Call) -> Awaitable[Answer]:
        if call.request is not None:  # what it asks was asked before, word for word
            return inner(call)
        if choice is not None and choice.argument.name in call.arguments:
            arguments = dict(call.arguments)
            call.chosen = choice.level(arguments.pop(choice.argument.name))
            call.arguments = arguments
        call.request = build(call.arguments, call.headers, heals=call.heals)
        return inner(call)

    return validate
