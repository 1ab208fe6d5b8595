# The gateway as a sidecar: configs are mounted at /configs, fetched specs are kept in /state.
# It needs no other writable place, no root and no capability. docs/container.md tells more.
#
# Every dependency has a wheel for this Python on amd64 and arm64. Another base, or this one by its
# digest: docker build --build-arg BASE=python:3.13-slim-trixie@sha256:…
ARG BASE=python:3.13-slim-trixie

FROM ${BASE} AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /build && python -m venv --without-pip /opt/gateway
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY gateway gateway
COPY configs configs
RUN /build/bin/pip wheel --no-deps --wheel-dir /wheels .
# Wheels alone: an image that has to compile something is stopped here, not shipped with a compiler.
RUN /build/bin/pip --python /opt/gateway/bin/python install --no-compile --only-binary :all: \
      "$(echo /wheels/*.whl)[redis]"
# Nothing can be compiled once the file system is read-only. The bytecode is not compared with the
# times of its sources, which some builders set anew.
RUN python -m compileall -q --invalidation-mode unchecked-hash /opt/gateway/lib

FROM ${BASE}
LABEL org.opencontainers.image.title="Plugin Gateway" \
      org.opencontainers.image.description="Turns an existing HTTP API into a plugin for language models, by configuration alone." \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="MIT"
# The base comes without bytecode of the standard library, and then nothing could ever write it: a
# start would take twice as long, a health check five times.
RUN python -m compileall -q --invalidation-mode unchecked-hash \
      -x '/(site-packages|dist-packages|ensurepip|idlelib|pydoc_data|tkinter|turtledemo)/' \
      "$(python -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')"
# Group 0 may write, too: where a platform chooses the user, that is the group.
RUN groupadd --gid 10001 gateway \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin gateway \
 && install -d -o 10001 -g 0 -m 0770 /state \
 && install -d /configs
COPY --from=build /opt/gateway /opt/gateway
ENV PATH=/opt/gateway/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONSAFEPATH=1 \
    GATEWAY_HOST=0.0.0.0 \
    GATEWAY_PORT=8080 \
    GATEWAY_STATE=/state
# By number, so that `runAsNonRoot` can tell that it is not root.
USER 10001:10001
VOLUME /state
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=15s CMD ["python", "-m", "gateway.health"]
ENTRYPOINT ["python", "-m", "gateway"]
CMD ["serve", "/configs"]
