"""The tables are Hummingbot's own, each in a process of its own, because they are filled while modules are imported."""
import logging
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import pytest

from hummingbot.client.config import config_helpers, config_methods
from hummingbot.connector.exchange.valr import valr_registration

ENTRY_MODULES = [
    "hummingbot.client.config.config_helpers",  # half of the client configuration is loaded when connectors are found
    "hummingbot.client.hummingbot_application",
    "hummingbot.cli.main",  # finds connectors later
    "hummingbot.connector.exchange_py_base",  # finds connectors before anything else is loaded
    "hummingbot.data_feed.candles_feed.candles_factory",  # complete before connectors are found
]

USE_EVERYTHING = """
import importlib, sys
importlib.import_module(sys.argv[1])
from hummingbot.client.settings import AllConnectorSettings
assert {"valr", "valr_simulator"} <= set(AllConnectorSettings.get_connector_settings())
from hummingbot.client.config.config_helpers import ClientConfigAdapter
from hummingbot.client.config.client_config_map import ClientConfigMap
from hummingbot.core.rate_oracle.rate_oracle import RateOracle
from hummingbot.data_feed.candles_feed.candles_factory import CandlesFactory
from hummingbot.data_feed.candles_feed.data_types import CandlesConfig
for name in ("valr", "valr_simulator"):
    config = ClientConfigMap(rate_oracle_source={"name": name})
    assert RateOracle.get_instance().source.name == name
    assert config.rate_oracle_source.name == name
    config.rate_oracle_source = "gate_io"
    config.rate_oracle_source = name
    assert RateOracle.get_instance().source.name == name
    feed = CandlesFactory.get_candle(CandlesConfig(connector=name, trading_pair="BTC-ZAR", interval="5m"))
    assert feed.name == name + "_BTC-ZAR"
print([finder for finder in sys.meta_path if "valr" in type(finder).__module__])
"""


@pytest.mark.parametrize("module", ENTRY_MODULES)
def test_candles_and_rates_are_there_whatever_is_imported_first(module):
    result = subprocess.run([sys.executable, "-c", USE_EVERYTHING, module], capture_output=True, text=True)

    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == "[]", "the import finder has not withdrawn"
    assert "VALR" not in result.stderr


SAVE_AND_RELOAD = """
import sys
from pathlib import Path
from hummingbot.client.config import config_helpers
config_helpers.CLIENT_CONFIG_PATH = Path(sys.argv[1])
from hummingbot.core.rate_oracle.rate_oracle import RateOracle
for _ in range(2):
    config = config_helpers.load_client_config_map_from_file()  # saves it too
    assert config.rate_oracle_source.hb_config.name == RateOracle.get_instance().source.name == "valr"
"""


def test_a_configuration_with_valr_rates_survives_save_and_reload(tmp_path):
    conf = tmp_path / "conf_client.yml"
    conf.write_text("rate_oracle_source:\n  name: valr\n")

    result = subprocess.run([sys.executable, "-c", SAVE_AND_RELOAD, str(conf)], capture_output=True, text=True)

    assert result.returncode == 0, result.stderr
    assert "rate_oracle_source:\n  name: valr\n" in conf.read_text()
    assert "Warning" not in result.stderr


@pytest.mark.parametrize("text, value", [("0.05", Decimal("0.05")), ("a lot", None), (".nan", None), ("", None)])
def test_fee_overrides_are_percentages(tmp_path, caplog, text, value):
    path = tmp_path / "conf_fee_overrides.yml"
    path.write_text(f"valr_maker_percent_fee: {text}\nvalr_unknown: 1\nbinance_maker_percent_fee: 1\n")
    variables = {name: config_methods.new_fee_config_var(name)
                 for name in ("valr_maker_percent_fee", "valr_taker_percent_fee", "binance_maker_percent_fee")}

    valr_registration._load_fee_overrides(SimpleNamespace(
        TRADE_FEES_CONFIG_PATH=path, read_yml_file=config_helpers.read_yml_file, fee_overrides_config_map=variables))

    assert {name: variable.value for name, variable in variables.items()} == {
        "valr_maker_percent_fee": value, "valr_taker_percent_fee": None, "binance_maker_percent_fee": None}
    complaints = [record.getMessage() for record in caplog.records]
    assert len(complaints) == (1 if text and value is None else 0)
    assert all("valr_maker_percent_fee in conf_fee_overrides.yml is ignored" in complaint for complaint in complaints)


@pytest.fixture
def table_module(tmp_path, monkeypatch):
    """The name of a module, not yet imported, with a table in it."""
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "some_table.py").write_text("table = {}\n")
    (tmp_path / "some_other_module.py").touch()
    yield "some_table"
    for name in ("some_table", "some_other_module"):
        sys.modules.pop(name, None)


def registration(monkeypatch, name: str, completion) -> valr_registration._Registration:
    finder = valr_registration._Registration({name: completion})
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    finder.start()
    return finder


def test_a_table_is_complete_right_after_its_import(monkeypatch, table_module):
    finder = registration(monkeypatch, table_module, lambda module: module.table.update(valr=1))
    assert finder in sys.meta_path

    from some_table import table

    assert table == {"valr": 1}
    assert finder not in sys.meta_path


def test_a_table_that_is_loaded_already_is_completed_at_once(monkeypatch, table_module):
    from some_table import table

    finder = registration(monkeypatch, table_module, lambda module: module.table.update(valr=1))

    assert table == {"valr": 1}
    assert finder not in sys.meta_path


def test_a_table_whose_import_had_begun_is_completed_when_it_is_over(monkeypatch, table_module):
    import some_table
    some_table.__spec__._initializing = True
    registration(monkeypatch, table_module, lambda module: module.table.update(valr=1))
    assert some_table.table == {}

    some_table.__spec__._initializing = False
    import some_other_module  # noqa: F401

    assert some_table.table == {"valr": 1}


def test_a_hummingbot_that_refuses_is_reported_and_otherwise_undisturbed(monkeypatch, table_module, caplog):
    finder = registration(monkeypatch, table_module, lambda module: module.renamed_table.update(valr=1))

    from some_table import table

    assert table == {}
    assert finder not in sys.meta_path
    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert "does not take what the VALR connector adds to some_table" in record.getMessage()
    assert "renamed_table" in record.getMessage()


def test_a_registration_that_breaks_does_not_break_the_connector():
    script = """
import sys
sys.modules["hummingbot.connector.exchange.valr.valr_registration"] = None
from hummingbot.client.settings import AllConnectorSettings
assert "valr" in AllConnectorSettings.get_connector_settings()
"""
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)

    assert result.returncode == 0, result.stderr
    assert "VALR's candles and rate source are not available" in result.stderr


def test_a_connector_without_the_other_folders_still_works(tmp_path):
    """Somebody copied the connector's folder only."""
    script = """
import sys
sys.modules["hummingbot.data_feed.candles_feed.valr_spot_candles"] = None
sys.modules["hummingbot.core.rate_oracle.sources.valr_rate_source"] = None
from hummingbot.client.config.config_helpers import ClientConfigAdapter
from hummingbot.data_feed.candles_feed.candles_factory import CandlesFactory
from hummingbot.client.settings import AllConnectorSettings
assert "valr" in AllConnectorSettings.get_connector_settings()
assert "valr" not in CandlesFactory._candles_map
"""
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=Path.cwd())

    assert result.returncode == 0, result.stderr
    assert result.stderr.count("trading is not affected") == 2
