"""The upstream's OpenAPI document: had, parsed, made one model whatever its version, rendered.

source      a file or a URL → its text
parts       further files of the spec, when they are reached; with `source` and `kept` the only
            modules here with effects
document    text → a mapping that is an OpenAPI or Swagger document
(spec_filter, beside this package, then leaves only the chosen operations)
model       a trimmed document → `SpecModel`; with `parameters`, `content`, `swagger2` and `schema`
render      a document of ours (OpenAPI 3.1) → 3.0.3 or 3.1.1, as it is served
"""
