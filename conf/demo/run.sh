#!/bin/sh
# The demo federation: one district, two streets, five communities, five offices, on this machine.
#
# Usage: sh conf/demo/run.sh [--once | --keep DIR | --stop DIR | --help]
#
#   (nothing)     installs and builds what is missing, starts the federation, hands in the sample, prints what became of it,
#                 and runs on until Ctrl-C
#   --once        the same, and ends by itself; exit status 0 only if nothing was lost, duplicated or left in flight
#   --keep DIR    the same, and leaves the federation running with configuration, certificates, logs and registers under DIR;
#                 DIR/env is to be sourced: PATH with the binaries, QIAO_NODE with the district's node
#   --stop DIR    ends what --keep left running; the files stay
#
# Nothing outside build/, DIR and a folder of sockets under /tmp is written. Exit status: 0 good, 1 not, 2 wrong use.
set -eu
ROOT=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
DEMO=$ROOT/conf/demo
BIN=$ROOT/build/release/bin
. "$DEMO/setup.sh"

# node, area, parent
STREETS='street-anlan 990101001
street-heping 990101002'
COMMUNITIES='community-guihuali 990101001001 street-anlan
community-liuxiang 990101001002 street-anlan
community-wutongli 990101001003 street-anlan
community-liuwan 990101002001 street-heping
community-etou 990101002002 street-heping'
# name, node, configuration
OFFICES='anlan-urban-management street-anlan street-urban-management
heping-urban-management street-heping street-urban-management
urban-management district-anhe urban-management
housing district-anhe housing
hotline district-anhe hotline'
NODES="district-anhe $(echo "$STREETS" | cut -d' ' -f1) $(echo "$COMMUNITIES" | cut -d' ' -f1)"
OUTCOMES_S=120   # how long the intakes wait for outcomes

say() { echo "demo: $*"; }
fail() { echo "demo: $*" >&2; exit 1; }
wrong_use() { echo "demo: $*; see sh conf/demo/run.sh --help" >&2; exit 2; }

# ---- processes: DIR/pids has a line "PID NAME" for each; only what runs with a configuration under DIR is ever ended

start() { # NAME COMMAND… in a session of its own: a Ctrl-C is for the script, and --keep outlives the terminal
    name=$1
    shift
    setsid "$@" >>"$DIR/log/$name.log" 2>&1 &
    echo "$! $name" >>"$DIR/pids"
}

is_ours() { # PID
    { tr '\0' ' ' <"/proc/$1/cmdline"; } 2>/dev/null | grep -qF -- "$DIR/"
}

# Ends processes in the opposite order of their start and waits for each; one that does not end in 10 s is killed and makes the demo fail.
stop_all() {
    stopped=0
    [ -f "$DIR/pids" ] || return 0
    for pid in $(awk '{ line[NR] = $1 } END { for (i = NR; i > 0; i--) print line[i] }' "$DIR/pids"); do
        is_ours "$pid" || continue
        kill -TERM "$pid" 2>/dev/null || continue
        tenths=0
        while is_ours "$pid" && [ "$tenths" -lt 100 ]; do
            sleep 0.1
            tenths=$((tenths + 1))
        done
        if is_ours "$pid"; then
            kill -KILL "$pid" 2>/dev/null || true
            echo "demo: process $pid did not end on SIGTERM" >&2
            stopped=1
        fi
    done
    rm -f "$DIR/pids"
    if [ -f "$DIR/run" ]; then
        case $(cat "$DIR/run") in /tmp/qiao-demo.??????) rm -rf "$(cat "$DIR/run")" ;; esac
        rm -f "$DIR/run"
    fi
    return "$stopped"
}

# ---- making the federation

# Three ports that nobody listens on, below the range that the kernel gives out by itself.
pick_ports() {
    used=$(awk 'FNR > 1 { split($2, address, ":"); print address[2] }' /proc/net/tcp /proc/net/tcp6 2>/dev/null || true)
    echo "$used" | awk -v seed="$$$(date +%S)" '
        function number(hex,   i, n) { n = 0; for (i = 1; i <= length(hex); i++) n = n * 16 + index("0123456789ABCDEF", substr(hex, i, 1)) - 1; return n }
        NF { taken[number($1)] = 1 }
        END { srand(seed); port = 20000 + int(rand() * 10000)
              for (found = 0; found < 3; port++) if (!(port in taken)) { printf "%s%d", found++ ? " " : "", port } print "" }'
}

