"""Calls asset functions and reads declarations: what Rust asks of the interpreter."""

from __future__ import annotations

import contextvars
import inspect
import sys
from collections.abc import Callable
from typing import Any

from dovetail import _annotations, _capture, _errors, _inputs, _modules, _outputs, _packages, _registry, _version
from dovetail.context import Context
from dovetail.context import current as current_context
from dovetail.errors import DovetailError, InputError, ObjectStoreError, OutputError
from dovetail.io import FileIO, IOManager, PickleIO, resolve
from dovetail.result import Result


class Outcome:
    """What a call gave. ``form`` is 'query', 'stream', 'batches', 'object' or 'error'; ``data`` fits it."""

    __slots__ = ("data", "data_version", "form", "metadata", "types")

    def __init__(
        self,
        form: str,
        data: Any,
        metadata: Callable[[], dict[str, Any]] = dict,
        types: dict[str, str] | None = None,
        data_version: str | None = None,
    ) -> None:
        self.form = form
        self.data = data
        self.metadata = metadata
        self.types = list((types or {}).items())
        self.data_version = data_version


def call(request: dict[str, Any]) -> Outcome:
    """Imports the asset's module, hands over the inputs, calls the function and takes its output.

    Never raises: errors come as an outcome of the form 'error'.
    """
    return Call(request).run()


