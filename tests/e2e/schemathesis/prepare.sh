#!/usr/bin/env bash
# Installs the pinned versions of schemathesis and axe-core outside the repository, once per set of pins. Prints the directory.
set -euo pipefail
cd "$(dirname "$0")"

if ! python3 -c 'import ensurepip, venv' > /dev/null 2>&1; then
    echo "Python with venv is missing: run testbed/build.sh --tests, or: sudo apt-get install python3 python3-venv" >&2
    exit 1
fi

cache=${STREAMCAT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/streamcat-testbed}
hash=$(cat requirements.txt <(python3 -V) | sha256sum | cut -c1-12)
directory=$cache/schemathesis-$hash
mkdir -p "$cache"
# Several tests may run this script at the same time.
exec 9> "$directory.lock"
flock 9
if [ ! -e "$directory/complete" ]; then
    echo "installing schemathesis and axe-core (once)" >&2
    rm -rf "$directory"
    python3 -m venv "$directory/python"
    # The list is complete. Of the axe-core package, only the script is needed, not its browser.
    "$directory/python/bin/pip" install --quiet --disable-pip-version-check --no-deps --requirement requirements.txt >&2
    cp "$directory"/python/lib/python*/site-packages/axe_playwright_python/axe.min.js "$directory/"
    touch "$directory/complete"
fi
echo "$directory"
