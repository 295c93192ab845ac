"""Disks made of files: an ext4 image on a loop device, which can lose what was not synced, run full, and count what is written.

Bytes written come from /sys/block/<loop>/stat (sectors that reached the block layer): one file system for each store and
nothing else on it, so the count is the store's. /proc/PID/io write_bytes is not used: it charges whole folios."""
import fcntl
import os
import struct
import subprocess

EXT4_IOC_SHUTDOWN = 0x8004587D      # _IOR('X', 125, __u32)
SHUTDOWN_NOLOGFLUSH = 2             # drop the journal too: what was not synced is gone
SECTOR = 512


class Unavailable(Exception):
    """This machine cannot do it; the text says why."""


def _run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise Unavailable(f"{' '.join(command)}: {done.stderr.strip() or done.returncode}")
    return done.stdout.strip()


class LoopDisk:
    def __init__(self, folder, name, size_mib):
        if os.geteuid() != 0:
            raise Unavailable("needs root for loop devices and mount")
        self.image = os.path.join(folder, name + ".img")
        self.mount_point = os.path.join(folder, name + ".disk")
        self.device = None
        os.makedirs(self.mount_point)
        with open(self.image, "wb") as image:
            image.truncate(size_mib << 20)
        # No lazy initialisation: nothing writes but the store.
        _run("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", self.image)
        self.mount()

    def mount(self):
        self.device = _run("losetup", "--find", "--show", self.image)
        try:
            _run("mount", "-t", "ext4", "-o", "noatime", self.device, self.mount_point)
        except Unavailable:
            _run("losetup", "--detach", self.device)
            self.device = None
            raise

    def unmount(self):
        if self.device:
            _run("umount", self.mount_point)
            _run("losetup", "--detach", self.device)
            self.device = None

    def cut_power(self):
        """From now on nothing reaches the image and every write fails; what was not synced is lost."""
        handle = os.open(self.mount_point, os.O_RDONLY)
        try:
            fcntl.ioctl(handle, EXT4_IOC_SHUTDOWN, struct.pack("=I", SHUTDOWN_NOLOGFLUSH))
        finally:
            os.close(handle)

    def remount(self):
        """After cut_power, and after every process has let go: the journal is recovered as after a real one."""
        self.unmount()
        self.mount()

    def _stat(self):
        with open(f"/sys/block/{os.path.basename(self.device)}/stat") as stat:
            return [int(number) for number in stat.read().split()]

    def written_bytes(self):
        return self._stat()[6] * SECTOR

    def flushes(self):
        return self._stat()[15]

    def remove(self):
        try:
            self.unmount()
        except Unavailable:
            subprocess.run(["umount", "--lazy", self.mount_point], capture_output=True)
        if os.path.exists(self.image):
            os.unlink(self.image)
