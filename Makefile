# One word each. `make demo` and `make test` do all the set-up they need.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo serve test check fix bench bench-policy bench-specs bench-savings bench-shrinking bench-mcp docs draws attacks hostile bounds soak clients conformance-mcp conformance-copilot conformance-cache oracles fuzz image

demo: $(READY) ## start two plugins over embedded upstreams, offline
	$(BIN)/gateway demo

serve: $(READY) ## serve configs/ (needs the keys they name)
	$(BIN)/gateway serve configs

test: $(READY) ## the whole test suite
	$(BIN)/python -m pytest -q

check: $(READY) ## format, lint, types, tests, docs
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m gateway.docs --check
	$(MAKE) test

fix: $(READY) ## format and mend what can be mended
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(READY) ## ratios against bare aiohttp, beside nginx and FastAPI + httpx, one run
	$(BIN)/python -m bench

bench-policy: $(READY) ## µs of CPU to decide that a stored reply answers a call
	$(BIN)/python -m bench policy

bench-specs: $(READY) ## time, memory and tokens of specs: make bench-specs SPECS="folder file.json"
	$(BIN)/python -m bench specs $(SPECS)

bench-savings: $(READY) ## tokens of answers after each rule: make bench-savings ANSWERS=folder
	$(BIN)/python -m bench savings $(ANSWERS)

bench-shrinking: $(READY) ## CPU of projection beside orjson + jmespath, of budgets, and how it grows
	$(BIN)/python -m bench shrinking

draws: $(READY) ## 200 draws of operations from each real spec: is what is served of them valid?
	$(BIN)/python -m tests.draws

attacks: $(READY) ## takes each guard out of the gateway and says which attack gets through
	$(BIN)/python -m tests.attacks.mutations $(ATTACKS)

hostile: $(READY) ## hostile specs at their full size, each in a process with bounds
	$(BIN)/python -m tests.hostile

bounds: $(READY) ## what nobody should send, at its full size, and the memory it costs (Linux)
	$(BIN)/python -m tests.bounds

soak: $(READY) ## the long forms, half an hour on a quiet machine (Linux): faults and writes, twice the capacity, a hanging neighbour, 1,000 reloads, one limit over two gateways
	$(BIN)/python -m tests.soak --store $(or $(STORE),memory)
	$(BIN)/python -m tests.soak.overload --seconds 120
	$(BIN)/python -m tests.soak.neighbours
	$(BIN)/python -m tests.soak.reloads --reloads 1000
	$(BIN)/python -m tests.soak.limits --seconds 300

clients: $(READY) ## real plugin readers and linters, each in an environment of its own (2 GB, once)
	$(BIN)/python -m tests.clients

conformance-mcp: $(READY) ## MCP's own suite and Inspector, and both SDKs over pipes (once 250 MB)
	$(BIN)/python -m tests.conformance.mcp
	$(BIN)/python -m tests.conformance.inspector
	$(BIN)/python -m tests.conformance.sdk

conformance-cache: $(READY) ## the public suite for HTTP caches (node): make conformance-cache SUITE=<checkout of cache-tests>
	$(BIN)/python -m tests.conformance.cache $(SUITE)

conformance-copilot: $(READY) ## Microsoft's schema over the Copilot manifest of every plugin (minutes)
	$(BIN)/python -m tests.copilot

oracles: $(READY) ## every tool given to the packages of OpenAI, Anthropic and Google (once 300 MB)
	$(BIN)/python -m tests.oracles

fuzz: $(READY) ## Schemathesis over every served document, 1,000 cases of each operation (an hour)
	$(BIN)/python -m tests.fuzzing

image: $(READY) ## the Dockerfile's steps and the container, without an engine (root, debootstrap; minutes)
	$(BIN)/python -m tests.container

bench-mcp: $(READY) ## tools/call beside FastMCP (once 150 MB): make bench-mcp SPEC=api.github.com.json
	$(BIN)/python -m bench mcp $(SPEC)

docs: $(READY) ## write the generated pages, the JSON Schema and the golden documents anew
	$(BIN)/python -m gateway.docs

$(READY): pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; this is " + sys.version.split()[0] + ". Name another with: make PYTHON=python3.12 ...") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --editable . --group dev
	touch $(READY)
