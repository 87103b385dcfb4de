#!/usr/bin/env bash
# Writes .sqlx/ anew from the queries in src/store. Called by `make sqlx`, with DATABASE_URL set.
set -euo pipefail
cd "$(dirname "$0")/.."
rm -rf .sqlx.new
mkdir .sqlx.new
touch src/lib.rs # the macros write only when the crate is compiled
SQLX_OFFLINE=false SQLX_OFFLINE_DIR="$PWD/.sqlx.new" cargo check --locked --lib
rm -rf .sqlx
mv .sqlx.new .sqlx
echo ".sqlx/ has $(find .sqlx -name 'query-*.json' | wc -l) queries"
