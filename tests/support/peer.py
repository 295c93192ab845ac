"""Raw peers of a node, friendly and hostile: a TLS socket with a member's or node's certificate, and frames by hand.

A frame: 'Q' 'i', version 1, type, payload length (4 bytes, big endian), payload (proto/codec/frame.h)."""
import socket
import ssl
import struct

FRAME_SIZE_MAX_BEFORE_UP = 64 * 1024
HELLO, AUTH, BATCH, ACK, VERDICTS, PING, PONG, CLOSE = range(1, 9)


def frame(kind, payload=b"", version=1, magic=b"Qi", size=None):
    return magic + struct.pack(">BBI", version, kind, len(payload) if size is None else size) + payload


def tls_context(files):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.load_verify_locations(files["ca"])
    if "certificate" in files:
        context.load_cert_chain(files["certificate"], files["key"])
    return context


def connect(port, timeout_s=10):
    return socket.create_connection(("127.0.0.1", port), timeout=timeout_s)


def connect_from(address, port, timeout_s=10):
    """From another address of the loopback network: to the node, another host."""
    return socket.create_connection(("127.0.0.1", port), timeout=timeout_s, source_address=(address, 0))


def connect_tls(port, files, timeout_s=10):
    return tls_context(files).wrap_socket(connect(port, timeout_s))


def certificate_of(port, files):
    with connect_tls(port, files) as link:
        return link.getpeercert(binary_form=True)


def read_to_end(link, limit=1 << 20):
    """What the node says until it closes; raises TimeoutError if it does not."""
    data = b""
    try:
        while len(data) < limit:
            part = link.recv(65536)
            if not part:
                break
            data += part
    except (ConnectionError, ssl.SSLError):
        pass
    return data


def closes(link):
    """True if the node ends the connection by itself within the socket's timeout."""
    try:
        read_to_end(link)
        return True
    except (TimeoutError, socket.timeout):
        return False
