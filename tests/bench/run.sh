#!/bin/sh
# run.sh BUILD [ARGUMENT…]: what ./dev bench calls when everything is built; run.mjs explains its arguments (--help).
set -eu
build=$1
shift
exec node "$(dirname "$0")/run.mjs" --build "$build" "$@"
