"""`python -m gateway` is `gateway`, and hears SIGTERM from the first moment on."""

from __future__ import annotations

import signal
import sys

if __name__ == "__main__":
    # PID 1 of a container is not told of a signal it did not ask for, and the commands take half
    # a second to load: whoever stops it then would have to wait for SIGKILL. 143 is 128 + SIGTERM.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))

    from gateway.cli import main

    main(prog_name="gateway")
