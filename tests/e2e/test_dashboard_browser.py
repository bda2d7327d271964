"""The dashboard as a person meets it: started by its command, clicked through in a headless Chromium."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from orchestrator import kill_switch
from orchestrator.settings import load
from tests.browser import Browser, browser, chromium
from tests.dashboard_house import HOSTILE_ID, REPORT, build

#: page -> charts on it
PAGES = {
    "/": 2,
    "/decisions": 0,
    f"/decisions/{HOSTILE_ID}": 1,
    "/funding": 1,
    "/census?symbol=SOL/USDT:USDT": 1,
    "/constraints": 0,
    "/journal?text=script&deep=yes": 0,
    "/alerts": 0,
    "/reports": 0,
    f"/reports/{REPORT}": 0,
    "/health": 0,
    "/unlock": 0,
}


@contextmanager
def started(folder: Path) -> Iterator[dict[str, str]]:
    """`volgamma dashboard` on a free port: its url and token."""
    process = subprocess.Popen(
        [sys.executable, "-m", "orchestrator", "dashboard", "--port", "0", "--json"],
        env={**os.environ, "VOLGAMMA_DATA_DIR": str(folder)},
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        text = ""
        for line in process.stdout:
            text += line
            if line == "}\n":
                break
        yield json.loads(text)
    finally:
        process.terminate()
        assert process.wait(timeout=20) in (0, -15)
        assert process.stdout is not None
        process.stdout.close()


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str, str]]:
    """(data folder, url, token)"""
    chromium()
    folder = tmp_path_factory.mktemp("dashboard")
    asyncio.run(build(folder))
    with started(folder) as up:
        yield folder, up["url"].rstrip("/"), up["token"]


@pytest.fixture
async def tab(tmp_path: Path) -> AsyncIterator[Browser]:
    async with browser(tmp_path / "profile") as found:
        yield found


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, True)], ids=["desk-light", "phone-dark"])
async def test_every_page(there: tuple[Path, str, str], tab: Browser, width: int, dark: bool) -> None:
    """No console error, all charts drawn, nothing fetched from elsewhere, nothing wider than the window."""
    _, url, _ = there
    await tab.size(width, 900, dark=dark)
    for page, charts in PAGES.items():
        await tab.open(url + page)
        figures = await tab.js("document.querySelectorAll('[data-chart]').length")
        drawn = await tab.js("document.querySelectorAll('[data-chart].drawn:has(.cartesianlayer .trace path)').length")
        assert figures == drawn == charts, page
        assert await tab.js("document.documentElement.scrollWidth <= innerWidth"), page
        spilled = "[...document.querySelectorAll('main *')].filter(one => !one.closest('.wide, .chart, pre')).some(OUT)"
        over = "one => one.getBoundingClientRect().right > innerWidth + 1"
        assert not await tab.js(spilled.replace("OUT", over)), page
        loose = "[...document.querySelectorAll('table')].some(one => !one.closest('.wide') && one.scrollWidth > WIDE)"
        assert not await tab.js(loose.replace("WIDE", "one.closest('.card').clientWidth")), page
        assert tab.console == [], page
    assert {one.split("/")[2] for one in tab.requests if one.startswith("http")} == {url.split("/")[2]}
    ground = await tab.js("getComputedStyle(document.body).backgroundColor")
    assert (ground == "rgb(17, 22, 28)") is dark


async def test_a_chart_says_that_it_is_loading(there: tuple[Path, str, str], tab: Browser) -> None:
    _, url, _ = there
    await tab.open(url)
    words = "getComputedStyle(document.querySelector('[data-chart]'), '::before').content"
    assert await tab.js(words) == "none", "it is drawn"
    await tab.js("document.querySelector('[data-chart]').classList.remove('drawn')")
    assert "Loading" in await tab.js(words)


async def test_by_keyboard_and_click(there: tuple[Path, str, str], tab: Browser) -> None:
    """Skip link first, focus to be seen, then: decision, replay, unlock, a limit changed."""
    _, url, token = there
    await tab.size(1280, 900)
    await tab.open(url)
    await tab.key("Tab", 9)
    assert await tab.js("document.activeElement.className") == "skip"
    assert await tab.js("document.activeElement.getBoundingClientRect().left >= 0"), "it comes into sight"
    await tab.key("Tab", 9)
    await tab.key("Tab", 9)
    assert await tab.js("document.activeElement.textContent") == "Overview"
    assert await tab.js("getComputedStyle(document.activeElement).outlineWidth") == "3px"

    await tab.click("a[href='/decisions']")
    await tab.until("document.title.startsWith('Decisions')")
    await tab.click("tbody tr:last-child a")
    await tab.until("document.querySelector('form[action*=replay]')")
    await tab.click("form[action*=replay] button")
    await tab.until("document.querySelector('#replayed')?.innerText.includes('identical')")

    await tab.open(f"{url}/unlock?next=%2Fconstraints")
    await tab.js(f"document.querySelector('input[name=token]').value = {json.dumps(token)}")
    await tab.click("main button")
    await tab.until("document.querySelector('form[action=\"/constraints/set\"]')")
    for name, value in (("key", "leverage_max"), ("value", "7"), ("why", "from the browser")):
        await tab.js(f"document.querySelector('form[action=\"/constraints/set\"] [name={name}]').value = '{value}'")
    await tab.click("form[action='/constraints/set'] button")
    await tab.until("document.querySelector('#diff')?.innerText.includes('leverage_max')")
    assert "version 3 is in force" in await tab.js("document.body.innerText")
    assert tab.console == []


async def test_an_open_page_follows(there: tuple[Path, str, str], tab: Browser) -> None:
    """The kill switch is thrown elsewhere; the page says so by itself, and what is being typed stays."""
    folder, url, _ = there
    settings = load({"VOLGAMMA_DATA_DIR": str(folder)})
    await tab.size(1280, 900)
    await tab.open(url)
    await tab.until("document.getElementById('live').innerText.includes('live.')")
    kill_switch.kill(settings, "elsewhere", "news", 1, False)
    try:
        await tab.until("document.querySelector('[data-live=state]').innerText.includes('kill switch ON')")
        await tab.until("document.querySelectorAll('[data-chart].drawn').length === 2")
    finally:
        kill_switch.resume(settings, "elsewhere", "over", 2)
    await tab.until("document.querySelector('[data-live=state]').innerText.includes('kill switch off')")
    assert tab.console == []


async def test_pages_are_whole_without_javascript(there: tuple[Path, str, str], tab: Browser) -> None:
    _, url, _ = there
    await tab.size(1280, 900)
    await tab.call("Emulation.setScriptExecutionDisabled", value=True)
    await tab.call("Page.navigate", url=url + "/")
    text = ""
    for _ in range(50):
        text = json.dumps(await tab.call("DOM.getDocument", depth=-1))
        if "Kill switch" in text:
            break
        await asyncio.sleep(0.1)
    for said in ("of 25 % allowed", "bracket, upper edge", "The chart needs JavaScript"):
        assert said in text, said
