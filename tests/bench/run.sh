#!/bin/sh
# Every figure of the issue's table as JSON lines, with the machine's own limits beside it.
# Usage: sh tests/bench/run.sh [--quick] [--only NAME]… [--list]
exec python3 -B "$(dirname -- "$0")/bench.py" "$@"
