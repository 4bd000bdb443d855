//! Names by which code says what it does to its values.

/// Methods that change what they are called on, whatever it is.
pub(super) const CHANGING_METHODS: [&str; 12] = [
    "add",
    "append",
    "clear",
    "discard",
    "extend",
    "insert",
    "pop",
    "register",
    "remove",
    "setdefault",
    "subscribe",
    "update",
];

/// Methods of everyday objects that change nothing.
const PURE_METHODS: [&str; 48] = [
    "absolute",
    "as_posix",
    "capitalize",
    "casefold",
    "copy",
    "count",
    "critical",
    "debug",
    "difference",
    "encode",
    "endswith",
    "error",
    "exception",
    "exists",
    "format",
    "get",
    "index",
    "info",
    "intersection",
    "is_dir",
    "is_file",
    "isdisjoint",
    "issubset",
    "items",
    "join",
    "joinpath",
    "keys",
    "log",
    "lower",
    "lstrip",
    "match",
    "read_text",
    "removeprefix",
    "removesuffix",
    "replace",
    "resolve",
    "rstrip",
    "search",
    "split",
    "splitlines",
    "startswith",
    "strip",
    "sub",
    "title",
    "union",
    "upper",
    "values",
    "warning",
];

/// Builtins that only look at what they are given.
pub(super) const LOOKING: [&str; 39] = [
    "abs",
    "all",
    "any",
    "bool",
    "callable",
    "chr",
    "dict",
    "divmod",
    "enumerate",
    "float",
    "frozenset",
    "getattr",
    "hasattr",
    "hash",
    "id",
    "int",
    "isinstance",
    "issubclass",
    "iter",
    "len",
    "list",
    "max",
    "min",
    "ord",
    "pow",
    "print",
    "range",
    "repr",
    "reversed",
    "round",
    "set",
    "slice",
    "sorted",
    "str",
    "sum",
    "super",
    "tuple",
    "type",
    "zip",
];

/// Builtins that change what they are given, or run what nobody can read.
pub(super) const LOUD: [&str; 9] =
    ["__import__", "anext", "delattr", "eval", "exec", "globals", "next", "setattr", "vars"];

/// Functions of Python's own library that change what they are given.
pub(super) const CHANGING: [&str; 9] = [
    "heapify",
    "heappop",
    "heappush",
    "heappushpop",
    "heapreplace",
    "insort",
    "insort_left",
    "insort_right",
    "setitem",
];

/// What a constructor calls of the class above.
pub(super) const ABOVE: [&str; 5] = ["__init__", "__init_subclass__", "__new__", "__post_init__", "__set_name__"];

/// Setters of other packages: `pl.Config.set_tbl_rows(3)` and the like have effects even where their value is kept.
const SETTERS: [&str; 8] = ["set", "seed", "register", "enable", "disable", "configure", "install", "patch"];

pub(super) fn is_pure_method(name: &str) -> bool {
    PURE_METHODS.binary_search(&name).is_ok() || matches!(name, "with_name" | "with_suffix" | "fullmatch" | "findall")
}

pub(super) fn is_setter_name(name: &str) -> bool {
    SETTERS.iter().any(|word| name.starts_with(word) && name != "set")
}
