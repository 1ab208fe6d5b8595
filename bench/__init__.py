"""Measure the gateway beside what it is compared with, on one machine in one run.

Reading order: `__main__` (the command), `rivals` (who runs), `race` (rounds, medians, ratios),
`servers` (processes and their CPU time), `load` (the client), `upstream` and `peers/`.
"""
