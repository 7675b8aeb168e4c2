"""
Mutation check: each test file has to notice that the module it mirrors was changed in one place. Nothing is written to
disk: a mutant exists in the memory of the process that tests it.

    make mutants                                      the modules below
    make mutants ARGS="valr_balances valr_errors"     others
"""
import argparse
import ast
import difflib
import gc
import importlib.util
import multiprocessing
import os
import sys
import time
from contextlib import contextmanager
from importlib.machinery import SourceFileLoader
from itertools import chain
from multiprocessing.connection import wait
from pathlib import Path
from typing import Dict, Iterable, Iterator, List, Tuple

import hypothesis
import libcst as cst
import pytest
from mutmut.mutation import mutators

import hummingbot.connector.exchange

ROOT = Path.cwd()
FOLDER = "hummingbot/connector/exchange/valr"
MODULES = ["valr_auth", "valr_order_book", "valr_order_entry", "valr_parsers"]
PACKAGE = FOLDER.replace("/", ".")
OWN = (PACKAGE, "hummingbot_valr", "test")
NOT_MUTATED = (cst.Annotation, cst.Decorator, cst.Import, cst.ImportFrom)


def first_of_string(node: cst.BaseString) -> List[cst.CSTNode]:
    return list(mutators.operator_string(node))[:1]  # the others differ in upper and lower case


def without_statement(node: cst.BaseSmallStatement) -> List[cst.CSTNode]:
    is_text = isinstance(node, cst.Expr) and isinstance(node.value, cst.BaseString)
    return [] if is_text else [cst.Pass()]


def negated(node: cst.If) -> List[cst.CSTNode]:
    test = node.test.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
    return [node.with_changes(test=cst.UnaryOperation(cst.Not(), test))]


OPERATORS = [(kind, first_of_string if operator is mutators.operator_string else operator)
             for kind, operator in mutators.mutation_operators]
OPERATORS += [((cst.Expr, cst.Raise, cst.Del, cst.AugAssign), without_statement), (cst.If, negated)]


class Places(cst.CSTVisitor):
    def __init__(self) -> None:
        super().__init__()
        self.changes: List[Tuple[cst.CSTNode, cst.CSTNode]] = []

    def on_visit(self, node: cst.CSTNode) -> bool:
        if isinstance(node, NOT_MUTATED):
            return False
        self.changes += [(node, changed) for kind, operator in OPERATORS if isinstance(node, kind)
                         for changed in operator(node)]
        return True


def mutants(source: str) -> Iterator[str]:
    tree, places = cst.parse_module(source), Places()
    tree.visit(places)
    seen = {ast.dump(ast.parse(source))}
    for node, changed in places.changes:
        mutant = tree.deep_replace(node, changed).code
        try:
            meaning = ast.dump(ast.parse(mutant))
        except SyntaxError:
            continue
        if meaning not in seen:
            seen.add(meaning)
            yield mutant


class Loader(SourceFileLoader):
    """Loads a module from a text instead of its file."""

    def __init__(self, name: str, path: str, source: str):
        super().__init__(name, path)
        self._source = source

    def path_stats(self, path):
        raise OSError("so that there is no bytecode")

    def get_data(self, path) -> bytes:
        return self._source.encode()


def run_tests(module: str) -> int:
    return pytest.main(["-x", "-q", "--disable-warnings", "-p", "no:cacheprovider", "-p", "no:anyio", "-p", "no:cov",
                        "--hypothesis-profile=mutants", f"test/{FOLDER}/test_{module}.py"])


def test(module: str, source: str) -> None:
    """Ends this process, with 0 when the tests of a module do not notice that its source is this one."""
    for name in [name for name in sys.modules if name.startswith(OWN)]:
        del sys.modules[name]
    name = f"{PACKAGE}.{module}"
    path = str(ROOT / FOLDER / f"{module}.py")
    spec = importlib.util.spec_from_file_location(name, path, loader=Loader(name, path, source))
    mutant = sys.modules[name] = importlib.util.module_from_spec(spec)
    setattr(importlib.import_module(PACKAGE), module, mutant)
    spec.loader.exec_module(mutant)
    sys.exit(run_tests(module))


@contextmanager
def silence() -> Iterator[None]:
    sys.stdout.flush()
    kept = [os.dup(1), os.dup(2)]
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    yield
    for number, descriptor in enumerate(kept, 1):
        os.dup2(descriptor, number)
        os.close(descriptor)


def outcomes(module: str, sources: Iterable[str], timeout: float, workers: int) -> List[Tuple[str, int]]:
    """:return: each source and the exit code of its tests, negative when they were stopped at the timeout"""
    fork = multiprocessing.get_context("fork")
    running: Dict[multiprocessing.Process, Tuple[int, float]] = {}
    results: List[Tuple[str, int]] = []

    def collect(limit: int) -> None:
        while len(running) > limit:
            wait([process.sentinel for process in running], timeout=0.5)
            for process, (index, deadline) in list(running.items()):
                if process.is_alive() and time.monotonic() > deadline:
                    process.kill()
                    process.join()
                if not process.is_alive():
                    results[index] = results[index][0], process.exitcode
                    del running[process]

    for source in sources:
        process = fork.Process(target=test, args=(module, source))
        process.start()
        running[process] = len(results), time.monotonic() + timeout
        results.append((source, 0))
        collect(workers - 1)
    collect(0)
    return results


def difference(source: str, mutant: str) -> str:
    lines = list(difflib.unified_diff(source.splitlines(), mutant.splitlines(), lineterm="", n=0))[2:]
    return "\n".join(f"    {line}" for line in lines)


def check(module: str, workers: int) -> None:
    source = (ROOT / FOLDER / f"{module}.py").read_text()
    started = time.monotonic()
    if run_tests(module) != 0:
        sys.exit(f"The tests of {module} fail without a mutation.")
    timeout = 30 + 10 * (time.monotonic() - started)
    gc.freeze()
    with silence():
        control, *results = outcomes(module, chain([source], mutants(source)), timeout, workers)
    if control != (source, 0):
        sys.exit(f"The tests of {module} fail in a process of their own.")
    survivors = [mutant for mutant, code in results if code == 0]
    killed = len(results) - len(survivors)
    print(f"{module}: {len(results)} mutants, {killed} killed ({sum(code < 0 for _, code in results)} by timeout), "
          f"{len(survivors)} survived, {killed / len(results):.1%}; {time.monotonic() - started:.0f} s", flush=True)
    for mutant in survivors:
        print(difference(source, mutant), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="Mutation check of modules of the connector.")
    parser.add_argument("modules", nargs="*", default=MODULES)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    hypothesis.settings.register_profile(
        "mutants", derandomize=True, database=None, deadline=None,
        phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate])
    # The connector of this folder, whatever is installed.
    hummingbot.connector.exchange.__path__.insert(0, str((ROOT / FOLDER).parent))
    for module in arguments.modules:
        check(module, arguments.workers)


if __name__ == "__main__":
    main()
