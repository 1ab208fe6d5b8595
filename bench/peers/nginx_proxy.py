"""nginx as a reverse proxy, one process, connections to the upstream kept.

    python -m bench.peers.nginx_proxy PORT UPSTREAM DIRECTORY [cache]

With `cache` it keeps what it was sent, by `proxy_cache`, for an hour.

Writes its configuration below DIRECTORY and becomes nginx, so that the process measured is its.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from urllib.parse import urlsplit

CONNECTIONS = 256  # more than the client has, so that no call waits for one
CONFIGURATION = """\
daemon off;
master_process off;
pid {home}/nginx.pid;
error_log stderr error;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path {home};
    proxy_temp_path {home};
    fastcgi_temp_path {home};
    uwsgi_temp_path {home};
    scgi_temp_path {home};
    keepalive_requests 1000000000;
    upstream behind {{
        server {upstream};
        keepalive {connections};
        keepalive_requests 1000000000;
    }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://behind;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_buffers 8 32k;
            {cached}
        }}
    }}
    {cache}
}}
"""
CACHE = "proxy_cache_path {home}/kept keys_zone=kept:10m use_temp_path=off;"
CACHED = "proxy_cache kept; proxy_cache_valid 200 1h;"


def main(port: str, upstream: str, directory: str, cache: str = "") -> None:
    home = Path(directory).absolute() / f"nginx-{port}"
    home.mkdir(parents=True)
    configuration = home / "nginx.conf"
    configuration.write_text(
        CONFIGURATION.format(
            home=home,
            port=port,
            upstream=urlsplit(upstream).netloc,
            connections=CONNECTIONS,
            cache=CACHE.format(home=home) if cache else "",
            cached=CACHED if cache else "",
        )
    )
    os.execvp("nginx", ["nginx", "-e", "stderr", "-p", str(home), "-c", str(configuration)])  # noqa: S606, S607 - the one on the path is meant


if __name__ == "__main__":
    main(*sys.argv[1:5])
