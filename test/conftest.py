"""Fixtures of several test folders: a clean HTTP session, and Hummingbots to install into, real ones, made of ours."""
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import venv
from pathlib import Path

# Loads the settings of hypothesis, too.
from test.hummingbot.connector.exchange.valr.conftest import fresh_http_session  # noqa: F401

import pytest

# A shell starts its background jobs with SIGINT ignored, and every process that a test starts would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

OWN_NAMES = ("valr", "valr_spot_candles", "valr_rate_source.py", "__pycache__")


def _link_or_copy(source: str, target: str) -> str:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy2(source, target)
    return target


def _copy_hummingbot(root: Path) -> None:
    """Puts Hummingbot's package, compiled modules included and without this project's, below a folder."""
    package = Path(importlib.util.find_spec("hummingbot").origin).parent
    own = shutil.ignore_patterns(*OWN_NAMES)
    shutil.copytree(package, root / "hummingbot", copy_function=_link_or_copy, ignore=own)


@pytest.fixture
def source_checkout(tmp_path) -> Path:
    """A Hummingbot as its repository lays it out, compiled in place."""
    root = tmp_path / "checkout"
    _copy_hummingbot(root)
    for folder in ("bin", "conf/connectors", "conf/controllers", "conf/scripts", "conf/strategies", "data", "logs"):
        (root / folder).mkdir(parents=True)
        (root / folder / ".gitignore").write_text("*\n")
    for package in ("controllers", "scripts"):
        (root / package).mkdir()
        (root / package / "__init__.py").touch()
    (root / "setup.py").write_text("# Hummingbot's own\n")
    return root


@pytest.fixture
def pip_environment(tmp_path) -> Path:
    """A virtual environment with a pip-installed Hummingbot; what Hummingbot depends on is borrowed from this one."""
    environment = tmp_path / "environment"
    venv.create(environment, with_pip=False, symlinks=True)
    site_packages = site_packages_of(environment)
    _copy_hummingbot(site_packages)
    borrowed = Path(importlib.util.find_spec("pydantic").origin).parent.parent
    (site_packages / "borrowed.pth").write_text(f"{borrowed}\n")
    return environment


def site_packages_of(environment: Path) -> Path:
    return next(environment.glob("lib/python*/site-packages"))


def hbot(folder: Path, *arguments: str, python: Path = Path(sys.executable), stdin: str = "") -> str:
    """What a command of Hummingbot prints, run in a folder as users do: the root of a checkout, or any for pip."""
    result = subprocess.run(
        [python, "-m", "hummingbot.cli.main", *arguments], cwd=folder, input=stdin, capture_output=True, text=True,
        env={"PATH": os.environ["PATH"], "HBOT_PASSWORD": "of the test"})
    assert result.returncode == 0, result.stderr
    return result.stdout


def store_keys(folder: Path, python: Path = Path(sys.executable)) -> None:
    """Connects the embedded exchange with made-up keys, which Hummingbot stores without trying them."""
    keys = {f"valr_simulator_{field}": "x" for field in ("api_key", "api_secret", "subaccount_id")}
    hbot(folder, "connect", "valr_simulator", "--keys-stdin", python=python, stdin=json.dumps(keys))
