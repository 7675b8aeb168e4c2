import errno
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from test.conftest import hbot, site_packages_of, store_keys

import pytest

from hummingbot_valr import installation
from hummingbot_valr.installation import (
    FOLDERS,
    MANIFEST_NAME,
    PARTS,
    SOURCE_ROOT,
    Installation,
    InstallationError,
    find_hummingbot,
    fingerprint,
)

CONNECTOR = "hummingbot/connector/exchange/valr"
AUTH = f"{CONNECTOR}/valr_auth.py"


def tree(root: Path):
    """Everything below a folder except what Python compiles Hummingbot's own modules to."""
    return {str(path.relative_to(root)): fingerprint(path) for path in root.rglob("*")
            if "__pycache__" not in path.parts or "valr" in path.name}


def bare_hummingbot(root: Path, version: str = "dev-2.18.0") -> Path:
    """As little as makes a folder a Hummingbot, for tests which do not run it."""
    for folder in ("connector/exchange/binance", "data_feed/candles_feed", "core/rate_oracle/sources"):
        (root / "hummingbot" / folder).mkdir(parents=True)
    (root / "hummingbot/VERSION").write_text(version)
    (root / "hummingbot/__init__.py").touch()
    return root


@pytest.fixture
def hummingbot(tmp_path) -> Path:
    return bare_hummingbot(tmp_path / "bare")


