#!/bin/sh
# run.sh BUILD [ARGUMENT…]: what ./dev bench calls when everything is built; run.mjs explains its arguments (--help).
# `micro` and `bounds` have programs of their own.
set -eu
build=$1
shift
here=$(dirname "$0")
case ${1:-} in
  micro | bounds)
    which=$1
    shift
    exec node "$here/$which.mjs" --build "$build" "$@"
    ;;
esac
exec node "$here/run.mjs" --build "$build" "$@"
