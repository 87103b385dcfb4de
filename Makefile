# What a person types. `make` alone lists the targets.

SHELL := /bin/bash
.DEFAULT_GOAL := help

# Queries are checked against .sqlx/, so that no build needs a database, whatever DATABASE_URL is set to.
export SQLX_OFFLINE := true
BUILD := testbed/build.sh

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-8s %s\n", $$1, $$2 }'

demo: ## The whole story: a streamer registers, gets everything, and leaves; checks each step (15 min the first time)
	@$(BUILD)
	@target/debug/testbed demo

up: ## Everything, with the operator and its registration page, until Ctrl-C; then see docs/tutorial.md
	@$(BUILD)
	@target/debug/testbed up

test: ## Every check and every test
	@$(BUILD) --tests
	cargo fmt --all --check
	cargo clippy --all-targets --features failpoints --locked -- -D warnings
	target/debug/testbed run -- cargo test --locked -- --test-threads=8

mutants: ## Put one deliberate defect after the other into a copy of the tree: the tests must catch each (about an hour)
	cargo test --locked --test mutants -- --ignored --nocapture

soak: ## 1,000 accounts come, change and go for 10 minutes while everything fails at random; all must agree at the end
	@$(BUILD)
	@target/debug/testbed soak

bench: ## Measure the simulator (creates a second, long lists, memory), then what an account and a registration cost; goals beside the figures
	cargo bench --locked -p ivs-simulator-load
	@$(BUILD)
	cargo build --release --locked --bin streamcat-operator --bin testbed
	@target/release/testbed bench --operator target/release/streamcat-operator
	@target/release/testbed load-test --operator target/release/streamcat-operator

crds: ## Generate crds/ and the chart's copy from src/api
	@cargo build --locked --bins
	target/debug/streamcat-operator crds > crds/streameraccounts.yaml.new
	mv crds/streameraccounts.yaml.new crds/streameraccounts.yaml
	cp crds/streameraccounts.yaml charts/streamcat-operator/files/crds/

sqlx: ## Generate .sqlx/ from the queries in src/store, against a database with the migrations applied
	@cargo build --locked --bin testbed
	target/debug/testbed database -- testbed/sqlx.sh

clean: ## Remove what was built here (not the cached Kubernetes tools)
	cargo clean
	rm -rf .testbed

.PHONY: help demo up test mutants soak bench crds sqlx clean
