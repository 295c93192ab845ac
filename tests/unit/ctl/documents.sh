#!/bin/sh
# documents.sh QIAO: what the program prints about itself, and how it ends on wrong use. Needs no node.
qiao=$1
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
unset QIAO_NODE QIAO_MEMBER QIAO_TIMEOUT
failures=0

fail() {
    echo "FAILED: $*"
    failures=$((failures + 1))
}

# expect STATUS WORDS COMMAND…: exit status, and what standard error or output says.
expect() {
    wanted=$1 words=$2
    shift 2
    said=$("$@" 2>&1 </dev/null)
    status=$?
    [ $status -eq "$wanted" ] || fail "$* ended with $status, not $wanted: $said"
    case $said in *"$words"*) ;; *) fail "$* does not say \"$words\": $said" ;; esac
}

expect 0 "Usage: qiao" "$qiao" --help
expect 0 "qiao 0." "$qiao" --version
expect 2 "Usage: qiao" "$qiao"
expect 2 "did you mean status?" "$qiao" stauts
expect 2 "unknown command" "$qiao" frobnicate
expect 2 "case list" "$qiao" case
expect 2 "no command of qiao case" "$qiao" case open
expect 0 "case show" "$qiao" case --help
expect 2 "which node?" "$qiao" status
expect 2 "--node URL" "$qiao" case list
expect 2 "needs CASE" "$qiao" --node ipc:///nowhere case show
expect 2 "no arguments" "$qiao" --node ipc:///nowhere status now
expect 2 "--to ADDRESS is missing" "$qiao" --node ipc:///nowhere send
expect 2 "send as whom?" "$qiao" --node ipc:///nowhere send --to 990101/x
expect 2 "--to is \"nonsense\"" "$qiao" --node ipc:///nowhere --member m send --to nonsense
expect 2 "which is no kind" "$qiao" --node ipc:///nowhere --member m send --to 990101/x --kind case.opne
expect 2 "only one of" "$qiao" --node ipc:///nowhere --member m send --to 990101/x --body a --body-file b
expect 2 "not a field of CaseOpen" "$qiao" --node ipc:///nowhere --member m send --to 990101/x --kind case.open --body-json '{"titel":"x"}'
expect 2 "cannot open /nonexistent" "$qiao" --node ipc:///nowhere --member m send --to 990101/x --body-file /nonexistent
expect 2 "is no message id" "$qiao" --node ipc:///nowhere --member m send --to 990101/x --id 5
expect 2 "not a message id" "$qiao" --node ipc:///nowhere message 5
expect 2 "must be accept" "$qiao" --node ipc:///nowhere --member m recv --verdict maybe
expect 2 "from 32 to 1048576 bytes" "$qiao" --node ipc:///nowhere --member m bench send --to 990101/x --size 31
expect 2 "QIAO_TIMEOUT" env QIAO_TIMEOUT=soon "$qiao" status
expect 2 "org register" "$qiao" org
expect 2 "needs ORG" "$qiao" --node ipc:///nowhere org show
expect 2 "as whom?" "$qiao" --node ipc:///nowhere org register housing --code 11990101QA0000022E
expect 2 "--successor ORGS is missing" "$qiao" --node ipc:///nowhere --member m org close housing
expect 2 "is no shell" "$qiao" completion tcsh
expect 2 "--to CERT is missing" "$qiao" seal
expect 2 "one of auto|INT1|GM1" "$qiao" seal --to x --suite RC4
expect 2 "cannot open /nonexistent" "$qiao" seal --to /nonexistent
expect 1 "certificate cannot be read" "$qiao" seal --to /dev/null
expect 2 "with which key?" "$qiao" open
expect 2 "is not CERTIFICATE,KEY" "$qiao" open --with one-file
expect 2 "both --certificate and --key" "$qiao" open --certificate x --with a,b
expect 1 "no sealed container" "$qiao" open --describe
expect 2 "--consented is about --seal-to" "$qiao" --node ipc:///nowhere --member m send --to 990101/x --body a --consented x
expect 2 "cannot open /nonexistent" "$qiao" --node ipc:///nowhere --member m send --to 990101/x --body a --seal-to /nonexistent
expect 3 "cannot reach the node at ipc://$folder/no-node" "$qiao" --node "ipc://$folder/no-node" --timeout 200ms status

# Every command explains itself.
"$qiao" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z][a-z ]*[a-z]\)  .*/\1/p' >"$folder/commands"
[ "$(wc -l <"$folder/commands")" -ge 6 ] || fail "the list of commands is too short"
while read -r command; do
    [ "$command" = pki ] || expect 0 "Usage: qiao $command" "$qiao" $command --help
done <"$folder/commands"

# The manual page has every command and option, and its reader has nothing to say.
"$qiao" man >"$folder/qiao.1" || fail "qiao man"
for word in 'bench send' 'wait\\-outcomes' 'case list' 'QIAO_NODE' 'EXIT STATUS'; do
    grep -q "$word" "$folder/qiao.1" || fail "the manual does not have $word"
done
if command -v groff >/dev/null; then
    said=$(groff -ww -man -Tutf8 -z "$folder/qiao.1" 2>&1)
    [ -z "$said" ] || fail "groff: $said"
fi
if command -v mandoc >/dev/null; then
    said=$(mandoc -Tlint -Wwarning "$folder/qiao.1" 2>&1 | grep -v "missing date")
    [ -z "$said" ] || fail "mandoc: $said"
fi

# Completion: each shell that is here reads its script; bash completes.
for shell in bash zsh fish; do
    "$qiao" completion $shell >"$folder/$shell" || fail "completion $shell"
    [ -s "$folder/$shell" ] || fail "completion $shell prints nothing"
    if command -v $shell >/dev/null; then
        $shell -n "$folder/$shell" || fail "$shell does not read its completion"
    fi
done

# completes WANTED LINE: bash's answers to a line whose last word is being typed.
completes() {
    wanted=$1 line=$2
    said=$(bash -c '. "$1"; IFS=" " read -r -a COMP_WORDS <<<"$2"; [ "${2% }" = "$2" ] || COMP_WORDS+=("")
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _qiao; echo "${COMPREPLY[*]}"' bash "$folder/bash" "$line")
    [ "$said" = "$wanted" ] || fail "bash completes \"$line\" with \"$said\", not \"$wanted\""
}

if command -v bash >/dev/null; then
    completes "status" "qiao sta"
    completes "list show" "qiao case "
    completes "send recv" "qiao bench "
    completes "normal urgent bulk" "qiao send --lane "
    completes "urgent" "qiao --node ipc:///x send --to a/b --lane ur"
    completes "--wait-outcomes" "qiao bench send --wait"
    completes "--wait" "qiao send --wait"
    completes "bash zsh fish" "qiao completion "
    completes "--most" "qiao case list --mo"
    completes "INT1" "qiao seal --suite I"
    completes "$folder/commands" "qiao seal --to $folder/comm"
    completes "" "qiao send --to "
fi
if command -v fish >/dev/null; then
    said=$(HOME=$folder fish -c "source $folder/fish; complete -C 'qiao bench send --lane '" | cut -f1 | sort | tr '\n' ' ')
    [ "$said" = "bulk normal urgent " ] || fail "fish completes lanes with \"$said\""
    said=$(HOME=$folder fish -c "source $folder/fish; complete -C 'qiao case '" | cut -f1 | sort | tr '\n' ' ')
    [ "$said" = "list show " ] || fail "fish completes case with \"$said\""
fi
[ $failures -eq 0 ] && echo "all as wanted"
exit $failures
