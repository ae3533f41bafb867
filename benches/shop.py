"""The demo shop as a process of its own, for the scripts beside this file."""

import pathlib
import socket
import subprocess
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
PERFGATE = ROOT / "target" / "release" / "perfgate"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def await_answer(port: int) -> None:
    for _ in range(200):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2).close()
            return
        except OSError:
            time.sleep(0.1)
    raise SystemExit("the demo shop does not answer")


class Shop:
    """Answers at `port` while the block lasts."""

    def __init__(self, perfgate: pathlib.Path) -> None:
        self.port = free_port()
        command = [str(perfgate), "demo", "--serve-only", "--port", str(self.port)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def __enter__(self) -> "Shop":
        try:
            await_answer(self.port)
        except SystemExit:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait()
