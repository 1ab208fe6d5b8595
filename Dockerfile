# The gateway as a sidecar. Configs are mounted at /configs, fetched specs are kept in /state.
FROM python:3.13-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY gateway gateway
COPY configs configs
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir .

FROM python:3.13-slim
RUN useradd --system --uid 10001 gateway && install -d -o gateway /state /configs
COPY --from=build /venv /venv
ENV PATH=/venv/bin:$PATH GATEWAY_HOST=0.0.0.0 GATEWAY_PORT=8080 GATEWAY_STATE=/state
USER gateway
VOLUME /state
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(f'http://127.0.0.1:{os.environ[\"GATEWAY_PORT\"]}/healthz', timeout=2)"]
ENTRYPOINT ["gateway"]
CMD ["serve", "/configs"]
