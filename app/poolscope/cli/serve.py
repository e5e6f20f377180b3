"""`poolscope serve`: the dashboard, from a checked port and data folder to the last child's end."""

from __future__ import annotations

import asyncio
import errno
import gc
import inspect
import logging
import os
import secrets
import signal
import socket
import sqlite3
import sys
import threading
import time
import webbrowser
from collections.abc import Callable, Coroutine
from pathlib import Path
from queue import SimpleQueue
from types import FrameType
from typing import Any, NoReturn, Optional

import typer
import uvicorn
from pydantic.fields import FieldInfo

from poolscope.cli import logs
from poolscope.cli.init_process import fork_if_first
from poolscope.cli.output import INTERRUPTED, error_exits, say
from poolscope.errors import BadParameters, CannotServe, ParameterError
from poolscope.main import create_app
from poolscope.runs import earlier_journals
from poolscope.runs.journal import Journal, in_words
from poolscope.settings import GENERATED, Settings, option, read_settings, variable
from poolscope.text.numbers import duration
from poolscope.web.access import is_loopback
from poolscope.web.connections import BoundedHttp, most_connections

EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 (what a browser is to open instead)
# Whatever hangs, the process is gone within ten seconds of its signal; runners end with their channel.
END_LIMIT_S = 8.5
STREAMS_END_S = 3  # uvicorn's patience with open streams; the bench then has about five of the ten seconds
# Objects between two collections. After a thousand connects the default of 700 pauses for 100 ms again and again.
GC_THRESHOLD = (50_000, 20, 50)

log = logging.getLogger(__name__)


def make_command() -> Callable[..., None]:
    """The command's function, with an option for every setting."""

    def serve(**options: Any) -> None:
        """Serve the dashboard.

        Its address is printed as soon as it is up. Settings are read from POOLSCOPE_* in the environment, then a .env
        file, then these options; the last one wins.
        """
        open_browser, token = bool(options.pop("open_browser", False)), options.pop("token", None)
        fork_if_first()
        with error_exits():
            settings = read_settings(options)
            chosen = choose_token(settings, token)
            serve_until_signal(settings.model_copy(update={"token": chosen}), open_browser, chosen != settings.token)

    opening: Any = typer.Option(
        False, "--open/--no-open", help="Open a browser once the server is up.", show_default=False
    )
    token: Any = typer.Option(
        None,
        "--token/--no-token",
        help=f"{Settings.model_fields['token'].description} --token generates one unless {variable('token')} is set.",
        show_default=False,
    )
    others = {name: info for name, info in Settings.model_fields.items() if name != "token"}
    parameters = [
        *map(setting_parameter, others, others.values()),
        # A value on the command line could be read in the list of processes.
        inspect.Parameter("token", inspect.Parameter.KEYWORD_ONLY, default=token, annotation=Optional[bool]),  # noqa: UP045 (as below)
        inspect.Parameter("open_browser", inspect.Parameter.KEYWORD_ONLY, default=opening, annotation=bool),
    ]
    serve.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # typer reads it
    return serve


def choose_token(settings: Settings, wanted: bool | None) -> str:
    """The token that is needed, '' for none. `wanted` is what the command line says.

    Raises BadParameters where others could reach the server and nobody has said who may use it.
    """
    open_to_others = not is_for_this_machine_alone(settings.host)
    if wanted is None:
        undecided = open_to_others and not settings.demo and not settings.insecure
        wanted = undecided if settings.token == GENERATED else bool(settings.token)
    if wanted:
        return secrets.token_urlsafe(24) if settings.token in ("", GENERATED) else settings.token
    if open_to_others and not settings.demo and not settings.insecure:
        raise BadParameters(
            (
                ParameterError(
                    "host",
                    f"{settings.host} can be reached from other machines. Say who may start runs there: --token "
                    "(whoever has the link), --demo (anybody, within narrow limits) or --insecure (anybody, without "
                    "limits).",
                ),
            )
        )
    return ""


def is_for_this_machine_alone(host: str) -> bool:
    """Whether nobody else can reach what listens at a host's addresses; an unknown host is refused later on."""
    try:
        found = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError:
        return True
    return all(is_loopback(str(address[0])) for *_, address in found)


def setting_parameter(name: str, info: FieldInfo) -> inspect.Parameter:
    """A setting as a parameter of the command's function; None unless the option is given."""
    default: Any = typer.Option(
        None,
        f"{option(name)}/--no-{name}" if info.annotation is bool else option(name),
        help=f"{info.description} (default {default_in_words(info)}; {variable(name)})",
        show_default=False,
        min=bound(info, "ge"),
        max=bound(info, "le"),
    )
    annotation: Any = Optional[info.annotation]  # noqa: UP045 (made at run time)
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def default_in_words(info: FieldInfo) -> str:
    value = info.get_default(call_default_factory=True, validated_data={})
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else str(value) or "empty"


def bound(info: FieldInfo, name: str) -> int | None:
    return next((getattr(each, name) for each in info.metadata if hasattr(each, name)), None)


