"""What the gateway does, in numbers.

`counts` counts while it works, in plain whole numbers (`counted`, `snapshots`); `metrics` shows a
snapshot of them to Prometheus, `report` to people.
"""
