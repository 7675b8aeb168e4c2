"""The command `hummingbot-valr`."""
import asyncio
import sys
from enum import Enum
from pathlib import Path
from typing import Annotated, List, Optional

import typer

from hummingbot_valr.installation import Installation, InstallationError, find_hummingbot

app = typer.Typer(
    name="hummingbot-valr", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="The VALR connector for Hummingbot: install it, and try it on an embedded VALR.")

HummingbotDir = Annotated[Optional[Path], typer.Argument(
    metavar="HUMMINGBOT_DIR",
    help="The root of a Hummingbot: the folder that holds its package `hummingbot`. Default: what Python imports.")]


@app.command()
def install(
    hummingbot_dir: HummingbotDir = None,
    link: Annotated[bool, typer.Option("--link", help="Symlink the files to this project, do not copy them.")] = False,
) -> None:
    """Put the connector and all that belongs to it into a Hummingbot."""
    try:
        root = find_hummingbot(hummingbot_dir)
        report = Installation(root).install(link=link)
    except InstallationError as error:
        raise _failure(error)
    _print_report(root, report)


@app.command()
def uninstall(hummingbot_dir: HummingbotDir = None) -> None:
    """Take back exactly what `install` put into a Hummingbot."""
    try:
        root = find_hummingbot(hummingbot_dir)
        report = Installation(root).uninstall()
    except InstallationError as error:
        raise _failure(error)
    _print_report(root, report or ["nothing to remove: `install` has put nothing here"])


class Exchange(str, Enum):
    """Hummingbot's names of the real VALR and the embedded one."""
    VALR = "valr"
    SIMULATOR = "valr_simulator"


@app.command()
def check(
    exchange: Annotated[Exchange, typer.Option(help="The real VALR, or the embedded one.")] = Exchange.VALR,
    seconds: Annotated[float, typer.Option(min=1, max=3600, help="How long to verify the trade socket.")] = 10,
    is_json: Annotated[bool, typer.Option("--json", help="Print a list of rows as JSON and nothing else.")] = False,
    trade: Annotated[bool, typer.Option("--trade", help="Place and cancel one small order, after asking.")] = False,
    record: Annotated[Optional[Path], typer.Option(
        metavar="FILE", help="Write what was seen to a new file, without the account's keys, ids and amounts.")] = None,
) -> None:
    """
    Test this machine, VALR and an API key before a bot trusts them. Reads only, unless --trade is given.

    The key comes from VALR_API_KEY, VALR_API_SECRET and, for a sub-account, VALR_SUBACCOUNT_ID; without these from what
    Hummingbot's `connect` has stored (password from HBOT_PASSWORD, or asked).
    """
    try:
        from hummingbot_valr.check.command import run
    except ImportError as error:
        raise _failure(_import_advice(error))
    from hummingbot_valr.check.errors import CheckError

    try:
        succeeded = run(exchange.value, seconds, is_json, trade, record)
    except CheckError as error:
        raise _failure(error)
    except KeyboardInterrupt:
        raise _failure("The check was interrupted.")
    if not succeeded:
        raise typer.Exit(1)


@app.command()
def simulator(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1; 0 takes a free one.")] = 8710,
    seed: Annotated[int, typer.Option(help="Seed of the background market: the same seed gives the same market.")] = 1,
) -> None:
    """Serve an embedded VALR on this machine until Ctrl-C."""
    from hummingbot_valr.simulator import ValrSimulator

    async def serve() -> None:
        async with ValrSimulator(port=port, seed=seed) as exchange:
            typer.echo(
                f"An embedded VALR runs at {exchange.url}\n"
                f"  API key     {exchange.api_key}\n"
                f"  API secret  {exchange.api_secret}\n"
                "To trade on it, start Hummingbot with\n"
                f"  VALR_SIMULATOR_URL={exchange.url}\n"
                "in its environment and `connect valr_simulator` with these keys. Ctrl-C ends it.")
            await asyncio.Event().wait()

    try:
        asyncio.run(serve())
    except OSError as error:
        raise _failure(f"Cannot listen on port {port}: {error.strerror}. Choose another --port, or 0 for a free one.")
    except KeyboardInterrupt:
        typer.echo("The embedded VALR has ended.")


@app.command()
def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Leave the exchange running afterwards, until Ctrl-C.")] = False,
) -> None:
    """Run the test bot on an embedded VALR and check its books."""
    from hummingbot_valr.demo import DemoError, run_demo

    try:
        succeeded = asyncio.run(run_demo(keep=keep))
    except (DemoError, InstallationError) as error:
        raise _failure(error)
    except KeyboardInterrupt:
        raise _failure("The demo was interrupted.")
    if not succeeded:
        raise typer.Exit(1)


def _import_advice(error: ImportError) -> str:
    if (error.name or "").startswith("hummingbot.connector.exchange.valr"):
        return "The connector is not installed in this Hummingbot. Run `hummingbot-valr install` first."
    return (f"{sys.executable} cannot import Hummingbot ({error}). Run this command with the Python of your Hummingbot,"
            " or install one here with `pip install 'hummingbot-valr[hummingbot]'`.")


def _print_report(root: Path, report: List[str]) -> None:
    typer.echo(f"Hummingbot in {root}:")
    for line in report:
        typer.echo(f"  {line}")


def _failure(reason: object) -> typer.Exit:
    typer.echo(f"Error: {reason}", err=True)
    return typer.Exit(1)


def main() -> None:
    """Entry point of the console script."""
    app()


if __name__ == "__main__":
    main()
