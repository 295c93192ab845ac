"""Many nodes below one, each a qiaod of its own: what it takes to have a thousand of them on one machine, and figures of all of them."""
import collections
import re
import shutil

from disk import Unavailable
from federation import Node, wait_until

# Of one: a journal of the smallest store, and its data; memory with 16 threads' stacks.
DISK_BYTES, MEMORY_BYTES = 24 << 20, 6 << 20
AT_A_TIME = 16


def area_of(number):
    """Communities below the district, 999 a street."""
    return f"990101{1 + number // 999:03d}{1 + number % 999:03d}"


def children(count, parent):
    """Descriptions of nodes c0, c1, … with one member m0, m1, … each; they dial, and listen for their member only."""
    return {f"c{number}": Node(area_of(number), parent, (f"m{number}",), {"store_bytes_max": "16MiB"}, {"log": {"level": "warning"}}) for number in range(count)}


def available_bytes():
    with open("/proc/meminfo") as meminfo:
        return next(int(row.split()[1]) * 1024 for row in meminfo if row.startswith("MemAvailable"))


def thread_places():
    """Threads take places among the process ids."""
    with open("/proc/sys/kernel/pid_max") as most, open("/proc/loadavg") as now:
        return int(most.read()) - int(now.read().split()[3].split("/")[1])


def need_room(folder, count):
    """Raises Unavailable on a machine that has no room for so many."""
    disk, memory, threads = shutil.disk_usage(folder or "/tmp").free, available_bytes(), thread_places()
    if disk < count * DISK_BYTES + (4 << 30) or memory < count * MEMORY_BYTES + (2 << 30) or threads < count * 20:
        raise Unavailable(f"{count} nodes need {count * DISK_BYTES >> 30} GiB of disk, {count * MEMORY_BYTES >> 30} GiB of memory and {count * 16} threads, and some to spare; "
                          f"there are {disk >> 30}, {memory >> 30} and {threads}")


class Children:
    """All children of one node of a federation."""

    def __init__(self, fed, parent):
        self.fed, self.parent = fed, parent
        self.brokers = [fed[name] for name, node in fed.nodes.items() if node.parent == parent]
        for broker in self.brokers:
            broker.node.more["listen"] = [broker.ipc_url]
            broker.write_configuration()

    def start(self):
        """A few at a time; each writes its journal first."""
        for first in range(0, len(self.brokers), AT_A_TIME):
            some = self.brokers[first:first + AT_A_TIME]
            for broker in some:
                broker.start(wait=False)
            for broker in some:
                broker.wait_ready()

    def cpu_s(self):
        return sum(broker.cpu_s() for broker in self.brokers)

    def up_since_ms(self):
        """When each link that is up came up, as the parent tells, milliseconds since 1970."""
        names = {broker.name for broker in self.brokers}
        return [peer["sinceMs"] for peer in self.fed.status(self.parent)["peers"] if peer["name"] in names and peer["up"]]

    def wait_up(self, timeout_s=300):
        """Looked for in the log: a status of a thousand links every moment would slow down what is measured. Returns up_since_ms."""
        wait_until(lambda: self._linked() >= len(self.brokers), "links up", timeout_s, 0.25)
        return wait_until(lambda: (lambda since: len(since) == len(self.brokers) and since)(self.up_since_ms()), "all links up", timeout_s, 1)

    def _linked(self):
        """Children of which the parent's present life has said that they are there."""
        said = self.fed[self.parent].log().rsplit("event=ready", 1)[-1]
        return len(set(re.findall(r'event="link up" peer=(\S+)', said)))

    def wait_down(self):
        """The children at the ends of the list have seen that the parent is gone."""
        for broker in (self.brokers[0], self.brokers[-1]):
            wait_until(lambda: not self.fed.peer(broker.name, self.parent)["up"], "links down", None, 0.05)

    def refusals(self):
        """Why the parent's log says that connections were refused in its present life; of many it tells one in ten seconds."""
        said = self.fed[self.parent].log().rsplit("event=ready", 1)[-1]
        return dict(collections.Counter(re.findall(r'event="connection refused".*reason="([^"]*)"', said)))

    def anonymous_kib(self):
        return max(broker.anonymous_kib() for broker in self.brokers)


def most_in(times_ms, window_ms):
    """The largest number of them in a window that begins with one of them."""
    times_ms, most, last = sorted(times_ms), 0, 0
    for first, begin in enumerate(times_ms):
        while last < len(times_ms) and times_ms[last] < begin + window_ms:
            last += 1
        most = max(most, last - first)
    return most
