"""What no page may do: print an error, throw, or ask for what the policy refuses."""

from __future__ import annotations

from playwright.async_api import BrowserContext, ConsoleMessage, Request, WebError

# Chromium prints these for answers and sockets that a test breaks on purpose; the page shows them as problems.
EXPECTED = ("Failed to load resource", "WebSocket connection to", "ERR_FAILED", "net::ERR_")


class Watch:
    def __init__(self, context: BrowserContext) -> None:
        self.complaints: list[str] = []
        self.addresses: set[str] = set()
        context.on("console", self._printed)
        context.on("weberror", self._thrown)
        context.on("request", self._asked)

    def _printed(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not message.text.startswith(EXPECTED):
            self.complaints.append(f"console: {message.text}")

    def _thrown(self, error: WebError) -> None:
        self.complaints.append(f"thrown: {error.error}")

    def _asked(self, request: Request) -> None:
        self.addresses.add(request.url)
        if not request.url.startswith(("http://127.0.0.1:", "data:", "blob:")):
            self.complaints.append(f"left the machine: {request.url}")

    def check(self) -> None:
        if self.complaints:
            raise AssertionError("\n".join(self.complaints))
