//! A day's activities and gaps in time order, and its numbers.

use super::clock::{duration, time};
use super::style::{Style, Tone};
use crate::clock::Micros;
use crate::functions::interval::Interval;
use crate::models::World;
use crate::models::why::{Activity, Day, Explanation, Gap, GapKind, Unit, Value, cause_text};
use crate::zone::SECOND;

/// Gaps up to so many seconds are only counted: agents leave many of a second or two.
pub const SMALL_GAP_SEC: i64 = 60;

/// Whether a gap has a line of its own.
pub fn is_shown(gap: &Gap) -> bool {
    gap.interval.length_us() > SMALL_GAP_SEC * SECOND
}

/// Widths of a line of the list.
struct Widths {
    time: usize,
    task: usize,
    category: usize,
}

impl Widths {
    fn of(day: &Day, style: Style) -> Widths {
        let time = day
            .activities
            .iter()
            .flat_map(|activity| [activity.start, activity.end()])
            .map(|instant| time(day, instant).len())
            .max()
            .unwrap_or(8);
        // Number, seconds, state, class, sessions, multitasking and the blanks between.
        let rest = style.width.saturating_sub(2 * time + 32).max(16);
        let longest = |text: &dyn Fn(&Activity) -> usize| {
            day.activities.iter().map(text).max().unwrap_or(0).max(8)
        };
        let category = longest(&|a| a.category.as_deref().map_or(0, |text| text.chars().count()));
        let task = longest(&|a| a.task.as_deref().map_or(0, |text| text.chars().count()));
        let category = category.min(rest / 2);
        let task = task.min(rest - category);
        Widths {
            time,
            task,
            category,
        }
    }
}

/// Every activity, with shifts and gaps where they happen.
pub fn activities(world: &World, day: &Day, style: Style) -> String {
    if day.activities.is_empty() {
        return "No activity.\n".into();
    }
    let widths = Widths::of(day, style);
    let head = format!(
        "{:>4} {:<time$} {:<time$} {:>5} {:<1} {:<4} {:<task$} {:<category$} {:>2} {:>2} {:>4}",
        "#",
        "start",
        "end",
        "sec",
        "s",
        "prod",
        "task",
        "category",
        "ps",
        "fs",
        "mult",
        time = widths.time,
        task = widths.task,
        category = widths.category,
    );
    let mut out = format!("{}\n", style.paint(Tone::Heading, head.trim_end()));
    let mut between = between(day, &widths, style).into_iter().peekable();
    for (index, activity) in day.activities.iter().enumerate() {
        while let Some((_, line)) = between.next_if(|(start, _)| *start < activity.start) {
            out.push_str(&line);
        }
        out.push_str(&activity_line(day, index, activity, &widths, style));
        for shift in day.analysis.shifts.iter().filter(|shift| shift.at == index) {
            let text = format!("     ! attention shift: {}", cause_text(world, shift.cause));
            out.push_str(&format!("{}\n", style.paint(Tone::Shift, &text)));
        }
    }
    out.extend(between.map(|(_, line)| line));
    let small: Vec<&Gap> = day.gaps.iter().filter(|gap| !is_shown(gap)).collect();
    if !small.is_empty() {
        let us: i64 = small.iter().map(|gap| gap.interval.length_us()).sum();
        let text = format!(
            "   - {} gaps of at most {SMALL_GAP_SEC} s are not listed ({} s together)",
            small.len(),
            us / SECOND
        );
        out.push_str(&format!("{}\n", style.paint(Tone::Quiet, &text)));
    }
    let legend = "s: a active, p passive; prod: productive, coll(aboration), unpr(oductive), unde(fined); \
                  ps, fs: number of the productive and the focused session; mult: seconds of multitasking";
    for line in super::style::wrapped(legend, style.width, "").lines() {
        out.push_str(&format!("{}\n", style.paint(Tone::Quiet, line)));
    }
    out
}