class Call:
    """One call of one asset function."""

    def __init__(self, request: dict[str, Any]) -> None:
        project = request["project"]
        self.request = request
        self.root = str(project["root"])
        self.path = str(request["path"])
        self.turns = request["turns"]
        self.connection = request["connection"]
        self.capture = _capture.Capture(request["printed"])
        self.kind: str | None = None
        self.surroundings = contextvars.copy_context()

    def run(self) -> Outcome:
        _capture.begin(self.capture)
        streams = False
        try:
            outcome = self.guarded(self._run)
            if isinstance(outcome, dict):
                return Outcome("error", outcome)
            if outcome.form == "batches":
                streams = True
                outcome.data = _Stream(self, outcome.data)
            return outcome
        finally:
            if not streams:
                _capture.end(self.capture)

    def guarded(self, work: Callable[[], Any]) -> Any:
        """What ``work`` returns, or the description of what it raised. Inside, user code may run."""
        turn = None
        try:
            turn = self.turns.enter()
            return self.surroundings.run(work)
        except BaseException as error:
            try:
                return self.describe(error)
            except KeyboardInterrupt:
                # Arrived while the first exception was being described.
                return _cancelled()
        finally:
            if turn is not None:
                turn.over()

    def describe(self, error: BaseException) -> dict[str, Any]:
        if self.turns.is_cancelled() and _errors.is_cancellation(error):
            return _cancelled()
        failure = self.connection.take_failure()
        description = _errors.describe(error, root=self.root, path=self.path, kind=self.kind, failure=failure)
        if description["kind"] == "raised" and description["traceback"]:
            description["traceback"] += self.input_schemas()
        return description

    def _run(self) -> Outcome:
        _capture.current.set(self.capture)
        context = self.context(self.request["asset"])
        current_context.set(context)
        self.kind = "import"
        _modules.expect(self.root, self.request["sources"])
        definition = self.definition(_modules.load(self.root, self.path))
        self.kind = None
        arguments, named = self.arguments(definition.function, context)
        value = self.called(definition.function, arguments, named)
        # Inputs that the function did not keep can go before the output is read.
        del arguments, named
        return self.outcome(value, definition, context)

    def definition(self, module: Any) -> Any:
        return _find(module, self.request["asset"], self.request["function"])

    def called(self, function: Callable[..., Any], arguments: list[Any], named: dict[str, Any]) -> Any:
        value = function(*arguments, **named)
        if inspect.iscoroutine(value) or (inspect.isawaitable(value) and not _outputs.tabular(value)[0]):
            from dovetail import _async

            value = _async.run(value)
        return value

    def outcome(self, value: Any, definition: Any, context: Context) -> Outcome:
        metadata: dict[str, Any] = {}
        stated = None
        if isinstance(value, Result):
            value, metadata, stated = value.data, value.metadata, value.data_version
        if isinstance(value, Result):
            raise OutputError("a `Result` holds data, not another `Result`")
        version = _version.of(definition.data_version, stated, value)
        if self.request["wants_object"]:
            manager = resolve(definition.io_manager)
            payload = _saved(manager, context, value)
            return Outcome("object", (manager.name, payload), lambda: metadata, data_version=version)
        declared = _declared_types(definition.config.get("columns"))
        output = _outputs.output_of(value, declared, self.connection)
        return Outcome(output.form, output.data, lambda: metadata, output.types, version)

    def context(self, asset: str) -> Context:
        project = self.request["project"]
        return Context(
            asset=asset,
            run=self.request["run"],
            project=project["name"],
            root=project["root"],
            target=project["target"],
            target_dir=project["target_dir"],
            files=project["files"],
            vars=project["vars"],
            connection=self.connection,
        )

    def arguments(self, function: Callable[..., Any], context: Context) -> tuple[list[Any], dict[str, Any]]:
        inputs = {entry["parameter"]: entry for entry in self.request["inputs"]}
        try:
            parameters = inspect.signature(function).parameters
        except (TypeError, ValueError):
            parameters = {}
        positional: list[Any] = []
        named: dict[str, Any] = {}
        for name, parameter in parameters.items():
            if name in inputs:
                value = self.value(function, inputs.pop(name))
            elif _annotations.form_of(function, name, None)[0] == "context":
                value = context
            elif parameter.default is not parameter.empty or parameter.kind in (
                parameter.VAR_POSITIONAL,
                parameter.VAR_KEYWORD,
            ):
                continue
            else:
                raise InputError(f"nothing arrives for the parameter `{name}`")
            if parameter.kind is parameter.POSITIONAL_ONLY:
                positional.append(value)
            else:
                named[name] = value
        # A decorator that takes `**kwargs` and does not say what it wraps.
        for name, entry in inputs.items():
            named[name] = self.value(function, entry)
        return positional, named

    def value(self, function: Callable[..., Any], entry: dict[str, Any]) -> Any:
        if "payload" in entry:
            return self.loaded(entry)
        if "source" in entry:
            from dovetail import _observe

            return _observe.value_of(self.root, str(entry["source"]), entry["upstream"])
        form, words = _annotations.form_of(function, entry["parameter"], entry["annotation"])
        if form is None or form == "context":
            parameter, upstream = entry["parameter"], entry["upstream"]
            raise InputError(
                f"the parameter `{parameter}` asks for `{words}`, in which `{upstream}` cannot arrive",
                hint=_annotations.hint(words),
            )
        try:
            return _inputs.convert(form, entry["relation"])
        except DovetailError as error:
            error.args = (f"`{entry['upstream']}` cannot arrive as `{words or 'Relation'}`: {error}",)
            if error.kind == "raised":
                self.kind = "input"
            raise

    def loaded(self, entry: dict[str, Any]) -> Any:
        manager: IOManager
        if entry["manager"] == PickleIO.name:
            # Classes of the project are found by their module's name.
            _modules.know(self.root, entry["path"])
            manager = PickleIO()
        elif entry["manager"] == FileIO.name:
            manager = FileIO()
        else:
            module = _modules.load(self.root, entry["path"])
            manager = resolve(_find(module, entry["upstream"], entry["function"]).io_manager)
            if manager.name != entry["manager"]:
                upstream, before = entry["upstream"], entry["manager"]
                raise ObjectStoreError(
                    f"`{upstream}` was stored by `{before}`, and its IO manager is `{manager.name}` now",
                    hint=f"materialize it again: `dovetail run --select {upstream}`",
                )
        try:
            return manager.load(self.context(entry["upstream"]), entry["payload"])
        except Exception as error:
            text = f"`{manager.name}` could not load `{entry['upstream']}`: {_errors.message_of(error)}"
            raise ObjectStoreError(text) from error

    def input_schemas(self) -> str:
        """The columns of the inputs, for whoever reads the traceback."""
        lines = []
        for entry in self.request["inputs"]:
            if "relation" not in entry:
                what = "a source" if "source" in entry else "an object"
                lines.append(f"  {entry['upstream']}: {what}")
                continue
            try:
                pairs = list(zip(entry["relation"].columns, entry["relation"].types, strict=True))
            except Exception:
                continue
            more = f", and {len(pairs) - 20} more" if len(pairs) > 20 else ""
            lines.append(f"  {entry['upstream']}: {', '.join(f'{name} {kind}' for name, kind in pairs[:20])}{more}")
        return "\n\nInputs:\n" + "\n".join(lines) if lines else ""


def loaded_object(asset: str, parts: dict[str, Any]) -> Any:
    """The object of an asset that ran in memory, as its IO manager loads it."""
    project = parts["project"]
    root, path = str(project["root"]), str(parts["path"])
    if parts["manager"] == PickleIO.name:
        _modules.know(root, path)
        manager: IOManager = PickleIO()
    elif parts["manager"] == FileIO.name:
        manager = FileIO()
    else:
        manager = resolve(_find(_modules.load(root, path), asset, parts["function"]).io_manager)
    context = Context(
        asset=asset,
        run="",
        project=project["name"],
        root=project["root"],
        target=project["target"],
        target_dir=project["target_dir"],
        files=project["files"],
        vars=project["vars"],
        connection=None,
    )
    return manager.load(context, parts["payload"])


