#!/usr/bin/env python3
"""Loads the demo shop with and without a live view, and says how much CPU the view costs perfgate.

    cargo build --release && benches/live.py                # five rounds, some six minutes
    benches/live.py --rounds 3 --rate 2000 --endpoints 50 --seconds 120

In turns: a check without `--live`, one with it whom nobody watches, and one with two open tabs, which read the stream of the
page to its end as a browser does. What counts is the CPU time of the whole process for each answered request, as a median; the
dashboard's own thread is told beside it, as finely as the kernel counts (ticks of 10 ms over the whole check). The exit code
is 1 where two tabs cost more than 3 %. Linux, Python 3.9.
"""

import argparse
import http.client
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

from shop import PERFGATE, Shop

SCENARIO = """version: 1
name: live
target: http://127.0.0.1:{port}
load: {{rate: {rate}/s, hold: {seconds}s}}
tasks:
{tasks}"""
# Three of four requests ask for next to nothing, so that the view weighs.
KINDS = ((3, "/health"), (1, "/api/products"))
THRESHOLDS = """version: 1
scenario: live
defaults: {p50: 10s, failures: 50%}
"""
WAYS = ("without", "unwatched", "two tabs")
MOST = 0.03
TICK = os.sysconf("SC_CLK_TCK")
# No verdict is an ending too: a machine that is busy delays requests and makes none of them dearer.
MEASURED = (0, 3)


def watch(url: str) -> None:
    """Opens the page as a browser does, and reads two streams until they end."""
    address = urllib.parse.urlsplit(url)
    first = http.client.HTTPConnection(address.netloc)
    first.request("GET", f"/?{address.query}")
    cookie = first.getresponse().headers["set-cookie"].split(";")[0]
    first.close()
    for _ in range(2):
        threading.Thread(target=read_to_end, args=(address.netloc, cookie), daemon=True).start()


def read_to_end(host: str, cookie: str) -> None:
    stream = http.client.HTTPConnection(host)
    stream.request("GET", "/runs/1/parts", headers={"Cookie": cookie})
    answer = stream.getresponse()
    while answer.read1(65536):
        pass


def of_thread(process: int, name: str) -> float:
    """CPU time of its thread of this name (s); 0 where there is none."""
    for task in pathlib.Path(f"/proc/{process}/task").iterdir():
        try:
            if (task / "comm").read_text().strip() == name:
                fields = (task / "stat").read_text().rsplit(")", 1)[1].split()
                return (int(fields[11]) + int(fields[12])) / TICK
        except OSError:
            pass
    return 0.0


def measure(perfgate: pathlib.Path, folder: pathlib.Path, way: str, seconds: int) -> tuple:
    """CPU time for each answered request, and the dashboard's own (us)."""
    out = folder / "out"
    command = [str(perfgate), "check", str(folder / "live.yaml"), "--baseline", "none", "--thresholds", str(folder / "limits.yaml")]
    # One load: what is loaded again would be in the time and not in the count.
    command += ["--max-duration", f"{seconds}s", "--publish", "none", "--out", str(out)] + ([] if way == "without" else ["--live"])
    with open(folder / "said", "w+", encoding="utf-8") as said:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=said)
        of_dashboard, is_watched = 0.0, way != "two tabs"
        while True:
            ended, status, usage = os.wait4(process.pid, os.WNOHANG)
            if ended:
                break
            words = (folder / "said").read_text(encoding="utf-8").split()
            url = next((word for word in words if "/?token=" in word), None)
            if url and not is_watched:
                watch(url)
                is_watched = True
            try:
                of_dashboard = max(of_dashboard, of_thread(process.pid, "dashboard"))
            except OSError:
                pass
            time.sleep(0.1)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in MEASURED:
        raise SystemExit(f"{way}: exit {process.returncode}\n{(folder / 'said').read_text(encoding='utf-8')}")
    answered = json.loads((out / "run.json").read_bytes())["generator"]["ok"]
    return 1e6 * (usage.ru_utime + usage.ru_stime) / answered, 1e6 * of_dashboard / answered


def tasks(endpoints: int) -> str:
    kinds = [KINDS[number % len(KINDS)] for number in range(endpoints)]
    return "".join(
        f"  - weight: {weight}\n    steps: [{{get: {path}, name: {path}/{number}}}]\n" for number, (weight, path) in enumerate(kinds)
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="[5]")
    parser.add_argument("--rate", type=int, default=4000, metavar="N", help="requests a second [4000]")
    parser.add_argument("--endpoints", type=int, default=2, metavar="N", help="[2]")
    parser.add_argument("--seconds", type=int, default=20, metavar="N", help="of each check [20]")
    parser.add_argument("--perfgate", type=pathlib.Path, default=PERFGATE, metavar="FILE")
    options = parser.parse_args()
    measured = {way: [] for way in WAYS}
    with Shop(options.perfgate) as shop, tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        filled = SCENARIO.format(port=shop.port, rate=options.rate, seconds=options.seconds, tasks=tasks(options.endpoints))
        (folder / "live.yaml").write_text(filled)
        (folder / "limits.yaml").write_text(THRESHOLDS)
        for _ in range(options.rounds):
            for way in WAYS:
                measured[way].append(measure(options.perfgate, folder, way, options.seconds))
    today = time.strftime("%Y-%m-%d", time.gmtime())
    load = f"{options.rate} requests/s, {options.endpoints} endpoints, {options.seconds} s"
    print(f"{today}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores: {load}, medians of {options.rounds}")
    medians = {way: [statistics.median(one[index] for one in measured[way]) for index in (0, 1)] for way in WAYS}
    for way, (whole, of_dashboard) in medians.items():
        more = whole / medians["without"][0] - 1
        print(f"{way:>10}: {whole:.2f} us of CPU a request ({more:+.1%}), the dashboard's thread {of_dashboard:.3f} us ({of_dashboard / whole:.1%})")
    return 0 if medians["two tabs"][0] <= (1 + MOST) * medians["without"][0] else 1


if __name__ == "__main__":
    sys.exit(main())
