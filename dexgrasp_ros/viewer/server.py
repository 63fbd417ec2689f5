"""The web server of a page, on the address that was asked for or none."""

from __future__ import annotations

import contextlib
import io
import socket

import viser

from dexgrasp_ros.core.errors import ErrorCode, InputError


def check_address(host: str, port: int) -> int:
    """Refuse an address that cannot be listened on; viser would take another port instead.

    Returns
    -------
    int
        The port, for 0 one that is free now.

    Raises
    ------
    InputError
        OUT_OF_RANGE or INVALID_INPUT.
    """
    if not 0 <= port <= 65535:
        raise InputError(
            f'The port is {port}; expected 0 (any that is free) to 65535.', ErrorCode.OUT_OF_RANGE
        )
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            # As the server itself does: what an ended one left behind is no obstacle.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen()
            return probe.getsockname()[1]
    except OSError as error:
        raise _refused(host, port, error.strerror or str(error)) from error


def open_server(host: str, port: int, title: str) -> viser.ViserServer:
    """Start a server at ``host:port`` (0: any free port).

    Raises
    ------
    InputError
        OUT_OF_RANGE or INVALID_INPUT.
    """
    check_address(host, port)
    # It announces itself whatever `verbose` says; who opens a page prints what is to be printed.
    with contextlib.redirect_stdout(io.StringIO()):
        server = viser.ViserServer(host=host, port=port, label=title, verbose=False)
    if port and server.get_port() != port:  # Somebody was faster.
        close_server(server)
        raise _refused(host, port, 'Address already in use')
    return server


def close_server(server: viser.ViserServer) -> None:
    """Stop a server, without the words that it has for that."""
    with contextlib.redirect_stdout(io.StringIO()):
        server.stop()


def _refused(host: str, port: int, reason: str) -> InputError:
    return InputError(
        f"No page can be served at '{host}', port {port} ({reason}); expected an address of this"
        ' machine and a port that nobody uses, such as 127.0.0.1 and 0 for any free one.'
    )
