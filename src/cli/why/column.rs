//! One column of a day explained, as text.

use super::clock::{duration, time};
use super::drawing::header;
use super::listing::{SMALL_GAP_SEC, disagreement};
use super::style::{Style, Tone, wrapped};
use crate::models::why::{Contribution, Day, Explanation, RuleBehind, Setting, Unit, Value, What};

/// The whole explanation.
pub fn column_text(day: &Day, explanation: &Explanation, style: Style) -> String {
    let mut out = header(day, style);
    out.push('\n');
    let value = match (&explanation.value, explanation.unit) {
        (Value::Integer(seconds), Unit::Seconds) => {
            format!("{seconds} s ({})", duration(*seconds))
        }
        (Value::Decimal(_), Unit::Hours) => format!("{} h", explanation.value),
        (value, _) => value.to_string(),
    };
    let title = format!("{} = {value}", explanation.column);
    out.push_str(&format!("{}\n", style.paint(Tone::Heading, &title)));
    out.push_str(&wrapped(&explanation.definition, style.width, "  "));
    if !explanation.settings.is_empty() {
        out.push_str(&format!("\n{}\n", style.paint(Tone::Heading, "Settings")));
        out.push_str(&settings(explanation, style));
    }
    if !explanation.inputs.is_empty() {
        out.push_str(&format!("\n{}\n", style.paint(Tone::Heading, "Inputs")));
        for (name, value) in &explanation.inputs {
            out.push_str(&format!("  {name} = {value}\n"));
        }
    }
    if !explanation.steps.is_empty() {
        out.push_str(&format!("\n{}\n", style.paint(Tone::Heading, "Because")));
        for step in &explanation.steps {
            out.push_str(&wrapped(step, style.width, "  "));
        }
    }
    out.push_str(&rows(day, explanation, style));
    out.push('\n');
    if explanation.agrees() {
        out.push_str(&format!("{value}: as stored.\n"));
    } else {
        let text = format!("Explained as {value}. {}", disagreement(explanation));
        out.push_str(&format!("{}\n", style.paint(Tone::Wrong, &text)));
    }
    out
}

/// Settings with their origins beside them, or below where there is no room.
fn settings(explanation: &Explanation, style: Style) -> String {
    let set = |setting: &Setting| format!("  {} = {}", setting.name, setting.value);
    let room = |setting: &&Setting| {
        let length = set(setting).chars().count() + 2 + setting.origin.chars().count();
        length <= style.width
    };
    let beside = explanation.settings.iter().filter(room);
    let widest = beside
        .map(|setting| set(setting).chars().count())
        .max()
        .unwrap_or(0);
    let mut out = String::new();
    for setting in &explanation.settings {
        let (text, origin) = (set(setting), &setting.origin);
        if widest + 2 + origin.chars().count() <= style.width && text.chars().count() <= widest {
            out.push_str(&format!("{text:<widest$}  {origin}\n"));
        } else {
            out.push_str(&format!("{text}\n      {origin}\n"));
        }
    }
    out
}

