//! Every SQL function says what it is for, and its example gives what the page says.

use std::collections::BTreeSet;

use crate::place::{Place, block_on, csv, repository};
use activlake::functions::pages;

fn place() -> Place {
    Place::new(None, &[], "2026-03-15T00:00:00Z")
}

/// `docs/functions.md` is what the functions say now, and every example runs.
#[test]
fn the_reference_is_current() {
    block_on(async {
        let current = activlake::cli::functions::reference(&place().reader().await)
            .await
            .unwrap_or_else(|error| panic!("{error}"));
        let path = repository().join("docs/functions.md");
        let written = std::fs::read_to_string(path).unwrap_or_default();
        let (mut old, mut new) = (written.lines(), current.lines());
        let difference = std::iter::from_fn(|| match (old.next(), new.next()) {
            (None, None) => None,
            pair => Some(pair),
        })
        .find(|(old, new)| old != new);
        assert!(
            written == current,
            "docs/functions.md is old: activlake functions docs > docs/functions.md\n{difference:?}"
        );
    });
}

#[test]
fn every_function_is_documented_in_full() {
    for page in pages() {
        let name = &page.name;
        let Some(documentation) = &page.documentation else {
            panic!("{name} says nothing");
        };
        assert!(
            documentation.description.ends_with('.'),
            "{name}: whole sentences"
        );
        assert!(
            documentation.syntax_example.contains(&format!("{name}(")),
            "{name}: {}",
            documentation.syntax_example
        );
        let example = documentation.sql_example.as_deref().unwrap_or_default();
        assert!(
            example.contains(&format!("{name}(")),
            "{name}: the example does without it"
        );
        for (argument, meaning) in documentation.arguments.iter().flatten() {
            assert!(
                argument
                    .split(", ")
                    .all(|argument| documentation.syntax_example.contains(argument)),
                "{name}: {argument} is not in {}",
                documentation.syntax_example
            );
            assert!(!meaning.is_empty(), "{name}: {argument}");
        }
    }
}

/// What clients can call is what the page lists: no function is known to the engine alone.
#[test]
fn sessions_know_the_documented_functions_and_no_others() {
    block_on(async {
        let documented: BTreeSet<String> = pages().into_iter().map(|page| page.name).collect();
        let known = csv(
            &place().reader().await,
            "select distinct routine_name from information_schema.routines \
             where specific_schema is not null",
        )
        .await;
        let known: BTreeSet<String> = known.lines().skip(1).map(str::to_owned).collect();
        let missing: Vec<_> = documented.difference(&known).collect();
        assert!(missing.is_empty(), "{missing:?}");
        let engine: BTreeSet<String> = datafusion::prelude::SessionContext::new()
            .state()
            .scalar_functions()
            .keys()
            .cloned()
            .collect();
        let undocumented: Vec<_> = known
            .iter()
            .filter(|name| !documented.contains(*name))
            .filter(|name| !engine.contains(*name))
            .filter(|name| {
                let state = datafusion::prelude::SessionContext::new().state();
                !state.aggregate_functions().contains_key(*name)
                    && !state.window_functions().contains_key(*name)
            })
            .collect();
        assert!(undocumented.is_empty(), "{undocumented:?}");
    });
}

async fn one(sql: &str) -> String {
    let text = csv(&place().reader().await, sql).await;
    text.lines().nth(1).unwrap_or_default().to_owned()
}

async fn refused(sql: &str) -> String {
    match place().reader().await.prepare(sql).await {
        Ok(_) => panic!("{sql} was planned"),
        Err(error) => error.to_string(),
    }
}

