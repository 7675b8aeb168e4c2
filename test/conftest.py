"""Fixtures of several test folders: Hummingbots to install into, real ones, made of the one this environment has."""
import importlib.util
import os
import shutil
import sys
import venv
from pathlib import Path

import pytest

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
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    site_packages = environment / "lib" / version / "site-packages"
    _copy_hummingbot(site_packages)
    borrowed = Path(importlib.util.find_spec("pydantic").origin).parent.parent
    (site_packages / "borrowed.pth").write_text(f"{borrowed}\n")
    return environment
