"""
Puts the connector into a Hummingbot and takes it out again.

What was put is recorded in one file at the root of that Hummingbot, `hummingbot-valr.json`, with a fingerprint of each
entry. Whatever is not recorded there, or no longer has its fingerprint, belongs to the user and is never touched.
"""
import hashlib
import importlib.util
import json
import os
import re
from contextlib import contextmanager
from pathlib import Path
from typing import Dict, Iterable, Iterator, List, Optional

MANIFEST_NAME = "hummingbot-valr.json"

# Order books and scripts need hooks that Hummingbot has had since this version, on the package index 20260922.
OLDEST_VERSION = (2, 18, 0)
OLDEST_RELEASE = (20260922,)

PARTS = (
    "hummingbot/connector/exchange/valr",
    "hummingbot/data_feed/candles_feed/valr_spot_candles",
    "hummingbot/core/rate_oracle/sources/valr_rate_source.py",
    "scripts/valr_test_bot.py",
)

# A source checkout and the Docker image have these. A pip-installed Hummingbot expects them beside its package, does
# not create them, and its commands fail until they exist.
FOLDERS = (
    "conf", "conf/connectors", "conf/controllers", "conf/scripts", "conf/strategies",
    "controllers", "data", "logs", "scripts",
)
# Hummingbot asks this package where it lies, which a folder without this file cannot answer.
PACKAGE_MARK = "controllers/__init__.py"

SOURCE_ROOT = Path(__file__).resolve().parent.parent

FOLDER = "folder"
_EMPTY = f"sha256 {hashlib.sha256().hexdigest()}"


class InstallationError(Exception):
    """The request cannot be carried out. The message says why and how to mend it; nothing of the user's was touched."""


def find_hummingbot(directory: Optional[Path] = None) -> Path:
    """
    :param directory: the root of a Hummingbot, that is, the folder which holds its package `hummingbot`; None for the
        Hummingbot that this Python environment imports
    :return: the absolute path of the root
    :raises InstallationError: there is no Hummingbot, or one which is too old
    """
    root = _imported_root() if directory is None else _resolved(directory)
    package = root / "hummingbot"
    if not (package / "connector" / "exchange").is_dir() or not (package / "VERSION").is_file():
        hint = f" Did you mean {root.parent}?" if (root / "connector" / "exchange").is_dir() else ""
        raise InstallationError(
            f"{root} is not a Hummingbot: it has no hummingbot/connector/exchange, or no hummingbot/VERSION. Name the"
            f" folder of a source checkout, or the site-packages of an environment with Hummingbot.{hint}")
    version = (package / "VERSION").read_text().strip()
    numbers = tuple(int(number) for number in re.findall(r"\d+", version))
    if numbers < (OLDEST_RELEASE if len(numbers) == 1 else OLDEST_VERSION):
        raise InstallationError(
            f"The Hummingbot in {root} has the version {version or '(empty)'}. This connector needs"
            f" {'.'.join(map(str, OLDEST_VERSION))} (release {OLDEST_RELEASE[0]}) or newer: update Hummingbot first.")
    return root


def _imported_root() -> Path:
    spec = importlib.util.find_spec("hummingbot")
    # A folder named hummingbot without an __init__.py, such as this project's, is found too, but has no origin.
    if spec is None or spec.origin is None:
        raise InstallationError(
            "This Python environment has no Hummingbot. Name the folder of a source checkout, or install one here with"
            " `pip install 'hummingbot-valr[hummingbot]'`.")
    return Path(spec.origin).resolve().parent.parent


def _resolved(directory: Path) -> Path:
    try:
        return directory.expanduser().resolve()
    except RuntimeError as error:  # the home of a user there is not, or links in a circle
        raise InstallationError(f"{directory} is not a Hummingbot, because it leads nowhere: {error}") from None


def fingerprint(path: Path) -> Optional[str]:
    """
    :return: what identifies the content of a file or the target of a symlink; None if there is nothing at the path
    """
    if path.is_symlink():
        return f"link to {os.readlink(path)}"
    if path.is_file():
        return f"sha256 {hashlib.sha256(path.read_bytes()).hexdigest()}"
    return FOLDER if path.is_dir() else None


def _expected_fingerprint(source: Path, link: bool) -> Optional[str]:
    return f"link to {source}" if link else fingerprint(source)


