"""What a systemd unit says, as far as tests need it: its settings, and its system call filter put on a process by libseccomp."""
import ctypes
import subprocess

SCMP_ACT_ALLOW = 0x7fff0000
SCMP_ACT_ERRNO_EPERM = 0x00050001


def settings(path, name):
    """The values of every line NAME=…, in order."""
    with open(path) as unit:
        return [row.strip().split("=", 1)[1] for row in unit if row.startswith(name + "=")]


def group(name):
    """System calls of a group such as @basic-io, and of the groups in it; a plain name is itself."""
    if not name.startswith("@"):
        return {name}
    done = subprocess.run(["systemd-analyze", "--no-pager", "syscall-filter", name], capture_output=True, text=True, check=True)
    rows = (row.strip() for row in done.stdout.splitlines()[1:])
    return set().union(*(group(row) for row in rows if row and not row.startswith("#")))


def allowed_calls(path):
    """systemd.exec(5), SystemCallFilter=: the first line makes an allow list, later ones add, or take away with ~."""
    allowed = group("@default")
    for value in settings(path, "SystemCallFilter"):
        named = set().union(*(group(name) for name in value.lstrip("~").split()))
        allowed = allowed - named if value.startswith("~") else allowed | named
    return allowed | {"execve"}      # systemd starts the program under the filter


def restrict_to(calls):
    """This process may make these calls from here on; others fail with EPERM. Without privileges it must have no_new_privs or may set it."""
    library = ctypes.CDLL("libseccomp.so.2")
    library.seccomp_init.restype = ctypes.c_void_p
    library.seccomp_init.argtypes = [ctypes.c_uint32]
    library.seccomp_rule_add.argtypes = [ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint]
    library.seccomp_load.argtypes = [ctypes.c_void_p]
    filter_ = library.seccomp_init(SCMP_ACT_ERRNO_EPERM)
    for call in calls:
        number = library.seccomp_syscall_resolve_name(call.encode())
        if number != -1:
            library.seccomp_rule_add(filter_, SCMP_ACT_ALLOW, number, 0)
    if library.seccomp_load(filter_) != 0:
        raise OSError("seccomp_load")
