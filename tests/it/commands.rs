//! The command line itself: help, mistakes, init, clean.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;

use dovetail::cli::{Invocation, main};

use crate::harness::{Project, assert_said};

#[test]
fn alone_it_helps() {
    assert_said!(Project::new().run(&[]));
}

#[test]
fn version() {
    assert_said!(Project::new().run(&["--version"]));
}

#[test]
fn unknown_flag() {
    assert_said!(Project::new().run(&["ls", "--selekt", "a"]));
}

#[test]
fn a_name_without_select() {
    assert_said!(Project::new().run(&["run", "orders"]));
}

#[test]
fn retry_takes_no_selection() {
    assert_said!(Project::new().run(&["retry", "--select", "orders"]));
}

#[test]
fn usage_as_json() {
    assert_said!(Project::new().run(&["ls", "--log-format", "json", "--output", "xml"]));
}

#[test]
fn json_says_what_is_missing_and_whose_error_it_is() {
    let said = Project::new().run(&["show", "--log-format", "json"]);
    assert!(said.stderr.contains("not provided: <NAME|--inline <SQL>>"), "{said}");
    let project = Project::new().file("models/a.sql", "select nothing");
    let said = project.run(&["run", "--log-format", "json"]);
    let line = said.stderr.lines().find(|line| line.contains("\"code\"")).unwrap();
    assert!(line.contains("\"asset\":\"a\""), "{line}");
}

#[test]
fn no_project() {
    assert_said!(Project::new().run(&["ls"]));
}

#[test]
fn no_project_as_json() {
    assert_said!(Project::new().run(&["ls", "--log-format=json"]));
}

#[test]
fn project_directory_that_is_none() {
    let project = Project::new().file("models/a.sql", "select 1 as x").file("models/deep/b.sql", "select 1 as x");
    assert_said!(project.run(&["ls", "--project-dir", "models/deep"]));
    assert_eq!(project.run_in(Path::new("models/deep"), &["ls"]).stdout, "a\nb\n");
    assert_eq!(project.run_in(Path::new("models"), &["ls", "--project-dir", ".."]).stdout, "a\nb\n");
}

#[test]
fn project_directory_from_the_environment() {
    let project = Project::new().file("one/models/a.sql", "select 1 as x").env("DOVETAIL_PROJECT_DIR", "one");
    assert_eq!(project.run(&["ls"]).stdout, "a\n");
}

#[test]
fn wrong_vars() {
    assert_said!(Project::new().file("models/a.sql", "select 1 as x").run(&["ls", "--vars", "{a: ", "--vars", "b"]));
}

#[test]
fn init_makes_a_project_once() {
    let project = Project::new();
    assert_said!(project.run(&["init", "flights"]));
    assert!(project.exists("flights/.gitignore"));
    assert_eq!(
        project.run(&["ls", "--project-dir", "flights"]).stdout,
        "customer_segments\nraw_orders\nsegment_report\nstg_orders\n"
    );
    assert_said!(project.run(&["init", "flights"]));
}

#[test]
fn init_here_keeps_files() {
    let project = Project::new().file("README.md", "mine");
    assert_said!(project.run(&["init"]));
    assert_eq!(project.read("README.md"), "mine");
}

#[test]
fn clean_removes_what_can_be_made_again() {
    let project = Project::new()
        .file("models/a.sql", "select 1 as x")
        .file("target/compiled/models/a.sql", "")
        .file(".dovetail/cache/x", "")
        .file(".dovetail/runs/1.jsonl", "");
    assert_said!(project.run(&["clean"]));
    assert!(project.exists(".dovetail/runs/1.jsonl") && !project.exists("target"));
    assert_said!(project.run(&["clean"]));
}

#[test]
fn clean_refuses_what_holds_sources() {
    let project =
        Project::new().file("models/compiled/a.sql", "select 1").file("dovetail.toml", "[paths]\ntarget = 'models'\n");
    let said = project.run(&["clean"]);
    assert_eq!(said.code, 2);
    assert!(project.exists("models/compiled/a.sql"));
}

