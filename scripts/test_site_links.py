"""Tests of what site_links.py takes for a link that leads out, and for a broken one."""

import tempfile
import unittest
from pathlib import Path

import site_links as links


class Links(unittest.TestCase):
    def test_only_links_to_the_repository_lead_out(self) -> None:
        self.assertIsNone(links.in_repository("scripts.html", "agents.html#asks"))
        self.assertIsNone(links.in_repository("scripts.html", "https://example.org/../a"))
        self.assertIsNone(links.in_repository("decisions/1.html", "../agents.html"))
        self.assertEqual(links.in_repository("scripts.html", "../ts/sdk/README.html"), "ts/sdk/README.md")
        self.assertEqual(links.in_repository("decisions/1.html", "../../deny.toml"), "deny.toml")

    def test_they_become_text_or_lead_to_the_address(self) -> None:
        text = '<p><a href="../README.html#start">here</a> <a href="b.html">b</a></p>'
        alone, broken = links.led_out("a.html", text, None)
        self.assertEqual(alone, '<p><span title="README.md in the repository">here</span> <a href="b.html">b</a></p>')
        self.assertEqual(broken, [])
        there, _ = links.led_out("a.html", text, "https://git.example/main/")
        self.assertIn('<a href="https://git.example/main/README.md#start">here</a>', there)
        self.assertEqual(links.led_out("a.html", '<a href="../gone.rs">x</a>', None)[1], ["a.html: ../gone.rs"])

    def test_a_page_and_a_heading_that_are_not_there_are_broken(self) -> None:
        text = '<h2 id="two">2</h2><a href="#two">2</a><a href="a.html#one">1</a><img src="x.png"><a href="mailto:a@b">'
        with tempfile.TemporaryDirectory() as place:
            (Path(place) / "a.html").write_text(text)
            found = links.broken_links({"a.html": links.Page(text)}, Path(place))
        self.assertEqual(found, ["a.html: a.html#one", "a.html: x.png"])


if __name__ == "__main__":
    unittest.main()
