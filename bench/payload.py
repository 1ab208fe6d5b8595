"""The one answer of the bench's upstream and of the bare handler: 2 KB of JSON, fixed.

A page of a dozen rows with nested objects, as a list operation of an ordinary API answers.
"""

from __future__ import annotations

import json


def _row(number: int) -> dict[str, object]:
    return {
        "id": 1000 + number,
        "first_name": ("Ada", "Grace", "Edsger", "Barbara")[number % 4],
        "last_name": ("Lovelace", "Hopper", "Dijkstra", "Liskov")[number // 4 % 4],
        "position": "GFC"[number % 3],
        "height": f"6-{number % 12}",
        "draft_year": None if number % 5 == 0 else 2000 + number,
        "team": {"id": number % 30, "city": "Springfield", "name": f"Team {number % 30}"},
    }


BODY = json.dumps(
    {"data": [_row(number) for number in range(12)], "meta": {"per_page": 12, "next": 12}},
    separators=(",", ":"),
).encode()
