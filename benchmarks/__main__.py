"""Runs the benchmarks and prints their tables; exits with 1 when a figure was void because a result was wrong."""
import argparse
import asyncio
import json
import platform
import sys
from datetime import date
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Dict

from benchmarks import book_latency, book_profile, book_throughput, cold_start, order_path, scale, simulator_speed
from benchmarks.comparison import FigureVoid, Report

PARTS: Dict[str, ModuleType] = {
    "throughput": book_throughput,
    "profile": book_profile,
    "latency": book_latency,
    "orders": order_path,
    "start": cold_start,
    "scale": scale,
    "simulator": simulator_speed,
}
ROUNDS = 9


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="part", help=f"of {', '.join(PARTS)}; all when none is named")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"alternations per comparison (default {ROUNDS})")
    parser.add_argument("--json", type=Path, help="write the results to this file")
    arguments = parser.parse_args()
    if arguments.rounds < 1:
        parser.error(f"--rounds {arguments.rounds} measures nothing; give 1 or more")
    unknown = set(arguments.parts) - set(PARTS)
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    reports = [_run(name, arguments.rounds) for name in arguments.parts or PARTS]
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(
            {"machine": _machine(), "parts": [report.as_json() for report in reports]}, indent=1))
    return 0 if all(report.is_valid for report in reports) else 1


def _run(name: str, rounds: int) -> Report:
    try:
        report = asyncio.run(PARTS[name].run(rounds, _progress))
    except FigureVoid as reason:
        report = Report(name, notes=[f"VOID: {reason}"], is_valid=False)
    _progress("")
    print(f"{report}\n", flush=True)
    return report


def _machine() -> Dict[str, str]:
    return {
        "date": date.today().isoformat(), "python": platform.python_version(), "system": platform.platform(),
        "hummingbot": metadata.version("hummingbot"), "aiohttp": metadata.version("aiohttp"),
    }


def _progress(text: str):
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
