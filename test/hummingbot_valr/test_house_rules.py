"""What holds for every file of the project, and nobody would notice in a review."""
import ast
import re
import sys
from importlib.metadata import packages_distributions, requires
from pathlib import Path
from typing import Dict, Iterable, Iterator, List, Set

ROOT = Path(__file__).parents[2]
CONNECTOR = ROOT / "hummingbot" / "connector" / "exchange" / "valr"
CANDLES = ROOT / "hummingbot" / "data_feed" / "candles_feed" / "valr_spot_candles"
# What is copied into a Hummingbot, and can be proposed to it as it is.
GUESTS = [*ROOT.glob("hummingbot/**/*.py"), *ROOT.glob("scripts/*.py")]
PURE = [CONNECTOR / f"valr_{name}.py" for name in ("constants", "errors", "heartbeat", "order_book", "parsers")]
FOLDERS = [".ci", "benchmarks", "docker", "docs", "hummingbot", "hummingbot_valr", "scripts", "test"]
KINDS = {"", ".html", ".jsonl", ".md", ".py", ".toml", ".txt", ".yml"}

# Homes, and places where only the developers' machines have something.
MACHINE_PATH = re.compile(r"(?<![\w.~])/(root|work|Users|tmp|home/(?!hummingbot\b)\w+)/\w")
REGISTRY = re.compile(r"--(extra-)?index-url|https?://\S*(/simple\b|pypi\.)", re.IGNORECASE)
UNFINISHED = re.compile(r"\b(TODO|FIXME)\b")


def texts() -> Iterator[Path]:
    """The project's own files, this one left out, which has to name what it looks for."""
    for folder in FOLDERS:
        yield from (path for path in (ROOT / folder).rglob("*") if is_text(path))
    yield from filter(is_text, ROOT.glob("*"))


def is_text(path: Path) -> bool:
    return (path.is_file() and path.suffix in KINDS and "__pycache__" not in path.parts
            and path != Path(__file__).resolve() and path.name != ".coverage")


def lines_with(pattern: re.Pattern) -> List[str]:
    return [f"{path.relative_to(ROOT)}:{number}" for path in texts()
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
            if pattern.search(line)]


def imports(paths: Iterable[Path]) -> Dict[str, Set[str]]:
    """:return: module, by its whole name -> the files that import it, wherever in them"""
    importers: Dict[str, Set[str]] = {}
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            for name in names:
                importers.setdefault(name, set()).add(str(path.relative_to(ROOT)))
    return importers


def among(packages: Iterable[str], importers: Dict[str, Set[str]]) -> Dict[str, Set[str]]:
    return {name: files for name, files in importers.items()
            if any(f"{name}.".startswith(f"{package}.") for package in packages)}


def normalised(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


def installed_by_hummingbot() -> Set[str]:
    """:return: the packages that can be imported wherever Hummingbot is installed"""
    needed = {normalised(re.split(r"[^\w.-]", requirement, maxsplit=1)[0])
              for requirement in requires("hummingbot") or () if "extra ==" not in requirement}
    return {package for package, owners in packages_distributions().items()
            if any(normalised(owner) in needed for owner in owners)}


def test_guests_of_hummingbot_import_only_what_it_installs():
    # aiohttp cannot be without yarl; orjson is used where it is there.
    allowed = {*sys.stdlib_module_names, *installed_by_hummingbot(), "hummingbot", "yarl", "orjson"}
    assert {name: files for name, files in imports(GUESTS).items() if name.split(".")[0] not in allowed} == {}


def test_tests_of_the_connector_need_nothing_of_the_toolbox():
    importers = imports(ROOT.glob("test/hummingbot/**/*.py"))
    assert among(("hummingbot_valr", "benchmarks", "test.hummingbot_valr", "test.integration"), importers) == {}


def test_the_embedded_exchange_shares_nothing_with_the_connector():
    importers = imports(ROOT.glob("hummingbot_valr/simulator/*.py"))
    assert among(("hummingbot", "hummingbot_valr", "scripts", "test"), importers) == {}


def test_pure_modules_do_no_io():
    doers = ("aiohttp", "asyncio", "logging", "os", "socket", "time", "hummingbot.core.web_assistant")
    assert among(doers, imports(PURE)) == {}


def test_no_package_of_hummingbots_is_claimed():
    packages = [path.parent for path in (*ROOT.glob("hummingbot/**/__init__.py"), *ROOT.glob("scripts/__init__.py"))]
    assert sorted(packages) == [CONNECTOR, CANDLES]


def test_no_machine_and_no_registry_is_named():
    assert lines_with(MACHINE_PATH) + lines_with(REGISTRY) == []


def test_nothing_is_left_to_do():
    assert lines_with(UNFINISHED) == []


def test_tests_wait_for_conditions_and_not_for_a_while():
    functions = [(path, node) for path in ROOT.glob("test/**/*.py")
                 for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
                 if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name.startswith("test_")]
    assert [f"{path.relative_to(ROOT)}:{line}" for path, test in functions for line in pauses(test)] == []


def pauses(node: ast.AST) -> Iterator[int]:
    """:return: the lines of all pauses but those in loops, where a condition is looked at again and again"""
    for inner in ast.iter_child_nodes(node):
        if isinstance(inner, (ast.While, ast.For, ast.AsyncFor)):
            continue
        if isinstance(inner, ast.Call) and ast.unparse(inner.func) in ("asyncio.sleep", "time.sleep", "sleep"):
            if ast.unparse(inner.args[0]) != "0":
                yield inner.lineno
        yield from pauses(inner)
