# The commands a person types. `make` alone lists them.

SHELL := /bin/bash
.DEFAULT_GOAL := help

# Queries are checked against .sqlx/, so no build needs a database, whatever DATABASE_URL is set to.
export SQLX_OFFLINE := true
BUILD := testbed/build.sh
IMAGE := target/debug/testbed image --operator target/release/streamcat-operator --output
# Where tools that are not part of the build are kept; shared with the testbed.
CACHE := $(or $(STREAMCAT_CACHE),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/streamcat-testbed)

help: ## List the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-12s %s\n", $$1, $$2 }'

demo: ## Run the demo: a streamer signs up, gets a channel, a chat room, and a stage, and leaves; check each step (15 min the first time)
	@$(BUILD)
	@target/debug/testbed demo

up: ## Start everything, with the controller and the registration page, until Ctrl-C (see docs/tutorial.md)
	@$(BUILD)
	@target/debug/testbed up

check: ## Check formatting, lints, and documentation (under a minute once built)
	cargo fmt --all --check
	cargo clippy --all-targets --features failpoints --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --locked

unit: ## Run the quick tests: unit tests, links of the docs, names of types, and whether each mutant still fits the code
	cargo test --locked --lib --bin testbed --test mutants --test docs

e2e: ## Run the end-to-end tests whose path contains TEST, for example: make e2e TEST=lifecycle
	@$(BUILD) --tests
	target/debug/testbed run -- cargo test --locked --test e2e $(TEST) -- --test-threads=8

model: ## Run the protocol model: every order of events of one account and two controllers
	cargo test --locked --test model

faults: ## Run the fault campaign: every call of every workload under every fault (FAULTS_ONLY=… selects)
	cargo test --locked --test faults -- --nocapture

test: ## Run every check and every test
	@$(BUILD) --tests
	@$(MAKE) --no-print-directory check
	target/debug/testbed run -- cargo test --locked -- --test-threads=8
	@$(MAKE) --no-print-directory install-test

install-test: ## Run the image and the chart on a node, and disrupt them while people register (needs root; STRICT=1 fails instead of a skip)
	@$(BUILD) --node
	@target/debug/testbed install-test
	cargo test --locked --test node -- --ignored

mutants: ## Put one defect after another into a copy of the tree; the tests must catch each (about an hour)
	cargo test --locked --test mutants -- --ignored --nocapture

soak: ## Run 1,000 accounts for 10 min while everything fails at random; all records must agree at the end
	@$(BUILD)
	@target/debug/testbed soak

bench: ## Measure speed, memory, and cost next to their goals (half an hour; BENCH="cold 2000" selects; see docs/performance.md)
	@$(BUILD)
	cargo build --release --locked --bin streamcat-operator --bin testbed
	$(if $(BENCH),,cargo bench --locked -p ivs-simulator-load)
	$(if $(BENCH),,cargo test --locked --test memory -- --nocapture)
	@target/release/testbed bench $(BENCH)

image: ## Build the container image target/streamcat-operator.tar, without an engine (for docker load, ctr images import, skopeo)
	cargo build --release --locked --bin streamcat-operator
	cargo build --locked --bin testbed
	@$(IMAGE) target/streamcat-operator.tar
	@$(IMAGE) target/again.tar > /dev/null && cmp target/streamcat-operator.tar target/again.tar && rm target/again.tar

deny: ## Check dependencies: advisories, licenses, bans, sources (installs cargo-deny into the cache if it is missing)
	@command -v cargo-deny > /dev/null || test -x $(CACHE)/bin/cargo-deny || \
	    cargo install --locked --root $(CACHE) cargo-deny
	@PATH="$(CACHE)/bin:$$PATH" cargo deny --locked check

doc: ## Build the API documentation and print its path
	cargo doc --no-deps --locked
	@echo "$(CURDIR)/target/doc/streamcat_operator/index.html"

crds: ## Generate crds/ and the chart's copy from src/api
	@cargo build --locked --bins
	target/debug/streamcat-operator crds > crds/streameraccounts.yaml.new
	mv crds/streameraccounts.yaml.new crds/streameraccounts.yaml
	cp crds/streameraccounts.yaml charts/streamcat-operator/files/crds/

sqlx: ## Generate .sqlx/ from the queries in src/store, against a database with the migrations applied
	@cargo build --locked --bin testbed
	target/debug/testbed database -- testbed/sqlx.sh

hooks: ## Install the Git pre-commit hook
	git config core.hooksPath .githooks

clean: ## Remove build output (not the cached Kubernetes tools)
	cargo clean
	rm -rf .testbed

.PHONY: help demo up check unit e2e model faults test mutants soak bench deny doc crds sqlx hooks clean image install-test
