"""What an installation must bring, on a Hummingbot laid out as its repository and its Docker image are."""
import json
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from test.conftest import hbot, store_keys
from typing import List, Tuple

import pytest
import yaml

from hummingbot_valr.installation import PARTS, SOURCE_ROOT, Installation

DOCKER = SOURCE_ROOT / "docker"
IMAGE_ROOT = Path("/home/hummingbot")

USE_CANDLES_AND_RATES = """
from hummingbot.client.config.config_helpers import load_client_config_map_from_file
from hummingbot.client.settings import AllConnectorSettings
from hummingbot.core.rate_oracle.rate_oracle import RateOracle
from hummingbot.data_feed.candles_feed.candles_factory import CandlesFactory
from hummingbot.data_feed.candles_feed.data_types import CandlesConfig

config = load_client_config_map_from_file()
assert RateOracle.get_instance().source.name == "valr"
assert CandlesFactory.get_candle(CandlesConfig(connector="valr", trading_pair="BTC-ZAR")).name == "valr_BTC-ZAR"
AllConnectorSettings.initialize_paper_trade_settings(config.paper_trade.paper_trade_exchanges)
assert "valr_paper_trade" in AllConnectorSettings.get_connector_settings()
print(config.rate_limits_share_pct, config.mqtt_bridge.mqtt_host, config.mqtt_bridge.mqtt_autostart)
"""


def dockerfile_steps() -> List[Tuple[str, List[str]]]:
    """The (instruction, arguments) of the Dockerfile, in order."""
    steps = []
    for line in (DOCKER / "Dockerfile").read_text().splitlines():
        instruction, _, arguments = line.partition(" ")
        if instruction.isupper():
            steps.append((instruction, json.loads(arguments) if arguments.startswith("[") else shlex.split(arguments)))
    return steps


def in_tree(root: Path, image_path: str) -> Path:
    return root / Path(image_path).relative_to(IMAGE_ROOT)


def build_image(root: Path) -> None:
    """Does to a folder tree what the Dockerfile does to the image."""
    for instruction, arguments in dockerfile_steps():
        if instruction == "COPY":
            source, target = SOURCE_ROOT / arguments[0], in_tree(root, arguments[1])
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copyfile(source, target)
        elif instruction == "RUN":
            assert arguments[0] == "python"
            subprocess.run([sys.executable, *arguments[1:]], cwd=root, check=True)


def install(root: Path) -> None:
    Installation(root).install()


@pytest.mark.parametrize("put", [install, build_image])
def test_connector_candles_rates_and_paper_trade_are_there(source_checkout, put):
    shutil.copyfile(DOCKER / "conf_client.yml", source_checkout / "conf/conf_client.yml")

    put(source_checkout)

    connectors = hbot(source_checkout, "connect", "--all")
    assert " valr " in connectors and " valr_simulator " in connectors
    result = subprocess.run(
        [sys.executable, "-c", USE_CANDLES_AND_RATES], cwd=source_checkout, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert result.stdout.split() == ["50", "broker", "True"]


def test_the_image_gets_what_the_installer_puts():
    copied = {arguments[0]: arguments[1] for instruction, arguments in dockerfile_steps() if instruction == "COPY"}

    assert set(copied) == set(PARTS)
    assert all((SOURCE_ROOT / source).exists() for source in copied)
    assert all(target == str(IMAGE_ROOT / source) for source, target in copied.items())


def test_the_build_context_has_everything_the_image_copies():
    ignored = (DOCKER / "Dockerfile.dockerignore").read_text().splitlines()

    assert ignored[0] == "*"
    for part in PARTS:
        assert f"!{Path(part).parts[0]}" in ignored


def test_a_check_that_fails_fails_the_build(source_checkout):
    for instruction, arguments in dockerfile_steps():
        if instruction == "RUN":
            result = subprocess.run(
                [sys.executable, *arguments[1:]], cwd=source_checkout, capture_output=True, text=True)
            assert result.returncode != 0  # nothing was copied


def test_the_documented_steps_lead_to_a_bot_that_can_be_started(source_checkout):
    build_image(source_checkout)
    shutil.rmtree(source_checkout / "conf")
    for folder in ("connectors", "controllers", "scripts", "strategies"):
        (source_checkout / "conf" / folder).mkdir(parents=True)
    shutil.copyfile(DOCKER / "conf_client.yml", source_checkout / "conf/conf_client.yml")

    store_keys(source_checkout)
    hbot(source_checkout, "create", "valr_test_bot.py", "--name", "conf_bot")

    assert (source_checkout / "conf/connectors/valr_simulator.yml").exists()
    settings = yaml.safe_load((source_checkout / "conf/scripts/conf_bot.yml").read_text())
    assert settings["script_file_name"] == "valr_test_bot.py"


def test_each_container_is_a_bot_of_its_own():
    compose = yaml.safe_load((DOCKER / "compose.yml").read_text())
    bots = {name: service for name, service in compose["services"].items() if name.startswith("bot-")}

    assert len(bots) == 2
    for name, bot in bots.items():
        assert bot["volumes"] == [f"./{name}/{folder}:/home/hummingbot/{folder}" for folder in ("conf", "data", "logs")]
        assert bot["command"].split()[:4] == ["python", "-m", "hummingbot.cli.main", "start"]
        assert (DOCKER / bot["build"]["context"]).resolve() == SOURCE_ROOT
        assert (SOURCE_ROOT / bot["build"]["dockerfile"]).exists()
    share = yaml.safe_load((DOCKER / "conf_client.yml").read_text())["rate_limits_share_pct"]
    assert share * len(bots) <= 100
    published = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert all(port.startswith("127.0.0.1:") for port in published)
