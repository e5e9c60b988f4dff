//! `activlake why`: a person's day drawn, and every number of it explained.
//!
//! In flow: a user, a date, maybe a column. Out flow: text or one JSON document on stdout (its
//! fields: [`crate::models::why`]), notes on stderr. The lake is only read: where stored days are
//! older than what they are made from, a note says so, and the explanation is of what is stored.
//! Exit code 1 when an explanation does not come to the stored value. Nothing here computes; see
//! [`crate::models::why`].

mod clock;
mod column;
mod drawing;
mod listing;
mod style;

use std::process::ExitCode;

use clap::Args;

pub use column::column_text;
pub use style::Style;

use super::{Globals, grouped, opened};
use crate::error::{Class, Error, Result};
use crate::jobs;
use crate::models::World;
use crate::models::why::{self, Day, Explanation};

/// Arguments of `why`.
#[derive(Args)]
pub struct Why {
    /// Whose day: uid, display name, e-mail, UPN, employee id or login (user@domain or login)
    #[arg(long, value_name = "WHO")]
    user: String,
    /// The local date, such as 2026-03-02
    #[arg(long, value_name = "DATE")]
    date: String,
    /// Explain this column of daily_user_summary instead of drawing the day
    #[arg(long, value_name = "COLUMN")]
    column: Option<String>,
    /// Everything as one JSON document
    #[arg(long)]
    json: bool,
}

/// Runs `why`.
pub async fn why(globals: &Globals, command: &Why) -> Result<ExitCode> {
    let date = why::parse_date(&command.date).ok_or_else(|| {
        Error::new(
            Class::Config,
            format!("--date {}: write YYYY-MM-DD", command.date),
        )
    })?;
    let (_, shown) = opened::settings(globals)?;
    let world = World::open(&opened::setup(globals)?).await?;
    let person = why::find(&world.people, &command.user)?;
    let stale = jobs::stale_models(&world, why::VIEW, date);
    note_stale(&world, &stale);
    let day = Day::read(&world, person.uid, date).await?;
    let names = match &command.column {
        Some(column) => vec![column.as_str()],
        None => why::columns(&world),
    };
    let explanations = names
        .into_iter()
        .map(|column| why::explain(&world, &shown, &day, column))
        .collect::<Result<Vec<Explanation>>>()?;
    let one = explanations.first().filter(|_| command.column.is_some());
    let text = if command.json {
        let document = why::document(&day, &explanations, one, &stale);
        format!("{document:#}\n")
    } else {
        let style = Style::of_terminal();
        match one {
            Some(explanation) => column_text(&day, explanation, style),
            None => day_text(&world, &day, &explanations, style),
        }
    };
    super::print(&text)?;
    Ok(judge(&day, &explanations, &stale))
}

/// The day drawn, listed and summed up.
pub fn day_text(world: &World, day: &Day, explanations: &[Explanation], style: Style) -> String {
    let mut out = drawing::header(day, style);
    out.push('\n');
    out.push_str(&drawing::lanes(day, style));
    out.push('\n');
    out.push_str(&listing::activities(world, day, style));
    out.push('\n');
    out.push_str(&listing::numbers(explanations, style));
    out
}

fn note_stale(world: &World, stale: &[String]) {
    let rows = |name: &str| world.snapshots.get(name).map_or(0, |s| s.rows() as i64);
    let unshown = rows("raw_events") - rows("int_events_by_day");
    if unshown > 0 {
        eprintln!(
            "note: the lake holds {} rows of events that no run has laid out yet: activlake run",
            grouped(unshown.unsigned_abs())
        );
    }
    if !stale.is_empty() {
        eprintln!(
            "note: stored days are older than the events or settings behind them ({}): activlake run",
            stale.join(", ")
        );
    }
}

/// Success when everything agrees; says what does not.
fn judge(day: &Day, explanations: &[Explanation], stale: &[String]) -> ExitCode {
    let wrong: Vec<String> = explanations
        .iter()
        .filter(|explanation| !explanation.agrees())
        .map(|explanation| {
            let stored = explanation
                .stored
                .as_ref()
                .map_or("no row".to_owned(), ToString::to_string);
            format!(
                "{} is explained as {} but stored as {stored}",
                explanation.column, explanation.value
            )
        })
        .collect();
    if wrong.is_empty() {
        return ExitCode::SUCCESS;
    }
    let hint = if stale.is_empty() {
        "this is a fault of activlake: please report it with --json"
    } else {
        "stored days are stale: try again after activlake run"
    };
    eprintln!(
        "error[{}]: {}, {}: {}; {hint}",
        Class::Internal.code(),
        day.user_name,
        why::date_text(day.date),
        wrong.join("; ")
    );
    ExitCode::from(1)
}
