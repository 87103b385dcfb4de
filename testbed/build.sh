#!/usr/bin/env bash
# Builds what `make demo`, `make up`, and `make test` need: the workspace's programs, and in parallel (once, cached)
# Kubernetes and Helm. With --tests, also the tests. With --node, installs what a node needs, as root.
set -euo pipefail
cd "$(dirname "$0")/.."

need() {
    command -v "$1" > /dev/null && return
    if [ "$(id -u)" = 0 ] && [ -n "${2:-}" ]; then
        echo "installing $2 (Debian's package)"
        { apt-get install -y -qq "$2" || { apt-get update -qq && apt-get install -y -qq "$2"; }; } > /dev/null
        return
    fi
    echo "$1 is missing: $3" >&2
    exit 1
}
need cargo "" "install Rust, see https://rustup.rs (the version is in rust-toolchain.toml)"
need go "" "install Go 1.26 or newer, see https://go.dev/doc/install"
need cc gcc "run: sudo apt-get install gcc"
need setpriv util-linux "run: sudo apt-get install util-linux"
need openssl openssl "run: sudo apt-get install openssl"
need psql postgresql "run: sudo apt-get install postgresql"
if [ "${1:-}" = --tests ]; then
    # Debian keeps it in a directory that may not be in PATH.
    PATH="$PATH:/usr/sbin" need pgbouncer pgbouncer "run: sudo apt-get install pgbouncer"
    need chromedriver chromium-driver "run: sudo apt-get install chromium-driver"
    # No program has this name: the package is installed if Python cannot create virtual environments.
    python3 -c 'import ensurepip, venv' 2> /dev/null || need python3-venv python3-venv "run: sudo apt-get install python3-venv"
fi
# `testbed install-test` says what is missing where this does not install it.
if [ "${1:-}" = --node ] && [ "$(id -u)" = 0 ]; then
    need ip iproute2 "run: sudo apt-get install iproute2"
    need nft nftables "run: sudo apt-get install nftables"
    need pkg-config pkg-config "run: sudo apt-get install pkg-config"
    need /usr/lib/cni/bridge containernetworking-plugins "run: sudo apt-get install containernetworking-plugins"
    pkg-config --exists libseccomp || need libseccomp libseccomp-dev "run: sudo apt-get install libseccomp-dev"
fi

started=$SECONDS
echo "building the testbed (the first build takes two minutes or more)"
cargo build --locked --bin testbed
target/debug/testbed tools > /dev/null &
tools=$!
# A failed build must not leave the other one running.
trap 'kill "$tools" 2> /dev/null || true' EXIT
echo "building the operator"
cargo build --locked --bins
if [ "${1:-}" = --tests ]; then
    echo "building the operator with fail points, and the tests"
    cargo build --locked --bins --features failpoints
    # Under a second name, because building the tests replaces the binary with the one without fail points.
    ln --force target/debug/streamcat-operator target/debug/streamcat-operator-failpoints
    cargo test --locked --no-run
fi
wait "$tools"
trap - EXIT
echo "built in $((SECONDS - started)) s"
