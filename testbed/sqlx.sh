#!/usr/bin/env bash
# Regenerates .sqlx/ from the queries in src/store. Called by `make sqlx`, which sets DATABASE_URL.
set -euo pipefail
cd "$(dirname "$0")/.."
rm -rf .sqlx.new
mkdir .sqlx.new
touch src/lib.rs # the macros write only while the crate is compiled
SQLX_OFFLINE=false SQLX_OFFLINE_DIR="$PWD/.sqlx.new" cargo check --locked --lib
rm -rf .sqlx
mv .sqlx.new .sqlx
echo ".sqlx/ has $(find .sqlx -name 'query-*.json' | wc -l) queries"
