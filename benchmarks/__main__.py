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

from benchmarks import book_latency, book_throughput, cold_start, order_path, scale, simulator_speed

PARTS: Dict[str, ModuleType] = {
    "throughput": book_throughput,
    "latency": book_latency,
    "orders": order_path,
    "start": cold_start,
    "scale": scale,
    "simulator": simulator_speed,
}
ROUNDS = 5


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="part", help=f"of {', '.join(PARTS)}; all when none is named")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"alternations per comparison (default {ROUNDS})")
    parser.add_argument("--json", type=Path, help="write the results to this file")
    arguments = parser.parse_args()
    unknown = set(arguments.parts) - set(PARTS)
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    reports = []
    for name in arguments.parts or PARTS:
        report = asyncio.run(PARTS[name].run(arguments.rounds, _progress))
        print(f"\r\033[K{report}\n" if sys.stderr.isatty() else f"{report}\n", flush=True)
        reports.append(report)
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(
            {"machine": machine(), "parts": [report.as_json() for report in reports]}, indent=1))
    return 0


def machine() -> Dict[str, str]:
    return {
        "date": date.today().isoformat(), "python": platform.python_version(), "system": platform.platform(),
        "hummingbot": metadata.version("hummingbot"), "aiohttp": metadata.version("aiohttp"),
    }


def _progress(text: str):
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
