"""A projection as most people write it: orjson reads, jmespath takes, orjson writes.

    python bench/peers/orjson_jmespath.py FILE EXPRESSION

Runs in an environment of its own (`orjson.txt`), so it imports nothing of the bench. Writes what
comes of the file to FILE.out; then, for each line on its input, projects so many times and says
how many seconds of CPU that took.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import jmespath
import orjson

FILE, EXPRESSION = Path(sys.argv[1]), jmespath.compile(sys.argv[2])
BODY = FILE.read_bytes()


def project() -> bytes:
    return orjson.dumps(EXPRESSION.search(orjson.loads(BODY)))


Path(f"{FILE}.out").write_bytes(project())
print("ready", flush=True)
for line in sys.stdin:
    start = time.process_time()
    for _ in range(int(line)):
        project()
    print(time.process_time() - start, flush=True)
