"""A shared HTTP cache: RFC 9111 as pure decisions (`deciding`), stores, calls in flight as one.

`deciding` says how its decisions are used; `pipeline.cache` is the one that uses them. What is
stored lives in `stores`, under an `Address` (`key`); identical calls meet in `flights`.
"""
