#!/bin/sh
# An agent in its smallest form: it reads a prompt and answers in JSON. Plain
# text would do as well.
words=$(wc -w | tr -d ' ')
echo "counting words" >&2
printf '{"output": "%s words", "usage": {"inputTokens": %s, "outputTokens": 2}}\n' "$words" "$words"
