#!/usr/bin/env python3
"""Which share of the lines of the judging parts the tests run: lines of tests themselves do not count.

    benches/coverage.py                                  # the library's tests and those of the program; some minutes
    benches/coverage.py --tests lib,truth --missing      # other tests, and which lines they leave out
    benches/coverage.py --again                          # anew from what was recorded

Only this package is built with coverage, in `target/coverage`. Needs `llvm-cov` and `llvm-profdata` of LLVM 19 or newer: of
`rustup component add llvm-tools`, of the system, or where `LLVM_COV` and `LLVM_PROFDATA` say. The exit code is 1 where a
folder is below what is promised, and 2 where it could not be told. Python 3.9.
"""

import argparse
import collections
import json
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
TARGET = ROOT / "target" / "coverage"
PROFILES = TARGET / "profiles"
OBJECTS = TARGET / "objects.json"
FOLDERS = ("gate", "stats", "run", "scenario", "baseline")
PROMISED = 0.9
# Files of nothing but tests and what they are made of.
OF_TESTS = re.compile(r"(^|/)(tests|samples)(\.rs$|/)")


def as_compiler() -> None:
    """Called by cargo in place of the compiler, for this package alone: the same, with coverage."""
    os.execvp(sys.argv[1], [*sys.argv[1:], "-Cinstrument-coverage"])


def tool(name: str) -> str:
    sysroot = subprocess.run(["rustc", "--print", "sysroot"], check=True, capture_output=True, text=True).stdout.strip()
    of_rustup = [str(path) for path in pathlib.Path(sysroot).glob(f"lib/rustlib/*/bin/{name}")]
    of_system = [f"{name}-{version}" for version in range(25, 18, -1)]
    named = os.environ.get(name.upper().replace("-", "_"))
    for candidate in [named] if named else [*of_rustup, *of_system, name]:
        found = shutil.which(candidate)
        if found:
            return found
    print(f"{name} is missing: install it, or say where it is by {name.upper().replace('-', '_')}", file=sys.stderr)
    sys.exit(2)


def record(tests: list) -> bool:
    """Builds and runs the tests; whether all of them passed."""
    shutil.rmtree(PROFILES, ignore_errors=True)
    PROFILES.mkdir(parents=True)
    environment = {
        **os.environ,
        "CARGO_TARGET_DIR": str(TARGET),
        "RUSTC_WORKSPACE_WRAPPER": str(pathlib.Path(__file__).resolve()),
        # Thousands of processes add to a few files.
        "LLVM_PROFILE_FILE": str(PROFILES / "%4m.profraw"),
    }
    which = [flag for test in tests for flag in (["--lib"] if test == "lib" else ["--test", test])]
    command = ["cargo", "test", "--locked", *which]
    built = subprocess.run([*command, "--no-run", "--message-format=json"], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    if built.returncode != 0:
        sys.exit(2)
    messages = [json.loads(line) for line in built.stdout.splitlines() if line.startswith("{")]
    objects = sorted({message["executable"] for message in messages if message.get("executable")})
    OBJECTS.write_text(json.dumps(objects))
    # What building itself ran is no test.
    for profile in PROFILES.glob("*.profraw"):
        profile.unlink()
    return subprocess.run([*command, "--no-fail-fast"], cwd=ROOT, env=environment).returncode == 0


def lines_run() -> dict:
    """By file below `src`: how often each of its lines was run."""
    merged = TARGET / "merged.profdata"
    profiles = [str(path) for path in PROFILES.glob("*.profraw")]
    subprocess.run([tool("llvm-profdata"), "merge", "-sparse", "-o", str(merged), *profiles], check=True)
    first, *others = json.loads(OBJECTS.read_text())
    objects = [first] + [argument for other in others for argument in ("-object", other)]
    export = [tool("llvm-cov"), "export", "-format=lcov", f"-instr-profile={merged}", *objects]
    counted: dict = collections.defaultdict(dict)
    file = None
    for line in subprocess.run(export, check=True, capture_output=True, text=True).stdout.splitlines():
        kind, _, rest = line.partition(":")
        if kind == "SF":
            path = pathlib.Path(rest)
            file = str(path.relative_to(ROOT / "src")) if path.is_relative_to(ROOT / "src") else None
        elif kind == "DA" and file:
            number, count = rest.split(",")[:2]
            counted[file][int(number)] = counted[file].get(int(number), 0) + int(count)
    return counted


def without_tests(file: str, lines: dict) -> dict:
    if OF_TESTS.search(file):
        return {}
    text = (ROOT / "src" / file).read_text().splitlines()
    tests = [number for number, line in enumerate(text, 1) if line == "#[cfg(test)]" and text[number].startswith("mod ") and text[number].endswith("{")]
    end = tests[0] if tests else len(text) + 1
    return {number: count for number, count in lines.items() if number < end}


def ranges(numbers: list) -> str:
    told: list = []
    for number in sorted(numbers):
        if told and number == told[-1][1] + 1:
            told[-1][1] = number
        else:
            told.append([number, number])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in told)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tests", default="lib,program", metavar="NAMES", help="`lib` and folders of tests/ [lib,program]")
    parser.add_argument("--missing", action="store_true", help="names the lines that no test ran")
    parser.add_argument("--again", action="store_true", help="builds and runs nothing, but counts what the last time recorded")
    options = parser.parse_args()
    passed = options.again or record(options.tests.split(","))
    totals: dict = collections.defaultdict(lambda: [0, 0])
    for file, lines in sorted(lines_run().items()):
        folder, lines = file.split("/")[0].removesuffix(".rs"), without_tests(file, lines)
        missed = [number for number, count in lines.items() if count == 0]
        totals[folder][0] += len(lines) - len(missed)
        totals[folder][1] += len(lines)
        if options.missing and missed and folder in FOLDERS:
            print(f"src/{file}: {ranges(missed)}")
    today = time.strftime("%Y-%m-%d", time.gmtime())
    print(f"\n{today}, {platform.system()} {platform.machine()}: lines run by the tests of {options.tests}\n")
    for folder in FOLDERS:
        run, lines = totals[folder]
        print(f"| `src/{folder}` | {run:,} of {lines:,} | {run / max(lines, 1):.1%} |")
    if not passed:
        print("\nsome tests failed, as told above", file=sys.stderr)
    return 0 if all(totals[folder][0] >= PROMISED * max(totals[folder][1], 1) for folder in FOLDERS) else 1


if __name__ == "__main__":
    if len(sys.argv) > 1 and pathlib.Path(sys.argv[1]).name in ("rustc", "clippy-driver"):
        as_compiler()
    sys.exit(main())