/// Sets come as queries make them: with a NULL in them, from a filter, in other units and zones,
/// empty, or not at all.
#[test]
fn interval_sets_come_in_every_make() {
    block_on(async {
        let hour = |start: &str, end: &str| {
            format!(
                "named_struct('start', timestamp '2026-03-02T{start}:00' at time zone 'UTC', \
                 'end', timestamp '2026-03-02T{end}:00' at time zone 'UTC')"
            )
        };
        let (one_hour, two) = (hour("09:00", "10:00"), hour("09:30", "11:00"));
        let seconds = |set: &str| format!("select interval_seconds({set}) as s");
        let sets = [
            (format!("make_array({one_hour}, NULL, {two})"), "7200"),
            (format!("interval_union(make_array({one_hour}), make_array({two}))"), "7200"),
            ("make_array()".into(), "0"),
            ("NULL".into(), ""),
            (format!("interval_union(make_array({one_hour}), NULL)"), ""),
            (
                format!("interval_subtraction(make_array({one_hour}), coalesce(NULL, make_array()))"),
                "3600",
            ),
            (format!("sessionise(make_array({one_hour}, {two}), 0)"), "7200"),
            (format!("flood(make_array({one_hour}), NULL)"), ""),
            (
                "make_array(named_struct('end', arrow_cast('2026-03-02T01:00:00', \
                 'Timestamp(Second, Some(\"+01:00\"))'), 'start', arrow_cast('2026-03-01T23:59:59', \
                 'Timestamp(Millisecond, Some(\"UTC\"))')))"
                    .into(),
                "1",
            ),
        ];
        for (set, want) in sets {
            assert_eq!(one(&seconds(&set)).await, want, "{set}");
        }
        let aggregated = "select interval_seconds(array_agg(named_struct('start', start, 'end', \
             start + interval '10 minutes'))) as s, \
             interval_seconds(array_agg(named_struct('start', start, 'end', start)) \
             filter (where false)) as none \
             from (values (timestamp '2026-03-02T09:00:00' at time zone 'UTC'), \
             (timestamp '2026-03-02T09:05:00' at time zone 'UTC'), (NULL)) as seen(start)";
        assert_eq!(one(aggregated).await, "900,");
        let rows = "select count(*) as n, sum(interval_seconds(local_day(7, day))) as s from \
             (select unnest(generate_series(date '2026-01-01', date '2026-12-31', interval '1 day'))::date \
             as day)";
        assert_eq!(one(rows).await, format!("365,{}", 365 * 86_400));
    });
}

#[test]
fn wrong_calls_are_told_why() {
    block_on(async {
        let clock = "select interval_seconds(array_agg(named_struct('start', start, 'end', start))) \
             from (values (timestamp '2026-03-02T09:00:00')) as seen(start)";
        for (sql, reason) in [
            (clock, "start is a time stamp without time zone"),
            (
                "select split_by_local_day(timestamp '2026-03-02T09:00:00', NULL, 'UTC')",
                "write start at time zone 'UTC'",
            ),
            ("select interval_gaps(3)", "list of structs"),
            ("select interval_gaps(make_array(3))", "list of Int64"),
            (
                "select interval_gaps(make_array(named_struct('from', 1, 'end', 2)))",
                "start is missing",
            ),
            ("select flood(make_array(), 1.5)", "whole seconds"),
            ("select interval_union()", "one set or two"),
            ("select breaks(make_array(), 1)", "takes 4 arguments, not 2"),
        ] {
            let told = refused(sql).await;
            assert!(told.contains(reason), "{sql}: {told}");
        }
    });
}

#[test]
fn splits_are_bounded() {
    block_on(async {
        let split = |from: &str, zone: &str| {
            format!(
                "select split_by_local_hour(timestamp '{from}T00:00:00' at time zone 'UTC', \
                 timestamp '2026-03-02T00:00:00' at time zone 'UTC', '{zone}') as hours"
            )
        };
        for (sql, reason) in [
            (split("1990-01-01", "UTC"), "at most 10000 days"),
            (split("2026-03-01", "Nowhere/Town"), "no time zone"),
        ] {
            let reader = place().reader().await;
            let told = match reader.prepare(&sql).await {
                Err(error) => error.to_string(),
                Ok(statement) => {
                    let mut out = Vec::new();
                    let stream = statement.execute().await;
                    match stream {
                        Err(error) => error.to_string(),
                        Ok(stream) => activlake::cli::format::write(
                            activlake::cli::format::Format::Csv,
                            statement.schema(),
                            stream,
                            &mut out,
                        )
                        .await
                        .map(|_| String::new())
                        .unwrap_or_else(|error| error.to_string()),
                    }
                }
            };
            assert!(told.contains(reason), "{sql}: {told}");
        }
    });
}
