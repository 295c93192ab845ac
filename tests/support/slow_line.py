"""A line between two network namespaces: tbf makes it narrow, and a relay between two TUN devices, which stands where netem would (many
kernels have none), makes it long, loses packets at random and cuts it. TCP above it is the kernel's own."""
import ctypes
import fcntl
import heapq
import os
import random
import select
import struct
import subprocess
import threading
import time

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
CLONE_NEWNET = 0x40000000
MTU = 1400
_libc = ctypes.CDLL(None, use_errno=True)


class Unavailable(Exception):
    """This machine cannot do it; the text says why."""


def _run(*command):
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except OSError as problem:
        raise Unavailable(f"{command[0]}: {problem.strerror}") from problem
    if done.returncode:
        raise Unavailable(f"{' '.join(command)}: {done.stderr.strip() or done.returncode}")


def _tun(namespace, name):
    """The descriptor of a new TUN device in the namespace; a thread goes there and ends."""
    made = []

    def make():
        with open(f"/run/netns/{namespace}") as there:
            if _libc.setns(there.fileno(), CLONE_NEWNET) != 0:
                made.append(OSError(ctypes.get_errno(), "setns"))
                return
        try:
            device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
            fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22s", name.encode(), IFF_TUN | IFF_NO_PI, b""))
            made.append(device)
        except OSError as problem:
            made.append(problem)

    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    if isinstance(made[0], OSError):
        raise Unavailable(f"a TUN device in a namespace: {made[0]}")
    return made[0]


class SlowLine:
    """near and far are namespaces with the addresses 10.77.0.1 and 10.77.0.2. Use as a context manager."""

    NEAR, FAR = "10.77.0.1", "10.77.0.2"

    def __init__(self, rate, loss_percent, latency_ms, seed=1):
        if os.geteuid() != 0:
            raise Unavailable("needs root for network namespaces")
        self.near, self.far = (f"qiao-{os.getpid()}-{end}" for end in ("near", "far"))
        self.loss, self.latency_s = loss_percent / 100, latency_ms / 1000
        self.dice = random.Random(seed)
        self.packets = self.lost = self.cuts = 0
        self.cut_until = 0
        self.devices, self.over = [], threading.Event()
        self.thread = threading.Thread(target=self._relay, daemon=True)
        try:
            for namespace, own, other in ((self.near, self.NEAR, self.FAR), (self.far, self.FAR, self.NEAR)):
                _run("ip", "netns", "add", namespace)
                _run("ip", "-n", namespace, "link", "set", "lo", "up")
                self.devices.append(_tun(namespace, "line"))
                _run("ip", "-n", namespace, "addr", "add", own, "peer", other, "dev", "line")
                _run("ip", "-n", namespace, "link", "set", "line", "mtu", str(MTU), "up")
                _run("tc", "-n", namespace, "qdisc", "add", "dev", "line", "root", "tbf", "rate", rate, "burst", "4kb", "latency", "400ms")
        except Unavailable:
            self.remove()
            raise

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.remove()

    def inside(self, namespace):
        """What to put before a command so that it runs there."""
        return ["ip", "netns", "exec", namespace]

    def cut(self, seconds):
        """Nothing passes for so long."""
        self.cuts += 1
        self.cut_until = time.monotonic() + seconds

    def remove(self):
        self.over.set()
        if self.thread.is_alive():
            self.thread.join()
        for device in self.devices:
            os.close(device)
        self.devices = []
        for namespace in (self.near, self.far):
            subprocess.run(["ip", "netns", "del", namespace], capture_output=True)

    def _relay(self):
        waiting = []         # (when it arrives, number, device, packet)
        while not self.over.is_set():
            now = time.monotonic()
            while waiting and waiting[0][0] <= now:
                _, _, device, packet = heapq.heappop(waiting)
                self._write(device, packet)
            ready, _, _ = select.select(self.devices, [], [], max(0, min(0.1, waiting[0][0] - now)) if waiting else 0.1)
            for device in ready:
                self._take(device, waiting)

    def _take(self, device, waiting):
        try:
            packet = os.read(device, 4096)
        except BlockingIOError:
            return
        now = time.monotonic()
        self.packets += 1
        if now < self.cut_until or self.dice.random() < self.loss:
            self.lost += 1
            return
        other = self.devices[1 - self.devices.index(device)]
        heapq.heappush(waiting, (now + self.latency_s, self.packets, other, packet))

    @staticmethod
    def _write(device, packet):
        try:
            os.write(device, packet)
        except OSError:
            pass             # the device's own queue is full: lost, as on any line
