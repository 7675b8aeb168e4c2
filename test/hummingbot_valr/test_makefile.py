"""What a new machine without the needed tools is told."""
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hummingbot_valr.installation import SOURCE_ROOT

MAKE = shutil.which("make")


@pytest.fixture
def machine(tmp_path):
    """A clone of the project, and a folder for all programs there are."""
    for file in ("Makefile", "constraints.txt", "pyproject.toml"):
        shutil.copy(SOURCE_ROOT / file, tmp_path)
    programs = tmp_path / "programs"
    programs.mkdir()
    return tmp_path, programs


def make(machine) -> subprocess.CompletedProcess:
    folder, programs = machine
    environment = {"PATH": str(programs), "HOME": str(folder), "PYENV_ROOT": str(folder)}
    return subprocess.run([MAKE, "venv"], cwd=folder, env=environment, capture_output=True, text=True)


def program(path: Path, code: str) -> None:
    path.write_text(f"#!/bin/sh\n{code}\n")
    path.chmod(0o755)


def test_no_python_is_one_clear_error(machine):
    result = make(machine)
    assert result.returncode == 2
    assert result.stderr.startswith("Error: no working Python 3.12 or 3.13 found. Install one (for example: ")


def test_a_python_that_does_not_run_or_is_too_old_does_not_count(machine):
    program(machine[1] / "python3.12", "echo 'pyenv: python3.12: command not found' >&2; exit 127")
    program(machine[1] / "python3", "exit 1  # the version is asked for by exit code")
    result = make(machine)
    assert result.stderr.startswith("Error: no working Python")
    assert "command not found" not in result.stderr


def test_no_compiler_is_one_clear_error(machine):
    os.symlink(sys.executable, machine[1] / "python3")
    result = make(machine)
    assert result.returncode == 2
    assert result.stderr.startswith("Error: no C++ compiler found")


def test_no_python_headers_is_one_clear_error(machine):
    program(machine[1] / "c++", "exit 0")
    program(machine[1] / "python3.12", 'case "$2" in *Python.h*) exit 1;; *) exit 0;; esac')
    result = make(machine)
    assert result.returncode == 2
    assert result.stderr.startswith("Error: python3.12 has no C headers")
    assert not (machine[0] / ".venv").exists()
