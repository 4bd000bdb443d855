"""How `dovetail lsp` lives beside the database, other programs and clients that err."""

from __future__ import annotations

import json
import random
import re
import subprocess

from conftest import COMMAND, Project
from editor import Editor, position
from editor_project import TOTALS, codes
from lsprotocol import types


def test_the_database_is_neither_opened_nor_locked(orders: Project) -> None:
    orders.write("models/totals.py", TOTALS.replace(', columns={"customer": "VARCHAR", "total": "DOUBLE"}', ""))
    orders.write("models/report.sql", "select nothing from totals\n")
    orders.write(
        "models/run.py", "from dovetail import asset\nimport os, time\n\n\n@asset\ndef waits():\n    time.sleep(0)\n"
    )
    with Editor(orders) as editor:
        editor.open("models/report.sql")
        # Nobody knows yet what the function gives.
        assert editor.problems("models/report.sql") == []
        orders.dovetail("run", "-s", "+totals", "--no-check")
        editor.edit("models/report.sql", "nothing from", "nothing  from")
        assert editor.problems("models/report.sql") == []
        # A command looks at the database, and the editor takes what it remembers.
        orders.dovetail("check", code=2)
        editor.edit("models/report.sql", "nothing  from", "nothing from")
        assert codes(editor.problems("models/report.sql")) == ["DT0801"]
        # Writing works while the editor runs.
        orders.dovetail("run", "-s", "stg_orders")
        locks = subprocess.run(["cat", "/proc/locks"], capture_output=True, text=True).stdout
        inode = (orders.root / f"{orders.root.name}.duckdb").stat().st_ino
        assert f":{inode} " not in locks


def test_modules_that_must_be_imported_are_imported_as_they_are_saved(project: Project) -> None:
    factory = """from dovetail import asset

print("noise that is no message")

def make(name):
    @asset(name=name, columns={"id": "BIGINT"})
    def inner():
        raise NotImplementedError

for number in range(2):
    make(f"made_{number}")
"""
    project.write("models/factory.py", factory)
    project.write("models/reader.sql", "select nothing from made_1\n")
    with Editor(project) as editor:
        editor.open("models/reader.sql")
        assert codes(editor.problems("models/reader.sql")) == ["DT0801"]
        editor.open("models/factory.py")
        editor.edit("models/factory.py", '"id": "BIGINT"', '"nothing": "BIGINT"')
        # It is not imported before it is saved.
        editor.problems("models/factory.py")
        assert codes(editor.told("models/reader.sql", bool)) == ["DT0801"]
        editor.save("models/factory.py")
        editor.told("models/reader.sql", lambda problems: not problems)


