"""How an answer leaves: whole, or as a stream of events.

Owns: the bytes on the connection, and the faults that a prompt orders. Never:
the shape of a protocol's messages.
"""

import itertools
import json
import threading
import time
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler
from typing import Any

# Events that go out before a stream is cut or stalls: the answer has begun.
EVENTS_BEFORE_CUT = 4

# Long enough for any test to have given up.
HANG_SECONDS = 600

_numbers = itertools.count(1)
_lock = threading.Lock()


# A name and its value.
Header = tuple[str, str]

# A part of an answer: `think` or `text` with words, `tool` with a name and its input.
Block = tuple[Any, ...]


class Cut(Exception):
    """The connection is to break off here."""


def identity(prefix: str) -> str:
    with _lock:
        return "%s_mock%06d" % (prefix, next(_numbers))


def pieces(value: Any) -> list[str]:
    """A text, or a value as JSON, in a few pieces."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    size = -(-len(text) // max(1, min(40, len(text) // 4))) or 1
    return [text[at : at + size] for at in range(0, len(text), size)]


class Out:
    """Where an answer is written."""

    def __init__(self, handler: BaseHTTPRequestHandler, orders: dict[str, str]) -> None:
        self.handler, self.orders, self.sent = handler, orders, 0

    def json(self, status: int, value: Any, headers: Sequence[Header] = ()) -> None:
        body = json.dumps(value, ensure_ascii=False).encode()
        self.headers(status, "application/json", [("content-length", str(len(body))), *headers])
        if "cut" in self.orders and status == 200:
            self.handler.wfile.write(body[: len(body) // 2])
            raise Cut
        if self.handler.command != "HEAD":
            self.handler.wfile.write(body)

    def headers(self, status: int, kind: str, others: Sequence[Header] = ()) -> None:
        self.handler.send_response(status)
        common = [("content-type", kind), ("request-id", "req_mock"), ("x-request-id", "req_mock")]
        for name, value in [*common, *others]:
            self.handler.send_header(name, value)
        self.handler.end_headers()

    def begin(self) -> None:
        self.headers(200, "text/event-stream", [("transfer-encoding", "chunked")])

    def event(self, name: str, **fields: Any) -> None:
        self.sent += 1
        if self.sent > EVENTS_BEFORE_CUT and "stall" in self.orders:
            time.sleep(HANG_SECONDS)
        if self.sent > EVENTS_BEFORE_CUT and {"cut", "stall"} & self.orders.keys():
            raise Cut
        self.raw(("event: %s\n" % name if name else "") + "data: %s\n\n" % dump(fields))
        if "slow" in self.orders:
            time.sleep(int(self.orders["slow"]) / 1000)

    def raw(self, text: str) -> None:
        data = text.encode()
        self.handler.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.handler.wfile.flush()

    def end(self) -> None:
        self.handler.wfile.write(b"0\r\n\r\n")
        self.handler.wfile.flush()


def dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
