//! Names by which code says what it does to its values.

/// Methods that change what they are called on, whatever it is.
pub(super) const CHANGING_METHODS: [&str; 16] = [
    "__next__",
    "add",
    "append",
    "appendleft",
    "clear",
    "discard",
    "extend",
    "insert",
    "pop",
    "popitem",
    "popleft",
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
pub(super) const CHANGING: [&str; 27] = [
    "copyto",
    "delitem",
    "fill_diagonal",
    "heapify",
    "heappop",
    "heappush",
    "heappushpop",
    "heapreplace",
    "insort",
    "insort_left",
    "insort_right",
    "iadd",
    "iand",
    "iconcat",
    "ifloordiv",
    "ilshift",
    "imatmul",
    "imod",
    "imul",
    "ior",
    "irshift",
    "isub",
    "itruediv",
    "ixor",
    "putmask",
    "setitem",
    "shuffle",
];

/// A method of a builtin type, called as a function of the type, that changes its first argument.
pub(super) fn is_changing_of_type(name: &str) -> bool {
    let others = ["__delitem__", "__init__", "__setattr__", "__setitem__", "reverse", "sort"];
    CHANGING_METHODS.contains(&name) || others.contains(&name) || name.ends_with("_update") || name.starts_with("__i")
}

/// Functions of Python's own library whose results run out as they are read.
const ITERATORS: [&str; 35] = [
    "DictReader",
    "accumulate",
    "batched",
    "chain",
    "combinations",
    "compress",
    "count",
    "cycle",
    "dropwhile",
    "enumerate",
    "filter",
    "finditer",
    "from_iterable",
    "glob",
    "groupby",
    "iglob",
    "islice",
    "iter",
    "iterdir",
    "map",
    "open",
    "pairwise",
    "permutations",
    "product",
    "reader",
    "repeat",
    "reversed",
    "rglob",
    "scandir",
    "starmap",
    "takewhile",
    "tee",
    "walk",
    "zip",
    "zip_longest",
];

pub(super) fn is_iterator_name(name: &str) -> bool {
    ITERATORS.binary_search(&name).is_ok()
}

/// A function that changes what it is given first.
pub(super) fn is_changing_function(name: &str) -> bool {
    CHANGING.contains(&name) || matches!(name, "anext" | "next")
}

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