def serve_until_signal(settings: Settings, open_browser: bool, token_is_new: bool) -> None:
    """Serve until SIGTERM (exit 0) or SIGINT (exit 130). Raises CannotServe."""
    # In the image a server takes its memory from the C library, which gives back what a crowd of viewers took;
    # Python's own allocator keeps most of it. What is measured has the allocator that Python has everywhere else.
    if os.environ.get("PYTHONMALLOC") == "malloc":
        del os.environ["PYTHONMALLOC"]
    logs.set_up(settings.log_level, settings.log)
    asyncio.run(check_journal(settings.journal_path))
    sockets = listen(settings.host, settings.port)
    host, port = settings.host, sockets[0].getsockname()[1]
    if host not in EVERYWHERE:  # who listens on a name also answers to it
        settings = settings.model_copy(update={"allowed_hosts": f"{settings.allowed_hosts},{host}"})
    address = f"http://{EVERYWHERE.get(host) or (f'[{host}]' if ':' in host else host)}:{port}"
    # A token that was given is known to who gave it, and does not belong into a log.
    link = f"{address}/?token={settings.token}" if token_is_new and settings.token else address
    app = create_app(settings)
    BoundedHttp.most = most_connections()
    config = uvicorn.Config(
        app,
        http=BoundedHttp,
        lifespan="on",
        ws="none",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,  # ours, web/access.py: this one believes any process of this machine
        timeout_graceful_shutdown=STREAMS_END_S,
    )
    scheduler = app.state.app_state.scheduler

    async def end() -> None:
        """After SIGTERM another server is about to take this one's place; after Ctrl-C nobody waits for anything."""
        restarts = server.ended_by == signal.SIGTERM
        if restarts:
            await scheduler.drain(settings.restart_seconds, lambda: server.force_exit)
        await scheduler.close(keep_waiting=restarts)

    server = Server(config, lambda: announce(link, open_browser), end)
    leave_in_time(server, END_LIMIT_S, settings.restart_seconds)
    try:
        server.run(sockets)
    except SystemExit:  # uvicorn's way of saying that the application did not start
        raise CannotServe("The server could not start; see the lines above.") from None
    leave(server)


def leave(server: Server) -> NoReturn:
    """Exit as the signal deserves, at once: all is closed, and what Python would tidy up takes long under load."""
    logging.shutdown()
    sys.stdout.flush()
    os._exit(INTERRUPTED if server.ended_by == signal.SIGINT else 0)


def leave_in_time(server: Server, seconds: float, restart_s: float) -> None:
    """Leave so long after a signal if the server has not ended by then, however busy its event loop is.

    `restart_s` longer after one that gives live runs their time.
    """

    def watch() -> None:
        number = server.signals.get()
        time.sleep(seconds + (restart_s if number == signal.SIGTERM else 0))
        log.error("Not everything ended within %s; the next start cleans up what is left.", duration(seconds))
        leave(server)

    threading.Thread(target=watch, name="leave in time", daemon=True).start()


class Server(uvicorn.Server):
    """Calls `started` as soon as it answers, and `end` after a signal, `ended_by`, before any stream is cut.

    sse-starlette and uvicorn would cut all streams at once. A run that is ended first has a last record, and its
    followers get that and the stream's own end.
    """

    def __init__(
        self, config: uvicorn.Config, started: Callable[[], None], end: Callable[[], Coroutine[Any, Any, None]]
    ) -> None:
        super().__init__(config)
        self.ended_by: int | None = None
        self.signals: SimpleQueue[int] = SimpleQueue()  # the one queue that a signal's handler may put into
        self._when_started, self._end = started, end

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._when_started()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.force_exit = self.ended_by is not None  # a second signal waits for nobody
        self.ended_by = sig
        self.signals.put(sig)

    async def on_tick(self, counter: int) -> bool:
        if self.ended_by is not None and not self.should_exit:
            await self._end()
            self.should_exit = True
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await super().shutdown(sockets)
        if self.force_exit:  # uvicorn leaves the application's own end out then, which logs that it was cancelled
            await self.lifespan.shutdown()


def announce(address: str, open_browser: bool) -> None:
    """Print the address of a server that answers now, and freeze what is in memory."""
    typer.echo(f"Poolscope is running at {address} (press Ctrl-C to stop)")
    # What is here now stays: no later collection needs to look at it.
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLD)
    if open_browser:  # in a thread: a browser in the terminal returns only when it is left
        threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()


async def check_journal(path: Path) -> None:
    """Raises CannotServe when runs can't be kept there."""
    journal = Journal(path)
    try:
        await journal.open()
    except (OSError, sqlite3.Error) as error:
        raise CannotServe(
            f"Runs can't be kept in {path}: {in_words(error)}. Name a writable folder with --data or POOLSCOPE_DATA."
        ) from None
    finally:
        await journal.close()
    if journal.set_aside:
        say(earlier_journals.in_words(str(path), [str(journal.set_aside)]))


def listen(host: str, port: int) -> list[socket.socket]:
    """Sockets that listen on every address of `host`. Raises CannotServe."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError:
        raise CannotServe(f"{host!r} is not an address of this machine. Choose another with --host.") from None
    sockets: list[socket.socket] = []
    for family, address in dict.fromkeys((family, str(address[0])) for family, _, _, _, address in found):
        try:
            sockets.append(socket.create_server((address, port), family=family, backlog=2048))
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL and (sockets or len(found) > 1):
                continue  # 'localhost' has an IPv6 address even where the machine has no IPv6
            for each in sockets:
                each.close()
            raise CannotServe(why_not_listening(host, port, error)) from None
        port = sockets[0].getsockname()[1]  # of port 0, the one that was free
    if not sockets:
        raise CannotServe(f"{host!r} is not an address of this machine. Choose another with --host.")
    return sockets


def why_not_listening(host: str, port: int, error: OSError) -> str:
    """Why nothing can listen there, and what to do about it."""
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} of {host} is in use. Choose another with --port; --port 0 picks a free one."
    if error.errno == errno.EACCES:
        return f"This user may not listen on port {port}. Choose 1024 or above with --port; --port 0 picks a free one."
    return f"Can't listen on {host}, port {port}: {error.strerror}. Choose others with --host and --port."
