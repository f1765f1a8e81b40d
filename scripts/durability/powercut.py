"""Simulated power cuts over a recorded trace of the program's file operations.

Owns: the trace, and the images of the files that a disk may hold after a cut.
Never: an image that no disk could hold: synced bytes are always there.

A cut may come after any operation. Of the writes to a file since its last sync, a
disk may have kept none, any combination, or all; and the last write that it kept
may be torn between two sectors of 512 bytes.
"""

import pathlib
import random
import re
import sqlite3
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from kill import traced, undisturbed
from place import Outcome, Place, Wrong, check_resumed, expect, result, settled, told

SECTOR = 512
# Longer than any page of the database with its header.
STRING_MAX = 1 << 17
CALL = re.compile(r'^\d+\s+(pwrite64|write|fsync|fdatasync|ftruncate|unlink|link|linkat)\((.*)$')
# strace writes every byte of a name as `\\x2f`.
FD = re.compile(r'^(\d+)<((?:\\x[0-9a-f]{2})*)>(?:\(deleted\))?(?:, )?(.*)$')
DATA = re.compile(r'^"((?:\\x[0-9a-f]{2})*)"(?:\.\.\.)?, (\d+)(?:, (\d+))?')
NUMBER = re.compile(r"\d+")
NAME = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')


class Operation(NamedTuple):
    """What was done to a file of the database, or told.

    `link`, `unlink`, `write`, `truncate`, `sync` or `told`; `at` is an offset or a
    length. A sync without a file is one of the folder.
    """

    kind: str
    file: str | None = None
    at: int = 0
    data: bytes = b""


# The content of a disk, by the ending of the file name.
Image = dict[str, bytearray]


def unhex(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))


def matched(pattern: re.Pattern[str], text: str) -> re.Match[str]:
    match = pattern.match(text)
    if not match:
        raise Wrong(f"the trace says {text[:80]}")
    return match


def operations(trace: str, db: str) -> list[Operation]:
    """The operations on the database's files and the reported events, in order."""
    found: list[Operation] = []
    folder, _, name_of_db = db.rpartition("/")
    # A new database is written and synced under another name, then linked.
    new: dict[str, bytes] = {}
    new_synced: set[str] = set()
    for line in trace.splitlines():
        match = CALL.match(line)
        if not match:
            continue
        call, rest = match.groups()
        if call in ("link", "linkat"):
            made, name = (unhex(part).decode() for part in NAME.findall(rest))
            if name == db:
                expect(made in new_synced, "a database was linked that is not synced")
                found.append(Operation("link", "", data=new[made]))
            continue
        if call == "unlink":
            name = unhex(NAME.findall(rest)[0]).decode()
            if name.startswith(db):
                found.append(Operation("unlink", name[len(db):]))
            continue
        fd, path, rest = matched(FD, rest).groups()
        path = unhex(path).decode()
        if path.startswith(f"{folder}/.{name_of_db}."):
            if call == "write":
                new[path] = new.get(path, b"") + unhex(matched(DATA, rest)[1])
            else:
                new_synced.add(path)
        elif call == "write":
            if fd == "1":
                found.append(Operation("told", data=unhex(matched(DATA, rest)[1])))
        elif call == "fsync" and path == folder:
            found.append(Operation("sync"))
        elif path.startswith(db) and path != f"{db}-shm":  # made anew from the others
            found.append(on_file(call, path[len(db):], rest))
    return found


def on_file(call: str, file: str, rest: str) -> Operation:
    """The operation of a system call on one of the database's files, from its arguments."""
    if call == "pwrite64":
        written, length, offset = matched(DATA, rest).groups()
        data = unhex(written)
        expect(len(data) == int(length), "the trace cuts a write short")
        return Operation("write", file, int(offset), data)
    if call == "ftruncate":
        return Operation("truncate", file, int(matched(NUMBER, rest)[0]))
    return Operation("sync", file)


