"""Gemini's `generateContent`, streaming and not."""

from typing import Any

from request import Request
from stream import EVENTS_BEFORE_CUT, Block, Out

STOPS = {"end": "STOP", "tool": "STOP", "length": "MAX_TOKENS", "refusal": "SAFETY"}


def send(out: Out, request: Request, blocks: list[Block], stop: str, usage: list[int]) -> None:
    tokens_in, tokens_out, cache_read, cache_write = usage
    counts = {
        "promptTokenCount": tokens_in + cache_read + cache_write,
        "candidatesTokenCount": tokens_out,
        "cachedContentTokenCount": cache_read,
        "totalTokenCount": sum(usage),
    }
    parts = [part_of(block) for block in blocks]
    if not request.stream:
        out.json(200, answer(request, parts, STOPS[stop], counts))
        return
    out.begin()
    if "stall" in out.orders:
        # A text is one event, which would be the whole answer.
        parts = [{"text": ""}] * EVENTS_BEFORE_CUT + parts
    for part in parts[:-1]:
        out.event("", **answer(request, [part], None, None))
    out.event("", **answer(request, parts[-1:] or [{"text": ""}], STOPS[stop], counts))
    out.end()


def answer(request: Request, parts: list[dict[str, Any]], finish: str | None, counts: dict[str, int] | None) -> dict[str, Any]:
    candidate: dict[str, Any] = {"index": 0, "content": {"role": "model", "parts": parts}}
    if finish:
        candidate["finishReason"] = finish
    whole = {"candidates": [candidate], "modelVersion": request.model, "responseId": "mock"}
    return dict(whole, usageMetadata=counts) if counts else whole


def part_of(block: Block) -> dict[str, Any]:
    if block[0] == "tool":
        return {"functionCall": {"name": block[1], "args": block[2]}}
    return {"text": block[1], "thought": True} if block[0] == "think" else {"text": block[1]}
