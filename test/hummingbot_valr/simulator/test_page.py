import asyncio
import os
import shutil
from typing import Any, Callable, Iterator

import aiohttp
import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from hummingbot_valr.simulator import ValrSimulator
from hummingbot_valr.simulator.faults import Faults
from hummingbot_valr.simulator.page import STATE_PATH, faults_on

PATIENCE = 15  # seconds
OPTIONS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
           "--disable-background-networking", "--disable-component-update", "--window-size=1280,900")


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not program or not driver:
        missing = "No Chromium with chromedriver is installed (Debian: chromium, chromium-driver)."
        # Where the project itself installs the browser, its absence is a failure.
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for option in (*OPTIONS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(option)
    chrome = webdriver.Chrome(options, webdriver.ChromeService(driver))
    yield chrome
    chrome.quit()


class Viewer:
    """A person before the page. The browser runs in a thread, because the exchange needs the event loop."""

    def __init__(self, browser: webdriver.Chrome):
        self.browser = browser

    async def opens(self, url: str) -> None:
        await asyncio.to_thread(self.browser.get, url)

    async def clicks(self, symbol: str) -> None:
        button = f"//nav/button[text()='{symbol}']"
        await self.sees(lambda: self.browser.find_elements(By.XPATH, button))
        await asyncio.to_thread(self.browser.find_element(By.XPATH, button).click)

    async def sees(self, condition: Callable[[], Any]) -> None:
        await asyncio.to_thread(WebDriverWait(self.browser, PATIENCE, 0.05).until, lambda _: condition())

    async def reads(self, element_id: str, *texts: str) -> None:
        """Waits until the element shows all the texts."""
        def shows() -> bool:
            # One round trip, because the page replaces its rows at any time.
            content = self.browser.execute_script("return document.getElementById(arguments[0]).innerText", element_id)
            return all(text in content for text in texts)

        await self.sees(shows)


async def test_a_person_clicks_through_pairs_and_sees_a_fill_appear(browser):
    async with ValrSimulator(market=False) as exchange:
        engine, own = exchange.engine, exchange.account_id
        for symbol, price in (("BTCZAR", 1800000), ("ETHZAR", 63000), ("USDTZAR", 17)):
            engine.place_limit("market", pair=symbol, side="BUY", quantity="1", price=price)
            engine.place_limit("market", pair=symbol, side="SELL", quantity="1", price=price + 2)
        viewer = Viewer(browser)
        await viewer.opens(exchange.url)
        await viewer.reads("bids", "1800000")
        for symbol, bid, ask in (("ETHZAR", "63000", "63002"), ("USDTZAR", "17", "19"),
                                 ("BTCZAR", "1800000", "1800002")):
            await viewer.clicks(symbol)
            await viewer.reads("pair", symbol)
            await viewer.reads("bids", bid)
            await viewer.reads("asks", ask)

        await viewer.reads("fills", "none")
        engine.place_limit(own, pair="BTCZAR", side="BUY", quantity="0.5", price="1800001")
        await viewer.reads("orders", "BTCZAR", "buy", "1800001", "Placed")
        engine.place_market("market", pair="BTCZAR", side="SELL", base_amount="0.5")

        await viewer.reads("fills", "BTCZAR", "buy", "1800001", "0.5", "maker", "BTC")
        await viewer.reads("orders", "Filled")
        await viewer.reads("trades", "1800001", "0.5")
        await viewer.reads("balances", "2.4991")


async def test_a_person_sees_the_faults_now_on_and_the_end_of_the_exchange(browser):
    viewer = Viewer(browser)
    async with ValrSimulator(market=False) as exchange:
        await viewer.opens(exchange.url)
        await viewer.reads("faults", "none")
        exchange.faults.books.next("gap", key="BTCZAR")
        exchange.faults.read_only = True
        await viewer.reads("faults", "books.gap = next 1 of BTCZAR", "read_only = True")
    await viewer.reads("trouble", "does not answer")


async def test_what_an_account_is_called_is_shown_as_text(browser):
    async with ValrSimulator(market=False) as exchange:
        exchange.engine.account(exchange.account_id).label = "<b>bold</b>"
        viewer = Viewer(browser)
        await viewer.opens(exchange.url)
        await viewer.reads("account", "<b>bold</b>")


@pytest.mark.parametrize("query, reason", [("?pair=NOPE", "there is no pair NOPE"),
                                           ("?account=NOPE", "there is no account NOPE")])
async def test_a_state_that_cannot_be_shown_is_refused_with_the_reason(query, reason):
    async with ValrSimulator(market=False) as exchange, aiohttp.ClientSession() as session:
        async with session.get(exchange.url + STATE_PATH + query) as reply:
            assert (reply.status, await reply.json()) == (404, {"error": reason})


async def test_the_state_shows_the_chosen_account_only():
    async with ValrSimulator(market=False) as exchange, aiohttp.ClientSession() as session:
        exchange.engine.deposit(exchange.sub_account_id, "ZAR", "5")
        async with session.get(exchange.url + STATE_PATH, params={"account": exchange.sub_account_id}) as reply:
            state = await reply.json()
    assert [(row["currency"], row["total"]) for row in state["balances"]] == [("ZAR", "5")]
    assert exchange.api_key not in str(state) and exchange.api_secret not in str(state)


def test_every_setting_of_the_faults_that_is_not_the_usual_one_is_named():
    faults = Faults()
    assert faults_on(faults) == []
    faults.outage = True
    faults.place.lost_after = 0.5
    faults.events.delay = (1.0, 2.0)
    assert set(faults_on(faults)) == {"outage = True", "place.lost_after = 0.5", "events.delay = (1.0, 2.0)"}
