#!/usr/bin/env python3
"""Kills perfgate without warning at random moments, and looks at what is left of its results.

A killed job is the usual end of a cancelled one: nothing can be caught. Half of the loads are killed while they measure,
half around their end, where the results are written. After each kill

- `run.json` and `verdict.json` are absent or whole,
- `run.json` is at most 5 s older than the kill, once a load has gone on for so long,
- `perfgate report` renders it; of an unfinished load it says so and ends with 3,
- the next load in the same folder is as if nothing had happened.

    cargo build --release && benches/kills.py               # 200 kills, some minutes
    benches/kills.py --kills 20

The last line counts; the exit code is 1 where one of these did not hold. Nothing but Python 3.9 is needed.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import platform
import random
import signal
import subprocess
import sys
import tempfile
import time

from shop import PERFGATE, Shop

SCENARIO = """version: 1
name: kills
target: http://127.0.0.1:{port}
load: {{users: 10, hold: {hold}}}
think: 20ms
tasks:
  - steps: [{{get: /api/products}}]
  - steps: [{{get: /health}}]
"""
THRESHOLDS = """version: 1
scenario: kills
defaults: {p50: 10s, failures: 50%}
"""
# How far a result may be behind, and what a busy machine may add to it.
BEHIND, SLACK = 5.0, 1.0


class Broken(Exception):
    """What did not hold."""


def whole(path: pathlib.Path) -> dict:
    """The parsed file; `{}` where there is none."""
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise Broken(f"{path.name} is not whole: {error}") from error


def look(perfgate: pathlib.Path, folder: pathlib.Path, begun: float, killed: float) -> str:
    """What was left, in a word."""
    out = folder / "perfgate-out"
    run, verdict = whole(out / "run.json"), whole(out / "verdict.json")
    if not run:
        if verdict:
            raise Broken("a verdict without its run")
        if killed - begun > BEHIND + SLACK:
            raise Broken(f"no run.json after {killed - begun:.1f} s")
        return "nothing"
    behind = killed - (out / "run.json").stat().st_mtime
    if not run["complete"] and behind > BEHIND + SLACK:
        raise Broken(f"run.json is {behind:.1f} s behind")
    if verdict and not run["complete"]:
        raise Broken("a verdict on a run that is not complete")
    reported = subprocess.run([str(perfgate), "report", str(out)], capture_output=True, text=True, check=False, timeout=60)
    expected = 0 if run["complete"] else 3
    if reported.returncode != expected or not reported.stdout.strip():
        raise Broken(f"report ended with {reported.returncode}, not {expected}: {reported.stderr.strip()}")
    if not run["complete"] and "incomplete" not in reported.stdout and "not complete" not in reported.stdout:
        raise Broken(f"report does not say that the run is incomplete: {reported.stdout[:200]}")
    return "whole" if run["complete"] else "checkpoint"


def kill_once(perfgate: pathlib.Path, port: int, folder: pathlib.Path, hold: str, after: float) -> str:
    folder.mkdir(parents=True)
    (folder / "kills.yaml").write_text(SCENARIO.format(port=port, hold=hold))
    (folder / "thresholds").mkdir()
    (folder / "thresholds" / "kills.yaml").write_text(THRESHOLDS)
    command = [str(perfgate), "check", "kills.yaml", "--baseline", "none", "--publish", "none"]
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}

    def check() -> subprocess.Popen:
        return subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    begun = time.time()
    process = check()
    time.sleep(after)
    process.send_signal(signal.SIGKILL)
    process.wait()
    left = look(perfgate, folder, begun, time.time())
    (folder / "kills.yaml").write_text(SCENARIO.format(port=port, hold="1s"))
    if (code := check().wait(timeout=60)) not in (0, 3):
        raise Broken(f"the next load ended with {code}")
    if not whole(folder / "perfgate-out" / "run.json")["complete"]:
        raise Broken("the next load left the old result")
    if odd := [path.name for path in (folder / "perfgate-out").iterdir() if path.name.endswith(".tmp")]:
        raise Broken(f"the next load left {odd}")
    return left


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200, metavar="N", help="[200]")
    parser.add_argument("--at-once", type=int, default=4, metavar="N", help="loads at the same time [4]")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of the moments [1]")
    parser.add_argument("--perfgate", type=pathlib.Path, default=PERFGATE, metavar="FILE")
    options = parser.parse_args()
    dice = random.Random(options.seed)
    moments = [("20s", dice.uniform(0, 18)) if number % 2 else ("1s", dice.uniform(0.8, 1.8)) for number in range(options.kills)]
    found, broken = {}, 0
    pool = concurrent.futures.ThreadPoolExecutor(options.at_once)
    with Shop(options.perfgate) as shop, tempfile.TemporaryDirectory() as folder, pool:
        one = {
            pool.submit(kill_once, options.perfgate, shop.port, pathlib.Path(folder) / str(number), *moment): moment
            for number, moment in enumerate(moments)
        }
        for ended in concurrent.futures.as_completed(one):
            try:
                left = ended.result()
                found[left] = found.get(left, 0) + 1
            except (Broken, OSError, subprocess.SubprocessError) as error:
                broken += 1
                print(f"hold {one[ended][0]}, killed after {one[ended][1]:.2f} s: {error}", file=sys.stderr, flush=True)
    left = ", ".join(f"{count} left {what}" for what, count in sorted(found.items()))
    today = time.strftime("%Y-%m-%d", time.gmtime())
    print(f"{today}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores: {options.kills} kills, {left}, {broken} broken")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
