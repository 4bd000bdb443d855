//! An asset is stale by data only where a column changed that it reads.

use crate::harness::Project;

fn write(project: &Project, path: &str, text: &str) {
    std::fs::write(project.root().join(path), text).unwrap();
}

/// The names of what was built, and of what was looked at and left alone.
fn reconciled(project: &Project, arguments: &[&str]) -> (Vec<String>, Vec<String>) {
    let said = project.run(&[&["reconcile", "--threads", "1"], arguments].concat());
    assert_eq!(said.code, 0, "{said}");
    let named = |word: &str| {
        let lines = said.stderr.lines().filter(|line| line.starts_with(word));
        let mut names: Vec<String> =
            lines.filter_map(|line| line.split_whitespace().nth(1)).map(str::to_owned).collect();
        names.sort();
        names
    };
    let outcome = (named("ok "), named("same "));
    let again = project.run(&["reconcile"]);
    assert!(again.code == 0 && again.stderr.contains("nothing to do"), "{again}");
    let status = project.run(&["status"]);
    assert_eq!(status.code, 0, "{status}");
    outcome
}

fn names(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

const ORDERS: &str = "select * from (values (1, 'a', 10), (2, 'b', 20), (3, 'a', 30)) t(id, customer, amount)";

/// One table, and what reads this and that of it.
fn orders() -> Project {
    let project = Project::new()
        .file("models/orders.sql", ORDERS)
        .file("models/ids.sql", "select id from orders")
        .file("models/customers.sql", "select distinct customer from orders where id > 1")
        .file("models/total.sql", "select sum(amount) as total from orders")
        .file("models/number.sql", "select count(*) as n from orders")
        .file("models/everything.sql", "select * from orders")
        // Without the column that it leaves out it would be no query.
        .file("models/most.sql", "select * exclude (amount) from orders")
        .file("models/seen.sql", "{{ config(materialized='view') }} select id from orders");
    assert_eq!(project.run(&["run"]).code, 0);
    project
}

#[test]
fn what_reads_other_columns_is_left_alone() {
    let project = orders();
    write(&project, "models/orders.sql", &ORDERS.replace("20", "21"));
    let (built, same) = reconciled(&project, &[]);
    assert_eq!(built, names("everything most orders total"));
    assert_eq!(same, names("customers ids number seen"));
}

#[test]
fn a_new_column_concerns_who_takes_all() {
    let project = orders();
    write(&project, "models/orders.sql", &ORDERS.replace("select *", "select *, id * 2 as twice"));
    let (built, same) = reconciled(&project, &[]);
    assert_eq!(built, names("everything most orders"));
    assert_eq!(same, names("customers ids number seen total"));
    assert_eq!(project.run(&["show", "most", "--output", "csv"]).stdout.lines().next(), Some("id,customer,twice"));
}

#[test]
fn a_new_column_does_not_concern_who_names_all_others() {
    let project = orders();
    write(&project, "models/named.sql", "select customer, id, amount from orders");
    write(
        &project,
        "models/renamed.sql",
        "select o.* from (select id as a, customer as b, amount as c from orders) as o",
    );
    assert_eq!(project.run(&["run", "--select", "named", "renamed", "orders"]).code, 0);
    write(&project, "models/orders.sql", &ORDERS.replace("select *", "select id * 2 as twice, *"));
    let (built, same) = reconciled(&project, &[]);
    assert_eq!(built, names("everything most orders"));
    assert_eq!(same, names("customers ids named number renamed seen total"));
    // Another value of the new column concerns nobody but those who have it now.
    write(&project, "models/orders.sql", &ORDERS.replace("select *", "select id * 3 as twice, *"));
    let (built, _) = reconciled(&project, &[]);
    assert_eq!(built, names("everything most orders"));
    write(&project, "models/orders.sql", &ORDERS.replace("select *", "select id * 3 as twice, *").replace("20", "21"));
    let (built, _) = reconciled(&project, &[]);
    assert_eq!(built, names("everything most named orders renamed total"));
}

#[test]
fn another_type_is_another_column() {
    let project = orders();
    write(&project, "models/orders.sql", &ORDERS.replace("select *", "select * replace (id::bigint as id)"));
    let (built, same) = reconciled(&project, &[]);
    assert_eq!(built, names("customers everything ids most orders seen"));
    assert_eq!(same, names("number total"));
}

#[test]
fn another_number_of_rows_concerns_everybody() {
    let project = orders();
    write(&project, "models/orders.sql", &ORDERS.replace("(3, 'a', 30)", "(3, 'a', 30), (3, 'a', 30)"));
    let (built, same) = reconciled(&project, &[]);
    assert_eq!(built, names("customers everything ids most number orders total"));
    assert_eq!(same, names("seen"));
}

#[test]
fn values_that_change_rows_are_seen() {
    let project = Project::new()
        .file("models/pairs.sql", "select * from (values (1, 'x', 0), (2, 'y', 0)) t(a, b, c)")
        .file("models/both.sql", "select a, b from pairs")
        .file("models/one.sql", "select a from pairs");
    assert_eq!(project.run(&["run"]).code, 0);
    write(&project, "models/pairs.sql", "select * from (values (1, 'y', 0), (2, 'x', 0)) t(a, b, c)");
    // Each column by itself holds what it held.
    assert_eq!(reconciled(&project, &[]), (names("both pairs"), names("one")));
}

#[test]
fn a_new_column_that_a_name_finds_first_is_read() {
    let project = Project::new()
        .file("models/inner_rows.sql", "select 1 as k, 5 as v")
        .file("models/outer_rows.sql", "select 1 as k, 7 as w, 0 as other")
        .file("models/sums.sql", "select k, (select max(v + w) from inner_rows) as m from outer_rows")
        .file("models/joined.sql", "select v from inner_rows natural join outer_rows")
        .file("models/plain.sql", "select k from inner_rows");
    assert_eq!(project.run(&["run"]).code, 0);
    // `w` of the subquery is that of its own table now, and the natural join compares it too.
    write(&project, "models/inner_rows.sql", "select 1 as k, 5 as v, 100 as w");
    assert_eq!(reconciled(&project, &[]), (names("inner_rows joined sums"), names("plain")));
    assert_eq!(project.run(&["show", "sums", "--output", "csv"]).stdout, "k,m\n1,105\n");
    assert_eq!(project.run(&["show", "joined", "--output", "csv"]).stdout, "v\n");
}

#[test]
fn nested_values_are_told_apart_by_column() {
    let project = Project::new()
        .file("models/base.sql", "select 1 as id, [1, 2] as l, {'a': 1, 'b': 2} as s, 0 as z")
        .file("models/lists.sql", "select l from base")
        .file("models/fields.sql", "select s.a from base");
    assert_eq!(project.run(&["run"]).code, 0);
    write(&project, "models/base.sql", "select 1 as id, [1, 2] as l, {'a': 1, 'b': 2} as s, 1 as z");
    assert_eq!(reconciled(&project, &[]), (names("base"), names("fields lists")));
    write(&project, "models/base.sql", "select 1 as id, [1, 3] as l, {'a': 1, 'b': 2} as s, 1 as z");
    assert_eq!(reconciled(&project, &[]), (names("base lists"), names("fields")));
}

#[test]
fn parts_are_known_however_the_table_is_built() {
    for run in [&["run", "--select", "orders"][..], &["run", "--select", "orders", "--atomic"], &["run", "--no-check"]]
    {
        let project = orders();
        assert_eq!(project.run(run).code, 0);
        assert_eq!(project.run(&["status"]).code, 0);
        write(&project, "models/orders.sql", &ORDERS.replace("20", "21"));
        let (built, _) = reconciled(&project, &["--atomic"]);
        assert_eq!(built, names("everything most orders total"), "{run:?}");
        // Twice over, and back.
        write(&project, "models/orders.sql", &ORDERS.replace("20", "22"));
        assert_eq!(project.run(&["run", "--select", "orders"]).code, 0);
        write(&project, "models/orders.sql", ORDERS);
        let (built, _) = reconciled(&project, &[]);
        assert_eq!(built, names("everything most orders total"), "{run:?}");
    }
}

#[test]
fn seeds_and_joins_have_parts_too() {
    let project = Project::new()
        .file("seeds/codes.csv", "code,name,note\n1,one,a\n2,two,b\n")
        .file("models/sales.sql", "select 1 as code, 10 as amount, 'x' as remark")
        .file("models/named.sql", "select name, amount from sales join codes using (code)");
    assert_eq!(project.run(&["run"]).code, 0);
    write(&project, "seeds/codes.csv", "code,name,note\n1,one,c\n2,two,b\n");
    assert_eq!(reconciled(&project, &[]), (names("codes"), names("named")));
    write(&project, "models/sales.sql", "select 1 as code, 10 as amount, 'y' as remark");
    assert_eq!(reconciled(&project, &[]), (names("sales"), names("named")));
    write(&project, "seeds/codes.csv", "code,name,note\n3,one,c\n2,two,b\n");
    assert_eq!(reconciled(&project, &[]), (names("codes named"), names("")));
}

#[test]
fn what_is_not_certain_is_read_whole() {
    let project = Project::new()
        .file("models/base.sql", "select 1 as a, 2 as b")
        .file("models/by_text.sql", "select * from query_table('base')")
        .file("models/dynamic.sql", "select columns(c -> c = 'a') from base")
        .file("models/behind.sql", "{{ config(materialized='view') }} select a from base")
        .file("models/of_view.sql", "select a from behind");
    assert_eq!(project.run(&["run"]).code, 0);
    write(&project, "models/base.sql", "select 1 as a, 3 as b");
    let (built, _) = reconciled(&project, &[]);
    assert!(built.contains(&"by_text".to_owned()), "{built:?}");
}

#[test]
fn columns_that_are_read_by_their_place_are_others_when_these_move() {
    let project = Project::new()
        .file("models/left_side.sql", "select 1 as a, 2 as b, 0 as c")
        .file("models/right_side.sql", "select 3 as k, 4 as x, 0 as z")
        .file("models/united.sql", "select a from (from left_side union all from right_side)")
        .file("models/shared.sql", "select a, b from (from left_side union all from right_side)")
        .file("models/renamed.sql", "select count(*) as n from left_side t(one, two) where one < two")
        .file("models/chosen.sql", "select columns('[ab]') from left_side")
        .file("models/named.sql", "select a, b from left_side");
    assert_eq!(project.run(&["run"]).code, 0);
    write(&project, "models/left_side.sql", "select 2 as b, 1 as a, 0 as c");
    let (built, same) = reconciled(&project, &[]);
    assert_eq!((built, same), (names("chosen left_side renamed shared united"), names("named")));
    assert_eq!(project.run(&["show", "united", "--output", "csv"]).stdout, "a\n1\n4\n");
    assert_eq!(project.run(&["show", "shared", "--output", "csv"]).stdout, "a,b\n1,2\n4,3\n");
    assert_eq!(project.run(&["show", "renamed", "--output", "csv"]).stdout, "n\n0\n");
    assert_eq!(project.run(&["show", "chosen", "--output", "csv"]).stdout, "b,a\n2,1\n");
}

#[test]
fn columns_that_trade_places_are_the_same_part() {
    let project = Project::new()
        .file("models/base.sql", "select 1 as a, 2 as b, 3 as c")
        .file("models/of_all.sql", "select c, b, a from base")
        .file("models/of_two.sql", "select b, a from base");
    assert_eq!(project.run(&["run"]).code, 0);
    for changed in [
        "select 3 as c, 1 as a, 2 as b",
        "select 3 as c, 1 as a, 0 as d, 2 as b",
        "select 2 as b, 1 as a, 3 as c, 1 as d",
        "select 1 as a, 2 as b, 3 as c",
    ] {
        write(&project, "models/base.sql", changed);
        assert_eq!(reconciled(&project, &[]), (names("base"), names("of_all of_two")), "{changed}");
    }
    write(&project, "models/base.sql", "select 1 as a, 2 as b, 4 as c");
    assert_eq!(reconciled(&project, &[]), (names("base of_all"), names("of_two")));
    // Values that trade their columns are other rows.
    write(&project, "models/base.sql", "select 2 as a, 1 as b, 4 as c");
    assert_eq!(reconciled(&project, &[]), (names("base of_all of_two"), names("")));
}

#[test]
fn columns_that_trade_places_are_others_to_who_takes_them_as_they_come() {
    let project = Project::new()
        .file("models/base.sql", "select 1 as a, 2 as b, 3 as c")
        .file("models/other.sql", "select 1 as a, 5 as d")
        .file("models/of_all.sql", "select c, b, a from base")
        .file("models/star.sql", "select * from base")
        .file("models/bare.sql", "from base")
        .file("models/some.sql", "select base.* from base join other using (a)")
        .file("models/rows_.sql", "select base as r from base")
        .file("models/texts.sql", "select to_json(base) as t from base")
        .file("models/inner.sql", "select * from (select b, a from base)");
    assert_eq!(project.run(&["run"]).code, 0);
    write(&project, "models/base.sql", "select 3 as c, 1 as a, 2 as b");
    assert_eq!(reconciled(&project, &[]), (names("bare base rows_ some star texts"), names("inner of_all")));
    assert_eq!(project.run(&["show", "star", "--output", "csv"]).stdout, "c,a,b\n3,1,2\n");
    assert_eq!(project.run(&["show", "inner", "--output", "csv"]).stdout, "b,a\n2,1\n");
}

#[test]
fn what_a_query_reads_by_other_ways_counts() {
    let project = Project::new()
        .file("models/p.sql", "select * from (values (1, 10, 5), (2, 20, 6)) t(a, b, c)")
        .file("models/absolute.sql", "select a from p where @b > 10")
        .file("models/alias.sql", "select b: a from p")
        .file("models/text.sql", "select a, (select count(*) from query('from p where b > 10')) as n from p")
        .file("models/catalog.sql", "select a, (select count(*) from pragma_table_info('p')) as n from p")
        .file("models/listed.sql", "select list(a) as all_of_a from p")
        .file("models/first_rows.sql", "select a from p limit 1")
        .file("models/plain.sql", "select a from p");
    assert_eq!(project.run(&["run"]).code, 0);
    write(&project, "models/p.sql", "select * from (values (1, 11, 5), (2, 22, 6)) t(a, b, c)");
    let (built, same) = reconciled(&project, &[]);
    assert_eq!((built, same), (names("absolute alias catalog first_rows listed p text"), names("plain")));
}

#[test]
fn numbers_in_names_move_with_the_columns() {
    let project = Project::new()
        .file("models/p.sql", "select * from (values (1, 10), (2, 20)) t(a, b)")
        .file("models/q.sql", "select 1 as k, 0 as z")
        .file(
            "models/one.sql",
            "select zz_1 as v from (select p.a, p.*, u.*, w.* from p, (select 1 as zz) u, (select 2 as zz) w)",
        )
        .file(
            "models/two.sql",
            "select k_1 from (select p.*, q1.*, q2.* from p, q q1, (select k + 100 as k from q) q2)",
        )
        .file("models/three.sql", "with t as (from p, (select 1 as zz) u, (select 2 as zz) w) select zz_1 from t");
    assert_eq!(project.run(&["run"]).code, 0);
    write(&project, "models/p.sql", "select *, 9 as zz, 9 as k from (values (1, 10), (2, 20)) t(a, b)");
    let (built, _) = reconciled(&project, &[]);
    assert_eq!(built, names("one p three two"));
    assert_eq!(project.run(&["show", "two", "--output", "csv"]).stdout, "k_1\n1\n1\n");
    assert_eq!(project.run(&["show", "three", "--output", "csv"]).stdout, "zz_1\n1\n1\n");
}