def apply(image: Image, operation: Operation) -> None:
    kind, file, at, data = operation
    assert file is not None, "only files are changed"
    if kind == "unlink":
        image.pop(file, None)
        return
    if kind == "link":
        image[file] = bytearray(data)
        return
    content = image.setdefault(file, bytearray())
    if kind == "truncate":
        del content[at:]
        content.extend(bytes(at - len(content)))
    elif kind == "write":
        content.extend(bytes(max(0, at + len(data) - len(content))))
        content[at:at + len(data)] = data


def torn(operation: Operation, dice: random.Random) -> Operation:
    data = operation.data
    if operation.kind != "write" or len(data) <= SECTOR:
        return operation
    return operation._replace(data=data[: SECTOR * dice.randrange(1, (len(data) - 1) // SECTOR + 1)])


def images(done: list[Operation], dice: random.Random) -> Iterator[tuple[bytes, str, Image]]:
    """(reported events, name, image) for every point and every model."""
    durable: Image = {}
    pending: list[Operation] = []
    heard = b""
    for at, operation in enumerate(done):
        kind, file, _, data = operation
        if kind == "told":
            heard += data
        elif kind == "sync":
            # A sync of the folder (no file) makes names durable, a sync of a file
            # all that was written to it.
            kept = [one for one in pending if (one.kind in ("unlink", "link")) == (file is None) and file in (None, one.file)]
            for one in kept:
                apply(durable, one)
            pending = [one for one in pending if one not in kept]
        else:
            pending.append(operation)
        for model in ("nothing", "part", "torn", "all"):
            image = {name: bytearray(content) for name, content in durable.items()}
            subset = pending if model == "all" else [one for one in pending if model != "nothing" and dice.random() < 0.5]
            for one in subset[:-1]:
                apply(image, one)
            if subset:
                apply(image, torn(subset[-1], dice) if model == "torn" else subset[-1])
            yield heard, f"operation {at}, {model} of {len(pending)} kept", image


def lay(place: Place, image: Image) -> None:
    for file in ("", "-wal", "-shm", "-journal"):
        path = pathlib.Path(str(place.db) + file)
        path.unlink(missing_ok=True)
        if file in image:
            path.write_bytes(image[file])


def check_image(place: Place, heard: bytes, wanted: object, to_the_end: bool) -> None:
    announced = told(heard.decode(errors="replace"))
    if not place.db.exists() or place.db.stat().st_size == 0:
        expect(not announced, "told, and the database is gone")
        return
    try:
        sound = place.is_sound()
        before = place.journal()
    except sqlite3.DatabaseError as error:
        raise Wrong(f"the database cannot be read: {error}") from error
    expect(sound, "the database is damaged")
    lost = announced - set(settled(before))
    expect(not lost, f"told and lost: {sorted(lost)}")
    if not to_the_end or not before:
        return
    code, stdout, stderr = place.smol_wf("resume", "latest", "--anywhere", "--events")
    expect(code == 0, f"resume: exit {code}: {stderr}")
    expect(result(stdout) == wanted, "another result")
    check_resumed(before, place.journal(), announced)


def campaign(program: str, workloads: Sequence[str], every: int, resume_every: int = 10) -> Outcome:
    """Returns (states, resumed, faults)."""
    states, resumed = 0, 0
    faults: list[str] = []
    dice = random.Random(7)
    for workload in workloads:
        wanted = undisturbed(program, workload)
        with Place(program, workload) as recorded, Place(program, workload) as cut:
            calls = "pwrite64,write,fsync,fdatasync,ftruncate,unlink,link,linkat"
            code, _ = traced(recorded, ["-e", f"trace={calls}", "-xx", "-y", "-s", str(STRING_MAX)])
            expect(code == 0, "the recorded run fails")
            done = operations((recorded.dir / "trace").read_text(), str(recorded.db))
            for heard, name, image in list(images(done, dice))[::every]:
                lay(cut, image)
                to_the_end = states % resume_every == 0
                states += 1
                resumed += to_the_end
                try:
                    check_image(cut, heard, wanted, to_the_end)
                except Wrong as wrong:
                    faults.append(f"{workload}, {name}: {wrong}")
    return states, resumed, faults
