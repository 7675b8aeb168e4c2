"""The wheel: what it holds, and that a pip-installed Hummingbot takes and loses it cleanly."""
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from test.conftest import hbot, site_packages_of, store_keys
from test.hummingbot_valr.test_installation import tree

import pytest

from hummingbot_valr.installation import FOLDERS, PARTS, SOURCE_ROOT


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """Built from a copy, which leaves nothing behind in the project."""
    source = tmp_path_factory.mktemp("source")
    for folder in ("hummingbot", "hummingbot_valr", "scripts", "test"):
        shutil.copytree(SOURCE_ROOT / folder, source / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("pyproject.toml", "README.md"):
        shutil.copy(SOURCE_ROOT / file, source)
    subprocess.run([sys.executable, "-m", "build", "--wheel", "--no-isolation", source],
                   check=True, capture_output=True)
    return next((source / "dist").glob("*.whl"))


def pip(environment: Path, *arguments) -> None:
    subprocess.run([sys.executable, "-m", "pip", "--python", environment / "bin/python", *arguments],
                   check=True, capture_output=True)


def test_the_wheel_holds_the_connector_the_toolbox_and_nothing_of_hummingbot(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    metadata = {name for name in names if ".dist-info/" in name}
    expected = {str(file.relative_to(SOURCE_ROOT)) for part in (*PARTS, "hummingbot_valr")
                for file in [SOURCE_ROOT / part, *(SOURCE_ROOT / part).rglob("*")]
                if file.is_file() and "__pycache__" not in file.parts}
    assert names - metadata == expected
    parents = {f"{parent}/__init__.py" for part in PARTS for parent in Path(part).parents}
    assert "hummingbot/connector/exchange/__init__.py" in parents and not parents & names


def test_a_hummingbot_from_pip_takes_the_wheel_and_loses_it_cleanly(wheel, pip_environment):
    site_packages, python = site_packages_of(pip_environment), pip_environment / "bin/python"
    toolbox = pip_environment / "bin/hummingbot-valr"
    before = tree(site_packages)

    pip(pip_environment, "install", "--no-deps", "--no-index", "--ignore-installed", wheel)

    listed = hbot(pip_environment, "connect", "--all", python=python)
    assert "| valr " in listed and "| valr_simulator " in listed
    report = subprocess.run([toolbox, "install"], check=True, capture_output=True, text=True).stdout
    assert report.splitlines() == [
        f"Hummingbot in {site_packages}:", *(f"  {part} is in place already" for part in PARTS),
        *(f"  created the folder {folder}" for folder in FOLDERS if folder != "scripts")]
    store_keys(pip_environment, python)
    shutil.rmtree(site_packages / "conf")

    subprocess.run([toolbox, "uninstall"], check=True, capture_output=True)
    pip(pip_environment, "uninstall", "--yes", "hummingbot-valr")

    assert tree(site_packages) == before
    assert "valr" not in hbot(pip_environment, "connect", "--all", python=python)
