"""A page in Chromium, driven over its debugging pipe: what a reader sees, clicks and types."""

import base64
import itertools
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

_OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage"),
    *("--remote-debugging-pipe", "--window-size=1280,1000"),
)
# Chromium reads commands from descriptor 3 and answers to 4: the pipes are moved there.
_START = """
import fcntl, os, sys
high = [fcntl.fcntl(int(number), fcntl.F_DUPFD, 10) for number in sys.argv[1:3]]
for number, descriptor in zip((3, 4), high):
    os.dup2(descriptor, number)
    os.close(descriptor)
os.execv(sys.argv[3], sys.argv[3:])
"""

_PATIENCE = 60
"""Seconds for a page to become ready, on a machine that has other work."""

_KEYS = {"ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40, "Home": 36, "End": 35}


class Page:
    """A page that is open.

    Attributes:
        complaints: what went to its console as an error or a warning, and errors of its script.
        requests: addresses that it asked for.
    """

    def __init__(self, receive: Any, send: Any) -> None:
        self._receive, self._send = receive, send
        self._numbers = itertools.count(1)
        self._session: str | None = None
        self.complaints: list[str] = []
        self.requests: list[str] = []

    def open(self, path: Path, fragment: str = "", *, dark: bool = False) -> Self:
        """Open a file in a new tab, and wait until its script is ready."""
        self._session = None
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        attached = self.ask("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Runtime", "Log", "Network", "Page"):
            self.ask(f"{domain}.enable")
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.ask("Emulation.setEmulatedMedia", features=scheme)
        self.ask("Page.navigate", url=path.as_uri() + fragment)
        deadline = time.monotonic() + _PATIENCE
        while not self.run("document.documentElement?.dataset.ready"):
            assert time.monotonic() < deadline, f"{path.name} is not ready: {self.complaints}"
            time.sleep(0.02)
        return self

    def run(self, script: str) -> Any:
        """The value of an expression in the page; of a promise what it becomes."""
        answer = self.ask(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def click(self, selector: str, x: float = 0.5, y: float = 0.5) -> None:
        """Click an element, at these shares of its width and height."""
        left, top, width, height = self.run(
            f"""(() => {{ const e = document.querySelector({json.dumps(selector)});
                e.scrollIntoView({{block: "center"}}); const b = e.getBoundingClientRect();
                return [b.left, b.top, b.width, b.height]; }})()"""
        )
        place = {"x": left + x * width, "y": top + y * height}
        self.ask("Input.dispatchMouseEvent", type="mouseMoved", **place)
        for kind in ("mousePressed", "mouseReleased"):
            self.ask("Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, **place)

    def press(self, key: str) -> None:
        """Press and release a key."""
        for kind in ("keyDown", "keyUp"):
            code = _KEYS[key]
            self.ask(
                "Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code
            )

    def screenshot(self, path: Path) -> None:
        """Save what is seen as PNG."""
        path.write_bytes(base64.b64decode(self.ask("Page.captureScreenshot")["data"]))

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command of the protocol, and wait for its answer."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        self._send.write(json.dumps(message).encode() + b"\0")
        self._send.flush()
        while True:
            answer = json.loads(self._next())
            if answer.get("id") == number:
                assert "error" not in answer, answer["error"]
                return dict(answer["result"])
            self._note(answer)

    def _next(self) -> bytes:
        message = bytearray()
        while (byte := self._receive.read(1)) != b"\0":
            assert byte, "Chromium has gone"
            message += byte
        return bytes(message)

    def _note(self, event: dict[str, Any]) -> None:
        match event["method"]:
            case "Runtime.exceptionThrown":
                self.complaints.append(str(event["params"]["exceptionDetails"]))
            case "Runtime.consoleAPICalled" if event["params"]["type"] in ("error", "warning"):
                self.complaints.append(str(event["params"]["args"]))
            case "Log.entryAdded" if event["params"]["entry"]["level"] in ("error", "warning"):
                self.complaints.append(str(event["params"]["entry"]))
            case "Network.requestWillBeSent":
                self.requests.append(event["params"]["request"]["url"])


@contextmanager
def chromium(folder: Path) -> Iterator[Page]:
    """A Chromium whose files are in `folder`; its end is that of the `with` block."""
    assert CHROMIUM is not None
    (theirs_in, ours_out), (ours_in, theirs_out) = os.pipe(), os.pipe()
    start = [sys.executable, "-c", _START, str(theirs_in), str(theirs_out)]
    process = subprocess.Popen(
        [*start, CHROMIUM, *_OPTIONS, f"--user-data-dir={folder}"],
        pass_fds=(theirs_in, theirs_out),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(theirs_in)
    os.close(theirs_out)
    try:
        with open(ours_in, "rb") as receive, open(ours_out, "wb") as send:
            page = Page(receive, send)
            yield page
            page._session = None
            with suppress(OSError, AssertionError):
                page.ask("Browser.close")
    finally:
        process.terminate()
        process.wait(30)
