#!/usr/bin/env python3
"""Loads a server that resets seven of eight connections at once, as fast as this machine can, for a minute.

    cargo build --release && benches/resets.py
    benches/resets.py --seconds 10

The eighth is answered: a target that fails altogether would be left alone after ten seconds. Every request must be in the
books once, the program must end at most two seconds after the load, and memory stay below 128 MiB; four cores reach 10,000
resets a second, which is told and not asked for. The exit code is 1 where that does not hold. Linux, Python 3.9.
"""

import argparse
import json
import multiprocessing
import os
import pathlib
import platform
import socket
import struct
import subprocess
import sys
import tempfile
import time

from shop import PERFGATE

SCENARIO = """version: 1
name: resets
target: http://127.0.0.1:{port}
load: {{users: 64, hold: {seconds}s}}
connections: per_request
tasks:
  - steps: [{{get: /}}]
"""
ANSWERED = 8
MOST_MEMORY_KB = 128 * 1024
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}"


def serve(listener: socket.socket) -> None:
    """Connections that are taken have the listener's way to close: by a reset."""
    number = 0
    while True:
        connection, _ = listener.accept()
        number += 1
        if number % ANSWERED == 0:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 0, 0))
            connection.settimeout(1)
            try:
                connection.recv(4096)
                connection.sendall(ANSWER)
            except OSError:
                pass
        connection.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=60, metavar="N", help="[60]")
    parser.add_argument("--perfgate", type=pathlib.Path, default=PERFGATE, metavar="FILE")
    options = parser.parse_args()
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    server = multiprocessing.Process(target=serve, args=(listener,), daemon=True)
    server.start()
    with tempfile.TemporaryDirectory() as folder:
        scenario = pathlib.Path(folder) / "resets.yaml"
        scenario.write_text(SCENARIO.format(port=listener.getsockname()[1], seconds=options.seconds))
        out = pathlib.Path(folder) / "out"
        begun = time.monotonic()
        command = [str(options.perfgate), "run", str(scenario), "--out", str(out)]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, _, used = os.wait4(process.pid, 0)
        late = time.monotonic() - begun - options.seconds
        run = json.loads((out / "run.json").read_bytes())
    server.terminate()
    books, endpoint = run["generator"], run["endpoints"][0]
    resets = endpoint["failures"]["reset"] + endpoint["failures"]["connect"]
    counted = books["sent"] == books["ok"] + books["failed"] + books["unfinished"] and books["failed"] == resets
    today = time.strftime("%Y-%m-%d", time.gmtime())
    print(f"{today}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores: {options.seconds} s")
    print(f"{resets:,} resets, {resets / options.seconds:,.0f}/s, beside {books['ok']:,} answers; each in the books once: {counted}")
    print(f"at most {used.ru_maxrss / 1024:.1f} MiB, ended {late:.2f} s after the load")
    return 0 if counted and resets > 0 and used.ru_maxrss <= MOST_MEMORY_KB and late <= 2 else 1


if __name__ == "__main__":
    sys.exit(main())
