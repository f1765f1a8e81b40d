"""The common part of the four protocols.

Owns: reading a request. Never: answers one.
"""

import json
import re
from typing import Any

# The tags around text that agents add to the prompt of their user.
BESIDE = ["system-reminder", "session_context", "current_datetime"]

# The forms of an image in a request, by protocol.
IMAGE = r'"type": "(?:image|input_image|image_url)"|"inlineData": '


class Request:
    """A request for an answer, in any protocol."""

    def __init__(self, protocol: str, body: dict[str, Any]) -> None:
        self.protocol = protocol
        self.model: str = body.get("model", "")
        self.stream = bool(body.get("stream"))
        # Of the whole conversation, and of the tools since the last of them.
        self.user_texts: list[str] = []
        self.results: list[str] = []
        self.tools: dict[str, Any] = {}
        # Of tools by their whole names: the namespace, and the name in it.
        self.namespaces: dict[str, tuple[str, str]] = {}
        self.schema: Any = None
        # Words `MARK-…` anywhere in it.
        self.marks = sorted(set(re.findall(r"MARK-[A-Z]+", json.dumps(body))))
        self.images = len(re.findall(IMAGE, json.dumps(body)))
        getattr(self, "read_" + protocol)(body)

    @property
    def last_user(self) -> str:
        return self.user_texts[-1] if self.user_texts else ""

    def structured_tool(self) -> str | None:
        named = (name for name in self.tools if re.search(r"structured_?output", name or "", re.I))
        return next(named, None)

    def user_said(self, text: str) -> None:
        """Without what an agent puts beside the words of its user."""
        said = re.sub(r"<(%s)>.*?</\1>" % "|".join(BESIDE), "", text, flags=re.S)
        self.user_texts.append(said.strip())
        self.results = []

    def read_anthropic(self, body: dict[str, Any]) -> None:
        for message in body.get("messages", []):
            if message.get("role") == "user":
                self.read_anthropic_user(message.get("content"))
        for tool in body.get("tools") or []:
            self.tools[tool.get("name")] = tool.get("input_schema") or {}
        form = (body.get("output_config") or {}).get("format") or {}
        if form.get("type") == "json_schema":
            self.schema = form.get("schema")

    def read_anthropic_user(self, content: Any) -> None:
        if isinstance(content, str):
            self.user_said(content)
            return
        results = [block for block in content if block.get("type") == "tool_result"]
        self.results += [text_of_result(block.get("content")) for block in results]
        text = text_of(content)
        # Beside the result of a tool there are only the agent's own reminders.
        if text.strip() and not results:
            self.user_said(text)

    def read_responses(self, body: dict[str, Any]) -> None:
        given = body.get("input", [])
        if isinstance(given, str):
            given = [{"role": "user", "content": given}]
        for item in given:
            kind = item.get("type", "message")
            if kind == "message" and item.get("role") == "user":
                self.user_said(text_of(item.get("content")))
            elif kind in ("function_call_output", "custom_tool_call_output"):
                self.results.append(text_of_result(item.get("output")))
        for tool in body.get("tools") or []:
            self.tools[tool.get("name") or tool.get("type")] = tool.get("parameters") or {}
            # Codex puts the tools of an MCP server into a separate namespace.
            if tool.get("type") == "namespace":
                for inner in tool.get("tools") or []:
                    whole = "%s__%s" % (tool.get("name"), inner.get("name"))
                    self.tools[whole] = inner.get("parameters") or {}
                    self.namespaces[whole] = (tool.get("name"), inner.get("name"))
        form = (body.get("text") or {}).get("format") or {}
        if form.get("type") == "json_schema":
            self.schema = form.get("schema")

    def read_gemini(self, body: dict[str, Any]) -> None:
        for content in body.get("contents", []):
            parts = content.get("parts", [])
            results = [part["functionResponse"] for part in parts if "functionResponse" in part]
            said = "\n".join(part.get("text", "") for part in parts)
            if content.get("role", "user") == "user" and said.strip() and not results:
                self.user_said(said)
            self.results += [json.dumps(result.get("response")) for result in results]
        for tool in body.get("tools") or []:
            for function in tool.get("functionDeclarations", []):
                schema = function.get("parametersJsonSchema") or function.get("parameters")
                self.tools[function.get("name")] = schema or {}
        form = body.get("generationConfig") or {}
        self.schema = form.get("responseJsonSchema") or form.get("responseSchema")

    def read_chat(self, body: dict[str, Any]) -> None:
        for message in body.get("messages", []):
            if message.get("role") == "user":
                self.user_said(text_of(message.get("content")))
            elif message.get("role") == "tool":
                self.results.append(text_of_result(message.get("content")))
        for tool in body.get("tools") or []:
            function = tool.get("function", {})
            self.tools[function.get("name")] = function.get("parameters") or {}
        form = body.get("response_format") or {}
        if form.get("type") == "json_schema":
            self.schema = (form.get("json_schema") or {}).get("schema")


def text_of(content: Any) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    kinds = ("text", "input_text", "output_text")
    return "\n".join(block.get("text", "") for block in content if block.get("type") in kinds)


def text_of_result(content: Any) -> str:
    return text_of(content) if isinstance(content, (str, list)) else json.dumps(content)
