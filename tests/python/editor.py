"""An editor for tests: a real client of the language server protocol, with the texts that it has open."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from conftest import COMMAND, Project
from lsprotocol import types
from pygls.lsp.client import LanguageClient

Answer = TypeVar("Answer")

#: So many seconds may pass before a test gives up; a machine that is busy is slow.
PATIENCE = 60.0


@dataclass
class Document:
    text: str
    version: int


class Editor:
    """Starts `dovetail lsp` in a project's folder; leave it by `close`, or use it in a `with`."""

    def __init__(self, project: Project, encodings: list[str] | None = None, folder: Path | None = None) -> None:
        self.project = project
        self.documents: dict[str, Document] = {}
        self.published: dict[str, types.PublishDiagnosticsParams] = {}
        self.logged: list[str] = []
        self.loop = asyncio.new_event_loop()
        self.client = LanguageClient("dovetail's tests", "1")
        self.client.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)(
            lambda told: self.published.update({told.uri: told})
        )
        self.client.feature(types.WINDOW_LOG_MESSAGE)(lambda message: self.logged.append(message.message))
        self.wait(self.client.start_io(str(COMMAND), "lsp", cwd=str(folder or project.root)))
        general = types.GeneralClientCapabilities(position_encodings=encodings) if encodings else None
        diagnostics = types.PublishDiagnosticsClientCapabilities(related_information=True)
        capabilities = types.ClientCapabilities(
            general=general,
            text_document=types.TextDocumentClientCapabilities(publish_diagnostics=diagnostics),
            workspace=types.WorkspaceClientCapabilities(
                did_change_watched_files=types.DidChangeWatchedFilesClientCapabilities(dynamic_registration=True)
            ),
        )
        self.watched: list[str] = []
        self.client.feature(types.CLIENT_REGISTER_CAPABILITY)(
            lambda asked: self.watched.extend(registration.method for registration in asked.registrations)
        )
        root = types.WorkspaceFolder(uri=(folder or project.root).as_uri(), name="project")
        parameters = types.InitializeParams(capabilities=capabilities, workspace_folders=[root])
        self.server = self.wait(self.client.initialize_async(parameters))
        self.client.initialized(types.InitializedParams())

    def __enter__(self) -> Editor:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> int:
        """Says goodbye, and returns the server's exit code."""
        self.wait(self.client.shutdown_async(None))
        self.client.exit(None)
        self.wait(self.client.stop())
        self.loop.close()
        return self.client._server.returncode

    def wait(self, answer: Awaitable[Answer]) -> Answer:
        return self.loop.run_until_complete(asyncio.wait_for(answer, PATIENCE))

    def uri(self, path: str) -> str:
        return (self.project.root / path).as_uri()

    def open(self, path: str, text: str | None = None) -> None:
        """Opens a file, or a text that is not saved under its name."""
        text = (self.project.root / path).read_text(encoding="utf-8") if text is None else text
        self.documents[path] = Document(text, 1)
        language = {"sql": "sql", "py": "python"}.get(path.rpartition(".")[2], "yaml")
        item = types.TextDocumentItem(uri=self.uri(path), language_id=language, version=1, text=text)
        self.client.text_document_did_open(types.DidOpenTextDocumentParams(text_document=item))

    def edit(self, path: str, old: str, new: str) -> None:
        """Puts one text in the place of another that stands once, as typing it would."""
        document = self.documents[path]
        assert document.text.count(old) == 1, (old, document.text)
        start = document.text.index(old)
        edited = types.Range(start=position(document.text, start), end=position(document.text, start + len(old)))
        document.text = document.text.replace(old, new)
        self._change(path, types.TextDocumentContentChangePartial(range=edited, text=new))

    def write(self, path: str, text: str) -> None:
        """Puts a text in the place of all that stands there."""
        self.documents[path].text = text
        self._change(path, types.TextDocumentContentChangeWholeDocument(text=text))

    def _change(self, path: str, change: types.TextDocumentContentChangeEvent) -> None:
        document = self.documents[path]
        document.version += 1
        named = types.VersionedTextDocumentIdentifier(uri=self.uri(path), version=document.version)
        self.client.text_document_did_change(
            types.DidChangeTextDocumentParams(text_document=named, content_changes=[change])
        )

    def save(self, path: str) -> None:
        self.project.write(path, self.documents[path].text)
        named = types.TextDocumentIdentifier(uri=self.uri(path))
        self.client.text_document_did_save(types.DidSaveTextDocumentParams(text_document=named))

    def file_changed(self, path: str) -> None:
        """Tells of a file that somebody else wrote."""
        event = types.FileEvent(uri=self.uri(path), type=types.FileChangeType.Changed)
        self.client.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams(changes=[event]))

    def close_document(self, path: str) -> None:
        del self.documents[path]
        named = types.TextDocumentIdentifier(uri=self.uri(path))
        self.client.text_document_did_close(types.DidCloseTextDocumentParams(text_document=named))

    def problems(self, path: str) -> list[types.Diagnostic]:
        """What is wrong with an open text, as soon as its newest version was looked at."""
        version = self.documents[path].version
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            told = self.published.get(self.uri(path))
            if told is not None and told.version == version:
                return list(told.diagnostics)
            self.wait(asyncio.sleep(0.005))
        raise TimeoutError(
            f"nothing was told of version {version} of {path}; last: {self.published.get(self.uri(path))}"
        )

    def told(self, path: str, fits: Any) -> list[types.Diagnostic]:
        """What was told last of a file, as soon as that fits."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            told = self.published.get(self.uri(path))
            if told is not None and fits(told.diagnostics):
                return list(told.diagnostics)
            self.wait(asyncio.sleep(0.005))
        raise TimeoutError(f"what is told of {path} does not fit: {self.published.get(self.uri(path))}")

    def at(self, path: str, needle: str) -> dict[str, Any]:
        """The place in an open text that `|` marks in a stretch of it."""
        text = self.documents[path].text
        stretch = needle.replace("|", "")
        assert text.count(stretch) == 1, (stretch, text)
        offset = text.index(stretch) + needle.index("|")
        return {"text_document": types.TextDocumentIdentifier(uri=self.uri(path)), "position": position(text, offset)}

    def definition(self, path: str, needle: str) -> list[str]:
        found = self.wait(self.client.text_document_definition_async(types.DefinitionParams(**self.at(path, needle))))
        return self.shown(found)

    def references(self, path: str, needle: str, with_declaration: bool = False) -> list[str]:
        context = types.ReferenceContext(include_declaration=with_declaration)
        parameters = types.ReferenceParams(context=context, **self.at(path, needle))
        return self.shown(self.wait(self.client.text_document_references_async(parameters)))

    def hover(self, path: str, needle: str) -> str:
        found = self.wait(self.client.text_document_hover_async(types.HoverParams(**self.at(path, needle))))
        return found.contents.value if found else ""

    def completion(self, path: str, needle: str) -> dict[str, types.CompletionItem]:
        parameters = types.CompletionParams(**self.at(path, needle))
        found = self.wait(self.client.text_document_completion_async(parameters))
        return {item.label: item for item in found}

    def symbols(self, path: str) -> list[str]:
        """`name:text` of what a document holds, what it is made of indented."""
        named = types.TextDocumentIdentifier(uri=self.uri(path))
        found = self.wait(
            self.client.text_document_document_symbol_async(types.DocumentSymbolParams(text_document=named))
        )
        text = self.documents[path].text

        def shown(symbol: types.DocumentSymbol, indent: str) -> list[str]:
            start, end = (offset(text, place) for place in (symbol.selection_range.start, symbol.selection_range.end))
            lines = [f"{indent}{symbol.name}:{text[start:end]}"]
            return lines + [line for child in symbol.children or [] for line in shown(child, indent + "  ")]

        return [line for symbol in found for line in shown(symbol, "")]

    def project_symbols(self, asked: str) -> list[str]:
        found = self.wait(self.client.workspace_symbol_async(types.WorkspaceSymbolParams(query=asked)))
        return sorted(f"{symbol.name} {self._shown(symbol.location)}" for symbol in found)

    def shown(self, locations: Any) -> list[str]:
        """`path:line:text` of each place, where the text is what it marks; sorted."""
        return sorted(self._shown(location) for location in locations or [])

    def _shown(self, location: types.Location) -> str:
        path = location.uri.removeprefix(self.project.root.as_uri() + "/")
        open_text = self.documents.get(path)
        text = open_text.text if open_text else (self.project.root / path).read_text(encoding="utf-8")
        start, end = offset(text, location.range.start), offset(text, location.range.end)
        return f"{path}:{location.range.start.line + 1}:{text[start:end]}"


def position(text: str, offset: int) -> types.Position:
    """A place in a text as editors count: lines, and units of UTF-16."""
    line = text[:offset].rpartition("\n")[2]
    return types.Position(line=text.count("\n", 0, offset), character=len(line.encode("utf-16-le")) // 2)


def offset(text: str, position: types.Position) -> int:
    lines = text.split("\n")
    before = sum(len(line) + 1 for line in lines[: position.line])
    units = lines[position.line].encode("utf-16-le")[: 2 * position.character]
    return before + len(units.decode("utf-16-le"))