port_of() { # STREET
    [ "$1" = street-anlan ] && echo "$PORT_ANLAN" || echo "$PORT_HEPING"
}

area_of() { # NODE
    printf 'district-anhe 990101\n%s\n%s\n' "$STREETS" "$COMMUNITIES" | awk -v node="$1" '$1 == node { print $2 }'
}

render() { # TEMPLATE OUTPUT NODE AREA [STREET STREET_AREA] or NAME for an office
    sed -e "s|@DIR@|$DIR|g" -e "s|@RUN@|$RUN|g" -e "s|@PORT_DISTRICT@|$PORT_DISTRICT|g" -e "s|@NODE@|$3|g" -e "s|@AREA@|$4|g" \
        -e "s|@STREET@|${5:-}|g" -e "s|@STREET_AREA@|${6:-}|g" -e "s|@NAME@|${7:-}|g" -e "s|@PORT@|${8:-}|g" "$DEMO/$1.in" >"$2"
}

write_configuration() {
    render district.yaml "$DIR/conf/district-anhe.yaml" district-anhe 990101
    echo "$STREETS" | while read -r street area; do
        render street.yaml "$DIR/conf/$street.part" "$street" "$area" '' '' '' "$(port_of "$street")"
        echo "$COMMUNITIES" | awk -v street="$street" '$3 == street { printf "  - { node: %s, area: \"%s\", role: child }\n", $1, $2 }' >"$DIR/conf/$street.children"
        sed -e "/@CHILDREN@/{r $DIR/conf/$street.children" -e 'd;}' "$DIR/conf/$street.part" >"$DIR/conf/$street.yaml"
        rm "$DIR/conf/$street.part" "$DIR/conf/$street.children"
    done
    echo "$COMMUNITIES" | while read -r community area street; do
        street_area=$(echo "$STREETS" | awk -v street="$street" '$1 == street { print $2 }')
        render community.yaml "$DIR/conf/$community.yaml" "$community" "$area" "$street" "$street_area" '' "$(port_of "$street")"
        render intake.yaml "$DIR/conf/intake-$community.yaml" "$community" "$area" "$street" "$street_area"
        mkdir -p "$DIR/intake/$community/drop"
    done
    echo "$OFFICES" | while read -r office node template; do
        render "$template.yaml" "$DIR/conf/office-$office.yaml" "$node" '' '' '' "$office"
    done
}

make_certificates() {
    "$BIN/qiao" pki init --out "$DIR/pki/authority" --name 'Qiao demo federation' >"$DIR/log/pki.log"
    for node in $NODES; do
        area=$(area_of "$node")
        "$BIN/qiao" pki issue --ca "$DIR/pki/authority" --name "$node" --area "$area" --out "$DIR/pki" --type node >>"$DIR/log/pki.log"
    done
    # The district's offices come over TLS; the members of streets and communities sit on their node's machine and use its socket.
    for member in 990101/urban-management 990101/housing 990101/hotline; do
        "$BIN/qiao" pki issue --ca "$DIR/pki/authority" --name "$member" --out "$DIR/pki" --type member >>"$DIR/log/pki.log"
    done
}

prepare() {
    mkdir -p "$DIR"
    DIR=$(CDPATH='' cd -- "$DIR" && pwd)
    case $DIR in *['|&" ']*) fail "the path $DIR has characters that the templates cannot hold" ;; esac
    [ ! -e "$DIR/pids" ] || fail "a federation runs in $DIR already; end it with --stop $DIR"
    [ ! -e "$DIR/conf" ] || fail "$DIR has been used before; remove it or choose another"
    OURS=1
    mkdir -p "$DIR/conf" "$DIR/log" "$DIR/store" "$DIR/pki" "$DIR/intake" "$DIR/offices" "$DIR/report"
    # The path of a socket may have about 100 bytes, whatever DIR is.
    RUN=$(mktemp -d /tmp/qiao-demo.XXXXXX)
    echo "$RUN" >"$DIR/run"
    # shellcheck disable=SC2046  # three words
    set -- $(pick_ports)
    PORT_DISTRICT=$1 PORT_ANLAN=$2 PORT_HEPING=$3
    make_certificates
    write_configuration
    printf 'PATH=%s:$PATH\nQIAO_NODE=ipc://%s/district-anhe\nexport PATH QIAO_NODE\n' "$BIN" "$RUN" >"$DIR/env"
}

