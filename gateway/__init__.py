"""Plugin Gateway: an existing HTTP API, served as a plugin for language models.

Words, one per thing:
    upstream    the API behind
    plugin      one YAML file
    spec        the upstream's OpenAPI document
    operation   one method + path, under the name the model sees
    face        a form in which a plugin is served (manifest, openapi)
    caller      who calls us
    call        one operation with its arguments
    reply       what the upstream sent
    answer      what the caller gets
    step        one ring around a call; a plan is the steps of one operation, fixed at start
    refusal     a call we will not or cannot answer
    mistake     a fault in a config file
    cut         what limit_items or the budget took away, always announced
    budget      the tokens one answer may cost
    limit       calls per time
    credential  how we prove ourselves upstream
    auth        how callers prove themselves to us
    ledger      what was degraded in a spec, where and why

Two journeys, and the layout shows both:
    at start    configs/*.yaml - config/ - spec/ - spec_filter - plugin - faces/
    per call    proxy - faces/ - pipeline/: auth limit validate cache fetch shrink - proxy

Read `values`, then `plugin` for the first journey and `proxy` for the second.
"""

__version__ = "0.1.0"
