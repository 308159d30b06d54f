"""The server of the lab: pages and pictures, for browsers on this machine only."""

import asyncio
import socket
import threading
import webbrowser
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket, WebSocketDisconnect

from neuraxis.app.lab import address, page
from neuraxis.app.lab.run import Run
from neuraxis.errors import InputError

HOST = "127.0.0.1"
STATIC = Path(__file__).parent / "static"
_LARGEST_MESSAGE = 1 << 20  # bytes from a browser
_TRIES = 20  # ports


def serve(name: str, port: int, say: Callable[[str], None], open_browser: bool = True) -> None:
    """Serve the lab until Ctrl-C, and open one of its pages in the browser.

    Raises:
        InputError: for an unknown page, or if no port is free.
    """
    if name:
        page.check(name)
    listener, chosen = listen(port)
    if chosen != port:
        say(f"port {port} is in use; using {chosen}")
    where = f"http://{HOST}:{chosen}/{name}"
    say(f"the lab is running at {where} (Ctrl-C stops it)")
    if open_browser:
        threading.Timer(0.5, open_page, (where, say)).start()
    with suppress(KeyboardInterrupt):
        uvicorn.Server(settings()).run(sockets=[listener])


def settings() -> uvicorn.Config:
    """Create the settings of the server."""
    return uvicorn.Config(
        app(),
        log_level="error",
        ws="websockets-sansio",
        ws_max_size=_LARGEST_MESSAGE,
        ws_per_message_deflate=False,  # this machine sends to itself
        timeout_graceful_shutdown=1,
    )


def app() -> Starlette:
    """Create the application."""
    return Starlette(
        routes=[
            Route("/", _index),
            Route("/api/pages", _pages),
            Route("/api/pages/{name}", _describe),
            Mount("/static", StaticFiles(directory=STATIC)),
            Route("/{name}", _page),
            WebSocketRoute("/live/{name}", _live),
        ],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"])],
    )


def listen(port: int) -> tuple[socket.socket, int]:
    """Listen on the port, or on the next one that is free."""
    last = min(port + _TRIES, 1 << 16) - 1
    for number in range(port, last + 1):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, number))
            listener.listen()
            return listener, number
        except OSError:
            listener.close()
    raise InputError(f"no port from {port} to {last} is free; choose another with --port")


def open_page(where: str, say: Callable[[str], None]) -> None:
    """Open an address in the browser, or say that none was found."""
    if not webbrowser.open(where):
        say("no browser was found; open the address above in a browser")


async def _index(request: Request) -> Response:
    return FileResponse(STATIC / "index.html")


async def _pages(request: Request) -> Response:
    return JSONResponse(page.index())


async def _page(request: Request) -> Response:
    try:
        page.check(request.path_params["name"])
    except InputError as error:
        return PlainTextResponse(f"{error}\n", 404)
    return FileResponse(STATIC / "page.html")


async def _describe(request: Request) -> Response:
    try:
        found = await asyncio.to_thread(page.load, request.path_params["name"])
    except InputError as error:
        return PlainTextResponse(f"{error}\n", 404)
    _, ignored = address.read(found, request.query_params)
    return JSONResponse({**found.describe(), "ignored": ignored})


async def _live(connection: WebSocket) -> None:
    """Run a page as long as its browser tab is open."""
    if connection.headers.get("origin") != f"http://{connection.headers.get('host')}":
        await connection.close(1008)  # a page from elsewhere
        return
    try:
        found = await asyncio.to_thread(page.load, connection.path_params["name"])  # others' pictures go on meanwhile
    except InputError:
        await connection.close(1008)
        return
    await connection.accept()
    loop = asyncio.get_running_loop()

    def send(message: bytes) -> None:
        try:
            asyncio.run_coroutine_threadsafe(connection.send_bytes(message), loop).result()
        except Exception:  # the tab has gone, of which there are many ways
            run.close()

    start, _ = address.read(found, connection.query_params)
    run = Run(found, start, send)
    threading.Thread(target=run.work, name=f"lab page {found.name}", daemon=True).start()
    try:
        while True:
            message: Any = await connection.receive_json()
            if isinstance(message, dict):
                run.receive(message)
    except (WebSocketDisconnect, ValueError):
        pass
    finally:
        run.close()
