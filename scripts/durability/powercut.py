"""Simulated power cuts over a recorded trace of what the program did to its files.

Owns: the trace, and the images of the files that a disk may hold after a cut.
Never: an image that no disk could hold: what was synced is there.

A cut may come after any operation. Of what was written to a file since its last
sync, a disk may have kept nothing, a part in any combination, or all; and the
last write that it kept may be torn between two sectors of 512 bytes.
"""

import pathlib
import random
import re
import sqlite3

from kill import traced, undisturbed
from place import Place, Wrong, check_resumed, expect, result, settled, told

SECTOR = 512
# Longer than any page of the database with its header.
STRING_MAX = 1 << 17
CALL = re.compile(r'^\d+\s+(pwrite64|write|fsync|fdatasync|ftruncate|unlink|link|linkat)\((.*)$')
# strace writes every byte of a name as `\\x2f`.
FD = re.compile(r'^(\d+)<((?:\\x[0-9a-f]{2})*)>(?:\(deleted\))?(?:, )?(.*)$')
DATA = re.compile(r'^"((?:\\x[0-9a-f]{2})*)"(?:\.\.\.)?, (\d+)(?:, (\d+))?')


def unhex(text):
    return bytes.fromhex(text.replace("\\x", ""))


def operations(trace, db):
    """What was done to the database's files, and what was told, in order."""
    found = []
    # A new database is written and synced under another name, then linked.
    new, new_synced = {}, set()
    for line in trace.read_text().splitlines():
        match = CALL.match(line)
        if not match:
            continue
        call, rest = match.groups()
        if call in ("link", "linkat"):
            made, name = (unhex(part).decode() for part in re.findall(r'"((?:\\x[0-9a-f]{2})*)"', rest))
            if name == str(db):
                expect(made in new_synced, "a database was linked that is not synced")
                found.append(("link", "", None, new[made]))
            continue
        if call == "unlink":
            name = unhex(rest.split('"')[1]).decode()
            if name.startswith(str(db)):
                found.append(("unlink", name[len(str(db)):], None, None))
            continue
        fd, path, rest = FD.match(rest).groups()
        path = unhex(path).decode()
        if path.startswith(f"{db.parent}/.{db.name}."):
            if call == "write":
                new[path] = new.get(path, b"") + unhex(DATA.match(rest).group(1))
            else:
                new_synced.add(path)
            continue
        if call == "write":
            if fd == "1":
                data = unhex(DATA.match(rest).group(1))
                found.append(("told", None, None, data))
            continue
        if call == "fsync" and path == str(db.parent):
            found.append(("sync", None, None, None))
        if not path.startswith(str(db)):
            continue
        file = path[len(str(db)):]
        if file == "-shm":
            continue  # made anew from the others
        if call == "pwrite64":
            data, length, offset = DATA.match(rest).groups()
            data = unhex(data)
            expect(len(data) == int(length), "the trace cuts a write short")
            found.append(("write", file, int(offset), data))
        elif call == "ftruncate":
            found.append(("truncate", file, int(re.match(r"(\d+)", rest).group(1)), None))
        else:
            found.append(("sync", file, None, None))
    return found


def apply(image, operation):
    kind, file, number, data = operation
    if kind == "unlink":
        image.pop(file, None)
        return
    if kind == "link":
        image[file] = bytearray(data)
        return
    content = image.setdefault(file, bytearray())
    if kind == "truncate":
        del content[number:]
        content.extend(bytes(number - len(content)))
    elif kind == "write":
        content.extend(bytes(max(0, number + len(data) - len(content))))
        content[number:number + len(data)] = data


def torn(operation, dice):
    kind, file, offset, data = operation
    if kind != "write" or len(data) <= SECTOR:
        return operation
    return kind, file, offset, data[: SECTOR * dice.randrange(1, (len(data) - 1) // SECTOR + 1)]


def images(operations_, dice):
    """(what was told, name, image) for every point and every model."""
    durable, pending, heard = {}, [], b""
    for at, operation in enumerate(operations_):
        kind, file, _, data = operation
        if kind == "told":
            heard += data
        elif kind == "sync":
            # A sync of the folder (no file) makes names durable, one of a file
            # all that was written to it.
            kept = [one for one in pending if (one[0] in ("unlink", "link")) == (file is None) and file in (None, one[1])]
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


def lay(place, image):
    for file in ("", "-wal", "-shm", "-journal"):
        path = pathlib.Path(str(place.db) + file)
        path.unlink(missing_ok=True)
        if file in image:
            path.write_bytes(image[file])


def check_image(place, heard, wanted, to_the_end):
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


def campaign(program, workloads, every, resume_every=10):
    """Returns (states, resumed, faults)."""
    states, resumed, faults = 0, 0, []
    dice = random.Random(7)
    for workload in workloads:
        wanted = undisturbed(program, workload)
        with Place(program, workload) as recorded, Place(program, workload) as cut:
            calls = "pwrite64,write,fsync,fdatasync,ftruncate,unlink,link,linkat"
            code, _ = traced(recorded, ["-e", f"trace={calls}", "-xx", "-y", "-s", str(STRING_MAX)])
            expect(code == 0, "the recorded run fails")
            done = operations(recorded.dir / "trace", recorded.db)
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
