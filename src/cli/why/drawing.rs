//! A day as lanes over an axis of hours.

use super::clock::{changes, offset_text, time};
use super::listing::is_shown;
use super::style::{Style, Tone, wrapped};
use crate::clock::Micros;
use crate::functions::calendar::name_of_day;
use crate::functions::day::{Productivity, Session};
use crate::functions::interval::{Interval, intersection, normalised};
use crate::models::why::{Activity, Day, GapKind, date_text};
use crate::zone::SECOND;

/// Characters of a lane's name, with the blank after it.
const NAME_WIDTH: usize = 16;
const HOUR: i64 = 3600 * SECOND;

/// Who, when, where, and what else is known of the day.
pub fn header(day: &Day, style: Style) -> String {
    let zones: Vec<String> = day
        .zones()
        .into_iter()
        .enumerate()
        .map(|(index, (from, zone))| {
            let offset = offset_text(zone.offset_seconds(from));
            if index == 0 {
                format!("{} (UTC{offset})", zone.name())
            } else {
                format!("{} (UTC{offset}) from {}", zone.name(), time(day, from))
            }
        })
        .collect();
    let title = format!(
        "{} (uid {}), {} {}, {}",
        day.user_name,
        day.user_id,
        name_of_day(day.date),
        date_text(day.date),
        zones.join(", ")
    );
    let mut out = format!("{}\n", style.paint(Tone::Heading, &style.cut(&title, 400)));
    let mut facts = vec![format!("schedule '{}'", day.schedule.name)];
    if let Some(group) = &day.group {
        facts.push(format!(
            "primary group {} '{}'",
            group.group_id, group.group_name
        ));
    }
    for record in &day.time_off {
        let kind = record.kind.as_deref().unwrap_or("time off");
        facts.push(format!("off: {kind} {} s", record.counted_sec));
    }
    out.push_str(&wrapped(
        &style.cut(&facts.join("; "), 400),
        style.width,
        "",
    ));
    let length = day
        .instants
        .iter()
        .map(|piece| piece.length_us())
        .sum::<i64>();
    if changes(day) {
        let hours = length as f64 / HOUR as f64;
        out.push_str(&format!(
            "The clock changes during this day: it has {hours} hours, and times show their offset.\n"
        ));
    }
    out
}

/// Which instants the cells of a lane stand for.
struct Axis {
    start: Micros,
    cells: usize,
    cell_us: i64,
}

impl Axis {
    /// From the first to the last full hour around everything of the day.
    fn of(day: &Day, style: Style) -> Axis {
        let drawn = day
            .activities
            .iter()
            .map(Activity::interval)
            .chain(working_hours(day))
            .chain(day.coverage.iter().copied())
            .chain(day.offline.iter().flat_map(|hour| hour.intervals.clone()))
            .collect();
        let drawn = normalised(drawn);
        let (first, last) = match (drawn.first(), drawn.last()) {
            (Some(first), Some(last)) => (first.start, last.end),
            _ => match (day.instants.first(), day.instants.last()) {
                (Some(first), Some(last)) => (first.start, last.end),
                _ => (0, HOUR),
            },
        };
        let into_hour = |instant: Micros| day.local_micros(instant).rem_euclid(HOUR);
        let start = first - into_hour(first);
        let end = last + (HOUR - into_hour(last)) % HOUR;
        let hours = ((end - start) + HOUR - 1) / HOUR;
        let room = style.width.saturating_sub(NAME_WIDTH).max(12) as i64;
        let cells_per_hour = [60, 30, 20, 15, 12, 10, 6, 5, 4, 3, 2, 1]
            .into_iter()
            .find(|cells| hours * cells <= room);
        let cell_us = match cells_per_hour {
            Some(cells) => HOUR / cells,
            None => (hours + room - 1) / room * HOUR,
        };
        Axis {
            start,
            cells: ((end - start + cell_us - 1) / cell_us).clamp(1, room) as usize,
            cell_us,
        }
    }

    fn cell(&self, index: usize) -> Interval {
        let start = self.start + index as i64 * self.cell_us;
        Interval::new(start, start + self.cell_us)
    }

    /// By cell: microseconds of it that a set covers.
    fn covered(&self, set: &[Interval]) -> Vec<i64> {
        (0..self.cells)
            .map(|index| {
                let parts = intersection(set, &[self.cell(index)]);
                parts.iter().map(|part| part.length_us()).sum()
            })
            .collect()
    }

    /// The hours of the clock, where there is room; a repeated hour stands twice.
    fn hours(&self, day: &Day) -> String {
        let every = (3 * self.cell_us / HOUR + 1).max(i64::from(self.cell_us * 3 > HOUR) * 2);
        let mut out: Vec<char> = Vec::new();
        for index in 0..self.cells {
            let local = day.local_micros(self.cell(index).start);
            let hour = local.div_euclid(HOUR).rem_euclid(24);
            let full = local.rem_euclid(HOUR) < self.cell_us.min(HOUR);
            let free = out.is_empty() || out.len() < index;
            if full && free && (hour % every == 0 || self.cell_us > HOUR) {
                out.resize(index, ' ');
                out.extend(format!("{hour:02}").chars());
            }
        }
        out.into_iter().collect()
    }
}

/// The day's schedule, unless it is the whole day, which says nothing about where to look.
fn working_hours(day: &Day) -> Vec<Interval> {
    let hours = intersection(&day.schedule.windows, &day.instants);
    if hours == day.instants {
        Vec::new()
    } else {
        hours
    }
}

