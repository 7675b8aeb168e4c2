"""
Makes VALR's candles, prices and fee overrides known to Hummingbot, which keeps its own in fixed tables: as `valr` and,
for the embedded exchange, as `valr_simulator`.

Hummingbot imports connectors while it is itself half imported, so nothing of it can be imported from here. Each table
is completed as soon as somebody else has imported its module.
"""
import importlib.machinery
import logging
import sys
from decimal import Decimal, InvalidOperation
from importlib.abc import MetaPathFinder
from types import ModuleType
from typing import Any, Callable, Dict

Completion = Callable[[ModuleType], None]


def _add_candles(factory_module: ModuleType):
    from hummingbot.data_feed.candles_feed.valr_spot_candles import ValrSimulatorSpotCandles, ValrSpotCandles

    for feed in (ValrSpotCandles, ValrSimulatorSpotCandles):
        factory_module.CandlesFactory._candles_map[feed.domain] = feed


def _add_rate_sources(oracle_module: ModuleType):
    from hummingbot.core.rate_oracle.sources.valr_rate_source import ValrRateSource, ValrSimulatorRateSource

    for source in (ValrRateSource, ValrSimulatorRateSource):
        oracle_module.RATE_ORACLE_SOURCES[source.domain] = source


def _add_rate_source_modes(config_module: ModuleType):
    """
    The client configuration accepts the modes in this table, and their subclasses, because its field type was built
    from the table before. Therefore VALR's modes derive from another exchange's, of which they keep nothing.
    """
    from pydantic import ConfigDict, Field

    mode_of_another: Any = config_module.BinanceRateSourceMode

    class ValrRateSourceMode(mode_of_another):
        name: str = Field(default="valr")
        model_config = ConfigDict(title="valr")

    class ValrSimulatorRateSourceMode(mode_of_another):
        name: str = Field(default="valr_simulator")
        model_config = ConfigDict(title="valr_simulator")

    for mode in (ValrRateSourceMode, ValrSimulatorRateSourceMode):
        config_module.RATE_SOURCE_MODES[mode.model_config["title"]] = mode


def _load_fee_overrides(config_module: ModuleType):
    """
    Of the user's conf_fee_overrides.yml Hummingbot reads the lines that its template has, and then writes the file anew
    without the others. Loaded before that, VALR's are in use and stay in the file.
    """
    path = config_module.TRADE_FEES_CONFIG_PATH
    for key, value in (config_module.read_yml_file(path) if path.exists() else {}).items():
        variable = config_module.fee_overrides_config_map.get(key)
        if variable is None or value is None or not key.startswith("valr_"):
            continue
        try:
            variable.value = _percent(value) if variable.type == "decimal" else value
        except ValueError:
            logging.getLogger(__name__).error(
                f"{key} in {path.name} is ignored: {value!r} is not a percentage. Write a number such as 0.1.")


def _percent(value: Any) -> Decimal:
    try:
        percent = Decimal(str(value))
    except InvalidOperation as error:
        raise ValueError(value) from error
    if not percent.is_finite():
        raise ValueError(value)
    return percent


_COMPLETIONS: Dict[str, Completion] = {
    "hummingbot.data_feed.candles_feed.candles_factory": _add_candles,
    "hummingbot.core.rate_oracle.rate_oracle": _add_rate_sources,
    "hummingbot.client.config.client_config_map": _add_rate_source_modes,
    "hummingbot.client.config.config_helpers": _load_fee_overrides,
}


class _Registration(MetaPathFinder):
    """
    Python asks this finder first whenever a module is imported that is not loaded yet. It finds nothing of its own. A
    table's module is completed right after its import; if that had begun before, at the next import of anything. When
    all are complete it withdraws. No failure leaves it, because that would break other people's imports.
    """

    def __init__(self, completions: Dict[str, Completion]):
        self._pending = dict(completions)

    def start(self):
        sys.meta_path.insert(0, self)
        self._complete_loaded_modules()

    def find_spec(self, fullname, path=None, target=None):
        self._complete_loaded_modules()
        if fullname not in self._pending:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def execute_and_complete(module: ModuleType):
                execute(module)
                self._complete(fullname, module)

            spec.loader.exec_module = execute_and_complete  # type: ignore[method-assign]
        return spec

    def _complete_loaded_modules(self):
        for name in list(self._pending):
            module = sys.modules.get(name)
            if module is not None and not getattr(module.__spec__, "_initializing", False):
                self._complete(name, module)

    def _complete(self, name: str, module: ModuleType):
        completion = self._pending.pop(name, None)
        if completion is None:
            return
        try:
            completion(module)
        except Exception as error:
            logging.getLogger(__name__).warning(
                f"This version of Hummingbot does not take what the VALR connector adds to {name}; trading is not "
                f"affected. {type(error).__name__}: {error}")
        if not self._pending and self in sys.meta_path:
            sys.meta_path.remove(self)


def register():
    """Adds what VALR has to Hummingbot's tables, now or as soon as Hummingbot has loaded them."""
    _Registration(_COMPLETIONS).start()
