"""Answers made small: the parts that are wanted, fewer rows, a budget that always holds.

    compiling   the YAML's keys and the response schema → Shrinker; every fault is told there
    shrinker    the rules in their order, and what an answer's top looks like
    paths       the path language; shapes: what a schema says is at a path
    fields      which parts are taken; typed: the same, read by generated types; reshape: JMESPath
    choosing    what of the rest the caller wants
    drops       what says nothing; limits: how many items
    fit         the budget: squeeze cuts to bytes, tokens counts what came out
    members     what a long container holds, some at a time; batches: rules on such parts
    announce    `_shrunk`: what was kept of how much, by path
    schema      the answer's schema, lenient, from the same rules; untyped: as it is served
    exact       JSON whose numbers keep their text; text: answers that are not JSON
    slices      the rest of what was cut; pieces: where a text may be cut

Pure: text in, text out.
"""

from gateway.shrinking.compiling import Fault, Rules, compile_shrinker
from gateway.shrinking.fields import Level
from gateway.shrinking.reshape import ReshapeError
from gateway.shrinking.shapes import Shapes
from gateway.shrinking.shrinker import Shrinker, Shrunk
from gateway.shrinking.text import JSON, NOTHING, TEXT, Form, Other, form_of
from gateway.shrinking.tokens import count, prepare, roughly

__all__ = [
    "JSON",
    "NOTHING",
    "TEXT",
    "Fault",
    "Form",
    "Level",
    "Other",
    "ReshapeError",
    "Rules",
    "Shapes",
    "Shrinker",
    "Shrunk",
    "compile_shrinker",
    "count",
    "form_of",
    "prepare",
    "roughly",
]
