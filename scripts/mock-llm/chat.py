"""OpenAI Chat Completions, streaming and not."""

import json
import time
from typing import Any

from request import Request
from stream import Block, Out, identity, pieces

STOPS = {"end": "stop", "tool": "tool_calls", "length": "length", "refusal": "content_filter"}


def send(out: Out, request: Request, blocks: list[Block], stop: str, usage: list[int]) -> None:
    tokens_in, tokens_out, cache_read, cache_write = usage
    counts = {
        "prompt_tokens": tokens_in + cache_read + cache_write,
        "completion_tokens": tokens_out,
        "total_tokens": sum(usage),
        "prompt_tokens_details": {"cached_tokens": cache_read},
    }
    head = {"id": identity("chatcmpl"), "created": int(time.time()), "model": request.model}
    text = "".join(block[1] for block in blocks if block[0] == "text")
    thought = "".join(block[1] for block in blocks if block[0] == "think")
    calls = [call_of(block) for block in blocks if block[0] == "tool"]
    if not request.stream:
        message: dict[str, Any] = {"role": "assistant", "content": text or None}
        if calls:
            message["tool_calls"] = calls
        choice = {"index": 0, "message": message, "finish_reason": STOPS[stop]}
        whole = dict(head, object="chat.completion", choices=[choice], usage=counts)
        out.json(200, whole)
        return
    out.begin()

    def chunk(choices: list[dict[str, Any]], **fields: Any) -> None:
        out.event("", object="chat.completion.chunk", choices=choices, **head, **fields)

    def delta(finish: str | None = None, **fields: Any) -> None:
        chunk([{"index": 0, "delta": fields, "finish_reason": finish}])

    delta(role="assistant", content="")
    for piece in pieces(thought):
        delta(reasoning_content=piece)
    for piece in pieces(text):
        delta(content=piece)
    for index, call in enumerate(calls):
        begun = dict(call, index=index, function=dict(call["function"], arguments=""))
        delta(tool_calls=[begun])
        for piece in pieces(call["function"]["arguments"]):
            delta(tool_calls=[{"index": index, "function": {"arguments": piece}}])
    delta(STOPS[stop])
    chunk([], usage=counts)
    out.raw("data: [DONE]\n\n")
    out.end()


def call_of(block: Block) -> dict[str, Any]:
    arguments = json.dumps(block[2], ensure_ascii=False)
    function = {"name": block[1], "arguments": arguments}
    return {"id": identity("call"), "type": "function", "function": function}
