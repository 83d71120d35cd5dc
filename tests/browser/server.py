"""Start a JupyterLab that knows nothing of the machine's own settings, and stop it again."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

START_SECONDS = 90


@dataclass(frozen=True)
class Lab:
    """A running JupyterLab: its address, token and root folder."""

    url: str
    token: str
    root: Path

    def page(self, notebook: str) -> str:
        """Return the address of one notebook, in a window with nothing else open."""
        return f"{self.url}/lab/workspaces/auto-t/tree/{notebook}?reset&token={self.token}"


@contextlib.contextmanager
def jupyterlab(root: Path, *, theme: str = "JupyterLab Light") -> Iterator[Lab]:
    """Serve the folder `root` on a free loopback port, with a random token, until the block ends."""
    with tempfile.TemporaryDirectory(prefix="lab-", ignore_cleanup_errors=True) as home:
        _write_settings(Path(home), theme)
        port, token = _free_port(), secrets.token_hex(16)
        log = Path(home) / "log.txt"
        with log.open("w", encoding="utf-8") as out:
            process = subprocess.Popen(
                _command(root, port), env=_environment(Path(home), token), stdout=out, stderr=out, cwd=root
            )
            try:
                lab = Lab(f"http://127.0.0.1:{port}", token, root)
                _wait(lab, process, log)
                yield lab
            finally:
                _stop(lab, process)


def _command(root: Path, port: int) -> list[str]:
    options = {
        "ServerApp.ip": "127.0.0.1",
        "ServerApp.port": port,
        "ServerApp.port_retries": 0,
        "ServerApp.open_browser": False,
        "ServerApp.root_dir": str(root),
        "ServerApp.allow_root": True,  # containers often run as root; it listens on loopback only
    }
    return [sys.executable, "-m", "jupyterlab", *(f"--{name}={value}" for name, value in options.items())]


def _environment(home: Path, token: str) -> dict[str, str]:
    folders = {
        "JUPYTER_CONFIG_DIR": home / "config",
        "JUPYTER_DATA_DIR": home / "data",
        "JUPYTER_RUNTIME_DIR": home / "runtime",
        "JUPYTERLAB_SETTINGS_DIR": home / "settings",
        "JUPYTERLAB_WORKSPACES_DIR": home / "workspaces",
        "IPYTHONDIR": home / "ipython",
        "COURSE_WORKBOOK": home / "workbook",
    }
    for folder in folders.values():
        folder.mkdir(exist_ok=True)
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    # The project is found even where it is not installed; the token stays out of the list of processes.
    path = os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    own = {name: str(folder) for name, folder in folders.items()}
    return {**os.environ, **own, **threads, "JUPYTER_TOKEN": token, "PYTHONPATH": path}


def _write_settings(home: Path, theme: str) -> None:
    settings = {
        "apputils-extension/themes": {"theme": theme},
        "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
        # Every cell stays in the page, wherever it is scrolled to.
        "notebook-extension/tracker": {"windowingMode": "none"},
        "docmanager-extension/plugin": {"autosave": False},
    }
    for name, values in settings.items():
        path = home / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values), encoding="utf-8")


def _free_port() -> int:
    """Return a port that nobody listens on, and none that a system hands out: kernels of other workers take those."""
    while True:
        port = 20_000 + secrets.randbelow(10_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def _wait(lab: Lab, process: subprocess.Popen, log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if process.poll() is not None:
            raise RuntimeError(f"JupyterLab stopped at once:\n{log.read_text(encoding='utf-8')[-3000:]}")
        with contextlib.suppress(OSError):
            request = urllib.request.Request(f"{lab.url}/api/status", headers={"Authorization": f"token {lab.token}"})
            with urllib.request.urlopen(request, timeout=5):
                return
        time.sleep(0.2)
    raise RuntimeError(
        f"JupyterLab did not answer within {START_SECONDS} s:\n{log.read_text(encoding='utf-8')[-3000:]}"
    )


def _stop(lab: Lab, process: subprocess.Popen) -> None:
    """Ask the server to shut down, so that it stops its kernels too; insist if it does not."""
    if process.poll() is None:
        request = urllib.request.Request(
            f"{lab.url}/api/shutdown", method="POST", headers={"Authorization": f"token {lab.token}"}
        )
        with contextlib.suppress(OSError):
            urllib.request.urlopen(request, timeout=5).close()
    for insist in (lambda: None, process.terminate, process.kill):
        insist()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=10)
            return
