#!/usr/bin/env bash
# Installs schemathesis and axe-core, pinned, once for each set of pins and outside the repository; prints where.
set -euo pipefail
cd "$(dirname "$0")"

if ! python3 -c 'import ensurepip, venv' > /dev/null 2>&1; then
    echo "Python with venv is missing: run testbed/build.sh --tests, or type: sudo apt-get install python3 python3-venv" >&2
    exit 1
fi

cache=${STREAMCAT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/streamcat-testbed}
hash=$(cat requirements.txt <(python3 -V) | sha256sum | cut -c1-12)
folder=$cache/outside-$hash
mkdir -p "$cache"
# Several tests come here at a time.
exec 9> "$folder.lock"
flock 9
if [ ! -e "$folder/complete" ]; then
    echo "installing schemathesis and axe-core (once)" >&2
    rm -rf "$folder"
    python3 -m venv "$folder/python"
    # All that is needed is on the list. Of the package with axe-core in it only the script is wanted, not its browser.
    "$folder/python/bin/pip" install --quiet --disable-pip-version-check --no-deps --requirement requirements.txt >&2
    cp "$folder"/python/lib/python*/site-packages/axe_playwright_python/axe.min.js "$folder/"
    touch "$folder/complete"
fi
echo "$folder"
