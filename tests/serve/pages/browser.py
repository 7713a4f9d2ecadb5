"""Chromium without a window, driven over the two pipes of its own DevTools protocol.

Nothing else is needed: no driver program, no port, no package.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["Browser", "Tab", "find_chromium"]

_NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    "--remote-debugging-pipe",
)
_SECONDS = 40.0
_KEYS = {
    "Tab": (9, ""),
    "Enter": (13, "\r"),
    "Escape": (27, ""),
    "ArrowDown": (40, ""),
    "ArrowLeft": (37, ""),
    "ArrowUp": (38, ""),
    "Backspace": (8, ""),
    " ": (32, " "),
}
_CTRL, _SHIFT = 2, 8


def find_chromium() -> str | None:
    """The path of a Chromium on this machine."""
    named = os.environ.get("FW_DATASET_TEST_CHROMIUM")
    return named or next((found for name in _NAMES if (found := shutil.which(name))), None)


class Browser:
    """A running Chromium with a profile of its own, both gone when it is closed."""

    def __init__(self, program: str) -> None:
        self._profile = tempfile.mkdtemp(prefix="fw-dataset-chromium-")
        to_read, self._to = _pipe()
        self._from, to_write = _pipe()
        flags = [*_FLAGS, f"--user-data-dir={self._profile}", "about:blank"]
        # Chromium reads from descriptor 3 and writes to 4.
        command = f'exec "$0" "$@" 3<&{to_read} 4>&{to_write}'
        self._process = subprocess.Popen(
            ["bash", "-c", command, program, *flags],
            pass_fds=(to_read, to_write),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_read)
        os.close(to_write)
        self._number = 0
        self._unread = b""
        self._waiting: deque[dict[str, Any]] = deque()
        self.listeners: list[Callable[[dict[str, Any]], None]] = []

    def close(self) -> None:
        """End it."""
        try:
            self.call("Browser.close")
            self._process.wait(10)
        except (TimeoutError, OSError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait(10)
        os.close(self._to)
        os.close(self._from)
        shutil.rmtree(self._profile, ignore_errors=True)

    def call(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        """Run one command of the protocol and return its result."""
        self._number += 1
        number = self._number
        message = {"id": number, "method": method, "params": parameters}
        if session is not None:
            message["sessionId"] = session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + _SECONDS
        while True:
            answer = self._next(end)
            if answer.get("id") == number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                result: dict[str, Any] = answer["result"]
                return result

    def listen(self, seconds: float) -> None:
        """Take what Chromium tells by itself for so long."""
        end = time.monotonic() + seconds
        try:
            while True:
                self._next(end)
        except TimeoutError:
            pass

    def new_tab(self) -> Tab:
        """A tab that shares nothing with others."""
        context = self.call("Target.createBrowserContext")["browserContextId"]
        target = self.call("Target.createTarget", url="about:blank", browserContextId=context)
        attached = self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        return Tab(self, context, attached["sessionId"])

    def _next(self, end: float) -> dict[str, Any]:
        while b"\0" not in self._unread:
            ready, _, _ = select.select([self._from], [], [], max(0.0, end - time.monotonic()))
            if not ready:
                raise TimeoutError("Chromium does not answer")
            read = os.read(self._from, 1 << 20)
            if not read:
                raise OSError("Chromium has ended")
            self._unread += read
        text, _, self._unread = self._unread.partition(b"\0")
        message: dict[str, Any] = json.loads(text)
        if "method" in message:
            for listener in self.listeners:
                listener(message)
        return message


class Tab:
    """A tab, as somebody in front of it uses it.

    Attributes:
        complaints: what the page did wrong: errors of scripts, breaches of its own policy.
    """

    def __init__(self, browser: Browser, context: str, session: str) -> None:
        self._browser = browser
        self._context = context
        self._session = session
        self.complaints: list[str] = []
        browser.listeners.append(self._hear)
        for domain in ("Page", "Runtime", "Log", "DOM"):
            self.call(f"{domain}.enable")
        self.size(1280, 900)

    def close(self) -> None:
        """Close it, and forget all that it has kept."""
        self._browser.listeners.remove(self._hear)
        self._browser.call("Target.disposeBrowserContext", browserContextId=self._context)

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Run one command of the protocol in this tab."""
        return self._browser.call(method, self._session, **parameters)

    def _hear(self, message: dict[str, Any]) -> None:
        if message.get("sessionId") != self._session:
            return
        told = message["params"]
        if message["method"] == "Runtime.exceptionThrown":
            details = told["exceptionDetails"]
            self.complaints.append(str(details.get("exception", details).get("description")))
        elif message["method"] == "Log.entryAdded" and told["entry"]["level"] == "error":
            entry = told["entry"]
            # That a query was refused is no fault of the page.
            if entry["source"] != "network":
                self.complaints.append(entry["text"])

    # ------------------------------------------------------------------------------- look

    def open(self, url: str) -> None:
        """Go to an address and wait until it is there."""
        self.call("Page.navigate", url="about:blank")
        self.call("Page.navigate", url=url)
        self.wait("location.href !== 'about:blank' && document.readyState === 'complete'", url)

    def evaluate(self, script: str) -> Any:
        """The value of an expression in the page; promises are waited for."""
        result = self.call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in result:
            raise RuntimeError(f"{script}: {result['exceptionDetails']}")
        return result["result"].get("value")

    def wait(self, condition: str, what: str = "") -> None:
        """Wait until an expression, or what it promises, is true in the page."""
        end = time.monotonic() + _SECONDS
        while True:
            with contextlib.suppress(RuntimeError):  # between two documents
                if self.evaluate(f"(async () => Boolean(await ({condition})))()"):
                    return
            if time.monotonic() > end:
                raise TimeoutError(f"never true: {condition} {what}; {self.text()[-400:]}")
            self._browser.listen(0.02)

    def text(self, selector: str = "body") -> str:
        """What can be read in an element."""
        found = self.evaluate(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''")
        return str(found)

    @property
    def address(self) -> str:
        """Where the tab is."""
        return str(self.evaluate("location.href"))

    def screenshot(self, path: Path, *, whole: bool = False) -> None:
        """Keep a picture of what is seen, or of the whole page."""
        taken = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(taken["data"]))

    # ------------------------------------------------------------------------------- act

    def click(self, selector: str) -> None:
        """Click on the middle of an element, as a mouse does."""
        found = f"document.querySelector({json.dumps(selector)})"
        self.wait(f"{found}?.getClientRects().length", selector)
        place = self.evaluate(
            f"{found}.scrollIntoView({{block: 'center'}}),"
            f" (({{x, y, width, height}}) => [x + width / 2, y + height / 2])"
            f"({found}.getClientRects()[0])"
        )
        at = {"x": place[0], "y": place[1], "button": "left", "clickCount": 1}
        self.call("Input.dispatchMouseEvent", type="mousePressed", **at)
        self.call("Input.dispatchMouseEvent", type="mouseReleased", **at)

    def follow(self, selector: str) -> None:
        """Click on a link and wait for the page that it leads to."""
        self.evaluate("window.isOld = true")
        self.click(selector)
        self.wait("!window.isOld && document.readyState === 'complete'", selector)

    def press(self, key: str, *, ctrl: bool = False, shift: bool = False) -> None:
        """Press a key and let it go."""
        code, text = _KEYS.get(key) or (_code(key), "" if ctrl else key)
        both = {
            "key": key,
            "code": key if len(key) > 1 else f"Key{key.upper()}",
            "windowsVirtualKeyCode": code,
            "modifiers": (_CTRL if ctrl else 0) | (_SHIFT if shift else 0),
        }
        down = {"type": "keyDown", "text": text} if text and not ctrl else {"type": "rawKeyDown"}
        self.call("Input.dispatchKeyEvent", **down, **both)
        self.call("Input.dispatchKeyEvent", type="keyUp", **both)

    def type(self, text: str) -> None:
        """Type a text where the focus is, key by key, as completion looks at each."""
        for letter in text:
            self.press("Enter" if letter == "\n" else letter)

    def insert(self, text: str) -> None:
        """Put in a text at once, as pasting does."""
        self.call("Input.insertText", text=text)

    # ------------------------------------------------------------------------- surroundings

    def size(self, width: int, height: int, *, scale: float = 1.0) -> None:
        """Make the window so large; narrow ones are phones."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=scale,
            mobile=width < 600,
        )

    def colours(self, scheme: str) -> None:
        """Prefer ``dark`` or ``light``."""
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self.call("Emulation.setEmulatedMedia", features=[feature])

    def scripts(self, *, allowed: bool) -> None:
        """Switch JavaScript off, or on again, for the next pages."""
        self.call("Emulation.setScriptExecutionDisabled", value=not allowed)

    def keep_downloads(self, folder: Path) -> None:
        """Put what is downloaded into a folder."""
        self._browser.call(
            "Browser.setDownloadBehavior",
            behavior="allow",
            browserContextId=self._context,
            downloadPath=str(folder),
        )

    def arrived(self, path: Path) -> None:
        """Wait until a download is there; it has another name before it is whole."""
        end = time.monotonic() + _SECONDS
        while not path.exists():
            assert time.monotonic() < end, f"{path.name} does not arrive"
            self._browser.listen(0.02)


def _code(key: str) -> int:
    # Only of letters and digits is the key's number that of the character.
    return ord(key.upper()) if key.isascii() and key.isalnum() else 0


def _pipe() -> tuple[int, int]:
    """A pipe whose ends are out of the way of descriptors 3 and 4."""
    ends = []
    for end in os.pipe():
        ends.append(fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 20))
        os.close(end)
    return ends[0], ends[1]
