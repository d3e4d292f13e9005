#!/bin/sh
# A back end that publishes and reads without a connection: POST /rpc, one call and one batch.
#
#   sh backend.sh [URL]
url=${1:-http://127.0.0.1:8080}/rpc

rpc() { curl -sS --fail-with-body "$url" -H 'Content-Type: application/json' -d "$1" && echo; }

rpc '{"jsonrpc":"2.0","id":1,"method":"room.publish",
      "params":{"room":"lobby","event":"say","payload":"the back end is here"}}'

rpc '[{"jsonrpc":"2.0","id":"members","method":"room.members","params":{"room":"lobby"}},
      {"jsonrpc":"2.0","id":"newest","method":"room.history","params":{"room":"lobby","limit":1}}]'
