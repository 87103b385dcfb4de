#!/usr/bin/env bash
# Installs the pinned clients of the contract tests outside of the repository, once per set of pins. Prints the directory.
set -euo pipefail
cd "$(dirname "$0")"

install() {
    echo "installing the Debian packages $*" >&2
    { apt-get install -y -qq "$@" || { apt-get update -qq && apt-get install -y -qq "$@"; }; } > /dev/null 2>&1
}

# need CHECK WHAT PACKAGES: if the check fails, installs the Debian packages, or prints the command that does.
need() {
    eval "$1" > /dev/null 2>&1 && return
    if [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null && install $3 && eval "$1" > /dev/null 2>&1; then return; fi
    echo "the contract tests need $2; run: sudo apt-get install $3" >&2
    exit 1
}

need "python3 -c 'import ensurepip, venv'" "Python with venv" "python3 python3-venv"

cache=${STREAMCAT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/streamcat-testbed}
hash=$(cat requirements.txt package-lock.json <(python3 -V) | sha256sum | cut -c1-12)
directory=$cache/contract-$hash
mkdir -p "$cache"
# Several tests can run this script at the same time.
exec 9> "$directory.lock"
flock 9
if [ ! -e "$directory/complete" ]; then
    echo "installing boto3 and the AWS SDK for JavaScript (once)" >&2
    rm -rf "$directory"
    python3 -m venv "$directory/python"
    "$directory/python/bin/pip" install --quiet --disable-pip-version-check --requirement requirements.txt >&2
    mkdir "$directory/javascript"
    cp package.json package-lock.json "$directory/javascript"
    # Node.js is a pinned package from PyPI, because Debian's version is too old for the SDK.
    (cd "$directory/javascript" && PATH="$directory/python/bin:$PATH" npm ci --silent --ignore-scripts --no-audit --no-fund >&2)
    touch "$directory/complete"
fi
echo "$directory"
