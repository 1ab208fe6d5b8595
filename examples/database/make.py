"""Make the database of this example: four hundred books on the shelves of a small library."""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from pathlib import Path

FILE = "library.db"
TITLES = ["The Lighthouse", "A Winter Journey", "Gardens", "The Quiet River", "Clocks and Maps"]
SUBJECTS = ["novel", "travel", "nature", "history", "science", "art", "music", "cooking"]


def make(file: Path) -> None:
    """Write the database, in place of an older one."""
    file.unlink(missing_ok=True)
    rows = [
        (
            number,
            f"{TITLES[number % 5]}, volume {number // 5 + 1}",
            SUBJECTS[number % 8],
            1950 + number % 70,
            80 + number * 7 % 400,
            f"{chr(65 + number % 6)}{number % 40:02}",
            f"A book of {80 + number * 7 % 400} pages about {SUBJECTS[number % 8]}. " * 8,
        )
        for number in range(400)
    ]
    with closing(sqlite3.connect(file)) as database, database:
        database.execute(
            "create table books (id integer primary key, title text, subject text, year integer,"
            " pages integer, shelf text, notes text)"
        )
        database.executemany("insert into books values (?, ?, ?, ?, ?, ?, ?)", rows)


if __name__ == "__main__":
    make(Path((sys.argv[1:] or [FILE])[0]))
