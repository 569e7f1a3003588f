"""A server from its settings to its end."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from restoreflow.errors import RestoreflowError, UsageError
from restoreflow.models.folder import ModelFolder
from restoreflow.models.resolve import offered_models
from restoreflow.tasks.table import USUAL
from restoreflow.web.limits import Limits

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from restoreflow.restoration.restorer import Restorer

__all__ = ["Serving", "made_application", "serve"]


@dataclass(frozen=True, kw_only=True)
class Serving:
    """How a server is set up.

    Args:
        models: what is offered, the usual one first; none: all that are bundled.
        host: an address of this machine; 127.0.0.1 and ::1 are reached from it alone.
        port: 0 for any that is free.
        limits: what is taken in and kept.
        device, precision, threads: as of `restoration.load.load_model`.
    """

    models: Sequence[str] = ()
    host: str = "127.0.0.1"
    port: int = 7860
    limits: Limits = field(default_factory=Limits)
    device: str = "auto"
    precision: str = "auto"
    threads: int | None = None

    @property
    def local(self) -> bool:
        """Whether it is reached from this machine alone."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def made_application(serving: Serving) -> Starlette:
    """The server as an ASGI application, for servers of one's own.

    Raises:
        UsageError: the extra `app` is not installed.
        ModelError: a model is not available.
    """
    try:
        from restoreflow.web.server import application
    except ModuleNotFoundError as error:
        if error.name != "starlette":
            raise
        raise _not_installed() from error
    from restoreflow.web.workshop import Workshop

    models = list(serving.models) or _usual_first(offered_models())
    workshop = Workshop(models, serving.limits, partial(_load, serving))
    return application(workshop, serving.limits, serving.local)


def serve(serving: Serving, tell: Callable[[str], None]) -> None:
    """Serve until the process is told to end, by Ctrl-C or SIGTERM.

    Args:
        serving: how.
        tell: is given the address when somebody may ask.

    Raises:
        UsageError: the extra `app` is not installed.
        ModelError: a model is not available.
        RestoreflowError: the address is not to be had.
        KeyboardInterrupt: it was told to end, and has.
    """
    app = made_application(serving)
    try:
        import uvicorn
    except ModuleNotFoundError as error:
        raise _not_installed() from error
    with _bound(serving.host, serving.port) as bound:
        host, port = bound.getsockname()[:2]
        tell(f"http://{f'[{host}]' if ':' in host else host}:{port}/")
        config = uvicorn.Config(app, log_level="warning", access_log=False, server_header=False)
        uvicorn.Server(config).run(sockets=[bound])


def _bound(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise RestoreflowError(
            f"{host}, port {port}: {reason}", "choose another with --port, or --port 0 for any"
        ) from error


def _usual_first(names: Sequence[str]) -> list[str]:
    return sorted(names, key=lambda name: name != USUAL.default_model)


def _load(serving: Serving, folder: ModelFolder) -> Restorer:
    from restoreflow.restoration.restorer import load_model

    return load_model(folder, serving.device, serving.precision, threads=serving.threads)


def _not_installed() -> UsageError:
    return UsageError("the app needs its extra", 'pip install "restoreflow[app]"')
