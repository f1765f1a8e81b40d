"""Tests of the campaigns' readers: of strace's lines, event streams, journals."""

import json
import random
import unittest

from kill import reached
from place import Entry, Wrong, check_resumed, result, told
from powercut import Operation, apply, images, operations

DB = "/tmp/a place/runs.db"
NEW = "/tmp/a place/.runs.db.77-1f.new"


def hexed(text: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in text.encode())


def on(fd: int, path: str) -> str:
    return f"{fd}<{hexed(path)}>"


class Points(unittest.TestCase):
    def test_a_call_counts_in_the_thread_that_makes_most_of_it(self) -> None:
        trace = "\n".join([
            'pwrite64(5, "a", 1, 0) = 1',  # without its thread it is another line
            '71 pwrite64(5, "a", 1, 0) = 1',
            "71 fsync(5 <unfinished ...>",
            "72 fsync(6) = 0",
            "71 <... fsync resumed>) = 0",
            "72 fsync(6) = 0",
            "72 openat(AT_FDCWD, 0) = 3",
        ])
        self.assertEqual(reached(trace), [("pwrite64", 1), ("fsync", 1), ("fsync", 2)])


class Operations(unittest.TestCase):
    def read(self, *lines: str) -> list[Operation]:
        return operations("\n".join(f"71 {line}" for line in lines), DB)

    def test_calls_on_the_database_are_read_and_no_others(self) -> None:
        found = self.read(
            f'write({on(4, "anon_inode:[eventfd]")}, "\\x01", 1) = 1',
            f'pwrite64({on(9, DB)}, "{hexed("page")}", 4, 4096) = 4',
            f'pwrite64({on(9, DB + "-wal")}, "{hexed("log")}", 3, 32 <unfinished ...>',
            "<... pwrite64 resumed>) = 3",
            f'pwrite64({on(8, DB + "-shm")}, "\\x00", 1, 4095) = 1',
            f"fdatasync({on(9, DB + '-wal')}) = 0",
            f"ftruncate({on(9, DB)}, 8192) = 0",
            f"ftruncate({on(9, DB)}, 512 <unfinished ...>",
            f"fsync({on(7, '/tmp/a place')}) = 0",
            f'write({on(1, "/tmp/a place/stdout")}, "{hexed("{}")}", 2) = 2',
            f'write({on(2, "/tmp/a place/stderr")}, "{hexed("no")}", 2) = 2',
            f'unlink("{hexed(DB + "-wal")}") = 0',
            f'unlink("{hexed("/tmp/a place/other")}") = 0',
        )
        self.assertEqual(found, [
            Operation("write", "", 4096, b"page"),
            Operation("write", "-wal", 32, b"log"),
            Operation("sync", "-wal"),
            Operation("truncate", "", 8192),
            Operation("truncate", "", 512),
            Operation("sync"),
            Operation("told", data=b"{}"),
            Operation("unlink", "-wal"),
        ])

    def test_a_new_database_is_what_was_written_and_synced_under_its_other_name(self) -> None:
        write = f'write({on(9, NEW)}, "{hexed("whole")}", 5) = 5'
        link = f'linkat({on(3, "/tmp")}, "{hexed(NEW)}", {on(3, "/tmp")}, "{hexed(DB)}", 0) = 0'
        found = self.read(write, f"fsync({on(9, NEW)}) = 0", link.replace(on(3, "/tmp"), "AT_FDCWD"))
        self.assertEqual(found, [Operation("link", "", data=b"whole")])
        with self.assertRaisesRegex(Wrong, "not synced"):
            self.read(write, link)

    def test_a_trace_that_was_cut_is_refused(self) -> None:
        with self.assertRaisesRegex(Wrong, "cuts a write short"):
            self.read(f'pwrite64({on(9, DB)}, "{hexed("pa")}"..., 4, 0) = 4')
        with self.assertRaisesRegex(Wrong, "the trace says"):
            self.read(f"pwrite64({on(9, DB)}, 0x1234, 4, 0) = 4")


class Images(unittest.TestCase):
    def test_what_was_synced_is_in_every_image_and_the_rest_in_some(self) -> None:
        done = [
            Operation("write", "", 0, b"first"),
            Operation("sync", ""),
            Operation("told", data=b"x"),
            Operation("write", "", 0, b"other"),
        ]
        found = list(images(done, random.Random(1)))
        self.assertEqual(len(found), 4 * len(done))
        after_sync = found[4:]
        self.assertEqual({bytes(image[""]) for _, _, image in after_sync}, {b"first", b"other"})
        self.assertEqual([heard for heard, _, _ in found], [b""] * 8 + [b"x"] * 8)

    def test_a_write_is_torn_between_sectors(self) -> None:
        found = images([Operation("write", "-wal", 0, b"y" * 1300)], random.Random(1))
        lengths = {len(image.get("-wal", b"")) for _, name, image in found if ", torn" in name or ", all" in name}
        self.assertTrue(1300 in lengths and lengths <= {0, 512, 1024, 1300}, lengths)

    def test_truncation_and_writes_beyond_the_end_fill_with_zeros(self) -> None:
        image = {"": bytearray(b"abcdef")}
        apply(image, Operation("truncate", "", 2))
        apply(image, Operation("write", "", 4, b"z"))
        apply(image, Operation("truncate", "", 6))
        self.assertEqual(image[""], b"ab\0\0z\0")


def event(kind: str, **metadata: object) -> str:
    return json.dumps({"type": kind, "metadata": metadata, "data": {"result": metadata.get("step", 7)}})


class Streams(unittest.TestCase):
    def test_ends_of_steps_are_told_and_half_a_line_is_not(self) -> None:
        ends = [event("workflow.agent_completed", stepId="3"), event("workflow.agent_failed", stepId="4")]
        stream = "\n".join([event("workflow.agent_started", stepId="5"), *ends, ends[0][:-9]])
        self.assertEqual(told(stream), {3, 4})

    def test_the_result_is_that_of_the_run_and_not_of_a_child(self) -> None:
        child = event("workflow.result", workflowDepth=1, step=1)
        self.assertIsNone(result(child))
        self.assertEqual(result("\n".join([child, event("workflow.result", workflowDepth=0, step=2)])), 2)


def journal(*entries: tuple[str, int]) -> list[Entry]:
    return [Entry(at, kind, {"step": step}, b"%d" % at) for at, (kind, step) in enumerate(entries)]


class Resumed(unittest.TestCase):
    ASKED, DONE, END = ("agent_dispatched", 1), ("settled", 1), ("run_ended", 0)

    def wrong(self, words: str, before: list[Entry], after: list[Entry], announced: set[int]) -> None:
        with self.assertRaisesRegex(Wrong, words):
            check_resumed(before, after, announced)

    def test_one_dispatch_more_after_a_death_is_right(self) -> None:
        check_resumed(journal(self.ASKED), journal(self.ASKED, self.ASKED, self.DONE, self.END), set())

    def test_every_broken_promise_is_found(self) -> None:
        asked, done, end = self.ASKED, self.DONE, self.END
        self.wrong("only grow", journal(asked, done), journal(asked, end), set())
        self.wrong("not durable", journal(asked), journal(asked, done, end), {1})
        self.wrong("settled twice", journal(asked), journal(asked, done, done, end), set())
        self.wrong("after it had settled", journal(asked), journal(asked, done, asked, end), set())
        self.wrong("3 times", journal(asked), journal(asked, asked, asked, done, end), set())
        self.wrong("not one end", journal(asked), journal(asked, done), set())
        self.wrong("not one end", journal(asked), journal(asked, done, end, end), set())


if __name__ == "__main__":
    unittest.main()
