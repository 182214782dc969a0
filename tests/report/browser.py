# SPDX-License-Identifier: Apache-2.0
"""A headless Chromium that is driven over a pipe: pages of any width, in print, dark or light."""
import base64
import json
import os
import shutil
import subprocess
import tempfile


def find():
    """The path of a Chromium, or None."""
    names = ("chromium", "chromium-headless-shell", "google-chrome", "chrome")
    return os.environ.get("LORAE_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)


class Browser:
    """One tab. Its commands: Chrome DevTools Protocol."""

    def __init__(self, program):
        self.folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        to_browser, self.out = os.pipe()
        self.inn, from_browser = os.pipe()
        wiring = f"exec 3<&{to_browser} 4>&{from_browser}; exec \"$0\" \"$@\""
        self.process = subprocess.Popen(
            ["sh", "-c", wiring, program, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
             "--disable-dev-shm-usage", "--no-first-run", "--remote-debugging-pipe",
             f"--user-data-dir={self.folder.name}", "about:blank"],
            pass_fds=(to_browser, from_browser), stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        os.close(to_browser)
        os.close(from_browser)
        self.buffer, self.last, self.session, self.events = b"", 0, None, []
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network", "Performance"):
            self.ask(domain + ".enable")

    def close(self):
        os.close(self.out)
        os.close(self.inn)
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.folder.cleanup()

    def read(self):
        while b"\0" not in self.buffer:
            piece = os.read(self.inn, 1 << 16)
            if not piece:
                raise RuntimeError("the browser ended")
            self.buffer += piece
        message, _, self.buffer = self.buffer.partition(b"\0")
        return json.loads(message)

    def ask(self, method, **parameters):
        self.last += 1
        message = {"id": self.last, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.read()
            if answer.get("id") == self.last:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self.events.append(answer)

    def open(self, url, width, height=900, dark=False):
        self.events = []
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height,
                 deviceScaleFactor=1, mobile=width < 600)
        self.ask("Emulation.setEmulatedMedia",
                 features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        self.ask("Page.navigate", url=url)
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(self.read())

    def value(self, expression):
        """Of a JavaScript expression."""
        result = self.ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise RuntimeError(f"{expression}: {result['exceptionDetails']}")
        return result["result"].get("value")

    def seconds(self):
        """That the page has kept its thread busy."""
        return next(metric["value"] for metric in self.ask("Performance.getMetrics")["metrics"]
                    if metric["name"] == "TaskDuration")

    def errors(self):
        """Exceptions and complaints since the page was opened."""
        self.value("1")  # what was said before has then come in
        bad = []
        for event in self.events:
            if event.get("method") == "Runtime.exceptionThrown":
                bad.append(event["params"]["exceptionDetails"].get("exception", {}).get("description", "exception"))
            elif event.get("method") == "Log.entryAdded" and event["params"]["entry"]["level"] == "error":
                bad.append(event["params"]["entry"]["text"])
        return bad

    def requests(self):
        """The addresses that the page asked for, without its own and those inside it."""
        return [event["params"]["request"]["url"] for event in self.events
                if event.get("method") == "Network.requestWillBeSent"
                and not event["params"]["request"]["url"].startswith(("file:", "data:"))]

    def screenshot(self, path):
        """Of the whole page, however long."""
        height = self.value("document.documentElement.scrollHeight")
        width = self.value("innerWidth")
        image = self.ask("Page.captureScreenshot", captureBeyondViewport=True,
                         clip={"x": 0, "y": 0, "width": width, "height": height, "scale": 1})
        with open(path, "wb") as file:
            file.write(base64.b64decode(image["data"]))

    def pdf(self, path):
        printed = self.ask("Page.printToPDF", printBackground=False, preferCSSPageSize=True, paperWidth=8.27, paperHeight=11.69)
        with open(path, "wb") as file:
            file.write(base64.b64decode(printed["data"]))