@contextmanager
def unprivileged():
    """File permissions do not bind root, as whom tests may run: become nobody."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@contextmanager
def no_file_larger_than(size: int):
    """A larger file is cut off there, as by a disk that is full; the size is in bytes."""
    before, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (before, most))


@pytest.mark.parametrize("link", [False, True])
def test_a_checkout_lists_the_connector_and_is_as_it_was_after_uninstall(source_checkout, link):
    before = tree(source_checkout)
    assert "valr" not in hbot(source_checkout, "connect", "--all")

    Installation(source_checkout).install(link=link)

    listed = hbot(source_checkout, "connect", "--all")
    assert "| valr " in listed and "| valr_simulator " in listed
    assert all(fingerprint(source_checkout / part) for part in PARTS)

    Installation(source_checkout).uninstall()

    assert tree(source_checkout) == before
    assert "valr" not in hbot(source_checkout, "connect", "--all")


def test_a_pip_installed_hummingbot_gets_the_folders_its_commands_need(pip_environment):
    site_packages, python = site_packages_of(pip_environment), pip_environment / "bin/python"
    before = tree(site_packages)
    with pytest.raises(AssertionError, match="No such file or directory"):
        hbot(pip_environment, "connect", "binance", "--keys-stdin", python=python,
             stdin='{"binance_api_key": "x", "binance_api_secret": "x"}')

    report = Installation(site_packages).install()

    assert report[len(PARTS):] == [f"created the folder {folder}" for folder in FOLDERS]
    assert "| valr " in hbot(pip_environment, "connect", "--all", python=python)
    store_keys(pip_environment, python)
    controllers = subprocess.run([python, "-c", "import controllers; print(controllers.__file__)"], cwd=site_packages,
                                 capture_output=True, text=True, check=True).stdout
    assert controllers == f"{site_packages / 'controllers/__init__.py'}\n"
    keys = site_packages / "conf/connectors/valr_simulator.yml"
    assert keys.exists()

    report = Installation(site_packages).uninstall()

    assert "kept the folder conf/connectors, which holds your files" in report
    assert [path for path in tree(site_packages) if "valr" in path] == [str(keys.relative_to(site_packages))]
    assert all(path.startswith("conf") for path in tree(site_packages) if path not in before)


def test_installing_twice_changes_nothing(hummingbot):
    Installation(hummingbot).install()
    after_first = tree(hummingbot)

    report = Installation(hummingbot).install()

    assert tree(hummingbot) == after_first
    assert report == [f"{part} is in place already" for part in PARTS]


def test_the_report_names_what_was_put(hummingbot):
    assert Installation(hummingbot).install(link=True) == [
        *(f"linked {part}" for part in PARTS), *(f"created the folder {folder}" for folder in FOLDERS)]


@pytest.mark.parametrize("link", [False, True])
def test_a_copy_becomes_links_and_links_become_a_copy(hummingbot, link):
    before = tree(hummingbot)
    Installation(hummingbot).install(link=not link)

    Installation(hummingbot).install(link=link)

    assert (hummingbot / CONNECTOR).is_symlink() == link
    assert (hummingbot / AUTH).read_bytes() == (SOURCE_ROOT / AUTH).read_bytes()
    Installation(hummingbot).uninstall()
    assert tree(hummingbot) == before


def test_an_older_copy_is_brought_up_to_date(hummingbot, monkeypatch, tmp_path):
    older = tmp_path / "older"
    for part in PARTS:
        (older / part).parent.mkdir(parents=True, exist_ok=True)
    (older / CONNECTOR).mkdir()
    (older / AUTH).write_text("# as it was released before\n")
    (older / CONNECTOR / "valr_gone.py").write_text("# a later release has no such file\n")
    with monkeypatch.context() as patch:
        patch.setattr("hummingbot_valr.installation.SOURCE_ROOT", older)
        Installation(hummingbot).install()
        assert (hummingbot / CONNECTOR / "valr_gone.py").exists()

    Installation(hummingbot).install()

    assert (hummingbot / AUTH).read_bytes() == (SOURCE_ROOT / AUTH).read_bytes()
    assert not (hummingbot / CONNECTOR / "valr_gone.py").exists()


@pytest.mark.parametrize("link", [False, True])
@pytest.mark.parametrize("path", [f"{CONNECTOR}/valr_exchange.py", "scripts/valr_test_bot.py"])
def test_a_file_of_the_users_is_never_overwritten(hummingbot, path, link):
    (hummingbot / path).parent.mkdir(parents=True, exist_ok=True)
    (hummingbot / path).write_text("# the user's own\n")
    before = tree(hummingbot)

    with pytest.raises(InstallationError, match="Nothing was changed"):
        Installation(hummingbot).install(link=link)

    assert tree(hummingbot) == before


def test_a_connector_the_user_has_linked_from_elsewhere_is_never_written_through(hummingbot, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (hummingbot / CONNECTOR).symlink_to(elsewhere)

    with pytest.raises(InstallationError, match=CONNECTOR):
        Installation(hummingbot).install()

    assert not list(elsewhere.iterdir())


def test_a_file_changed_by_the_user_is_neither_replaced_nor_removed(hummingbot):
    Installation(hummingbot).install()
    (hummingbot / AUTH).write_text("# changed by the user\n")
    before = tree(hummingbot)

    with pytest.raises(InstallationError, match="valr_auth.py"):
        Installation(hummingbot).uninstall()
    with pytest.raises(InstallationError, match="valr_auth.py"):
        Installation(hummingbot).install()
    with pytest.raises(InstallationError, match="valr_auth.py"):
        Installation(hummingbot).install(link=True)

    assert tree(hummingbot) == before


def test_a_file_the_user_has_added_beside_ours_stays(hummingbot):
    Installation(hummingbot).install()
    notes = hummingbot / CONNECTOR / "notes.txt"
    notes.write_text("mine")

    with pytest.raises(InstallationError, match=CONNECTOR):
        Installation(hummingbot).install(link=True)
    Installation(hummingbot).uninstall()

    assert list((hummingbot / CONNECTOR).iterdir()) == [notes]


def test_uninstall_forgives_what_the_user_has_removed_before(hummingbot):
    before = tree(hummingbot)
    Installation(hummingbot).install()
    (hummingbot / AUTH).unlink()

    Installation(hummingbot).uninstall()

    assert tree(hummingbot) == before
    assert Installation(hummingbot).uninstall() == []
    assert tree(hummingbot) == before


def test_compiled_modules_of_ours_go_with_them(hummingbot):
    before = tree(hummingbot)
    Installation(hummingbot).install()
    folders = [hummingbot / CONNECTOR, hummingbot / "scripts"]
    subprocess.run([sys.executable, "-m", "compileall", "-q", *folders], check=True)
    assert list((hummingbot / CONNECTOR / "__pycache__").iterdir())

    Installation(hummingbot).uninstall()

    assert tree(hummingbot) == before


@pytest.mark.parametrize("is_repeated", [False, True])
def test_a_copy_that_fails_half_way_can_be_taken_back_and_repeated(hummingbot, is_repeated):
    before = tree(hummingbot)
    largest = SOURCE_ROOT / CONNECTOR / "valr_exchange.py"
    cut_off = hummingbot / CONNECTOR / "valr_exchange.py"

    with (no_file_larger_than(largest.stat().st_size - 1),
          pytest.raises(InstallationError, match=f"Cannot change {cut_off}: File too large")):
        Installation(hummingbot).install()

    assert (hummingbot / AUTH).exists() and not cut_off.exists()
    if is_repeated:
        Installation(hummingbot).install()
        assert cut_off.read_bytes() == largest.read_bytes()
    Installation(hummingbot).uninstall()
    assert tree(hummingbot) == before


@pytest.mark.parametrize("files_that_fit", [0, 1, 2, 9])
def test_a_disk_that_is_full_from_then_on_takes_no_record_and_none_is_needed(hummingbot, monkeypatch, files_that_fit):
    before = tree(hummingbot)
    write, written = Path.write_bytes, []

    def write_if_it_fits(path: Path, content: bytes) -> None:
        written.append(path)
        if len(written) > files_that_fit:
            write(path, content[:1])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        write(path, content)

    with monkeypatch.context() as patch, pytest.raises(InstallationError, match="No space left on device"):
        patch.setattr(Path, "write_bytes", write_if_it_fits)
        Installation(hummingbot).install()

    Installation(hummingbot).uninstall()
    assert tree(hummingbot) == before


@pytest.mark.parametrize("name", ["logs", "conf"])
def test_a_file_where_a_folder_has_to_be_is_named_and_nothing_is_changed(hummingbot, name):
    (hummingbot / name).write_text("the user's own")
    before = tree(hummingbot)

    with pytest.raises(InstallationError, match=f"Nothing was changed .* files: {name}. Move them away"):
        Installation(hummingbot).install()

    assert tree(hummingbot) == before


@pytest.mark.parametrize("writable", ["nothing", "all but the root", "the root"])
def test_no_permission_to_write_is_one_clear_error_and_changes_nothing(writable, monkeypatch):
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as project:
        # This project may lie where nobody can read it.
        Path(project).chmod(0o755)
        for part in PARTS:
            copy = shutil.copytree if (SOURCE_ROOT / part).is_dir() else shutil.copyfile
            (Path(project) / part).parent.mkdir(parents=True, exist_ok=True)
            copy(SOURCE_ROOT / part, Path(project) / part)
        monkeypatch.setattr(installation, "SOURCE_ROOT", Path(project))
        root = bare_hummingbot(Path(folder))
        for path in (*root.rglob("*"), root):
            is_writable = writable == ("the root" if path == root else "all but the root")
            path.chmod(0o777 if is_writable else 0o555)
        before = tree(root)

        with unprivileged(), pytest.raises(InstallationError, match="Permission denied. Check the permissions"):
            Installation(root).install()

        assert tree(root) == before
        for path in (root, *root.rglob("*")):
            path.chmod(0o755)


@pytest.mark.parametrize("version", ["dev-2.18.0", "2.18.0", "2.18.1", "3.0.0", "20260922", "20270101"])
def test_supported_versions(tmp_path, version):
    root = bare_hummingbot(tmp_path / "root", version)
    assert find_hummingbot(root) == root


@pytest.mark.parametrize("version", ["dev-2.17.0", "1.28.0", "20260101", "", "unknown"])
def test_an_older_hummingbot_is_refused(tmp_path, version):
    with pytest.raises(InstallationError, match="needs 2.18.0 .* or newer: update Hummingbot"):
        find_hummingbot(bare_hummingbot(tmp_path / "root", version))


def test_a_folder_which_is_no_hummingbot_is_refused(tmp_path):
    with pytest.raises(InstallationError, match="is not a Hummingbot"):
        find_hummingbot(tmp_path)
    with pytest.raises(InstallationError, match="is not a Hummingbot"):
        find_hummingbot(tmp_path / "missing")


def test_a_folder_in_the_home_of_nobody_is_refused():
    with pytest.raises(InstallationError, match="^~nosuchuser/x is not a Hummingbot, because it leads nowhere"):
        find_hummingbot(Path("~nosuchuser/x"))


def test_the_package_instead_of_the_root_is_refused_with_a_hint(hummingbot):
    with pytest.raises(InstallationError, match=f"Did you mean {hummingbot}[?]"):
        find_hummingbot(hummingbot / "hummingbot")


def test_the_hummingbot_of_this_environment_is_found_by_import():
    assert (find_hummingbot() / "hummingbot/connector/exchange/binance").is_dir()


def test_an_environment_without_hummingbot_says_so(tmp_path):
    result = subprocess.run(
        [sys.executable, "-S", "-c", "from hummingbot_valr.installation import find_hummingbot; find_hummingbot()"],
        cwd=SOURCE_ROOT, capture_output=True, text=True)
    assert "InstallationError: This Python environment has no Hummingbot." in result.stderr


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"entries": 1, "folders": []}', '{"entries": {}, "folders": [1]}',
                                     '{"entries": {"scripts": 1}, "folders": []}'])
def test_a_damaged_record_is_reported_and_nothing_is_touched(hummingbot, content):
    (hummingbot / MANIFEST_NAME).write_text(content)
    with pytest.raises(InstallationError, match=f"{MANIFEST_NAME}, the record of what was installed, cannot be read"):
        Installation(hummingbot)