class _Stream:
    """Batches that user code makes while the engine reads them; Rust calls `next_item` and `close`."""

    def __init__(self, call: Call, batches: _outputs.Batches) -> None:
        self._call = call
        self._batches = batches
        self.first = batches.first

    def next_item(self) -> Any:
        """An object that speaks Arrow, ``None`` at the end, or the description of an error."""
        self.first = self._batches.first = None
        return self._call.guarded(self._batches.next_table)

    def close(self) -> None:
        self.first = self._batches.first = None
        # A generator's `finally` is user code too; what it raises after its last item changes nothing.
        self._call.guarded(self._batches.close)
        _capture.end(self._call.capture)


def _cancelled() -> dict[str, Any]:
    return {"kind": "cancelled", "message": "the run was cancelled", "traceback": "", "line": None, "hint": None}


def _saved(manager: IOManager, context: Context, value: Any) -> bytes:
    try:
        payload = manager.save(context, value)
    except Exception as error:
        text = f"`{manager.name}` could not store `{context.asset}`: {_errors.message_of(error)}"
        raise ObjectStoreError(text) from error
    if not isinstance(payload, (bytes, bytearray, memoryview)):
        raise ObjectStoreError(f"`{manager.name}.save` returned {type(payload).__name__}, and must return bytes")
    return bytes(payload)


def _find(module: Any, asset: str, function: str) -> Any:
    found = named(_registry.of_module(module.__name__), asset, function)
    found = found or getattr(getattr(module, function, None), "__dovetail_asset__", None)
    if found is None:
        raise InputError(f"the module `{module.__name__}` declares no asset `{asset}` when it is imported")
    return found


def named(definitions: list[Any], name: str, function: str) -> Any:
    """The definition of that name, else the one of that function; ``None`` when there is neither."""
    for definition in definitions:
        if definition.name == name:
            return definition
    for definition in definitions:
        if getattr(definition.function, "__name__", None) == function:
            return definition
    return None


def _declared_types(columns: Any) -> dict[str, str]:
    """The types of ``columns=``: a type's text, or a dictionary with ``type`` (or ``data_type``)."""
    types = {}
    for name, value in (columns or {}).items():
        if isinstance(value, dict):
            value = value.get("type") or value.get("data_type")
        if isinstance(value, str) and value:
            types[name] = value
    return types


def declarations(project: dict[str, Any], path: Any, turns: Any, sources: Any) -> list[dict[str, Any]] | dict[str, Any]:
    """The assets that a module declares when it is imported, or the description of an error."""
    root, path = str(project["root"]), str(path)
    _capture.install()
    turn = None
    try:
        turn = turns.enter()
        _modules.expect(root, sources)
        module = _modules.load(root, path)
        return [_declaration(definition, module) for definition in _registry.of_module(module.__name__)]
    except BaseException as error:
        if turns.is_cancelled() and _errors.is_cancellation(error):
            return _cancelled()
        return _errors.describe(error, root=root, path=path, kind="import")
    finally:
        if turn is not None:
            turn.over()


def _declaration(definition: Any, module: Any) -> dict[str, Any]:
    function = inspect.unwrap(definition.function)
    parameters = []
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise InputError(f"`{definition.name}` takes `{parameter}`: parameters of an asset function name upstreams")
        form, words = _annotations.form_of(function, name, None)
        if form == "context" or parameter.default is not parameter.empty:
            continue
        parameters.append((name, words or None, definition.inputs.get(name, name), definition.reads.get(name)))
    return {
        "name": definition.name,
        "config": definition.config,
        "deps": list(definition.deps),
        "description": definition.description,
        "parameters": parameters,
        "is_async": inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function),
        "line": _line(function, module),
    }


def _line(function: Any, module: Any) -> int | None:
    """The line of `def`, when the function stands in the module's own file."""
    code = getattr(function, "__code__", None)
    if code is None or code.co_filename != getattr(module, "__file__", None):
        return None
    try:
        lines, first = inspect.getsourcelines(function)
    except (OSError, TypeError):
        return code.co_firstlineno
    for offset, line in enumerate(lines):
        if line.lstrip().startswith(("def ", "async def ")):
            return first + offset
    return first


def versions() -> list[tuple[str, str]]:
    """The interpreter and the libraries that matter, without importing them."""
    libraries = ("pyarrow", "polars", "pandas")
    installed = _packages.versions(libraries)
    found = [("Python", sys.version.split()[0]), ("interpreter", sys.executable)]
    return found + [(name, installed.get(name, "not installed")) for name in libraries]
