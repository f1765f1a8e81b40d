"""Anthropic Messages, streaming and not."""

from typing import Any

from request import Request
from stream import Block, Out, identity, pieces

STOPS = {"end": "end_turn", "tool": "tool_use", "length": "max_tokens", "refusal": "refusal"}


def send(out: Out, request: Request, blocks: list[Block], stop: str, usage: list[int]) -> None:
    tokens_in, tokens_out, cache_read, cache_write = usage
    counts = {
        "input_tokens": tokens_in,
        "cache_creation_input_tokens": cache_write,
        "cache_read_input_tokens": cache_read,
        "output_tokens": tokens_out,
        "service_tier": "standard",
    }
    message: dict[str, Any] = {
        "id": identity("msg"),
        "type": "message",
        "role": "assistant",
        "model": request.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": dict(counts, output_tokens=1),
    }
    content = [block_of(block) for block in blocks]
    if not request.stream:
        whole = dict(message, content=content, stop_reason=STOPS[stop], usage=counts)
        out.json(200, whole)
        return
    out.begin()
    out.event("message_start", type="message_start", message=message)
    for index, block in enumerate(content):
        start, deltas = parts_of(block)
        out.event("content_block_start", type="content_block_start", index=index, content_block=start)
        for delta in deltas:
            out.event("content_block_delta", type="content_block_delta", index=index, delta=delta)
        out.event("content_block_stop", type="content_block_stop", index=index)
    ending = {"stop_reason": STOPS[stop], "stop_sequence": None}
    out.event("message_delta", type="message_delta", delta=ending, usage=counts)
    out.event("message_stop", type="message_stop")
    out.end()


def block_of(block: Block) -> dict[str, Any]:
    if block[0] == "think":
        return {"type": "thinking", "thinking": block[1], "signature": "bW9jaw=="}
    if block[0] == "text":
        return {"type": "text", "text": block[1]}
    return {"type": "tool_use", "id": identity("toolu"), "name": block[1], "input": block[2]}


def parts_of(block: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The empty block that begins it, and what fills it."""
    kind = block["type"]
    if kind == "text":
        deltas = [{"type": "text_delta", "text": piece} for piece in pieces(block["text"])]
        return {"type": "text", "text": ""}, deltas
    if kind == "thinking":
        deltas = [{"type": "thinking_delta", "thinking": piece} for piece in pieces(block["thinking"])]
        deltas.append({"type": "signature_delta", "signature": block["signature"]})
        return {"type": "thinking", "thinking": "", "signature": ""}, deltas
    deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in pieces(block["input"])]
    return dict(block, input={}), deltas