/// The axis and all lanes that hold something.
pub fn lanes(day: &Day, style: Style) -> String {
    let axis = Axis::of(day, style);
    let mut out = String::new();
    let mut line = |name: &str, text: &str, tone: Tone| {
        if text.trim().is_empty() {
            return;
        }
        let text = style.paint(tone, text.trim_end());
        out.push_str(&format!("{name:<NAME_WIDTH$}{text}\n"));
    };
    line("", &axis.hours(day), Tone::Heading);
    let of = |takes: &dyn Fn(&Activity) -> bool| -> Vec<Interval> {
        let taken = day.activities.iter().filter(|activity| takes(activity));
        normalised(taken.map(Activity::interval).collect())
    };
    let shares = |set: &[Interval]| -> String {
        axis.covered(set)
            .into_iter()
            .map(|covered| style.share(covered as f64 / axis.cell_us as f64))
            .collect()
    };
    let class = |wanted: Productivity| of(&|activity| activity.productivity == wanted);
    line(
        "productive",
        &shares(&class(Productivity::Productive)),
        Tone::Productive,
    );
    line(
        " collaboration",
        &shares(&of(&|activity| activity.collaboration)),
        Tone::Collaboration,
    );
    line(
        "unproductive",
        &shares(&class(Productivity::Unproductive)),
        Tone::Unproductive,
    );
    line(
        "undefined",
        &shares(&class(Productivity::Undefined)),
        Tone::Undefined,
    );
    line("passive", &shares(&of(&|a| !a.is_active())), Tone::Quiet);
    line("shifts", &shifts(day, &axis), Tone::Shift);
    let seconds = |start: i64, end: i64| Interval::new(start * SECOND, end * SECOND);
    let windows: Vec<Interval> = day
        .analysis
        .windows
        .iter()
        .map(|(start, end)| seconds(*start, *end))
        .collect();
    line("residue", &shares(&normalised(windows)), Tone::Shift);
    line(
        "prod. sessions",
        &shares(&spans(day, &day.analysis.productive_sessions)),
        Tone::Productive,
    );
    line(
        "focused sess.",
        &shares(&spans(day, &day.analysis.focused_sessions)),
        Tone::Productive,
    );
    line("gaps", &gaps(day, &axis), Tone::Quiet);
    let meetings = day.offline.iter().flat_map(|hour| hour.intervals.clone());
    line(
        "offline meet.",
        &shares(&normalised(meetings.collect())),
        Tone::Collaboration,
    );
    let schedule: String = axis
        .covered(&day.schedule.windows)
        .into_iter()
        .map(|covered| if covered > 0 { style.bar() } else { ' ' })
        .collect();
    line("schedule", &schedule, Tone::Quiet);
    let mut legend = format!(
        "A cell is {}; its height is the share of it that is covered",
        length(axis.cell_us / SECOND)
    );
    if !style.unicode {
        legend.push_str(" (. - + #)");
    }
    if day.gaps.iter().any(is_shown) {
        legend.push_str("; gaps: b break, a absence, . short");
    }
    legend.push('.');
    let legend = wrapped(&legend, style.width, "");
    out.push_str(&style.paint(Tone::Quiet, legend.trim_end()));
    out.push('\n');
    out
}

fn length(seconds: i64) -> String {
    match seconds {
        3600 => "1 hour".to_owned(),
        seconds if seconds % 3600 == 0 => format!("{} hours", seconds / 3600),
        seconds => format!("{} min", seconds / 60),
    }
}

/// How many shifts each cell has.
fn shifts(day: &Day, axis: &Axis) -> String {
    (0..axis.cells)
        .map(|index| {
            let cell = axis.cell(index);
            let shifts = day.analysis.shifts.iter();
            let count = shifts
                .filter_map(|shift| day.activities.get(shift.at))
                .filter(|activity| cell.start <= activity.start && activity.start < cell.end)
                .count();
            match count {
                0 => ' ',
                1..=9 => char::from_digit(count as u32, 10).unwrap_or('+'),
                _ => '+',
            }
        })
        .collect()
}

/// The activities of the sessions that count.
fn spans(day: &Day, sessions: &[Session]) -> Vec<Interval> {
    let counting = sessions.iter().filter(|session| session.counts);
    normalised(
        counting
            .filter_map(|session| {
                let first = day.activities.get(session.first)?;
                let last = day.activities.get(session.last)?;
                Some(Interval::new(first.start, last.end()))
            })
            .collect(),
    )
}

/// By cell, the kind of gap that takes most of it.
fn gaps(day: &Day, axis: &Axis) -> String {
    let by_kind = [
        (GapKind::Break, 'b'),
        (GapKind::Absence, 'a'),
        (GapKind::Short, '.'),
    ]
    .map(|(kind, mark)| {
        let shown = day.gaps.iter().filter(|gap| is_shown(gap));
        let of_kind = shown.filter(|gap| gap.kind == kind);
        let set: Vec<Interval> = of_kind.map(|gap| gap.interval).collect();
        (axis.covered(&set), mark)
    });
    (0..axis.cells)
        .map(|index| {
            by_kind
                .iter()
                .map(|(covered, mark)| (covered.get(index).copied().unwrap_or(0), *mark))
                .filter(|(covered, _)| *covered > 0)
                .max_by_key(|(covered, _)| *covered)
                .map_or(' ', |(_, mark)| mark)
        })
        .collect()
}
