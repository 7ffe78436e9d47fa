#!/bin/sh
# Validates the document of the API at URL, makes a TypeScript client from it,
# compiles it, and runs it there as the reader whose TOKEN it is. Needs node 20 and
# npm, and the network for what package-lock.json names.
#
#   run.sh URL TOKEN
set -eu
url=$1
token=$2
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$here"/package.json "$here"/package-lock.json "$here"/.npmrc "$here"/tsconfig.json "$here"/validate.mjs "$here"/main.ts "$work"
cd "$work"
npm ci --no-progress --loglevel=error
node -e 'fetch(process.argv[1]).then(r => r.text()).then(t => require("fs").writeFileSync("openapi.json", t))' "$url/v1/openapi.json"
node validate.mjs openapi.json
node_modules/.bin/openapi-typescript openapi.json -o api.d.ts
node_modules/.bin/tsc
node out/main.js "$url" "$token"