start_federation() {
    for node in $NODES; do
        start "$node" "$BIN/qiaod" --config "$DIR/conf/$node.yaml"
    done
    for node in $NODES; do
        "$BIN/qiao" --node "ipc://$RUN/$node" status --wait-ready 20 >"$DIR/report/status-$node" 2>&1 || {
            cat "$DIR/report/status-$node" >&2
            tail -n 20 "$DIR/log/$node.log" >&2
            fail "node $node is not ready"
        }
    done
    echo "$OFFICES" >"$DIR/report/offices"
    while read -r office node template; do
        start "office-$office" "$BIN/qiao-desk" --config "$DIR/conf/office-$office.yaml"
    done <"$DIR/report/offices"
}

# ---- the sample through it

# The export by community: the code stands first in every row; lines that begin with no code of a community go with the row before.
split_sample() {
    mkdir -p "$DIR/report/sample"
    echo "$COMMUNITIES" | LC_ALL=C awk -v folder="$DIR/report/sample" '
        FNR == NR { file[$2] = folder "/" $1 ".csv"; next }
        FNR == 1 { for (code in file) print > file[code]; next }
        substr($0, 1, 12) in file { now = file[substr($0, 1, 12)] }
        { print > now }' - "$DEMO/sample.csv"
}

# What should arrive, told by the mapping alone; then the real thing.
hand_in() {
    : >"$DIR/report/intakes"
    echo "$COMMUNITIES" >"$DIR/report/communities"
    while read -r community area street; do
        "$BIN/qiao-csv" --config "$DIR/conf/intake-$community.yaml" --dry-run "$DIR/report/sample/$community.csv" \
            >"$DIR/report/dry-$community" 2>>"$DIR/log/intake-$community.log" || true
        cp "$DIR/report/sample/$community.csv" "$DIR/intake/$community/drop/.sample"
        mv "$DIR/intake/$community/drop/.sample" "$DIR/intake/$community/drop/hotline-export.csv"
    done <"$DIR/report/communities"
    while read -r community area street; do
        "$BIN/qiao-csv" --config "$DIR/conf/intake-$community.yaml" --once --json --timeout "$OUTCOMES_S" \
            >"$DIR/report/summary-$community" 2>>"$DIR/log/intake-$community.log" &
        echo "$! $community" >>"$DIR/report/intakes"
    done <"$DIR/report/communities"
    bad=0
    while read -r pid community; do
        wait "$pid" || { say "the intake of $community ended with status $?; see $DIR/log/intake-$community.log" >&2; bad=1; }
    done <"$DIR/report/intakes"
    return "$bad"
}

sum() { # FIELD: over the intakes' summaries
    cat "$DIR"/report/summary-* | tr ',{}' '\n\n\n' | awk -F: -v field="\"$1\"" '$1 == field { total += $2 } END { print total + 0 }'
}

percentile() { # P, of sorted numbers on standard input
    awk -v p="$1" '{ value[NR] = $1 } END { if (!NR) { print "-"; exit } at = int(NR * p / 100 + 0.999999); if (at < 1) at = 1; print value[at] }'
}