def test_bad_messages_do_not_end_the_server(orders: Project) -> None:
    server = subprocess.Popen([COMMAND, "lsp"], cwd=orders.root, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def send(text: str) -> None:
        data = text.encode()
        server.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(data), data))
        server.stdin.flush()

    def receive() -> dict:
        length = 0
        while line := server.stdout.readline().strip():
            length = int(line.split(b":")[1])
        return json.loads(server.stdout.read(length))

    def answer(number: int) -> dict:
        while (message := receive()).get("id") != number:
            pass
        return message

    def ask(number: int, method: str, parameters: object) -> dict:
        send(json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": parameters}))
        return answer(number)

    assert ask(1, "textDocument/hover", {})["error"]["code"] == -32002
    assert "capabilities" in ask(2, "initialize", {"capabilities": {}, "processId": None, "rootUri": None})["result"]
    send("{ this is no JSON")
    send("[1, 2]")
    assert ask(3, "textDocument/hover", {"position": "nowhere"})["error"]["code"] == -32602
    assert ask(4, "no/such/method", {})["error"]["code"] == -32601
    elsewhere = {"textDocument": {"uri": "file:///elsewhere.sql"}, "position": {"line": 7, "character": 7}}
    assert ask(5, "textDocument/definition", elsewhere)["result"] == []
    send(json.dumps({"jsonrpc": "2.0", "method": "textDocument/didChange", "params": {"textDocument": 5}}))
    assert ask(6, "shutdown", None)["result"] is None
    send(json.dumps({"jsonrpc": "2.0", "method": "exit"}))
    assert server.wait(30) == 0


def test_a_project_below_the_folder_that_is_open(orders: Project) -> None:
    with Editor(orders, folder=orders.root.parent) as editor:
        editor.open("models/stg_orders.sql")
        editor.edit("models/stg_orders.sql", "customer,", "custmer,")
        assert codes(editor.problems("models/stg_orders.sql"))[0] == "DT0801"


def test_an_editor_that_is_gone_ends_the_server(orders: Project) -> None:
    server = subprocess.Popen([COMMAND, "lsp"], cwd=orders.root, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    server.stdin.close()
    assert server.wait(30) == 1


def test_upstreams_that_are_only_named(orders: Project) -> None:
    function = """from dovetail import asset


@asset(deps=["report", "raw.regions"], inputs={"data": "stg_orders"})
def sent(data):
    return data
"""
    with Editor(orders) as editor:
        editor.open("models/sent.py", function)
        assert editor.problems("models/sent.py") == []
        assert editor.definition("models/sent.py", '"rep|ort"') == ["models/report.sql:1:"]
        assert editor.definition("models/sent.py", '"raw.reg|ions"') == ["models/properties.yml:5:regions"]
        assert editor.definition("models/sent.py", '"stg_or|ders"') == ["models/stg_orders.sql:1:"]
        assert "report" in editor.completion("models/sent.py", 'deps=["|report')
        editor.edit("models/sent.py", '"report"', '"reprt"')
        (problem,) = editor.problems("models/sent.py")
        assert "did you mean `report`?" in problem.message


PIECES = [
    "select ",
    "from ",
    "{{ ",
    "}}",
    "ref('",
    "')",
    "orders",
    "customer",
    "amount",
    ",",
    "(",
    ")",
    "'",
    "as x",
    ".",
]
PIECES += [
    "\n",
    "  - ",
    "name: ",
    "columns:",
    "def f(",
    "@asset",
    "{% if x %}",
    "--",
    "ä𝄞",
    "with a as (",
    "*",
    "total",
]


def mutated(text: str, chance: random.Random) -> str:
    """The text with a stretch of it replaced by something that stands in such files."""
    start = chance.randrange(len(text) + 1)
    end = min(len(text), start + chance.choice([0, 0, 1, 3, 12]))
    return text[:start] + chance.choice(["", *PIECES]) + text[end:]


def test_whatever_is_typed_the_server_answers(orders: Project) -> None:
    chance = random.Random(29)
    paths = [
        "models/stg_orders.sql",
        "models/totals.py",
        "models/report.sql",
        "models/properties.yml",
        "macros/money.sql",
    ]
    with Editor(orders) as editor:
        for path in paths:
            editor.open(path)
        texts = {path: editor.documents[path].text for path in paths}
        for _ in range(120):
            path = chance.choice(paths)
            text = editor.documents[path].text
            editor.write(path, texts[path] if chance.random() < 0.2 else mutated(text, chance))
            text = editor.documents[path].text
            place = position(text, chance.randrange(len(text) + 1))
            at = {"text_document": types.TextDocumentIdentifier(uri=editor.uri(path)), "position": place}
            # Each of them raises where the server has no answer.
            editor.wait(editor.client.text_document_completion_async(types.CompletionParams(**at)))
            editor.wait(editor.client.text_document_hover_async(types.HoverParams(**at)))
            editor.wait(editor.client.text_document_definition_async(types.DefinitionParams(**at)))
            context = types.ReferenceContext(include_declaration=True)
            editor.wait(editor.client.text_document_references_async(types.ReferenceParams(context=context, **at)))
        editor.problems(path)
        for path in paths:
            editor.write(path, texts[path])
        for path in paths:
            assert editor.problems(path) == [], path
        assert editor.logged == []


def test_the_editor_says_whatever_check_says(orders: Project) -> None:
    chance = random.Random(31)
    orders.write("models/rich.sql", "select customer, total * 2 as double_total from totals where total > 3\n")
    orders.write(
        "models/last.sql", "with a as (select * from {{ ref('rich') }})\nselect customer, double_total from a\n"
    )
    paths = ["models/stg_orders.sql", "models/totals.py", "models/rich.sql", "models/last.sql", "models/properties.yml"]
    texts = {path: (orders.root / path).read_text() for path in paths}
    told = 0
    with Editor(orders) as editor:
        for path in paths:
            editor.open(path)
        for _ in range(40):
            path = chance.choice(paths)
            words = re.findall(r"\w+", texts[path])
            word = chance.choice(words)
            text = re.sub(rf"\b{word}\b", chance.choice([word + "x", chance.choice(words)]), texts[path], count=1)
            editor.write(path, text)
            editor.save(path)
            editor.problems(path)
            said = orders.dovetail("--log-format", "json", "check", code=None).stderr.splitlines()
            problems = [json.loads(line) for line in said if '"code"' in line]
            errors = {(p["code"], p["path"], p["line"]) for p in problems if p["level"] == "error"}
            # What is saved and was looked at is what the command saw.
            shown = {
                (problem.code, uri.removeprefix(orders.root.as_uri() + "/"), problem.range.start.line + 1)
                for uri, published in editor.published.items()
                for problem in published.diagnostics
            }
            assert errors <= shown, (path, text, errors - shown)
            told += len(errors)
            editor.write(path, texts[path])
            editor.save(path)
            assert editor.problems(path) == []
    assert told > 20, told