def _write_whole(target: Path, content: bytes) -> None:
    """
    Writes a file whole or not at all.

    :raises OSError: with the target's name
    """
    temporary = target.with_name(f".{target.name}.hummingbot-valr")
    try:
        temporary.write_bytes(content)
        os.replace(temporary, target)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(target)) from error
    finally:
        temporary.unlink(missing_ok=True)


def _sources(part: str, link: bool) -> Dict[str, Path]:
    """What is to be put for a part: paths relative to the root, with the file or folder each of them comes from."""
    source = SOURCE_ROOT / part
    if link or source.is_file():
        return {part: source}
    return {str(file.relative_to(SOURCE_ROOT)): file for file in _files(source)}


def _files(folder: Path) -> List[Path]:
    return sorted(file for file in folder.rglob("*") if not file.is_dir() and "__pycache__" not in file.parts)


def _part_of(path: str) -> Optional[str]:
    return next((part for part in PARTS if path == part or path.startswith(f"{part}/")), None)


class Installation:
    """
    The parts of this project inside one Hummingbot.

    :param root: result of `find_hummingbot`
    :raises InstallationError: the record of an earlier installation is damaged
    """

    def __init__(self, root: Path):
        self._root = root
        self._manifest = root / MANIFEST_NAME
        self._entries: Dict[str, str] = {}  # fingerprint by path relative to the root
        self._folders: List[str] = []  # created here, parents first
        if self._manifest.exists():
            self._read_manifest()

    def install(self, link: bool = False) -> List[str]:
        """
        Puts the parts in place and creates the folders this Hummingbot lacks. Repeating it changes nothing.

        :param link: symlink the parts to where this project lies instead of copying them
        :return: what was done, one line for each part and each folder
        :raises InstallationError: a path holds something of the user's, or cannot be written. In the second case what
            was put until then is recorded, so that a repetition or `uninstall` can go on from there.
        """
        parts = [part for part in PARTS if not self._is_in_place(part)]
        wanted = {path: source for part in parts for path, source in _sources(part, link).items()}
        missing = {path: source for path, source in wanted.items()
                   if self._found(path) != _expected_fingerprint(source, link)}
        obsolete = [path for path in self._entries
                    if _part_of(path) in parts and (path in missing or path not in wanted)]
        self._refuse_foreign([*parts, *missing, *obsolete], replace_folders=link)
        self._refuse_files_for_folders()
        folders = [folder for folder in FOLDERS if not (self._root / folder).is_dir()]
        changed = {_part_of(path) for path in [*missing, *obsolete]}

        if changed or folders:
            with self._recorded_changes():
                self._remove(obsolete)
                self._remove_empty_folders([folder for folder in self._folders if _part_of(folder) in parts])
                self._put(missing, folders, link)
        verb = "linked" if link else "copied"
        return ([f"{verb} {part}" if part in changed else f"{part} is in place already" for part in PARTS]
                + [f"created the folder {folder}" for folder in folders])

    def uninstall(self) -> List[str]:
        """
        Takes back what `install` put, and nothing else. Folders which hold files of the user's stay.

        :return: what was done, one line for each part and each folder
        :raises InstallationError: something of it was changed since, or cannot be removed
        """
        self._refuse_foreign(self._entries)
        parts = [part for part in PARTS if any(_part_of(path) == part for path in self._entries)]
        folders = [folder for folder in FOLDERS if folder in self._folders]
        with self._recorded_changes():
            self._remove(list(self._entries))
            self._remove_empty_folders(list(self._folders))
            self._folders = []
        return ([f"removed {part}" for part in parts]
                + [f"kept the folder {folder}, which holds your files" if (self._root / folder).is_dir()
                   else f"removed the folder {folder}" for folder in folders])

    # === What is there ===

    def _read_manifest(self) -> None:
        try:
            content = json.loads(self._manifest.read_text())
            self._entries, self._folders = dict(content["entries"]), list(content["folders"])
            if not all(isinstance(text, str) for text in (*self._entries, *self._entries.values(), *self._folders)):
                raise TypeError("it names something that is no text")
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InstallationError(
                f"{self._manifest}, the record of what was installed, cannot be read ({error}). Restore it, or delete"
                f" it together with {', '.join(PARTS)}, and try again.") from None

    def _found(self, path: str) -> Optional[str]:
        """The fingerprint of what lies at a path; what is seen there through a symlinked part does not lie there."""
        part = _part_of(path)
        is_behind_link = part is not None and part != path and (self._root / part).is_symlink()
        return None if is_behind_link else fingerprint(self._root / path)

    def _is_in_place(self, part: str) -> bool:
        """True if the part is the own file or folder of this project, put there by pip or by the user as a symlink."""
        target = self._root / part
        return part not in self._entries and target.exists() and target.samefile(SOURCE_ROOT / part)

    def _refuse_foreign(self, paths: Iterable[str], replace_folders: bool = False) -> None:
        foreign = sorted({path for path in paths if self._is_foreign(path, replace_folders)})
        if foreign:
            raise InstallationError(
                f"Nothing was changed in {self._root}, because these were not put there by this command or were changed"
                f" since: {', '.join(foreign)}. Move them away and try again.")

    def _refuse_files_for_folders(self) -> None:
        files = [folder for folder in FOLDERS
                 if os.path.lexists(self._root / folder) and not (self._root / folder).is_dir()]
        if files:
            raise InstallationError(
                f"Nothing was changed in {self._root}, because Hummingbot needs folders where it has files:"
                f" {', '.join(files)}. Move them away and try again.")

    def _is_foreign(self, path: str, replace_folders: bool) -> bool:
        found = self._found(path)
        if found != FOLDER:
            return found is not None and found != self._entries.get(path)
        strangers = [file for file in _files(self._root / path)
                     if str(file.relative_to(self._root)) not in self._entries]
        return path not in self._folders or (replace_folders and bool(strangers))

    # === Changes ===

    @contextmanager
    def _recorded_changes(self) -> Iterator[None]:
        """Keeps the record true whatever happens in between, and fails before any change where it cannot be written."""
        try:
            self._write_manifest()
            try:
                yield
            finally:
                self._forget_what_is_not_there()
                self._write_manifest()
                if not self._entries and not self._folders:
                    self._manifest.unlink()
        except OSError as error:
            # Of two names, those of a link, the second is that of what was to be changed.
            changed = error.filename2 or error.filename or self._root
            raise InstallationError(
                f"Cannot change {changed}: {error.strerror}. Check the permissions and the free space there, then run"
                " the command again.") from None

    def _write_manifest(self) -> None:
        content = {"entries": self._entries, "folders": self._folders}
        _write_whole(self._manifest, (json.dumps(content, indent=2) + "\n").encode())

    def _forget_what_is_not_there(self) -> None:
        self._entries = {path: known for path, known in self._entries.items() if os.path.lexists(self._root / path)}
        self._folders = [folder for folder in self._folders if (self._root / folder).is_dir()]

    def _put(self, sources: Dict[str, Path], folders: List[str], link: bool) -> None:
        """
        :param sources: what comes to which path; nothing lies there
        :param folders: more folders to create, besides those of the paths
        """
        needed = [*sorted({str(folder) for path in sources for folder in Path(path).parents}), *folders]
        created = [folder for folder in dict.fromkeys(needed) if not (self._root / folder).is_dir()]
        # Recorded before it is done: a disk that is full then may not take the record any more.
        self._folders += created
        self._entries |= {path: str(_expected_fingerprint(source, link)) for path, source in sources.items()}
        if str(Path(PACKAGE_MARK).parent) in created:
            self._entries[PACKAGE_MARK] = _EMPTY
        self._write_manifest()
        for folder in created:
            (self._root / folder).mkdir()
        if PACKAGE_MARK in self._entries:
            (self._root / PACKAGE_MARK).touch()
        for path, source in sources.items():
            if link:
                (self._root / path).symlink_to(source)
            else:
                _write_whole(self._root / path, source.read_bytes())

    def _remove(self, paths: List[str]) -> None:
        for path in paths:
            target = self._root / path
            target.unlink(missing_ok=True)
            del self._entries[path]
            compiled = target.parent / "__pycache__"
            for file in compiled.glob(f"{target.stem}.*.pyc"):
                file.unlink()
            _remove_if_empty(compiled)

    def _remove_empty_folders(self, folders: List[str]) -> None:
        for folder in reversed(folders):
            _remove_if_empty(self._root / folder)
            if not (self._root / folder).is_dir():
                self._folders.remove(folder)


def _remove_if_empty(folder: Path) -> None:
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
