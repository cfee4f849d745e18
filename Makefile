# Every command a developer needs; the list is the manual. CI calls the same recipes.
# One cargo profile for everything: the dependencies (RocksDB above all) are built once.

SHELL := bash
CARGO := cargo
PROFILE := --release --locked
PYTHON = $(if $(HERDBOOK_PYTHON),$(HERDBOOK_PYTHON),.venv/bin/python)
PEERS_PYTHON = $(if $(HERDBOOK_PEERS_PYTHON),$(HERDBOOK_PEERS_PYTHON),.venv-peers/bin/python)
NEXTEST = $(shell $(CARGO) nextest --version >/dev/null 2>&1 && echo yes)

.PHONY: help demo test check fmt lint layers bless doc audit faults faults-teeth fixtures bench accuracy laundering memory throughput latency lineage peers fuzz setup clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## Build, then do the main job on real input
	@scripts/setup.sh build
	$(CARGO) run $(PROFILE) -- demo

test: setup ## All tests, documentation tests included
ifeq ($(NEXTEST),yes)
	$(CARGO) nextest run $(PROFILE) --no-fail-fast
else
	$(CARGO) test $(PROFILE) --no-fail-fast --lib --bins --tests
endif
	$(CARGO) test $(PROFILE) --doc

check: fmt lint layers test ## Everything a change must pass before it is sent

fmt: ## Formatting, as CI sees it (cargo fmt repairs it)
	$(CARGO) fmt --check

lint: ## Clippy, warnings are errors
	@scripts/setup.sh build
	$(CARGO) clippy $(PROFILE) --all-targets -- -D warnings
	$(CARGO) clippy $(PROFILE) --lib --no-default-features --features fuzzing -- -D warnings

layers: ## Which module may import which
	@scripts/setup.sh build
	$(CARGO) test $(PROFILE) --test it -- layers::

bless: setup ## Accept the present output as the expected one: snapshots and schemas
	INSTA_UPDATE=always HERDBOOK_BLESS=1 $(CARGO) test $(PROFILE) --no-fail-fast --lib --bins --tests

doc: ## The library's documentation, without warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc $(PROFILE) --no-deps

audit: ## Licenses, bans, sources (and advisories, where a network allows)
	@$(CARGO) deny --version >/dev/null 2>&1 || { echo "audit: needs cargo-deny: cargo install cargo-deny --locked"; exit 1; }
	$(CARGO) deny check licenses bans sources
	$(CARGO) deny check advisories || echo "audit: advisories not checked, or not clean: see above"

fixtures: setup ## Write the Parquet files of fixtures/ again from their sources
	$(PYTHON) fixtures/demo/make_demo.py

# HERDBOOK_FAULTS_SEED=N begins elsewhere; HERDBOOK_FAULTS_TRIALS=N sets the counts that are drawn.
faults: ## The fault campaigns in their long form (hours); docs/faults.md has the counts
	@scripts/setup.sh build
	HERDBOOK_FAULTS=long $(CARGO) test $(PROFILE) --lib -- --nocapture engine_tests
	HERDBOOK_FAULTS=long $(CARGO) test $(PROFILE) --test faults -- --nocapture --test-threads=1

faults-teeth: ## Programs with seeded defects, each of which a fault campaign has to catch
	@scripts/setup.sh build
	$(CARGO) test $(PROFILE) --features defects --test faults -- --nocapture --test-threads=1 teeth::

# EVAL is a folder with registered.parquet and cases.parquet, see benches/README.md.
accuracy: setup ## Recall and false alarms on labelled data: make accuracy EVAL=folder
	@test -n "$(EVAL)" || { echo "accuracy: name the labelled data: make accuracy EVAL=folder (benches/README.md)"; exit 1; }
	$(CARGO) build $(PROFILE)
	$(PYTHON) benches/accuracy.py $(EVAL)/registered.parquet $(EVAL)/cases.parquet $(ACCURACY_ARGS)

# DECON is the program, built from https://github.com/allenai/decon; without it decon is left out.
peers: setup $(if $(HERDBOOK_PEERS_PYTHON),,.venv-peers/done) ## The same job by herdbook and its peers: make peers EVAL=folder DECON=program
	@test -n "$(EVAL)" || { echo "peers: name the labelled data: make peers EVAL=folder (benches/README.md)"; exit 1; }
	$(CARGO) build $(PROFILE)
	$(PEERS_PYTHON) benches/peers.py $(EVAL)/registered.parquet $(EVAL)/cases.parquet \
		$(if $(DECON),--decon $(DECON)) $(PEERS_ARGS)

.venv-peers/done: benches/peers/requirements.txt
	python3 -m venv .venv-peers
	.venv-peers/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	touch $@

laundering: setup ## Registered outputs disguised on purpose: make laundering EVAL=folder
	@test -n "$(EVAL)" || { echo "laundering: name the labelled data: make laundering EVAL=folder (benches/README.md)"; exit 1; }
	$(CARGO) build $(PROFILE)
	$(PYTHON) benches/laundering.py $(EVAL)/registered.parquet

memory: setup ## Peak memory of checking a large JSONL and a large Parquet: make memory GB=5
	$(CARGO) build $(PROFILE)
	$(PYTHON) benches/memory.py --gb $(or $(GB),5)

throughput: ## A whole check beside decoding or parsing alone: make throughput ARGS="records=100000"
	@scripts/setup.sh build
	$(CARGO) bench --locked --bench throughput -- $(ARGS)

latency: ## One text through the library, in microseconds: make latency ARGS="records=100000"
	@scripts/setup.sh build
	$(CARGO) bench --locked --bench latency -- $(ARGS)

lineage: ## trace and impact on a large graph: make lineage ARGS="edges=1000000"
	@scripts/setup.sh build
	$(CARGO) bench --locked --bench lineage -- $(ARGS)

bench: accuracy memory throughput latency ## All measurements of the whole program

# SECONDS is bash's own variable too: the one of make is meant, if it was given.
fuzz: ## Random inputs against every property: make fuzz SECONDS=600 TARGETS="rows text"
	scripts/fuzz.sh $(if $(filter command,$(firstword $(origin SECONDS))),$(SECONDS),20) $(TARGETS)

setup: ## What a build and the tests need
	@scripts/setup.sh

clean: ## Remove what was built here
	$(CARGO) clean
	rm -rf .venv .venv-peers .peers .demo tests/outside/node_modules
