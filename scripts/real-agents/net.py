"""A network namespace with nothing but the loopback, and the model service in it.

Owns: both. Never: makes the namespace; the shell scripts do.
"""

import ctypes
import fcntl
import pathlib
import socket
import struct
import subprocess
import sys

MOCK = pathlib.Path(__file__).parent.parent / "mock-llm"

# <linux/prctl.h>
PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL = 47, 4

# <linux/sockios.h> and <linux/if.h>
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1


def loopback_up() -> None:
    """A new network namespace has its loopback, and it is down."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sh22x", b"lo", 0)
        flags = struct.unpack("16sh22x", fcntl.ioctl(control, SIOCGIFFLAGS, request))[1]
        if not flags & IFF_UP:
            fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", flags | IFF_UP))
    # What a user may do in a namespace of his own is not for the agents: the
    # sandbox of Codex refuses to work with it.
    ctypes.CDLL(None).prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)


def only_loopback() -> bool:
    return [name for _, name in socket.if_nameindex()] == ["lo"]


def start_mock(log: pathlib.Path) -> tuple[subprocess.Popen[str], int]:
    argv = [sys.executable, "-B", str(MOCK), "--log", str(log)]
    mock = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
    assert mock.stdout
    return mock, int(mock.stdout.readline().rpartition(":")[2])
