#!/bin/sh
# Asks AsyncAPI's own parser about the documents, each a file. Fails with the first
# that it does not take. Needs node 20 and npm, and the network for what
# package-lock.json names.
#
#   run.sh FILE...
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$here"/package.json "$here"/package-lock.json "$here"/.npmrc "$here"/validate.mjs "$work"
(cd "$work" && npm ci --no-progress --loglevel=error)
for file; do
	node "$work/validate.mjs" "$file"
done
