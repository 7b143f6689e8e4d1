#!/usr/bin/env bash
# Measures the release binary beside the servers of others: builds both, then runs the benchmark
# `peers` with the options given here (`--rounds 1 --seconds 0.3 --names-count 20000` is a trial).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

cargo build --release --locked
# `cargo bench` builds the program too, with the quicker settings of [profile.bench], and puts it
# into the same place: what is measured is kept aside.
mkdir -p target/peers
cp target/release/amparo target/peers/amparo
exec cargo bench --locked --bench peers -- --amparo "$PWD/target/peers/amparo" "$@"
