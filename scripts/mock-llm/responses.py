"""OpenAI Responses, streaming and not."""

import json
import time
from collections.abc import Callable
from typing import Any

from request import Request
from stream import Block, Out, identity, pieces

# Sends an event of a kind with these fields.
Event = Callable[..., None]


def send(out: Out, request: Request, blocks: list[Block], stop: str, usage: list[int]) -> None:
    tokens_in, tokens_out, cache_read, cache_write = usage
    counts = {
        "input_tokens": tokens_in + cache_read + cache_write,
        "input_tokens_details": {"cached_tokens": cache_read},
        "output_tokens": tokens_out,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": sum(usage),
    }
    begun = {
        "id": identity("resp"),
        "object": "response",
        "created_at": int(time.time()),
        "status": "in_progress",
        "model": request.model,
        "output": [],
        "usage": None,
        "error": None,
        "incomplete_details": None,
        "parallel_tool_calls": True,
        "tools": [],
        "metadata": {},
    }
    reasons = {"length": "max_output_tokens", "refusal": "content_filter"}
    items = [item_of(block, request) for block in blocks]
    status = "incomplete" if stop in reasons else "completed"
    details = {"reason": reasons[stop]} if stop in reasons else None
    whole = dict(begun, status=status, output=items, usage=counts, incomplete_details=details)
    if not request.stream:
        out.json(200, whole)
        return
    out.begin()
    event = numbered(out)
    event("response.created", response=begun)
    for index, item in enumerate(items):
        stream_item(event, index, item)
    event("response." + status, response=whole)
    out.end()


def numbered(out: Out) -> Event:
    count = 0

    def event(kind: str, **fields: Any) -> None:
        nonlocal count
        count += 1
        out.event(kind, type=kind, sequence_number=count, **fields)

    return event


def item_of(block: Block, request: Request) -> dict[str, Any]:
    if block[0] == "think":
        summary = [{"type": "summary_text", "text": block[1]}]
        return {"type": "reasoning", "id": identity("rs"), "summary": summary}
    if block[0] == "text":
        content = [{"type": "output_text", "text": block[1], "annotations": []}]
        message = {"type": "message", "id": identity("msg"), "role": "assistant"}
        return dict(message, status="completed", content=content)
    call = {"type": "function_call", "id": identity("fc"), "call_id": identity("call")}
    arguments = json.dumps(block[2], ensure_ascii=False)
    if block[1] in request.namespaces:
        call["namespace"], name = request.namespaces[block[1]]
    else:
        name = block[1]
    return dict(call, name=name, arguments=arguments, status="completed")


def stream_item(event: Event, index: int, item: dict[str, Any]) -> None:
    at = {"item_id": item["id"], "output_index": index}
    if item["type"] == "message":
        part = item["content"][0]
        begun = dict(item, content=[], status="in_progress")
        event("response.output_item.added", output_index=index, item=begun)
        event("response.content_part.added", content_index=0, part=dict(part, text=""), **at)
        for piece in pieces(part["text"]):
            event("response.output_text.delta", content_index=0, delta=piece, **at)
        event("response.output_text.done", content_index=0, text=part["text"], **at)
        event("response.content_part.done", content_index=0, part=part, **at)
    elif item["type"] == "function_call":
        begun = dict(item, arguments="", status="in_progress")
        event("response.output_item.added", output_index=index, item=begun)
        for piece in pieces(item["arguments"]):
            event("response.function_call_arguments.delta", delta=piece, **at)
        event("response.function_call_arguments.done", arguments=item["arguments"], **at)
    else:
        event("response.output_item.added", output_index=index, item=item)
    event("response.output_item.done", output_index=index, item=item)
