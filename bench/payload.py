"""The answers of the bench's upstream, fixed: JSON of 300 bytes, 2 KB and 50 KB.

Two rows, a dozen as a list operation of an ordinary API answers, and three hundred.
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


def _page(rows: int) -> bytes:
    page = {
        "data": [_row(number) for number in range(rows)],
        "meta": {"per_page": rows, "next": rows},
    }
    return json.dumps(page, separators=(",", ":")).encode()


SMALL, BODY, LARGE = _page(2), _page(12), _page(300)
# By the path that is asked; every other path gets `BODY`.
BODIES = {"/small": SMALL, "/large": LARGE}
