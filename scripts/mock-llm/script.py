"""The answers of the mock: directives, and the answer that they define.

Owns: the answer to a request. Never: its form in a protocol.
"""

import json
import re
from typing import Any

from request import Request
from stream import Block

# Models under this name do not exist here.
MISSING_MODEL = "no-such"


def directives(text: str) -> dict[str, str]:
    """All `[[mock:key=value]]` of a text; a key without a value has "1"."""
    found = {}
    start = text.find("[[mock:")
    while start >= 0:
        end = text.find("]]", start)
        if end < 0:
            break
        # A value of JSON may itself end in `]`.
        while text[end + 2 : end + 3] == "]":
            end += 1
        key, equals, value = text[start + 7 : end].partition("=")
        found[key.strip()] = value if equals else "1"
        start = text.find("[[mock:", end)
    return found


def asked(request: Request) -> dict[str, str]:
    """The directives that hold for a request.

    Those of the last message of the user; without any there, the answer that an
    earlier message of the same conversation has ordered with `next`, so that only
    a client that continues that conversation gets it.
    """
    if request.model.startswith(MISSING_MODEL):
        return {"error": "404", "message": "mock: the model `%s` does not exist" % request.model}
    found = directives(request.last_user)
    # An agent may put two messages of its user into one.
    if "resumed" in found and "".join(request.user_texts).count("[[mock:resumed=") > 1:
        return {"text": found["resumed"]}
    if found:
        return found
    for text in reversed(request.user_texts[:-1]):
        earlier = directives(text)
        if "next" in earlier:
            return {"json": earlier["next"]}
    return {}


def answer(request: Request, orders: dict[str, str]) -> tuple[list[Block], str]:
    """The blocks of an answer, `(kind, ...)`, and why it ends."""
    blocks = [("think", "mock thinking about it")] if "think" in orders else []
    if "tool" in orders and not request.results:
        name, _, arguments = orders["tool"].partition(" ")
        call = ("tool", name, json.loads(arguments or "{}"))
        return blocks + [("text", "calling a tool"), call], "tool"
    if "empty" in orders:
        return [], "end"
    if "refuse" in orders:
        return blocks + [("text", "I can't help with that.")], "refusal"
    structured = structured_answer(request, orders)
    if structured:
        return blocks + [structured], "tool" if structured[0] == "tool" else "end"
    stop = "length" if "length" in orders else "end"
    return blocks + [("text", text_answer(request, orders))], stop


def structured_answer(request: Request, orders: dict[str, str]) -> Block | None:
    """What a request for structured output gets, by tool or as text."""
    tool = request.structured_tool()
    schema = request.tools[tool] if tool else request.schema or schema_in(request.last_user)
    if schema is None or "unstructured" in orders:
        return None
    value = json.loads(orders["json"]) if "json" in orders else instance(schema)
    if not tool:
        return ("text", json.dumps(value, ensure_ascii=False))
    # The tool has taken the value: only words are left to say.
    if any(re.search("structured output|captured", result, re.I) for result in request.results):
        return ("text", "structured output done")
    return ("tool", tool, value)


def schema_in(text: str) -> dict[str, Any] | None:
    """The JSON Schema that is the last paragraph of a prompt."""
    try:
        schema = json.loads(text.strip().rpartition("\n\n")[2])
    except ValueError:
        return None
    return schema if isinstance(schema, dict) else None


def text_answer(request: Request, orders: dict[str, str]) -> str:
    if request.results and "tool" in orders:
        return "tool said: " + " | ".join(result.strip()[:300] for result in request.results)
    for key in ("text", "json"):
        if key in orders:
            return orders[key]
    if "big" in orders:
        size = int(orders["big"])
        return ("0123456789abcdef " * (size // 17 + 1))[:size]
    said = request.last_user
    return "mock reply: %s (chars=%d)" % (said[:80], len(said))


def instance(schema: Any, root: Any = None, depth: int = 0) -> Any:
    """A value that satisfies a schema of the usual kinds."""
    root = schema if root is None else root
    if not isinstance(schema, dict):
        return "mock"
    if depth > 12:
        return None
    if "$ref" in schema:
        node = root
        for part in schema["$ref"].lstrip("#/").split("/"):
            node = node.get(part, {})
        return instance(node, root, depth + 1)
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][0]
    for key in ("anyOf", "oneOf"):
        if schema.get(key):
            return instance(schema[key][0], root, depth + 1)
    return plain_instance(schema, root, depth)


def plain_instance(schema: dict[str, Any], root: Any, depth: int) -> Any:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((one for one in kind if one != "null"), "null")
    if kind == "object" or "properties" in schema:
        properties = schema.get("properties") or {}
        return {name: instance(one, root, depth + 1) for name, one in properties.items()}
    if kind == "array":
        item = instance(schema.get("items", {}), root, depth + 1)
        return [item] * max(1, schema.get("minItems", 1))
    numbers = {"integer": 42, "number": 4.5}
    if kind in numbers:
        return schema.get("minimum", numbers[kind])
    if kind in ("boolean", "null"):
        return True if kind == "boolean" else None
    return ("mock" * 20)[: max(4, schema.get("minLength", 0))]
