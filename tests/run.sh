#!/bin/sh
# Every test, on a fresh machine too. Usage: sh tests/run.sh [--quick]
#   --quick   unit tests, tidy, one simulator and fuzz smoke run, no sanitizers
# Exit status 0 only if everything passed.
set -u
ROOT=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
. "$ROOT/conf/demo/setup.sh"
QUICK=0
case "${1:-}" in
    --quick) QUICK=1 ;;
    --help | -h) sed -n '2,4p' "$0" | cut -c3-; exit 0 ;;
    '') ;;
    *) echo "tests/run.sh: unknown option '$1'; see --help" >&2; exit 2 ;;
esac

mkdir -p "$ROOT/build"
install_packages test || exit 1

# How long tests wait for what must happen: nothing is the faster for less, and a machine may be busy.
QIAO_TEST_PATIENCE_S=${QIAO_TEST_PATIENCE_S:-90}
export QIAO_TEST_PATIENCE_S

# Worlds to begin with. The same every day, so that a failure is the change's; QIAO_TEST_SEED=$(date +%s) looks for what nobody has met.
QIAO_TEST_SEED=${QIAO_TEST_SEED:-1000000}

PASSED=0
FAILED=0
step() { # NAME COMMAND…
    name=$1
    shift
    log="$ROOT/build/test-$(printf %s "$name" | tr -c 'a-z0-9' '-').log"
    started=$(date +%s)
    if "$@" >"$log" 2>&1; then
        PASSED=$((PASSED + 1))
        echo "ok      $name ($(($(date +%s) - started)) s)"
    else
        FAILED=$((FAILED + 1))
        echo "FAILED  $name ($(($(date +%s) - started)) s), whole output in $log:"
        tail -n 60 "$log"
    fi
    grep -hE '^(skip|SKIP|# skip|.*skipped:)' "$log" | head -n 10
    return 0
}

ctest_label() { # PRESET LABEL-REGEX
    (cd "$ROOT/build/$1" && ctest --output-on-failure --timeout 900 -L "$2" -j 2)
}
ctest_unit() { # PRESET
    (cd "$ROOT/build/$1" && ctest --output-on-failure --timeout 900 -LE 'e2e|sim|fuzz|bench' -j 2)
}

ctest_quick() { # PRESET NAME-REGEX: smaller numbers, for builds that are slow
    (cd "$ROOT/build/$1" && QIAO_E2E_QUICK=1 TSAN_OPTIONS="suppressions=$ROOT/tests/support/tsan.supp" \
        ctest --output-on-failure --timeout 900 -LE 'bench' -R "$2" -E 'e2e_(store|power|full|canary|tls_scan)')
}

step 'build release' build_tree release -DQIAO_TESTS=ON -DQIAO_WERROR=ON
step 'unit and tidy' ctest_unit release
if [ "$QUICK" = 1 ]; then
    step 'simulator 100 seeds' "$ROOT/build/release/bin/qiao-sim" --seed 1 --seeds 100 --steps 2000
else
    step 'simulator scenarios' ctest_label release sim
    step 'simulator 1000 seeds' "$ROOT/build/release/bin/qiao-sim" --seed "$QIAO_TEST_SEED" --seeds 1000 --steps 2000
    step 'simulator adversary 1000 seeds' "$ROOT/build/release/bin/qiao-sim" --seed "$QIAO_TEST_SEED" --seeds 1000 --steps 800 --adversary
    step 'simulator graphs 300 seeds' "$ROOT/build/release/bin/qiao-sim" --seed "$QIAO_TEST_SEED" --seeds 300 --steps 800 --graph
    step 'fuzz smoke' ctest_label release fuzz
    step 'end to end' ctest_label release e2e
    step 'demo' sh "$ROOT/conf/demo/run.sh" --once
    step 'build asan' build_tree asan -DQIAO_TESTS=ON
    step 'asan: unit' ctest_unit asan
    step 'asan: simulator' "$ROOT/build/asan/bin/qiao-sim" --seed 1 --seeds 100 --steps 1000
    step 'asan: fuzz smoke' ctest_label asan fuzz
    step 'asan: end to end' ctest_quick asan 'e2e_'
    step 'build tsan' build_tree tsan -DQIAO_TESTS=ON
    step 'tsan: wire' ctest_quick tsan '^wire$'
    step 'tsan: end to end' ctest_quick tsan 'e2e_(happy|signals|kill)'
fi
echo "$PASSED passed, $FAILED failed"
[ "$FAILED" = 0 ]
