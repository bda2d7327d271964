"""A headless Chromium, driven through its DevTools protocol: pages, clicks, keys, pictures, console."""

import asyncio
import base64
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest

_WAIT_S = 90.0


def chromium() -> str:
    """Its path; the test is skipped where there is none."""
    for name in ("chromium", "chromium-browser", "google-chrome", "chrome"):
        if found := shutil.which(name):
            return found
    pytest.skip("no Chromium on this machine: the dashboard is not clicked through")


class Navigated(Exception):
    """The page went away while it was asked: the next one is on its way."""


@dataclass
class Browser:
    """One tab. `console`: errors, warnings and uncaught exceptions since it was last cleared."""

    socket: aiohttp.ClientWebSocketResponse
    console: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    _number: int = 0
    _answers: dict[int, asyncio.Future[Any]] = field(default_factory=dict)

    async def call(self, method: str, **values: Any) -> Any:
        """One DevTools command."""
        self._number += 1
        answer = self._answers[self._number] = asyncio.get_running_loop().create_future()
        await self.socket.send_json({"id": self._number, "method": method, "params": values})
        found = await asyncio.wait_for(answer, _WAIT_S)
        if "navigated" in str(found.get("error")):
            raise Navigated(str(found))
        assert "error" not in found, found
        return found["result"]

    async def listen(self) -> None:
        """Take in answers and events until the tab is gone."""
        async for message in self.socket:
            document = json.loads(message.data)
            if "id" in document:
                self._answers.pop(document["id"]).set_result(document)
                continue
            values = document["params"]
            match document["method"]:
                case "Runtime.consoleAPICalled" if values["type"] in ("error", "warning", "trace", "assert"):
                    self.console.append(json.dumps(values["args"])[:500])
                case "Runtime.exceptionThrown":
                    self.console.append(json.dumps(values["exceptionDetails"])[:500])
                case "Log.entryAdded" if values["entry"]["level"] in ("error", "warning"):
                    self.console.append(f"{values['entry']['text']} {values['entry'].get('url', '')}"[:500])
                case "Network.requestWillBeSent":
                    self.requests.append(values["request"]["url"])

    async def js(self, expression: str) -> Any:
        """The value of an expression in the page."""
        found = await self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    async def until(self, expression: str) -> None:
        """Wait until an expression is true."""
        for _ in range(int(_WAIT_S / 0.1)):
            with suppress(Navigated):
                if await self.js(f"(() => {{ try {{ return Boolean({expression}) }} catch {{ return false }} }})()"):
                    return
            await asyncio.sleep(0.1)
        raise AssertionError(f"never true: {expression}\n{await self.js('document.body.innerText')}\n{self.console}")

    async def open(self, url: str) -> None:
        """Load a page, its charts included."""
        await self.call("Page.navigate", url=url)
        await self.loaded()

    async def loaded(self) -> None:
        """The page is there and every chart is drawn or says why not."""
        await self.until("document.readyState === 'complete' && location.href !== 'about:blank'")
        drawn = "[...document.querySelectorAll('[data-chart]')].every(one => one.matches('.drawn, :has(.note)'))"
        await self.until(drawn)

    async def click(self, selector: str) -> None:
        """Click what a selector names, as a person would."""
        with suppress(Navigated):
            await self.js(f"document.querySelector({json.dumps(selector)}).click()")

    async def key(self, key: str, code: int) -> None:
        """Press a key."""
        for kind in ("keyDown", "keyUp"):
            await self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code)

    async def size(self, width: int, height: int, *, dark: bool = False) -> None:
        """Of the window, and its colour scheme."""
        await self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        scheme = "dark" if dark else "light"
        await self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    async def picture(self, file: Path) -> None:
        """The window as PNG."""
        found = await self.call("Page.captureScreenshot", format="png")
        await asyncio.to_thread(file.write_bytes, base64.b64decode(found["data"]))


@asynccontextmanager
async def browser(folder: Path) -> AsyncIterator[Browser]:
    """A tab of a browser of its own, with a profile in `folder`."""
    words = ["--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0", f"--user-data-dir={folder}"]
    nowhere = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(chromium(), *words, "about:blank", stdout=nowhere, stderr=nowhere)
    try:
        port_file = folder / "DevToolsActivePort"
        for _ in range(900):
            if port_file.exists() and port_file.read_text().count("\n"):
                break
            await asyncio.sleep(0.1)
        port = port_file.read_text().splitlines()[0]
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json") as answer:
                tabs = await answer.json()
            address = next(tab["webSocketDebuggerUrl"] for tab in tabs if tab["type"] == "page")
            async with session.ws_connect(address, max_msg_size=0) as socket:
                tab = Browser(socket)
                listening = asyncio.create_task(tab.listen())
                for domain in ("Page", "Runtime", "Log", "Network"):
                    await tab.call(f"{domain}.enable")
                yield tab
                listening.cancel()
                await asyncio.gather(listening, return_exceptions=True)
    finally:
        process.terminate()
        await asyncio.wait_for(process.wait(), 60)
