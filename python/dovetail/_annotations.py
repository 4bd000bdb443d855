"""What a parameter's annotation asks for, without importing what it names."""

from __future__ import annotations

import ast
import functools
import inspect
import re
from collections.abc import Callable
from typing import Any

#: Forms by the module (its first part) and the name of a type.
_TYPES = {
    ("dovetail", "Relation"): "relation",
    ("dovetail", "Context"): "context",
    ("pyarrow", "Table"): "table",
    ("pyarrow", "RecordBatchReader"): "reader",
    ("polars", "DataFrame"): "polars",
    ("polars", "LazyFrame"): "polars_lazy",
    ("pandas", "DataFrame"): "pandas",
}
_ITERATORS = {"Iterator", "Iterable", "Generator"}
_SHORT = {"pa": "pyarrow", "pl": "polars", "pd": "pandas"}
#: Key under which the names travel that the function's file imports, for those that only a type checker imports.
_FILE = "__dovetail_file__"

POSSIBLE = (
    "`Relation`, `pa.Table`, `pa.RecordBatchReader`, `Iterator[pa.RecordBatch]`, `pl.DataFrame`, `pl.LazyFrame` "
    "or `pd.DataFrame`"
)


#: What to import for a name that is not there, or to write in its place.
_MEANT = {
    "Relation": "`from dovetail import Relation`",
    "Context": "`from dovetail import Context`",
    "DataFrame": "write `pl.DataFrame` or `pd.DataFrame`",
    "LazyFrame": "write `pl.LazyFrame`",
    "Table": "write `pa.Table`",
    "RecordBatchReader": "write `pa.RecordBatchReader`",
}


def hint(words: str) -> str:
    """What to write where an annotation asks for nothing that can arrive."""
    return _MEANT.get(words.strip("'\" "), f"possible are {POSSIBLE}")


def form_of(function: Callable[..., Any], parameter: str, text: str | None) -> tuple[str | None, str]:
    """The form that a parameter asks for (``None`` when it is not known) and the annotation in words."""
    function = inspect.unwrap(function)
    annotation = getattr(function, "__annotations__", {}).get(parameter, inspect.Parameter.empty)
    if annotation is inspect.Parameter.empty:
        # What the syntax tree says still counts when a decorator hides the function.
        return (_of_text(text, {}) if text else "relation"), text or ""
    names = dict(getattr(function, "__globals__", {}))
    names[_FILE] = getattr(getattr(function, "__code__", None), "co_filename", None)
    return _of(annotation, names), _words(annotation)


def _of(annotation: Any, names: dict[str, Any]) -> str | None:
    if annotation is None or annotation is Any or annotation is inspect.Parameter.empty:
        return "relation"
    if hasattr(annotation, "__forward_arg__"):
        annotation = annotation.__forward_arg__
    if isinstance(annotation, str):
        return _of_string(annotation, names)
    # `type X = ...` of Python 3.12.
    if type(annotation).__name__ == "TypeAliasType":
        return _of(annotation.__value__, names)
    module, name = _home(annotation)
    origin = getattr(annotation, "__origin__", None)
    arguments = getattr(annotation, "__args__", ())
    if hasattr(annotation, "__metadata__"):
        return _of(origin, names)
    if name in ("Union", "Optional", "UnionType") or type(annotation).__name__ in ("UnionType", "_UnionGenericAlias"):
        forms = {_of(item, names) for item in arguments if item is not type(None)}
        return forms.pop() if len(forms) == 1 else None
    if origin is not None:
        _, outer = _home(origin)
        if outer in _ITERATORS and arguments:
            return _of_item(arguments[0], names)
        return _of(origin, names)
    return _TYPES.get((module, name))


def _of_item(item: Any, names: dict[str, Any]) -> str | None:
    """The form of `Iterator[item]`."""
    if hasattr(item, "__forward_arg__"):
        item = item.__forward_arg__
    if isinstance(item, str):
        item = _evaluated(item, names)
        if isinstance(item, str):
            return "batches" if item.split(".")[-1] == "RecordBatch" else None
    if hasattr(item, "__metadata__"):
        item = item.__origin__
    return "batches" if _home(item) == ("pyarrow", "RecordBatch") else None


def _home(annotation: Any) -> tuple[str, str]:
    module = getattr(annotation, "__module__", "") or ""
    name = getattr(annotation, "__qualname__", None) or getattr(annotation, "__name__", None)
    return module.partition(".")[0].lstrip("_"), str(name or getattr(annotation, "_name", None) or "")


def _evaluated(text: str, names: dict[str, Any]) -> Any:
    """The type that a text names, or the text itself where the name is not there (under `TYPE_CHECKING`)."""
    try:
        return eval(text, dict(names))
    except Exception:
        return text


def _of_string(text: str, names: dict[str, Any]) -> str | None:
    value = _evaluated(text, names)
    if not isinstance(value, str):
        form = _of(value, names)
        if form is not None:
            return form
    return _of_text(text, names)


def _of_text(text: str | None, names: dict[str, Any]) -> str | None:
    """Decides by the annotation's text, where its names cannot be looked up."""
    if not text:
        return "relation"
    text = re.sub(r"\s+", "", text)
    if text[:1] in "\"'" and text[-1:] == text[:1]:
        return _of_string(text[1:-1], names)
    text = re.sub(r"\|None$|^None\|", "", text)
    wrapped = re.fullmatch(r"(?:[\w.]*\.)?(Optional|Annotated)\[(.*)\]", text)
    if wrapped:
        inner = wrapped[2] if wrapped[1] == "Optional" else wrapped[2].split(",")[0]
        return _of_text(inner, names)
    iterator = re.fullmatch(r"(?:[\w.]*\.)?(\w+)\[(?:(\w+)\.)?(\w+)[\],].*", text)
    if iterator and iterator[1] in _ITERATORS:
        return "batches" if iterator[3] == "RecordBatch" else None
    if not re.fullmatch(r"[\w.]+", text):
        return None
    head, *rest = text.split(".")
    imported = _imports(names.get(_FILE)).get(head) or _SHORT.get(head, head)
    path = [*imported.split("."), *rest]
    return _TYPES.get((path[0], path[-1]))


@functools.lru_cache(maxsize=256)
def _imports(file: str | None) -> dict[str, str]:
    """What each name means that a file imports anywhere, `if TYPE_CHECKING:` included."""
    try:
        with open(file or "", "rb") as source:
            tree = ast.parse(source.read())
    except (OSError, SyntaxError, ValueError):
        return {}
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                names[alias.asname or alias.name.partition(".")[0]] = (
                    alias.name if alias.asname else alias.name.partition(".")[0]
                )
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return names


def _words(annotation: Any) -> str:
    if isinstance(annotation, str):
        return annotation.strip("\"'")
    return inspect.formatannotation(annotation)
