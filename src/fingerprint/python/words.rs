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
pub(super) const CHANGING: [&str; 18] = [
    "delitem",
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
    "imul",
    "ior",
    "isub",
    "ixor",
    "setitem",
    "shuffle",
];

/// Decorators of other packages that give what they are put on another form, and keep it nowhere.
const PLAIN_DECORATORS: [&str; 63] = [
    "attributes",
    "attrs",
    "beartype",
    "cache",
    "cached",
    "cached_property",
    "cfunc",
    "check_input",
    "check_io",
    "check_output",
    "check_types",
    "compile",
    "computed_field",
    "curry",
    "dataclass",
    "decorator",
    "define",
    "delayed",
    "deprecated",
    "experimental",
    "field_serializer",
    "field_validator",
    "final",
    "frozen",
    "function",
    "given",
    "guvectorize",
    "hybrid_method",
    "hybrid_property",
    "inference_mode",
    "jit",
    "jitclass",
    "limits",
    "lru_cache",
    "memoize",
    "model_serializer",
    "model_validator",
    "mutable",
    "njit",
    "no_grad",
    "on_exception",
    "on_predicate",
    "overload",
    "override",
    "pandas_udf",
    "profile",
    "retry",
    "root_validator",
    "runtime_checkable",
    "s",
    "script",
    "sleep_and_retry",
    "stencil",
    "synchronized",
    "timeout",
    "ttl_cache",
    "typechecked",
    "udf",
    "validate_arguments",
    "validate_call",
    "validator",
    "vectorize",
    "wraps",
];

/// Whether a decorator of a package may keep what it is put on: most that nobody knows may. Of Python's own library only
/// those that say so do.
pub(super) fn is_keeping_decorator(is_standard: bool, name: &str) -> bool {
    let is_plain = PLAIN_DECORATORS.binary_search(&name).is_ok();
    if is_standard { is_setter_name(name) } else { !is_plain }
}

/// Functions whose results run out as they are read.
const ITERATORS: [&str; 27] = [
    "DictReader",
    "accumulate",
    "chain",
    "combinations",
    "compress",
    "count",
    "cycle",
    "dropwhile",
    "enumerate",
    "filter",
    "finditer",
    "groupby",
    "islice",
    "iter",
    "iter_batches",
    "iterdir",
    "map",
    "open",
    "pairwise",
    "permutations",
    "product",
    "reader",
    "reversed",
    "starmap",
    "takewhile",
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
