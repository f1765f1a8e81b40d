#!/usr/bin/env python3
"""An agent that keeps what it got: number of bytes, digest, and how they begin.

It works on after SIGTERM, as real agents do for a while, and reads slowly when
its environment says so. One file for each prompt that was read to its end.
"""

import hashlib
import json
import os
import pathlib
import random
import signal
import sys
import time

signal.signal(signal.SIGTERM, signal.SIG_IGN)
place = pathlib.Path(os.environ["READER_PLACE"])
(place / f"began-{os.getpid()}-{time.monotonic_ns()}").touch()
chance = random.Random(os.urandom(8))
slow = chance.random() < 0.5
digest, length, head = hashlib.sha256(), 0, b""
while piece := os.read(0, chance.choice((1, 4096, 65536, 1 << 20))):
    digest.update(piece)
    head = (head + piece)[:64]
    length += len(piece)
    if slow and chance.random() < 0.2:
        time.sleep(0.01)
got = {"length": length, "digest": digest.hexdigest(), "head": head.decode(errors="replace")}
name = f"{os.getpid()}-{time.monotonic_ns()}"
(place / f"new-{name}").write_text(json.dumps(got))
os.rename(place / f"new-{name}", place / f"got-{name}")
time.sleep(chance.random() * 0.3)
sys.stdout.write("ok")