/// The contributing rows, their rules below.
fn rows(day: &Day, explanation: &Explanation, style: Style) -> String {
    if explanation.rows.is_empty() {
        return if explanation.is_sum {
            "\nNothing of the day contributes.\n".into()
        } else {
            String::new()
        };
    }
    let mut rules: Vec<&RuleBehind> = Vec::new();
    let times = explanation.rows.iter().flat_map(|row| [row.start, row.end]);
    let width = times
        .flatten()
        .map(|instant| time(day, instant).len())
        .max()
        .unwrap_or(8);
    let head = format!(
        "{:>4} {:<width$} {:<width$} {:>6} {:>8}  what",
        "#",
        "start",
        "end",
        "sec",
        if explanation.is_sum { "counts" } else { "" }
    );
    let mut out = format!("\n{}\n", style.paint(Tone::Heading, &head));
    let mut small = 0;
    for row in &explanation.rows {
        if row.what == What::Gap && row.counts == 0 && row.seconds <= Some(SMALL_GAP_SEC) {
            small += 1;
            continue;
        }
        let at = |instant: Option<i64>| instant.map_or(String::new(), |i| time(day, i));
        let front = format!(
            "{:>4} {:<width$} {:<width$} {:>6} {:>8}  ",
            row.activity
                .map_or("-".to_owned(), |index| (index + 1).to_string()),
            at(row.start),
            at(row.end),
            row.seconds
                .map_or(String::new(), |seconds| seconds.to_string()),
            if explanation.is_sum {
                row.counts.to_string()
            } else {
                String::new()
            },
        );
        let room = style.width.saturating_sub(front.chars().count()).max(20);
        let text = what(day, row, &mut rules);
        // Long texts go on below.
        let whole = row.activity.is_some() || text.chars().count() <= room;
        let shown = if whole { text.as_str() } else { "" };
        let line = format!("{front}{}", style.cut(shown, room));
        out.push_str(&format!("{}\n", line.trim_end()));
        let below = if whole {
            long_note(row)
        } else {
            Some(text.as_str())
        };
        for line in wrapped(below.unwrap_or_default(), style.width, "     ").lines() {
            out.push_str(&format!("{}\n", style.paint(Tone::Quiet, line)));
        }
    }
    if small > 0 {
        let text = format!("   - and {small} gaps of at most {SMALL_GAP_SEC} s, which add nothing");
        out.push_str(&format!("{}\n", style.paint(Tone::Quiet, &text)));
    }
    if explanation.is_sum {
        let total = format!(
            "{:>4} {:<width$} {:<width$} {:>6} {:>8}",
            "",
            "total",
            "",
            "",
            explanation.total()
        );
        out.push_str(&format!("{}\n", style.paint(Tone::Heading, &total)));
    }
    if !rules.is_empty() {
        out.push_str(&format!("\n{}\n", style.paint(Tone::Heading, "Rules")));
        for (index, rule) in rules.iter().enumerate() {
            let text = format!(
                "r{} {} -> {}, {}",
                index + 1,
                rule.text(),
                rule.category.as_deref().unwrap_or("no category"),
                rule.productivity
            );
            out.push_str(&wrapped(&text, style.width, "  "));
        }
    }
    out
}

/// Characters of a note that has room beside an activity's names.
const SHORT_NOTE: usize = 12;

/// A note that needs a line of its own.
fn long_note(row: &Contribution) -> Option<&str> {
    let note = row.note.as_deref();
    note.filter(|note| row.activity.is_some() && note.chars().count() > SHORT_NOTE)
}

/// What a row is, in short; rules are numbered as they appear.
fn what<'a>(day: &'a Day, row: &Contribution, rules: &mut Vec<&'a RuleBehind>) -> String {
    let Some(activity) = row.activity.and_then(|index| day.activities.get(index)) else {
        let note = row.note.as_deref().unwrap_or_default();
        return match row.what {
            What::Session => format!("session: {note}"),
            What::OfflineMeeting => format!("meeting: {note}"),
            _ => note.to_owned(),
        };
    };
    let rule = match &activity.rule {
        None => "no rule".to_owned(),
        Some(rule) => {
            let known = rules.iter().position(|known| *known == rule);
            let number = known.unwrap_or_else(|| {
                rules.push(rule);
                rules.len() - 1
            });
            let changed = if activity.rule_agrees {
                ""
            } else {
                ", changed since the last run"
            };
            format!("r{}{changed}", number + 1)
        }
    };
    let note = row.note.as_deref().filter(|_| long_note(row).is_none());
    format!(
        "{}{rule} {}, {}, {}",
        note.map_or(String::new(), |note| format!("{note}, ")),
        activity.task.as_deref().unwrap_or("-"),
        activity.category.as_deref().unwrap_or("no category"),
        activity.state.to_lowercase(),
    )
}
