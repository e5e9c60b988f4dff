//! How instances, people and trials are written for people.

use std::fmt::Write;

use super::report::{Person, Summary, Trial};
use crate::connectors::FailureKind;

/// A line an instance, and below it what went wrong and what to do.
pub fn summary(summary: &Summary) -> String {
    let mut line = format!(
        "{} ({}): {}",
        summary.instance,
        summary.r#type,
        state(&summary.state)
    );
    let number = |count: Option<u64>| crate::cli::grouped(count.unwrap_or_default());
    if summary.matched.is_some() {
        let _ = write!(
            line,
            "; {} matched, {} unmatched, {} ambiguous; {} read, {} failed; +{} ~{} -{} meetings",
            number(summary.matched),
            number(summary.unmatched),
            number(summary.ambiguous),
            number(summary.read),
            number(summary.failed),
            number(summary.added),
            number(summary.changed),
            number(summary.removed),
        );
    }
    line.push('\n');
    let _ = match summary.rejected {
        Some(rejected) if rejected > 0 => writeln!(
            line,
            "  {} could not be understood: see the table rejects",
            entries(rejected)
        ),
        _ => Ok(()),
    };
    if let Some(message) = &summary.message {
        let _ = writeln!(line, "  {message}");
        if summary.state == "needs_reauth" {
            let _ = writeln!(
                line,
                "  it is tried again once a day, and at once after: activlake connector rotate {}",
                summary.instance
            );
        }
    }
    for failure in &summary.failures {
        let kind = FailureKind::of(&failure.kind).map_or("failed", words);
        let _ = writeln!(line, "  {}: {kind}", people(failure.people));
        if !failure.message.is_empty() {
            let _ = writeln!(line, "    {}", failure.message);
        }
        if failure.kind == FailureKind::Guard.word() {
            let _ = writeln!(
                line,
                "    if it is right: activlake connector sync {} --accept-removals",
                summary.instance
            );
        }
    }
    for (warning, count) in &summary.warnings {
        let _ = writeln!(line, "  {}: {warning}", people(*count));
    }
    if let Some(expiry) = &summary.expiry {
        let _ = writeln!(line, "  {expiry}");
    }
    line
}

/// When an instance was read and will be.
pub fn times(summary: &Summary) -> String {
    let mut text = String::new();
    for (what, at) in [
        ("last sync", &summary.finished_at),
        ("last success", &summary.succeeded_at),
        ("next run", &summary.next_run),
    ] {
        let at = at.as_deref().unwrap_or("never");
        let _ = writeln!(text, "{what:<13} {at}");
    }
    text
}

/// A line a person.
pub fn person(person: &Person) -> String {
    let read = person.last_read_at.as_deref().unwrap_or("never");
    let mut line = match &person.matched_by {
        Some(by) => format!("{:<8} {:<30} by {by}, read {read}", person.uid, person.name),
        None => format!("{:<8} {:<30} not matched", person.uid, person.name),
    };
    if let Some(message) = &person.message {
        let _ = write!(line, "; {message}");
    }
    if let Some(at) = &person.retry_at {
        let _ = write!(line, "; asked again after {at}");
    }
    line.push('\n');
    line
}

/// A line a step.
pub fn trial(trial: &Trial) -> String {
    let mut text = format!("{}\n", trial.instance);
    for step in &trial.steps {
        let mark = if step.ok { "ok  " } else { "FAIL" };
        let _ = writeln!(text, "  {mark}  {:<10} {}", step.name, step.found);
    }
    for (outcome, who) in &trial.people {
        let _ = writeln!(text, "  {outcome:<10} {who}");
    }
    text
}

/// A state for people.
pub fn state(word: &str) -> &str {
    match word {
        "partial" => "some people failed",
        "needs_reauth" => "needs attention",
        "never_synced" => "never read",
        "ready" => "to be read with new credentials",
        other => other,
    }
}

fn people(count: u64) -> String {
    match count {
        1 => "1 person".to_owned(),
        count => format!("{} people", crate::cli::grouped(count)),
    }
}

fn entries(count: u64) -> String {
    match count {
        1 => "1 entry".to_owned(),
        count => format!("{} entries", crate::cli::grouped(count)),
    }
}

/// What a failure of a person means.
fn words(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::Throttled => "the provider asked to slow down; tried at the next sync",
        FailureKind::Transient => "the provider did not answer well; tried at the next sync",
        FailureKind::CursorLost => "the place to go on from was forgotten; read anew next time",
        FailureKind::Person => "the calendar cannot be read; tried again in a day",
        FailureKind::Auth => "the credentials were refused",
        FailureKind::Contract => "the answer was not what the provider promises",
        FailureKind::Limit => "a bound of the settings was reached",
        FailureKind::Config => "the settings cannot work",
        FailureKind::Guard => "suspiciously many meetings would have been removed; all were kept",
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::{FailureCount, Step};
    use super::*;

    fn example() -> Summary {
        Summary {
            instance: "acme".into(),
            r#type: "outlook".into(),
            state: "partial".into(),
            matched: Some(1_200),
            unmatched: Some(3),
            ambiguous: Some(1),
            read: Some(1_198),
            failed: Some(2),
            added: Some(40),
            changed: Some(5),
            removed: Some(1),
            ..Summary::default()
        }
    }

    #[test]
    fn a_sync_is_one_line_and_what_to_do() {
        let mut one = example();
        assert_eq!(
            summary(&one),
            "acme (outlook): some people failed; 1,200 matched, 3 unmatched, 1 ambiguous; \
             1,198 read, 2 failed; +40 ~5 -1 meetings\n"
        );
        one.failures.push(FailureCount {
            kind: "guard".into(),
            people: 1,
            message: "would remove 30 of 40".into(),
        });
        one.rejected = Some(2);
        let text = summary(&one);
        for part in [
            "  1 person: suspiciously many",
            "sync acme --accept-removals",
            "  2 entries could not",
        ] {
            assert!(text.contains(part), "{text}");
        }
    }

    #[test]
    fn an_instance_that_nobody_read_has_no_numbers() {
        let none = Summary {
            instance: "acme".into(),
            r#type: "ics".into(),
            state: "never_synced".into(),
            ..Summary::default()
        };
        assert_eq!(summary(&none), "acme (ics): never read\n");
        assert!(times(&none).contains("last sync     never"));
        let refused = Summary {
            state: "needs_reauth".into(),
            message: Some("the consent no longer holds".into()),
            ..none
        };
        assert!(summary(&refused).contains("connector rotate acme"));
    }

    #[test]
    fn a_trial_marks_what_failed() {
        let step = |ok| Step {
            name: "directory",
            ok,
            found: "50 people".into(),
            class: None,
        };
        let text = trial(&Trial {
            instance: "acme".into(),
            steps: vec![step(true), step(false)],
            people: vec![("missing", "x".into())],
        });
        assert!(text.contains("  ok    directory  50 people\n  FAIL  directory"));
    }
}
