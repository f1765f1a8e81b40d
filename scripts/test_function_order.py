"""Tests of what function-order.py reads: names of functions, and profiles."""

import importlib
import unittest

order = importlib.import_module("function-order")

NAME = "_ZN4core3fmt5write17h0123456789abcdefE"


class Names(unittest.TestCase):
    def test_what_changes_with_the_rest_of_a_module_is_left_out(self) -> None:
        self.assertEqual(order.full(NAME + ".llvm.123456"), NAME)
        self.assertEqual(order.bare(NAME + ".llvm.123456"), "_ZN4core3fmt5write")
        self.assertEqual(order.bare("main"), "main")

    def test_a_profile_names_functions_once_and_as_callees(self) -> None:
        profile = f"fn=(1) {NAME}\n0 5\ncfn=(2) main'2\ncalls=1 0\nfn=(1)\nfl=(3) a.rs\n"
        self.assertEqual(order.CALLED.findall(profile), [NAME, "main"])


if __name__ == "__main__":
    unittest.main()
