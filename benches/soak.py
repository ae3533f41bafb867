#!/usr/bin/env python3
"""Loads the demo shop for a long time, and watches whether perfgate's memory and descriptors stay as they are.

    cargo build --release && benches/soak.py                # half an hour of 1,000 requests/s
    benches/soak.py --minutes 3

After the first fifth, descriptors and memory may grow by 5 %; in the whole load as many requests as were due are sent and
answered, within 1 %. The exit code is 1 where that does not hold. Linux, Python 3.9.
"""

import argparse
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile
import time

from shop import PERFGATE, Shop

SCENARIO = """version: 1
name: soak
target: http://127.0.0.1:{port}
load: {{rate: {rate}/s, hold: {minutes}m}}
tasks:
  - steps: [{{get: /health}}]
"""
EVERY_S = 5.0


def reading(pid: int) -> tuple:
    """Resident memory in KB and open descriptors."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    resident = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:"))
    return resident, len(os.listdir(f"/proc/{pid}/fd"))


def watch(process: subprocess.Popen) -> list:
    readings = []
    while process.poll() is None:
        try:
            readings.append(reading(process.pid))
        except (OSError, StopIteration):
            break
        time.sleep(EVERY_S)
    process.wait()
    return readings


def moved(values: list) -> tuple:
    """From the second fifth to the last: medians, so that a checkpoint that is just being written does not count."""
    fifth = max(len(values) // 5, 1)
    return statistics.median(values[fifth : 2 * fifth]), statistics.median(values[-fifth:])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=int, default=30, metavar="N", help="[30]")
    parser.add_argument("--rate", type=int, default=1000, metavar="N", help="requests a second [1000]")
    parser.add_argument("--perfgate", type=pathlib.Path, default=PERFGATE, metavar="FILE")
    options = parser.parse_args()
    with Shop(options.perfgate) as shop, tempfile.TemporaryDirectory() as folder:
        scenario = pathlib.Path(folder) / "soak.yaml"
        scenario.write_text(SCENARIO.format(port=shop.port, rate=options.rate, minutes=options.minutes))
        out = pathlib.Path(folder) / "out"
        command = [str(options.perfgate), "run", str(scenario), "--out", str(out)]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        readings = watch(process)
        run = json.loads((out / "run.json").read_bytes())
    due = options.rate * options.minutes * 60
    answered = run["generator"]["ok"]
    memory, descriptors = moved([one[0] for one in readings]), moved([one[1] for one in readings])
    today = time.strftime("%Y-%m-%d", time.gmtime())
    print(f"{today}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores: {options.minutes} min at {options.rate}/s")
    print(f"answered {answered:,} of {due:,} ({answered / due:.2%})")
    print(f"memory {memory[0] / 1024:.1f} -> {memory[1] / 1024:.1f} MB, descriptors {descriptors[0]:.0f} -> {descriptors[1]:.0f}")
    # Fewer is no leak: users that a stall made the load take go again.
    is_flat = all(last <= 1.05 * first for first, last in (memory, descriptors))
    return 0 if is_flat and process.returncode == 0 and abs(answered - due) <= 0.01 * due else 1


if __name__ == "__main__":
    sys.exit(main())
