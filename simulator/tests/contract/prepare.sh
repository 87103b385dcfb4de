#!/usr/bin/env bash
# Installs the clients of the contract tests, pinned, once for each set of pins and outside the repository; prints where.
set -euo pipefail
cd "$(dirname "$0")"

install() {
    echo "installing $* (Debian's packages)" >&2
    { apt-get install -y -qq "$@" || { apt-get update -qq && apt-get install -y -qq "$@"; }; } > /dev/null 2>&1
}

# need CHECK WHAT PACKAGES: has Debian's packages installed if the check fails, or says what to type.
need() {
    eval "$1" > /dev/null 2>&1 && return
    if [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null && install $3 && eval "$1" > /dev/null 2>&1; then return; fi
    echo "the contract tests need $2; type: sudo apt-get install $3" >&2
    exit 1
}

need "python3 -c 'import ensurepip, venv'" "Python with venv" "python3 python3-venv"

cache=${STREAMCAT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/streamcat-testbed}
hash=$(cat requirements.txt package-lock.json <(python3 -V) | sha256sum | cut -c1-12)
folder=$cache/contract-$hash
mkdir -p "$cache"
# Several tests come here at a time.
exec 9> "$folder.lock"
flock 9
if [ ! -e "$folder/complete" ]; then
    echo "installing boto3 and the AWS SDK for JavaScript (once)" >&2
    rm -rf "$folder"
    python3 -m venv "$folder/python"
    "$folder/python/bin/pip" install --quiet --disable-pip-version-check --requirement requirements.txt >&2
    mkdir "$folder/javascript"
    cp package.json package-lock.json "$folder/javascript"
    # Node.js is one of the pinned packages of PyPI: Debian's own is older than the SDK asks for.
    (cd "$folder/javascript" && PATH="$folder/python/bin:$PATH" npm ci --silent --ignore-scripts --no-audit --no-fund >&2)
    touch "$folder/complete"
fi
echo "$folder"
