# Sourced by run.sh here and by tests/run.sh: what a fresh machine needs, and the build. ROOT must be set to the project's folder.

PACKAGES_BUILD='gcc libc6-dev cmake ninja-build pkg-config libnng-dev libssl-dev libgcrypt20-dev libuv1-dev libprotobuf-c-dev protobuf-c-compiler liblmdb-dev libfyaml-dev libjansson-dev libseccomp-dev'
PACKAGES_TEST='libcriterion-dev protobuf-compiler openssl python3 gdb softhsm2 libengine-pkcs11-openssl sslscan testssl.sh systemd libfaketime iproute2 e2fsprogs'

is_installed() { # PACKAGE
    case "$(dpkg-query -W -f='${Status}' "$1" 2>/dev/null)" in *' installed') return 0 ;; *) return 1 ;; esac
}

# Names of the packages that are missing; install_packages installs them. "test" adds what only the tests need.
missing_packages() { # [test]
    wanted=$PACKAGES_BUILD
    [ "${1:-}" = test ] && wanted="$wanted $PACKAGES_TEST"
    for package in $wanted; do
        is_installed "$package" || printf '%s ' "$package"
    done
    # Debian 13 has the less usual charsets in a package of their own.
    printf x | iconv -f GB18030 -t UTF-8 >/dev/null 2>&1 || printf 'libc-gconv-modules-extra '
}

install_packages() { # [test]
    if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
        echo "This is not a Debian system: install the equivalents of $PACKAGES_BUILD yourself." >&2
        return 0
    fi
    missing=$(missing_packages "${1:-}")
    [ -z "$missing" ] && return 0
    if [ "$(id -u)" = 0 ]; then
        as_root=env
    elif command -v sudo >/dev/null; then
        as_root='sudo env'
    else
        echo "Packages are missing and neither root nor sudo is here. As root: apt-get install $missing" >&2
        return 1
    fi
    echo "Installing: $missing"
    # shellcheck disable=SC2086  # the list is words
    $as_root DEBIAN_FRONTEND=noninteractive apt-get update -qq &&
        $as_root DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null || {
        echo "apt-get could not install: $missing" >&2
        return 1
    }
}

# Configures (again) and builds PRESET (see .cmake/CMakePresets.json) into build/PRESET.
build_tree() { # PRESET [cmake arguments…]
    preset=$1
    shift
    # A tree configured by hand from the top cannot go on from .cmake: it is configured anew.
    cache=$ROOT/build/$preset/CMakeCache.txt
    if [ -f "$cache" ] && ! grep -q '^CMAKE_HOME_DIRECTORY:INTERNAL=.*/\.cmake$' "$cache"; then
        rm -rf "$ROOT/build/$preset"
    fi
    (cd "$ROOT/.cmake" && cmake --preset "$preset" "$@" && cmake --build "$ROOT/build/$preset")
}
