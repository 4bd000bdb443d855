//! Our judgment of two Python modules next to CPython's own: `ast.dump` of what they hold, docstrings aside.

use std::io::Write;
use std::process::{Command, Stdio};

use super::*;

/// Prints a line for each pair of modules on stdin (JSON): whether CPython reads both alike.
const JUDGE: &str = r#"
import ast, json, sys

def strip(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant):
            node.kind = None
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
            if ast.get_docstring(node, clean=False) is not None:
                node.body = node.body[1:]
    return ast.dump(tree)

for one, other in json.load(sys.stdin):
    print(strip(ast.parse(one)) == strip(ast.parse(other)))
"#;

/// Bodies of an asset function; pairs that look alike.
const PAIRS: [(&str, &str); 54] = [
    ("return 1", "return (1)"),
    ("return 'a'", "return \"a\""),
    ("return 'a'", "return '''a'''"),
    ("return 'a' 'b'", "return 'ab'"),
    ("return 'a' \"b\"", "return ('a'\n        'b')"),
    ("return f'a{x}' 'b'", "return f'a{x}b'"),
    ("return f'{x}'", "return f\"{x}\""),
    ("return f'{x!r}'", "return f'{x}'"),
    ("return f'{x:>3}'", "return f'{x:>4}'"),
    ("return f'{x=}'", "return f'{x = }'"),
    ("return f'{ x }'", "return f'{x}'"),
    ("return r'\\n'", "return '\\\\n'"),
    ("return r'\\n'", "return '\\n'"),
    ("return '\\x41'", "return 'A'"),
    ("return b'a'", "return 'a'"),
    ("return u'a'", "return 'a'"),
    ("return 10_000", "return 10000"),
    ("return 0x10", "return 16"),
    ("return 0b1", "return True"),
    ("return 1.0", "return 1"),
    ("return 1e3", "return 1000.0"),
    ("return 1j", "return 1"),
    ("return -1", "return - 1"),
    ("return 340282366920938463463374607431768211456", "return 340282366920938463463374607431768211457"),
    ("return x, 1", "return (x, 1)"),
    ("return x,", "return x"),
    ("return [x,]", "return [x]"),
    ("return {x: 1,}", "return {x: 1}"),
    ("return x[1:2]", "return x[1:2:]"),
    ("return x[1:2]", "return x[1:2:None]"),
    ("return x[1, 2]", "return x[(1, 2)]"),
    ("return x if x else 1", "return (x) if (x) else (1)"),
    ("return not x in y", "return x not in y"),
    ("return not (x in y)", "return not x in y"),
    ("return x <= y <= 1", "return x <= y and y <= 1"),
    ("return (x + 1) * 2", "return x + 1 * 2"),
    ("return (x * 1) + 2", "return x * 1 + 2"),
    ("return x and (y and x)", "return x and y and x"),
    ("return lambda a: a", "return (lambda a: (a))"),
    ("return lambda a, /: a", "return lambda a: a"),
    ("return lambda a, *, b: a", "return lambda a, b: a"),
    ("return x(1, *y, a=1)", "return x(1, a=1, *y)"),
    ("return x(a=1, b=2)", "return x(b=2, a=1)"),
    ("return [a for a in x if a if y]", "return [a for a in x if a and y]"),
    ("return (a for a in x)", "return ((a) for a in (x))"),
    ("a = 1; return a", "a = 1\n    return a"),
    ("a = b = 1\n    return a", "b = a = 1\n    return a"),
    ("if x: return 1\n    return 2", "if x:\n        return 1\n    # no\n    return 2"),
    ("if x:\n        return 1\n    else:\n        return 2", "if x:\n        return 1\n    return 2"),
    (
        "if x:\n        return 1\n    elif y:\n        return 2\n    else:\n        return 3",
        "if x:\n        return 1\n    else:\n        if y:\n            return 2\n        else:\n            return 3",
    ),
    ("if x:\n        return 1\n    elif y:\n        return 2", "if x:\n        return 1\n    if y:\n        return 2"),
    ("with x as a, y as b:\n        return a", "with (x as a, y as b):\n        return a"),
    ("with x: return 1", "with (x): return 1"),
    ("'doc'\n    return 1", "'other'\n    return 1"),
];

fn module(body: &str) -> String {
    format!("from dovetail import asset\n@asset\ndef a(x, y):\n    {body}\n")
}

/// `None` where there is no Python.
fn judged() -> Option<Vec<bool>> {
    let pairs: Vec<[String; 2]> = PAIRS.iter().map(|(one, other)| [module(one), module(other)]).collect();
    let mut python = Command::new("python3")
        .args(["-c", JUDGE])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    python.stdin.take()?.write_all(serde_json::to_string(&pairs).ok()?.as_bytes()).ok()?;
    let output = python.wait_with_output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.lines().map(|line| line == "True").collect())
}

#[test]
fn formatting_is_what_cpython_says_it_is() {
    let Some(judged) = judged() else { return };
    assert_eq!(judged.len(), PAIRS.len());
    for ((one, other), is_same) in PAIRS.into_iter().zip(judged) {
        let project = files([
            ("models/x.sql", "select 1 as a"),
            ("models/y.sql", "select 1 as a"),
            ("models/a.py", &module(one)),
        ]);
        let changed = project.changed(&project.with("models/a.py", &module(other)));
        assert_eq!(changed.is_empty(), is_same, "{one} | {other}");
    }
}
