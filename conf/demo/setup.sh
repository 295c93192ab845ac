# What a fresh machine needs, for conf/demo/run.sh and tests/run.sh. Sourced; ROOT is the top of the tree.
# install_packages [test]    installs what is missing, says nothing when nothing is
# build_tree PRESET [cmake options]    configures and builds into build/PRESET

RUN_PACKAGES='build-essential cmake ninja-build pkg-config libnng-dev libprotobuf-c-dev protobuf-c-compiler libssl-dev libuv1-dev liblmdb-dev libfyaml-dev libjansson-dev uthash-dev zlib1g-dev openssl'
TEST_PACKAGES='libcriterion-dev libnanomsg5 protobuf-compiler python3 util-linux e2fsprogs procps iproute2 g++'

missing_packages() {
    for package in "$@"; do
        dpkg-query -W -f='${db:Status-Abbrev}' "$package" 2>/dev/null | grep -q '^ii' || printf '%s ' "$package"
    done
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"
    elif command -v sudo >/dev/null 2>&1; then sudo "$@"
    else
        echo "these packages are missing and need root to install: run as root, or install sudo" >&2
        return 1
    fi
}

install_packages() {
    wanted=$RUN_PACKAGES
    [ "${1:-}" = test ] && wanted="$wanted $TEST_PACKAGES"
    command -v dpkg-query >/dev/null 2>&1 || {
        echo "no dpkg here: install the packages named in README.md by hand" >&2
        return 0
    }
    # shellcheck disable=SC2086
    missing=$(missing_packages $wanted)
    [ -z "$missing" ] && return 0
    echo "installing: $missing" >&2
    as_root apt-get update -qq >&2 || return 1
    # shellcheck disable=SC2086
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >&2
}

build_tree() {
    preset=$1
    shift
    (cd "$ROOT/.cmake" && cmake --preset "$preset" "$@" >"$ROOT/build/$preset.configure.log" 2>&1) || {
        cat "$ROOT/build/$preset.configure.log" >&2
        return 1
    }
    cmake --build "$ROOT/build/$preset" >"$ROOT/build/$preset.build.log" 2>&1 || {
        tail -n 60 "$ROOT/build/$preset.build.log" >&2
        return 1
    }
}
