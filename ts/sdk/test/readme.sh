#!/bin/sh
# Takes the example out of the README, so that it is compiled as it stands.
set -eu
cd "$(dirname "$0")"
sed -n '/^```js$/,/^```$/p' ../README.md | sed '1d;$d' > readme.mjs