#[test]
fn clean_keeps_what_assets_wrote() {
    let project = Project::new().file("models/a.sql", "select 1 as x").file("target/reports/chart.html", "<p>");
    let project = project.file("target/compiled/models/a.sql", "");
    assert_eq!(project.run(&["clean"]).code, 0);
    assert!(project.exists("target/reports/chart.html") && !project.exists("target/compiled"));
    let project = Project::new().file("models/a.sql", "select 1 as x").file("target", "mine");
    assert_eq!(project.run(&["clean"]).code, 0);
    assert_eq!(project.read("target"), "mine");
}

#[test]
fn init_says_a_command_that_a_shell_takes() {
    let said = Project::new().run_in(Path::new(".."), &["init", "a b's"]);
    assert!(said.stderr.contains("  cd 'a b'\\''s'\n"), "{said}");
}

#[test]
fn a_closed_pipe_is_quiet() {
    struct Closed;
    impl Write for Closed {
        fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let project = Project::new().file("models/a.sql", "select 1 as x");
    let code = main(Invocation {
        args: ["dovetail", "ls"].map(OsString::from).into(),
        cwd: project.root(),
        environment: Default::default(),
        stdout: Box::new(Closed),
        stderr: Box::new(Closed),
        stdout_is_terminal: false,
        stderr_is_terminal: false,
        python: None,
    });
    assert_eq!(code, 0);
}

#[test]
fn a_time_to_wait_is_seconds() {
    assert_said!(Project::new().run(&["run", "--wait=-1"]));
    for wrong in ["--wait=", "--wait=soon", "--wait=nan", "--wait=1e300"] {
        let said = Project::new().run(&["show", "a", wrong]);
        assert!(said.code == 2 && said.stderr.contains("expected seconds, 0 or more, as in `--wait=60`"), "{said}");
    }
}

#[test]
fn what_is_compiled_is_said_where_it_cannot_be_written() {
    let project = Project::new().file("models/a.sql", "select 1 as x").file("target", "no folder");
    let said = project.run(&["compile"]);
    assert_eq!((said.code, said.stdout.as_str()), (2, "select 1 as x\n"));
    assert!(said.stderr.contains("error[DT0009]"), "{said}");
}

#[test]
fn a_terminal_shows_the_lines_before_what_they_come_to() {
    let project = Project::new().file("models/a.sql", "select 1 as x");
    for (command, end) in [("plan", "to build"), ("status", "not up to date")] {
        let screen = project.screen(&[command]);
        assert!(screen.lines().last().is_some_and(|line| line.contains(end)), "{screen}");
    }
    assert_eq!(project.run(&["run"]).code, 0);
    assert_eq!(project.screen(&["show", "--inline", "select x from a where false"]), "x\n─\nno rows\n");
}

#[test]
fn what_other_tools_call_it_leads_to_what_it_is_called_here() {
    let cases: [(&[&str], &str); 8] = [
        (&["build"], "`dovetail run`"),
        (&["seed"], "`dovetail run --select kind:seed`"),
        (&["snapshot"], "no snapshots yet"),
        (&["deps"], "nothing to install"),
        (&["docs", "generate"], "`dovetail graph`"),
        (&["run", "--full-refresh"], "nothing more to refresh"),
        (&["reconcile", "--dry-run"], "`dovetail plan` shows"),
        (&["ls", "--select", "state:modified"], "`changed:COMMIT`"),
    ];
    let project = Project::new().file("models/a.sql", "select 1 as x");
    for (args, hint) in cases {
        let said = project.run(args);
        let hints = said.stderr.lines().filter(|line| line.contains("hint: ")).collect::<Vec<_>>();
        assert!(said.code == 2 && hints.len() == 1 && hints[0].contains(hint), "{args:?}\n{said}");
    }
    let json = project.run(&["build", "--log-format", "json"]);
    assert!(json.stderr.contains(r#""hints":["`dovetail run` builds"#), "{json}");
}
