"""A private Hummingbot to run bots in, apart from the configuration, the keys and the data of its user."""
import asyncio
import os
import secrets
import shutil
import sys
from pathlib import Path
from typing import Dict, Optional

from hummingbot_valr.installation import FOLDERS, PACKAGE_MARK, PARTS, SOURCE_ROOT, find_hummingbot

# Nothing is reported to anybody from here, and prices and paper trades come from the embedded exchange too. By default
# Hummingbot asks the exchanges of its paper trades for their pairs.
CLIENT_CONFIGURATION = """\
anonymized_metrics_mode: anonymized_metrics_disabled
send_error_logs: false
rate_oracle_source:
  name: valr_simulator
paper_trade:
  paper_trade_exchanges:
  - valr_simulator
"""


class CommandFailed(Exception):
    """A command of Hummingbot ended with an error; the message is what it said."""


class HummingbotInstance:
    """
    The Hummingbot of this Python environment with folders of its own. Hummingbot keeps configuration, keys, data and
    logs beside its package, so this one has a package folder of its own, whose contents are those of the installed one.

    :param folder: an empty folder for it; conf, data, logs, scripts and controllers come to lie there
    :param environment: variables for its commands and bots, such as VALR_SIMULATOR_URL
    :raises InstallationError: there is no Hummingbot, or one which is too old
    """

    def __init__(self, folder: Path, environment: Optional[Dict[str, str]] = None):
        self.folder = folder.resolve()
        self._environment = {**os.environ, "HBOT_PASSWORD": secrets.token_hex(16), **(environment or {})}
        self._lay_out(find_hummingbot() / "hummingbot")

    def _lay_out(self, package: Path) -> None:
        own_package = self.folder / "hummingbot"
        own_package.mkdir()
        for entry in package.iterdir():
            # Hummingbot finds its folders from where this file really lies.
            if entry.name == "__init__.py":
                shutil.copyfile(entry, own_package / entry.name)
            elif entry.name != "__pycache__":
                (own_package / entry.name).symlink_to(entry)
        for folder in FOLDERS:
            (self.folder / folder).mkdir(exist_ok=True)
        (self.folder / PACKAGE_MARK).touch()
        for part in PARTS:
            if part.startswith("scripts/"):
                (self.folder / part).symlink_to(SOURCE_ROOT / part)
        (self.folder / "conf/conf_client.yml").write_text(CLIENT_CONFIGURATION)

    async def hbot(self, *arguments: str, stdin: str = "") -> str:
        """
        Runs a command of Hummingbot's own command line in this instance.

        :param arguments: for example "connect", "--all"
        :return: what it printed
        :raises CommandFailed: it ended with an exit code other than 0
        :raises asyncio.CancelledError: the task was cancelled, or its time is up; the command has been killed
        """
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "hummingbot.cli.main", *arguments, cwd=self.folder, env=self._environment,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)
        try:
            output, errors = await process.communicate(stdin.encode())
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode != 0:
            raise CommandFailed(f"`hbot {' '.join(arguments)}`: {(errors or output).decode().strip()}")
        return output.decode()
