"""What an editor waits for: from a keystroke to what is wrong with the text."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from measure import DOVETAIL, Figure, Sample
from projects import Project
from realistic import MACROS, realistic_models

#: Typed letter by letter: a column that does not exist on the way, and one that does at the end.
TYPED = ",\n  converted.revenue as copied_revenue"


class Server:
    """`dovetail lsp` and as much of a client as it takes to type."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.process = subprocess.Popen([DOVETAIL, "lsp"], cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.request("initialize", {"capabilities": {}, "processId": None, "rootUri": root.as_uri()})
        self.notify("initialized", {})

    def notify(self, method: str, parameters: object, **more: object) -> None:
        text = json.dumps({"jsonrpc": "2.0", "method": method, "params": parameters, **more}).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(text), text))
        self.process.stdin.flush()

    def receive(self) -> dict:
        length = 0
        while line := self.process.stdout.readline().strip():
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        return json.loads(self.process.stdout.read(length))

    def request(self, method: str, parameters: object) -> dict:
        self.notify(method, parameters, id=1)
        while (message := self.receive()).get("id") != 1:
            pass
        return message

    def told(self, uri: str, version: int) -> list[dict]:
        """What is wrong with a version of a text, as soon as that is told."""
        while True:
            message = self.receive()
            parameters = message.get("params") or {}
            is_about = parameters.get("uri") == uri and parameters.get("version") == version
            if is_about and message.get("method") == "textDocument/publishDiagnostics":
                return parameters["diagnostics"]

    def close(self) -> None:
        self.request("shutdown", None)
        self.notify("exit", None)
        self.process.wait()


def typing(quick: bool) -> Iterator[Figure]:
    models, rounds = (50, 1) if quick else (1000, 3)
    project = Project.create("lsp")
    files = realistic_models(models)
    project.write("macros/money.sql", MACROS)
    for path, text in files.items():
        project.write(path, text)
    project.dovetail("check").run()
    paths = [path for path in files if "as running_revenue" in files[path]]
    # One that much depends on, one in the middle, one that nothing reads.
    server = Server(project.root)
    waits: list[float] = []
    for path in (paths[0], paths[len(paths) // 2], paths[-1]):
        waits += typed(server, path, files[path], rounds)
    peak = peak_memory(server.process.pid)
    server.close()
    samples = [Sample(wall=wait, cpu=wait, peak_mb=peak) for wait in waits]
    worst = max(waits)
    name = f"a keystroke in {models} models"
    yield Figure(f"{name}, median of {len(waits)}", "wall", samples, goal=0.1)
    yield Figure(f"{name}, the worst", "wall", [Sample(wall=worst, cpu=worst, peak_mb=peak)], goal=0.1)


def typed(server: Server, path: str, text: str, rounds: int) -> list[float]:
    """Seconds from each letter to what is wrong, each typed when the one before was answered."""
    uri = (server.root / path).as_uri()
    item = {"uri": uri, "languageId": "sql", "version": 0, "text": text}
    server.notify("textDocument/didOpen", {"textDocument": item})
    server.told(uri, 0)
    start = text.index("as running_revenue") + len("as running_revenue")
    line, column = text.count("\n", 0, start), len(text[:start].rpartition("\n")[2])
    waits, version = [], 0
    for _ in range(rounds):
        at = [line, column]
        for letter in TYPED:
            version += 1
            waits.append(change(server, uri, version, at, at, letter))
            at = [at[0] + 1, 0] if letter == "\n" else [at[0], at[1] + 1]
        version += 1
        waits.append(change(server, uri, version, [line, column], at, ""))
    server.notify("textDocument/didClose", {"textDocument": {"uri": uri}})
    return waits


def change(server: Server, uri: str, version: int, start: list[int], end: list[int], text: str) -> float:
    places = [{"line": line, "character": column} for line, column in (start, end)]
    edit = {"range": {"start": places[0], "end": places[1]}, "text": text}
    begun = time.perf_counter()
    named = {"uri": uri, "version": version}
    server.notify("textDocument/didChange", {"textDocument": named, "contentChanges": [edit]})
    problems = server.told(uri, version)
    waited = time.perf_counter() - begun
    if not text and problems:
        raise subprocess.CalledProcessError(0, [DOVETAIL, "lsp"], stderr=f"the text is right again: {problems}")
    return waited


def peak_memory(pid: int) -> float:
    """Megabytes, where the system tells of a process that still runs."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM")), 0.0)