fn activity_line(
    day: &Day,
    index: usize,
    activity: &Activity,
    widths: &Widths,
    style: Style,
) -> String {
    let (class, tone) = match activity.productivity_name() {
        _ if activity.collaboration => ("coll", Tone::Collaboration),
        "Productive" => ("prod", Tone::Productive),
        "Unproductive" => ("unpr", Tone::Unproductive),
        _ => ("unde", Tone::Undefined),
    };
    let number = |number: Option<usize>| number.map_or(String::new(), |n| n.to_string());
    let multitasking = day.multitasking_sec(index);
    let line = format!(
        "{:>4} {:<time$} {:<time$} {:>5} {} {} {} {} {:>2} {:>2} {:>4}",
        index + 1,
        time(day, activity.start),
        time(day, activity.end()),
        activity.counted_sec,
        if activity.is_active() { "a" } else { "p" },
        style.paint(tone, &format!("{class:<4}")),
        style.fit(activity.task.as_deref().unwrap_or("-"), widths.task),
        style.fit(activity.category.as_deref().unwrap_or("-"), widths.category),
        number(Day::session_number(
            &day.analysis.productive_sessions,
            index
        )),
        number(Day::session_number(&day.analysis.focused_sessions, index)),
        if multitasking > 0 {
            multitasking.to_string()
        } else {
            String::new()
        },
        time = widths.time,
    );
    format!("{}\n", line.trim_end())
}

/// Lines of what happens between activities, by start: gaps and offline meetings.
fn between(day: &Day, widths: &Widths, style: Style) -> Vec<(Micros, String)> {
    let line = |interval: &Interval, text: &str, tone: Tone| {
        let line = format!(
            "   - {:<width$} {:<width$} {:>5} {text}",
            time(day, interval.start),
            time(day, interval.end),
            interval.length_us() / SECOND,
            width = widths.time,
        );
        let line = style.cut(&line, style.width);
        (interval.start, format!("{}\n", style.paint(tone, &line)))
    };
    let gaps = day.gaps.iter().filter(|gap| is_shown(gap)).map(|gap| {
        let seconds = gap.interval.length_us() / SECOND;
        let kind = match gap.kind {
            GapKind::Short => "gap".to_owned(),
            GapKind::Break if gap.break_sec < seconds => {
                format!("break, counts {} s", gap.break_sec)
            }
            GapKind::Break => "break".to_owned(),
            GapKind::Absence => "absence".to_owned(),
        };
        line(&gap.interval, &kind, Tone::Quiet)
    });
    let meetings = day.offline.iter().flat_map(|hour| {
        let text = format!("offline meeting: {}", hour.titles.join("; "));
        hour.intervals
            .iter()
            .map(move |interval| (*interval, text.clone()))
    });
    let meetings = meetings.map(|(interval, text)| line(&interval, &text, Tone::Collaboration));
    let mut lines: Vec<(Micros, String)> = gaps.chain(meetings).collect();
    lines.sort_by_key(|(start, _)| *start);
    lines
}

/// Every column with its value, and whether the explanation comes to it.
pub fn numbers(explanations: &[Explanation], style: Style) -> String {
    let names = explanations
        .iter()
        .map(|explanation| explanation.column.len());
    let width = names.max().unwrap_or(0);
    let mut out = format!(
        "{}\n",
        style.paint(
            Tone::Heading,
            "daily_user_summary (explain one with --column)"
        )
    );
    for explanation in explanations {
        let value = explanation.value.to_string();
        let value = match (&explanation.value, explanation.unit) {
            (Value::Integer(seconds), Unit::Seconds) => {
                format!("{value:>8}  {}", duration(*seconds))
            }
            (Value::Integer(_), _) => format!("{value:>8}"),
            _ => style.cut(&value, 60),
        };
        let line = format!("{:<width$}  {value}", explanation.column);
        out.push_str(line.trim_end());
        if !explanation.agrees() {
            out.push_str(&style.paint(Tone::Wrong, &format!("  {}", disagreement(explanation))));
        }
        out.push('\n');
    }
    let agreeing = explanations.iter().filter(|e| e.agrees()).count();
    let verdict = if agreeing == explanations.len() {
        format!("All {agreeing} columns: explained as stored.\n")
    } else {
        let wrong = explanations.len() - agreeing;
        let text = format!(
            "{wrong} OF {} COLUMNS DIFFER FROM WHAT IS STORED",
            explanations.len()
        );
        format!("{}\n", style.paint(Tone::Wrong, &text))
    };
    out.push_str(&verdict);
    out
}

/// What is stored instead.
pub fn disagreement(explanation: &Explanation) -> String {
    match &explanation.stored {
        Some(stored) => format!("DIFFERS: stored is {stored}"),
        None => "DIFFERS: no row is stored".to_owned(),
    }
}
