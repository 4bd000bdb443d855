//! The error codes. `docs/errors.md` is generated from this table; a code never changes its meaning.

use std::fmt;

macro_rules! codes {
    ($($variant:ident = $number:literal, $title:literal, $explanation:literal;)*) => {
        /// A code that a user can look up; printed as `DT0123`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[repr(u16)]
        pub enum Code { $(#[doc = $title] $variant = $number,)* }

        impl Code {
            pub const ALL: &'static [Code] = &[$(Code::$variant,)*];

            /// What went wrong, in a few words.
            pub fn title(self) -> &'static str {
                match self { $(Code::$variant => $title,)* }
            }

            /// What it means and how to mend it.
            pub fn explanation(self) -> &'static str {
                match self { $(Code::$variant => $explanation,)* }
            }
        }
    };
}

codes! {
    // 00xx: the project as a whole, and the command line.
    NoProject = 1, "no project here",
        "Neither the folder nor any folder above it holds a `dovetail.toml` or a `models/` folder. Run `dovetail init` to make one, or name the folder with `--project-dir`.";
    ProjectFile = 2, "`dovetail.toml` cannot be used",
        "The file is not valid TOML, or has a key or a value that dovetail does not know. The message shows the place.";
    UnknownTarget = 3, "unknown target",
        "`--target` (or `target` in `dovetail.toml`) names a target that `[targets]` does not declare.";
    Unreadable = 4, "a file or folder cannot be read",
        "The operating system refused to read the file; its reason is in the message.";
    NotUtf8 = 5, "a file is not UTF-8",
        "All project files are UTF-8. The message names the first bad byte; save the file again as UTF-8.";
    Selection = 6, "a selection cannot be understood",
        "The `--select` or `--exclude` expression breaks the grammar of `docs/selection.md`.";
    NothingSelected = 7, "a selection matches nothing",
        "No asset has the name, path, tag or other property that the expression asks for.";
    Usage = 8, "the command line is wrong",
        "A flag, argument or combination of them has no meaning.";
    Unwritable = 9, "a file cannot be written",
        "The operating system refused to write under `target/` or `.dovetail/`; its reason is in the message.";

    // 01xx: Jinja.
    JinjaSyntax = 101, "Jinja syntax error",
        "The template is not valid Jinja. The message shows the template's own line.";
    JinjaRender = 102, "the template failed while it was rendered",
        "An expression of the template failed: an undefined name, a wrong argument, a macro's own error. The message shows the template's own line.";
    UndefinedVariable = 103, "variable is not defined",
        "`var('name')` without a default, and neither `[vars]` in `dovetail.toml` nor `--vars` sets it.";
    MissingEnvironmentVariable = 104, "environment variable is not set",
        "`env_var('NAME')` without a default, and the variable is not in the environment.";
    CompilerError = 105, "raised by the project",
        "The project's own code called `exceptions.raise_compiler_error`; as a warning, `exceptions.warn`.";
    DuplicateMacro = 106, "two macros have the same name",
        "Macros of a project share one name space. Rename one of them.";

    // 02xx: SQL.
    SqlSyntax = 201, "SQL syntax error",
        "Neither dovetail's parser nor DuckDB's own understands the statement.";
    NotOneSelect = 202, "a model is not one query",
        "A model's file holds exactly one query (`select`, `with`, `from`, `pivot`, `values`, ...). Use a Python asset for several statements.";

    // 03xx: Python.
    PythonSyntax = 301, "Python syntax error",
        "The file is not valid Python (3.10 or later).";
    NotAFunction = 302, "`@asset` on something that is not a function",
        "`@asset` decorates functions (`def` or `async def`). Wrap the class or value in a function.";
    AssetArgument = 303, "wrong argument of `@asset`",
        "An argument is unknown or has the wrong type; `docs/python.md` lists them. The same goes for `@source`.";
    PythonParameter = 304, "a parameter that cannot be an upstream",
        "Parameters of asset functions name upstreams: no `*args`, `**kwargs` or positional-only parameters without a meaning.";
    PythonImport = 305, "a module could not be imported",
        "An asset's module is imported to run it, or to list its assets where code makes them (a factory), and the import failed.";
    PythonUnavailable = 306, "no Python in this process",
        "The command needs Python, but dovetail runs without an interpreter.";
    MisspeltDecorator = 307, "a decorator that looks like `@asset`",
        "Nothing in the module has the decorator's name, so the function would declare no asset. Correct the name.";

    // 04xx: YAML property files and seeds.
    YamlSyntax = 401, "YAML cannot be read",
        "The property file is not valid YAML, or a value has the wrong form.";
    UnknownProperty = 402, "unknown key in a property file",
        "The key means nothing here; it may be misspelt.";
    PropertiesWithoutAsset = 403, "properties of something that does not exist",
        "The property file describes a model, seed or source that the project does not have.";
    SeedUnreadable = 404, "a seed cannot be read",
        "DuckDB could not read the CSV file.";

    // 05xx: the graph.
    DuplicateName = 501, "two assets have the same name",
        "Names of assets are unique in a project, whatever the language. Rename one of them.";
    UnknownUpstream = 502, "unknown upstream",
        "The name is neither an asset, a declared source, an attached database's table nor a file.";
    Cycle = 503, "the graph has a cycle",
        "An asset depends on itself by way of the others that the message lists.";
    ConfigValue = 504, "a config value cannot be used",
        "The value has the wrong type or is not one of those that dovetail knows. As a warning: the key looks like a misspelt one.";
    Unsupported = 505, "not supported",
        "dovetail understands what is asked and does not do it (yet).";
    DuplicateRelation = 506, "two assets have the same relation",
        "Two assets would be written to the same table. Change `alias` or `schema` of one of them.";
    BadName = 507, "a name that cannot be used",
        "Names of assets are not empty, hold no control characters and, for SQL, no dots.";
    DuplicateSource = 508, "a source is declared twice",
        "Two property files declare the same table of the same source.";
    ObjectInSql = 509, "SQL reads an object",
        "An asset that is materialized as an object (a model, a report) is no table, so only asset functions can take it, as a parameter.";
    DuplicateProperties = 510, "an asset is described twice",
        "Two entries of property files describe the same asset. Merge them.";
    SourceInSql = 511, "SQL reads a source that is no table",
        "A source that a Python function declares (`@source`) is a value, so only asset functions can take it, as a parameter.";

    // 06xx: execution.
    SqlFailed = 601, "a query failed",
        "DuckDB could not run the asset's query. The message is DuckDB's; the place is the template's own line.";
    PythonFailed = 602, "an asset function failed",
        "The function raised an exception. The traceback shows the project's own frames.";
    PythonOutput = 603, "an asset function returned something that cannot be stored",
        "Return anything that speaks Arrow (`__arrow_c_stream__`, `__arrow_c_array__`), a generator of record batches, a `Relation`, or `Result`.";
    PythonInput = 604, "an input cannot be handed over",
        "The library that the parameter's annotation asks for is missing, or cannot hold a column's type.";
    ColumnType = 605, "a column's type cannot cross the language border",
        "The message names column and type, and what could hold it.";
    NoColumns = 606, "a table without columns",
        "A table has at least one column.";
    ObjectStore = 607, "an object could not be stored or loaded",
        "The IO manager failed. Its traceback is in the message.";
    UpstreamMissing = 608, "an upstream is not materialized",
        "The asset reads a table that does not exist yet. Select it too: `+name`.";
    SourceUnobserved = 609, "a source could not be observed",
        "The function under `observe=` raised, or returned something that is no version. The source counts as not observed until it works.";

    // 07xx: the database.
    DatabaseOpen = 701, "the database cannot be opened",
        "DuckDB could not open or create the database file.";
    DatabaseLocked = 702, "the database is locked",
        "Another process holds the database. Wait for it, or pass `--wait`.";
    DatabaseSetting = 703, "a setting, extension, attachment or secret failed",
        "DuckDB refused something of the target's `settings`, `extensions`, `attach` or `secrets`.";
    Publish = 704, "a table could not be published",
        "The transaction that makes the table visible failed; the old table is still there.";
    StateFormat = 705, "the state was written by another dovetail",
        "The `dovetail` schema of the database has a format that this version does not know.";
    Trash = 706, "the trash cannot do that",
        "Something stands where `dovetail gc --restore` would put a table, view or object back, or what a view reads is not there. Nothing was moved.";
    StateDamaged = 707, "the state is damaged",
        "A table of the schema `dovetail` is gone, or a row in it cannot be read: somebody has altered it. Nothing is guessed from what is left. Delete the row that is named, and what it says counts as never recorded; or drop the schema, and all counts as never built.";

    // 08xx: what `check` finds before anything runs.
    UnknownColumn = 801, "a column that does not exist",
        "The query names a column, a field of a struct or a table that is not there. Where it was lost or renamed upstream is shown beside it, as far as that is known.";
    AmbiguousName = 802, "a name that stands for several things",
        "Two tables of the query have a column of the name, or two tables have one name. Say which is meant.";
    TypeMismatch = 803, "types that do not go together",
        "A function, an operator or a comparison is given values of types that it does not take. Cast them, or look upstream for the column whose type changed.";
    UnknownFunction = 804, "a function or a type that DuckDB does not know",
        "The name is misspelt, or it comes with an extension that the target does not load (`extensions` in `dovetail.toml`).";
    DoesNotBind = 805, "a query that cannot run",
        "DuckDB refuses the query whatever its upstreams hold. The message is DuckDB's; the place is the template's own line.";
    ColumnsUnknown = 806, "columns that are not known",
        "Nobody knows the columns before something has run, or before a source can be read; the message says what. Declaring them helps: `columns=` of `@asset`, `columns:` with `data_type:` of a source.";
    ContractBroken = 807, "a contract that is broken",
        "With `contract: {enforced: true}` a model gives exactly the columns that are declared for it, of exactly these types of DuckDB; their order does not count. Constraints are promises about its rows: a table that breaks one is not published, and the old one stays.";

    // 10xx: checks of data.
    CheckFailed = 1001, "a check of data failed",
        "Rows break what a check asks of them. What would have been published is not: the table before still stands. `dovetail show --failures CHECK` shows the rows.";
    UnknownTest = 1002, "a test that does not exist",
        "A property file names a test that is neither dovetail's own nor one of `tests/generic` or `macros`.";
    CheckArgument = 1003, "a check that cannot be understood",
        "An argument or a config value of the check is missing, unknown or of the wrong form.";
    DuplicateCheck = 1004, "two checks have the same name",
        "Names of checks are unique in a project. Checks with the same test and arguments get the same name by themselves: give one of them a `name`.";
    CheckBroken = 1005, "a check could not be answered",
        "Its query or its function failed, so nobody knows whether the data is right: nothing that it guards is published.";

    // 09xx: dovetail itself.
    Internal = 901, "a bug in dovetail",
        "Something happened that must not. The asset failed, its old table is untouched; please report it with the message.";

    // 11xx: unit tests.
    UnitTestName = 1101, "a unit test names what it cannot mean",
        "`model:` or `input:` of a unit test names no asset or source of the project, or two unit tests have one name.";
    UnitTestInput = 1102, "the inputs of a unit test do not fit its asset",
        "Everything that the tested asset reads is given rows, or is run on what is given above it; and what is given is read. Objects are given no rows: they are computed.";
    UnitTestRows = 1103, "the rows of a unit test cannot be read",
        "A row names a column that is not there, or a value is none of its column's type, or a fixture cannot be read. Values are taken as DuckDB's types have them: nothing is rounded or cut.";
    UnitTestFailed = 1104, "a unit test failed",
        "The asset gave other rows than the test expects. `-` are rows that are missing, `+` rows that are too many, `~` rows that differ in the cells that are shown as `expected → actual`.";
    UnitTestUpdate = 1105, "an expectation cannot be rewritten",
        "`--update` found the rows in a form that it cannot rewrite, such as an alias of YAML, or a value that would be another one when it is read again. Nothing was written for this test.";
}

impl fmt::Display for Code {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "DT{:04}", *self as u16)
    }
}
