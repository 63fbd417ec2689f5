"""Nothing is fetched at run time: the commands work where there is no network at all."""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import trimesh

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / 'dexgrasp_ros'
# Of the standard library and of what the environments hold: what opens connections.
CLIENTS = {
    'aiohttp', 'asyncio', 'ftplib', 'http', 'httpx', 'imaplib', 'poplib', 'requests', 'smtplib',
    'socket', 'socketserver', 'ssl', 'telnetlib', 'urllib', 'urllib3', 'websockets', 'xmlrpc',
}  # fmt: skip
ALLOWED = {
    'cli/demo_page.py': {'urllib.request'},  # asks the page of its own viewer_node, on 127.0.0.1
    'viewer/server.py': {'socket'},  # tries whether the page's address can be listened on
}
# Paths in URIs only; it opens nothing.
HARMLESS = {'urllib.parse'}


@pytest.fixture(scope='module')
def alone():
    """What is put in front of a command, so that it has no interface, not even the loopback."""
    command = ['unshare', '--net', '--map-root-user']
    if shutil.which('unshare') is None:
        pytest.skip('no network namespace: no unshare (util-linux)')
    done = subprocess.run([*command, 'true'], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f'no network namespace: {done.stderr.strip()}')
    return command


def test_there_is_no_network_in_there(alone):
    listed = [*alone, 'cat', '/proc/self/net/dev', '/proc/self/net/route']
    text = subprocess.run(listed, capture_output=True, text=True, check=True).stdout
    devices = [line.split(':')[0].strip() for line in text.splitlines() if ':' in line]
    routes = [line for line in text.splitlines() if line.startswith(tuple(devices))]
    assert devices == ['lo'] and routes == []
    script = "import socket; socket.create_connection(('127.0.0.1', 9), timeout=1)"
    done = subprocess.run(
        [*alone, sys.executable, '-c', script], capture_output=True, text=True, check=False
    )
    assert 'unreachable' in done.stderr


def test_grasps_are_found_and_a_hand_is_read_without_a_network(alone, tmp_path):
    box = tmp_path / 'box.obj'
    trimesh.creation.box((0.05, 0.05, 0.08)).export(box)
    search = [
        'synthesize', str(box), '--hand', 'barrett', '--out', str(tmp_path / 'grasps.npz'),
        '--seed-count', '4', '--max-grasps', '1', '--iterations', '30', '--device', 'cpu',
    ]  # fmt: skip
    # One process, for the imports take longer than what they are for.
    script = f"from dexgrasp_ros.cli import main; main(['hand', 'barrett']); main({search!r})"
    done = subprocess.run(
        [*alone, sys.executable, '-c', script],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert (tmp_path / 'grasps.npz').stat().st_size


def test_no_module_opens_connections():
    found = {
        path.relative_to(PACKAGE).as_posix(): clients(path.read_text(encoding='utf-8'))
        for path in PACKAGE.rglob('*.py')
    }
    assert {path: names for path, names in found.items() if names} == ALLOWED


def clients(source: str) -> set[str]:
    """Modules that open connections, of those that some source imports, wherever in it."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            # `from urllib import request` imports a module as well.
            whole = {f'{node.module}.{alias.name}' for alias in node.names}
            names |= whole if node.module in {'urllib', 'http', 'xmlrpc'} else {node.module}
    return {name for name in names if name.split('.')[0] in CLIENTS} - HARMLESS


@pytest.mark.parametrize(
    ('source', 'found'),
    [
        ('import os, requests', {'requests'}),
        ('def f():\n  from urllib import request', {'urllib.request'}),
        ('from urllib.parse import unquote', set()),
        ('from http.client import HTTPConnection', {'http.client'}),
        ('from . import http', set()),
    ],
)
def test_the_rule_sees_what_it_forbids(source, found):
    assert clients(source) == found
