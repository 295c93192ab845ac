"""The machine's own limits, to stand beside every figure: what no program on it can beat."""
import json
import os
import subprocess
import time

from federation import program

FSYNCS = 300
SEQUENTIAL_MIB = 256


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


def fsync_ms(folder):
    """Milliseconds of each of many small durable appends."""
    path, took = os.path.join(folder, "fsync-probe"), []
    handle = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    try:
        for _ in range(FSYNCS):
            os.write(handle, b"x" * 4096)
            started = time.perf_counter()
            os.fdatasync(handle)
            took.append((time.perf_counter() - started) * 1000)
    finally:
        os.close(handle)
        os.unlink(path)
    return took


def sequential_mb_per_s(folder):
    path, block = os.path.join(folder, "sequential-probe"), os.urandom(1 << 20)
    handle = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    try:
        started = time.perf_counter()
        for _ in range(SEQUENTIAL_MIB):
            os.write(handle, block)
        os.fsync(handle)
        return SEQUENTIAL_MIB * 1.048576 / (time.perf_counter() - started)
    finally:
        os.close(handle)
        os.unlink(path)


def loopback_tls_mb_per_s():
    """The transport alone, or None if the tests were built without wire_bench."""
    try:
        done = subprocess.run([program("wire_bench"), "stream", "tls+tcp://127.0.0.1:0"], capture_output=True, text=True, timeout=120)
        return json.loads(done.stdout)["mb_per_s"]
    except (OSError, ValueError, KeyError, subprocess.SubprocessError):
        return None


def processor():
    with open("/proc/cpuinfo") as info:
        return next((row.split(":", 1)[1].strip() for row in info if row.startswith("model name")), "unknown")


def limits(folder):
    took = fsync_ms(folder)
    return {
        "processor": processor(), "cores": len(os.sched_getaffinity(0)), "load_before": os.getloadavg()[0],
        "fsync_p50_ms": round(percentile(took, 0.5), 3), "fsync_p99_ms": round(percentile(took, 0.99), 3),
        "sequential_durable_mb_per_s": round(sequential_mb_per_s(folder)), "loopback_nng_tls_mb_per_s": loopback_tls_mb_per_s(),
    }
