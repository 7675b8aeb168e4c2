"""docs/architecture.md names only what exists."""
import ast
import re
from pathlib import Path
from typing import Set

PROJECT = Path(__file__).parents[2]
DOCUMENT = (PROJECT / "docs" / "architecture.md").read_text(encoding="utf-8")
CODE = set(re.findall(r"`([^`\n]+)`", DOCUMENT))
PICTURE = DOCUMENT.split("```")[1]


def defined(*folders: str) -> Set[str]:
    """:return: the names of all functions and classes, and those of methods as `Class.method`, too"""
    names: Set[str] = set()
    for path in (path for folder in folders for path in (PROJECT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                names.add(node.name)
            if isinstance(node, ast.ClassDef):
                names |= {f"{node.name}.{inner.name}" for inner in node.body
                          if isinstance(inner, (ast.FunctionDef, ast.AsyncFunctionDef))}
    return names


def test_each_test_exists_and_each_invariant_has_one():
    tests = {name for name in CODE if re.fullmatch(r"test_\w+", name)}
    assert tests - defined("test") == set()
    rows = [row for row in DOCUMENT.split("## What always holds")[1].split("\n## ")[0].splitlines()
            if row.startswith("| ") and not row.startswith("| invariant")]
    assert rows and not [row for row in rows if "`test_" not in row.split(" | ")[-1]]


def test_each_file_exists():
    files = {name for name in CODE if re.fullmatch(r"[\w/.-]+\.(py|jsonl|toml)|[\w/]+/", name)}
    assert len(files) > 20
    assert {name for name in files if not list(PROJECT.glob(name)) and not [
        path for path in PROJECT.glob(f"[!.]*/**/{name}") if ".venv" not in path.parts]} == set()


def test_each_class_exists():
    names = {name for name in CODE if re.fullmatch(r"[A-Z][a-z]\w*(\.\w+)?", name)}
    names |= set(re.findall(r"\b(?:Valr\w+|TrackedBook|Heartbeat)\b", PICTURE))
    assert len(names) > 10
    assert names - defined("hummingbot", "hummingbot_valr") == set()
