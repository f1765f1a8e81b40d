"""Tests of the mock's readers: of directives, requests of each protocol, schemas."""

import json
import unittest
from typing import Any

from request import Request, text_of
from script import answer, asked, directives, instance, schema_in
from stream import pieces


def chat(*texts: str, **more: Any) -> Request:
    messages = [{"role": "user", "content": text} for text in texts]
    return Request("chat", {"model": "mock-model", "messages": messages, **more})


class Directives(unittest.TestCase):
    def test_values_may_hold_brackets_and_keys_may_stand_alone(self) -> None:
        text = 'a [[mock:json=[{"a": [1]}, [2]]]] b [[mock:think]] [[mock: big =3]] [[mock:open'
        self.assertEqual(directives(text), {"json": '[{"a": [1]}, [2]]', "think": "1", "big": "3"})

    def test_the_last_message_decides_and_next_only_where_it_says_nothing(self) -> None:
        first = "[[mock:json=1]] [[mock:next=2]]"
        self.assertEqual(asked(chat(first))["json"], "1")
        self.assertEqual(asked(chat(first, "again")), {"json": "2"})
        self.assertEqual(asked(chat(first, "[[mock:text=x]]")), {"text": "x"})
        self.assertEqual(asked(chat("again")), {})

    def test_a_resumed_conversation_is_known_by_its_first_prompt(self) -> None:
        stalled = "[[mock:stall]] [[mock:resumed=there]]"
        self.assertIn("stall", asked(chat(stalled)))
        self.assertEqual(asked(chat(stalled, stalled)), {"text": "there"})

    def test_models_that_are_not_there(self) -> None:
        missing = Request("chat", {"model": "no-such-model", "messages": []})
        self.assertEqual(asked(missing)["error"], "404")


class Requests(unittest.TestCase):
    def test_what_agents_put_beside_the_words_of_their_user_is_left_out(self) -> None:
        request = chat("<system-reminder>MARK-A\nb</system-reminder> hello ")
        self.assertEqual((request.last_user, request.marks), ("hello", ["MARK-A"]))

    def test_anthropic(self) -> None:
        result = {"type": "tool_result", "content": [{"type": "text", "text": "done"}]}
        messages = [
            {"role": "user", "content": "hello"},
            {"role": "assistant", "content": "no"},
            {"role": "user", "content": [result, {"type": "text", "text": "a reminder"}]},
        ]
        tools = [{"name": "StructuredOutput", "input_schema": {"type": "object"}}, {"name": "Bash"}]
        request = Request("anthropic", {"messages": messages, "tools": tools})
        self.assertEqual((request.user_texts, request.results), (["hello"], ["done"]))
        self.assertEqual(request.structured_tool(), "StructuredOutput")

    def test_responses(self) -> None:
        given = [
            {"role": "user", "content": [{"type": "input_text", "text": "hello"}]},
            {"type": "function_call_output", "output": {"a": 1}},
        ]
        form = {"format": {"type": "json_schema", "schema": {"type": "string"}}}
        request = Request("responses", {"input": given, "text": form, "stream": True})
        self.assertEqual((request.last_user, request.results, request.stream), ("hello", ['{"a": 1}'], True))
        self.assertEqual(request.schema, {"type": "string"})
        self.assertEqual(Request("responses", {"input": "words"}).last_user, "words")

    def test_gemini(self) -> None:
        contents = [
            {"parts": [{"text": "hello"}]},
            {"role": "model", "parts": [{"functionCall": {}}]},
            {"role": "user", "parts": [{"functionResponse": {"response": {"ok": True}}}]},
        ]
        tools = [{"functionDeclarations": [{"name": "shell", "parameters": {"type": "object"}}]}]
        request = Request("gemini", {"contents": contents, "tools": tools})
        self.assertEqual((request.user_texts, request.results), (["hello"], ['{"ok": true}']))
        self.assertEqual(request.tools, {"shell": {"type": "object"}})

    def test_a_new_message_ends_the_tools_of_the_last(self) -> None:
        messages = [
            {"role": "user", "content": "a"},
            {"role": "tool", "content": "old"},
            {"role": "user", "content": "b"},
            {"role": "tool", "content": "new"},
        ]
        request = Request("chat", {"messages": messages})
        self.assertEqual((request.user_texts, request.results), (["a", "b"], ["new"]))

    def test_nothing_but_text_counts_as_words(self) -> None:
        self.assertEqual(text_of(None), "")
        self.assertEqual(text_of([{"type": "image"}, {"type": "text", "text": "x"}]), "x")


class Answers(unittest.TestCase):
    def test_a_tool_is_called_once_and_then_told_of(self) -> None:
        order = {"tool": 'Bash {"command": "ls"}'}
        blocks, stop = answer(chat("x"), order)
        self.assertEqual((blocks[-1], stop), (("tool", "Bash", {"command": "ls"}), "tool"))
        request = chat("x")
        request.results = ["a file"]
        self.assertEqual(answer(request, order), ([("text", "tool said: a file")], "end"))

    def test_a_schema_in_the_prompt_asks_for_a_value(self) -> None:
        self.assertIsNone(schema_in("no schema"))
        self.assertIsNone(schema_in("a\n\n[1]"))
        blocks, _ = answer(chat('a number\n\n{"type": "integer"}'), {})
        self.assertEqual(blocks, [("text", "42")])

    def test_values_satisfy_schemas_of_the_usual_kinds(self) -> None:
        schema = {
            "type": "object",
            "properties": {
                "name": {"type": "string", "minLength": 9},
                "one": {"$ref": "#/$defs/one"},
                "kind": {"enum": ["b", "a"]},
                "list": {"type": "array", "items": {"type": ["null", "boolean"]}, "minItems": 2},
                "any": {"anyOf": [{"const": None}]},
            },
            "$defs": {"one": {"type": "number", "minimum": 7}},
        }
        wanted = {"name": "mockmockm", "one": 7, "kind": "b", "list": [True, True], "any": None}
        self.assertEqual(instance(schema), wanted)

    def test_a_schema_that_names_itself_comes_to_an_end(self) -> None:
        schema = {"type": "object", "properties": {"next": {"$ref": "#"}}}
        self.assertIn("next", instance(schema))

    def test_pieces_are_the_whole(self) -> None:
        for text in ("", "a", "日本語" * 50):
            self.assertEqual("".join(pieces(text)), text)
        self.assertEqual("".join(pieces({"a": "ü"})), json.dumps({"a": "ü"}, ensure_ascii=False))


if __name__ == "__main__":
    unittest.main()