# Each figure from its own source: what the mapping says should arrive, the offices' registers, the outcomes the intakes hold.
report() {
    cd "$DIR/report"
    cat dry-* | grep -v '"fault":' | sed 's/.*"idempotency_key":"\([^"]*\)".*/\1/' | sort >expected
    for register in "$DIR"/offices/*/register.csv; do awk -F, 'FNR > 1 { print $4 }' "$register"; done | sort >registered
    for register in "$DIR"/offices/*/register.csv; do awk -F, 'FNR > 1 && $10 == "accepted" { print $4 }' "$register"; done | sort >registered_accepted
    awk -F, 'FNR > 1 && $7 != "submitted" { print $4, $7, $NF }' "$DIR"/intake/*/results/*.csv >outcomes
    awk '{ print $1 }' outcomes | sort >ended
    awk '$2 == "accepted" { print $1 }' outcomes | sort >accepted
    awk '$3 != "\"\"" { print $3 }' outcomes | sort -n >took
    cases=$(wc -l <expected)
    delivered=$(sort -u registered | wc -l)
    in_flight=$(sum in_flight)
    # lost: without outcome and not on the way, or an outcome "accepted" that no office knows of
    lost=$(($(sort -u ended | comm -23 expected - | wc -l) - in_flight + $(comm -23 accepted registered_accepted | wc -l)))
    # duplicated: entered twice at offices, or told twice to an intake, or something nobody handed in
    duplicated=$(($(uniq -d registered | wc -l) + $(uniq -d ended | wc -l) + $(sort -u registered | comm -13 expected - | wc -l)))
    echo
    printf '  %-28s %s\n' 'rows in the export' "$(sum rows)" 'bad rows, in quarantine' "$(sum quarantined)" 'cases in' "$cases" \
        'delivered to an office' "$delivered" 'accepted' "$(sum accepted)" 'refused' "$(sum refused)" 'expired' "$(sum expired)" 'dead' "$(sum dead)" \
        'in flight' "$in_flight" 'lost' "$lost" 'duplicated' "$duplicated" \
        'handed in to outcome, p50' "$(percentile 50 <took) ms" 'handed in to outcome, p99' "$(percentile 99 <took) ms"
    printf '\n  in quarantine (file, line, reason):\n'
    for file in "$DIR"/intake/*/quarantine/*.csv; do
        awk -F, -v from="$(basename "$(dirname "$(dirname "$file")")")" 'FNR > 1 { printf "    %-20s line %-4s %s\n", from, $2, $4 }' "$file"
    done
    echo
    [ "$cases" -gt 0 ] && [ "$lost" -eq 0 ] && [ "$duplicated" -eq 0 ] && [ "$in_flight" -eq 0 ]
}

# After the sample the intakes watch their drop folders like any other day.
start_intakes() {
    while read -r community area street; do
        start "intake-$community" "$BIN/qiao-csv" --config "$DIR/conf/intake-$community.yaml"
    done <"$DIR/report/communities"
}

# ---- what was asked for

build() {
    install_packages || fail 'packages are missing'
    mkdir -p "$ROOT/build"
    # A tree that has been configured, perhaps with tests, stays as it is.
    [ -f "$ROOT/build/release/CMakeCache.txt" ] || set -- -DQIAO_TESTS=OFF
    say 'building into build/release (output in build/demo-build.log)'
    build_tree release "$@" >"$ROOT/build/demo-build.log" 2>&1 || {
        tail -n 40 "$ROOT/build/demo-build.log" >&2
        fail 'the build failed'
    }
}

run() {
    say "the federation is made in $DIR"
    prepare
    start_federation
    say "8 nodes and 5 offices are up; handing in $(($(wc -l <"$DEMO/sample.csv"))) lines of the hotline's export"
    split_sample
    result=0
    hand_in || result=1
    (report) || result=1
    return "$result"
}

clean_up() {
    status=$?
    trap - EXIT INT TERM
    if [ "$OURS" = 1 ]; then
        stop_all || status=1
    fi
    if [ "$TEMPORARY" = 1 ] && [ "$status" = 0 ]; then
        rm -rf "$DIR"
    elif [ "$status" != 0 ] && [ "$OURS" = 1 ]; then
        echo "demo: failed; configuration, logs and registers are in $DIR" >&2
    fi
    exit "$status"
}

main() {
    mode=${1:-run}
    case $mode in
        --help | -h) sed -n '2,/^set -eu/p' "$0" | sed -e '/^set -eu/d' -e 's/^# \{0,1\}//'; exit 0 ;;
        --once | run) [ $# -le 1 ] || wrong_use "no argument is expected after $mode" ;;
        --keep | --stop) [ $# -eq 2 ] || wrong_use "$mode needs one folder" ;;
        *) wrong_use "unknown option $mode" ;;
    esac
    if [ "$mode" = --stop ]; then
        [ -d "$2" ] || wrong_use "no folder $2"
        DIR=$(CDPATH='' cd -- "$2" && pwd)
        [ -f "$DIR/pids" ] || fail "nothing runs in $DIR"
        stop_all
        exit $?
    fi
    build
    TEMPORARY=1
    OURS=0
    if [ "$mode" = --keep ]; then
        TEMPORARY=0
        DIR=$2
    else
        DIR=$(mktemp -d "${TMPDIR:-/tmp}/qiao-demo-files.XXXXXX")
    fi
    trap clean_up EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    result=0
    run || result=$?
    [ "$mode" = --once ] && exit "$result"
    [ "$result" = 0 ] || exit "$result"
    start_intakes
    if [ "$mode" = --keep ]; then
        trap - EXIT INT TERM
        say "it runs on. To use it: . $DIR/env; to end it: sh conf/demo/run.sh --stop $DIR"
        exit 0
    fi
    trap 'exit 0' INT TERM
    say "it runs on until Ctrl-C. To use it: . $DIR/env; more files may be moved into $DIR/intake/*/drop"
    wait
}

main "$@"
