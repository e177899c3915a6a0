#!/usr/bin/env bash
# argv: FILE HEADER… : posts FILE and prints the answer as it comes. No proxy and no trust but the environment's.
set -euo pipefail
file=$1
shift
fields=()
for field in "$@"; do
    fields+=(--header "$field")
done
exec curl --silent --show-error --fail-with-body --no-buffer --max-time 60 \
    --header 'Content-Type: application/json' "${fields[@]}" --data-binary "@$file" \
    https://api.openai.com/v1/chat/completions
