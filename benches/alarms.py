#!/usr/bin/env python3
"""How often a check of the demo shop is wrong, on this machine: unchanged releases against a baseline, then slower ones.

Every release is a fresh server behind a relay that passes bytes on, at once or after 20 % of the time that the answer took.
The relay stands before unchanged releases too, so that the 20 % are the only difference. Nothing but Python 3.9 is needed:

    cargo build --release && benches/alarms.py                                      # about an hour on an idle machine
    benches/alarms.py --baselines 3 --same 3 --slower 2 --hold 9s --folder /tmp/a   # whether it works at all

The last lines say what was counted; the exit code is 1 where that is more than is promised: of unchanged releases at most
4 % fail and 10 % end without verdict, of slower ones at least 95 % fail and none passes.
"""

import argparse
import asyncio
import datetime
import os
import pathlib
import platform
import subprocess
import sys
import tempfile
import time

from shop import PERFGATE, ROOT, await_answer, free_port

THRESHOLDS = """version: 1
scenario: shop
defaults:
  p95: {rise: 10%}
  failures: {max: 1%}
"""
OUTCOMES = {0: "passed", 1: "failed", 3: "no verdict"}


async def relay(listening: int, target: int, slower: float) -> None:
    """Passes connections on. `slower` is the share of an answer's time that its first bytes are held back."""

    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = 0.0
        try:
            from_target, to_target = await asyncio.open_connection("127.0.0.1", target)
        except OSError:
            writer.close()
            return

        async def requests() -> None:
            nonlocal asked
            while part := await reader.read(65536):
                asked = time.perf_counter()
                to_target.write(part)
            to_target.close()

        async def answers() -> None:
            nonlocal asked
            while part := await from_target.read(65536):
                if slower and asked:
                    await asyncio.sleep((time.perf_counter() - asked) * slower)
                asked = 0.0
                writer.write(part)
            writer.close()

        await asyncio.gather(requests(), answers(), return_exceptions=True)

    server = await asyncio.start_server(client, "127.0.0.1", listening)
    async with server:
        await server.serve_forever()


class Release:
    """A shop of its own behind a relay of its own, while the block lasts."""

    def __init__(self, perfgate: pathlib.Path, slower: float) -> None:
        self.shop, self.port = free_port(), free_port()
        shop = [str(perfgate), "demo", "--serve-only", "--port", str(self.shop)]
        passing = [sys.executable, __file__, "--relay", f"{self.port}:{self.shop}:{slower}"]
        self.processes = [subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for command in (shop, passing)]

    def __enter__(self) -> str:
        try:
            await_answer(self.port)
        except SystemExit:
            self.__exit__()
            raise
        return f"http://127.0.0.1:{self.port}"

    def __exit__(self, *_: object) -> None:
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait()


def measured(options: argparse.Namespace, verb: list, slower: float, name: str) -> int:
    """The exit code of one `verb` on a release of its own."""
    with Release(options.perfgate, slower) as url:
        command = [str(options.perfgate), *verb, str(ROOT / "examples" / "shop.yaml"), "--target", url]
        command += ["--users", str(options.users), "--duration", options.hold]
        with open(options.folder / f"{name}.log", "wb") as log:
            ended = subprocess.run(command + ["--out", str(options.folder / name)], stdout=log, stderr=log, check=False)
    return ended.returncode


def checked(options: argparse.Namespace, kind: str, count: int, slower: float) -> dict:
    found = dict.fromkeys([*OUTCOMES.values(), "broken"], 0)
    thresholds = options.folder / "thresholds.yaml"
    verb = ["check", "--thresholds", str(thresholds), "--baseline", str(options.folder / "store"), "--publish", "none"]
    for number in range(1, count + 1):
        code = measured(options, verb, slower, f"{kind}-{number}")
        outcome = OUTCOMES.get(code, "broken")
        found[outcome] += 1
        print(f"{kind} {number} of {count}: {outcome}", file=sys.stderr, flush=True)
    return found


def measure(options: argparse.Namespace) -> bool:
    """Whether what is promised was kept."""
    options.folder.mkdir(parents=True, exist_ok=True)
    (options.folder / "thresholds.yaml").write_text(THRESHOLDS)
    store = options.folder / "store"
    kept, name = 0, ""
    for attempt in range(1, 2 * options.baselines + 1):
        name = f"baseline-{attempt}"
        verb = ["baseline", "refresh", "--keep", str(store), "--runs", str(options.baselines)]
        kept += measured(options, verb, 0.0, name) == 0
        print(f"baseline {attempt}: {kept} of {options.baselines} kept", file=sys.stderr, flush=True)
        if kept == options.baselines:
            break
    else:
        log = (options.folder / f"{name}.log").read_text(errors="replace")
        raise SystemExit(f"too many baselines were rejected, is the machine busy with something else?\n{log}")
    same = checked(options, "unchanged", options.same, 0.0)
    slower = checked(options, "slower", options.slower, 0.2)
    today, cores = datetime.datetime.now(datetime.timezone.utc).date(), os.cpu_count()
    print(f"{today}, {platform.system()} {platform.machine()}, {cores} cores, checks of {options.hold}, {options.baselines} baselines")
    for text, found in (("unchanged", same), ("20 % slower", slower)):
        print(f"{text}: " + ", ".join(f"{count} {outcome}" for outcome, count in found.items()))
    is_quiet = same["failed"] <= 0.04 * options.same and same["no verdict"] <= 0.1 * options.same
    is_sharp = slower["failed"] >= 0.95 * options.slower and slower["passed"] == 0
    return is_quiet and is_sharp and same["broken"] + slower["broken"] == 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--baselines", type=int, default=10, metavar="N", help="runs to compare with [10]")
    parser.add_argument("--same", type=int, default=50, metavar="N", help="checks of unchanged releases [50]")
    parser.add_argument("--slower", type=int, default=20, metavar="N", help="checks of slower releases [20]")
    parser.add_argument("--users", type=int, default=30, metavar="N", help="users at once, some 9 requests/s each [30]")
    parser.add_argument("--hold", default="20s", metavar="D", help="length of each load [20s]")
    parser.add_argument("--folder", type=pathlib.Path, metavar="DIR", help="where results stay [a temporary one]")
    parser.add_argument("--perfgate", type=pathlib.Path, default=PERFGATE, metavar="FILE")
    parser.add_argument("--relay", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.relay:
        listening, target, slower = options.relay.split(":")
        asyncio.run(relay(int(listening), int(target), float(slower)))
        return 0
    if options.folder:
        return 0 if measure(options) else 1
    with tempfile.TemporaryDirectory() as folder:
        options.folder = pathlib.Path(folder)
        return 0 if measure(options) else 1


if __name__ == "__main__":
    sys.exit(main())
