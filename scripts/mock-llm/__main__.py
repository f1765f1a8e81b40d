"""A model service on the loopback, scripted by the prompts that it receives.

Owns: the routes, the errors, the log. Never: an address other than 127.0.0.1, or a
module outside the standard library. README.md has the directives.
"""

import argparse
import contextlib
import hashlib
import json
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import ModuleType
from typing import IO, Any

import anthropic
import chat
import gemini
import responses
from request import Request
from script import answer, asked
from stream import HANG_SECONDS, Cut, Header, Out

PROTOCOLS = {
    "/messages": ("anthropic", anthropic),
    "/responses": ("responses", responses),
    "/chat/completions": ("chat", chat),
    ":generateContent": ("gemini", gemini),
    ":streamGenerateContent": ("gemini", gemini),
}
MODELS = ["mock-model", "mock-small"]
USAGE = "111,22,33,44"

# Status: the vendors' names for it, and the message.
ERRORS = {
    400: ("invalid_request_error", "invalid_request_error", "mock: bad request"),
    401: ("authentication_error", "invalid_api_key", "mock: invalid api key"),
    403: ("permission_error", "permission_denied", "mock: forbidden"),
    404: ("not_found_error", "model_not_found", "mock: model not found"),
    429: ("rate_limit_error", "rate_limit_exceeded", "mock: rate limited"),
    500: ("api_error", "server_error", "mock: internal server error"),
    529: ("overloaded_error", "server_error", "mock: overloaded"),
}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "mock-llm"
    server: "Server"

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        out = Out(self, {})
        if path.endswith("/models"):
            models = [{"id": one, "object": "model", "type": "model"} for one in MODELS]
            out.json(200, {"object": "list", "data": models, "has_more": False})
        else:
            out.json(200 if path == "/" else 404, {})

    do_HEAD = do_GET

    def do_POST(self) -> None:
        sent = self.read_body()
        path = self.path.partition("?")[0]
        if path.endswith(("/count_tokens", ":countTokens")):
            tokens = max(1, len(sent) // 4)
            Out(self, {}).json(200, {"input_tokens": tokens, "totalTokens": tokens})
            return
        route = next((PROTOCOLS[end] for end in PROTOCOLS if path.endswith(end)), None)
        try:
            body = json.loads(sent)
        except ValueError:
            body = None
        if route is None or not isinstance(body, dict):
            Out(self, {}).json(404, {"error": {"message": "mock: no route " + path}})
            return
        if route[0] == "gemini":
            # The path has the model and the method.
            model, _, way = path.rpartition("/")[2].partition(":")
            body.update(model=model, stream=way.startswith("stream"))
        request = Request(route[0], body)
        orders = asked(request)
        self.server.note(path, request, orders)
        try:
            self.carry_out(request, orders, route[1])
        except Cut:
            self.close_connection = True
            with contextlib.suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def carry_out(self, request: Request, orders: dict[str, str], protocol: ModuleType) -> None:
        out = Out(self, orders)
        fails = self.server.count(request) <= int(orders.get("times", 10**9))
        if "hang" in orders:
            time.sleep(HANG_SECONDS)
        if "error" in orders and fails:
            out.json(*error(request, orders))
            return
        usage = [int(count) for count in orders.get("usage", USAGE).split(",")]
        protocol.send(out, request, *answer(request, orders), usage)

    def read_body(self) -> bytes:
        if self.headers.get("transfer-encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("content-length") or 0))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body


def error(request: Request, orders: dict[str, str]) -> tuple[int, dict[str, Any], list[Header]]:
    """Status, body and headers of a failure, as the vendor writes them."""
    status = int(orders["error"])
    anthropic_word, openai_word, message = ERRORS[status]
    message = orders.get("message", message)
    headers = [("retry-after", orders["retry-after"])] if "retry-after" in orders else []
    if request.protocol == "anthropic":
        told = {"type": anthropic_word, "message": message}
        return status, {"type": "error", "error": told, "request_id": "req_mock"}, headers
    if request.protocol == "gemini":
        words = {"code": status, "message": message, "status": openai_word.upper()}
        return status, {"error": words}, headers
    detail = {"message": message, "type": openai_word, "param": None, "code": openai_word}
    return status, {"error": detail}, headers


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, port: int, log: IO[str] | None) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.log = log
        self.counts: dict[tuple[str, str], int] = {}
        self.lock = threading.Lock()

    def handle_error(self, *_: object) -> None:
        """Agents that are ended break their connections; that is no news."""

    def count(self, request: Request) -> int:
        """How many requests with the same last words there have been."""
        key = (request.model, request.last_user)
        with self.lock:
            self.counts[key] = self.counts.get(key, 0) + 1
            return self.counts[key]

    def note(self, path: str, request: Request, orders: dict[str, str]) -> None:
        if self.log is None:
            return
        line = {
            "path": path,
            "protocol": request.protocol,
            "model": request.model,
            "stream": request.stream,
            "orders": orders,
            "prompt": request.last_user[-200:],
            "promptDigest": hashlib.sha256(request.last_user.encode()).hexdigest(),
            "userMessages": len(request.user_texts),
            "tools": sorted(name for name in request.tools if name),
            "marks": request.marks,
            "images": request.images,
        }
        with self.lock:
            self.log.write(json.dumps(line) + "\n")
            self.log.flush()


def main() -> None:
    parser = argparse.ArgumentParser(prog="mock-llm", description=__doc__.split("\n")[0])
    parser.add_argument("--port", type=int, default=0, help="0 is any that is free")
    parser.add_argument("--log", type=argparse.FileType("a"), help="one line of JSON a request")
    options = parser.parse_args()
    server = Server(options.port, options.log)
    print("listening on http://127.0.0.1:%d" % server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
