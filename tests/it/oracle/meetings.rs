//! Offline meeting seconds of one person, and their hours.

use std::collections::BTreeMap;

use chrono::{NaiveDate, NaiveDateTime, Timelike};

use super::Meeting;
use super::spans::{Span, meet, minus};
use super::zones::Zones;

/// One clock hour with offline seconds.
#[derive(Clone, Debug)]
pub struct Hour {
    pub date: NaiveDate,
    pub start: NaiveDateTime,
    pub seconds: i64,
    pub titles: String,
}

/// Meetings less coverage, whose gaps shorter than `gap` are closed within each local day, inside
/// `[from, until)`.
pub fn offline(
    meetings: &[&Meeting],
    coverage: &[Span],
    days: &[(i64, i64, NaiveDate)],
    gap: i64,
    from: i64,
    until: i64,
) -> Vec<Span> {
    let planned: Vec<Span> = meetings.iter().map(|m| (m.start, m.end)).collect();
    let mut closed: Vec<Span> = Vec::new();
    // Where the zone changes, a day has several pieces: its gaps are closed over all of them.
    let mut pieces: BTreeMap<NaiveDate, Vec<Span>> = BTreeMap::new();
    for (begin, end, date) in days {
        pieces.entry(*date).or_default().push((*begin, *end));
    }
    for own in pieces.values() {
        let mut of_day: Vec<Span> = Vec::new();
        for span in meet(coverage, own) {
            match of_day.last_mut() {
                Some(last) if span.0 - last.1 < gap => last.1 = span.1,
                _ => of_day.push(span),
            }
        }
        closed.extend(meet(&of_day, own));
    }
    meet(&minus(&planned, &closed), &[(from, until)])
}

/// The hours of offline spans.
pub fn hours(zones: &Zones, spans: &[Span], meetings: &[&Meeting]) -> Vec<Hour> {
    // (date, hour, offset) and its spans.
    type Cell = ((NaiveDate, u32, i64), Vec<Span>);
    let mut cells: Vec<Cell> = Vec::new();
    for (begin, end) in spans {
        let pieces = zones.pieces(*begin, *end, |zone, at| {
            let local = zone.local(at);
            (local.date(), local.hour(), zone.offset(at))
        });
        for (from, to, key) in pieces {
            match cells.iter_mut().find(|(other, _)| *other == key) {
                Some((_, list)) => list.push((from, to)),
                None => cells.push((key, vec![(from, to)])),
            }
        }
    }
    cells
        .into_iter()
        .map(|((date, _, _), list)| {
            let first = list.iter().map(|(begin, _)| *begin).min().unwrap();
            let mut titles: Vec<(i64, String)> = meetings
                .iter()
                .filter(|m| !meet(&[(m.start, m.end)], &list).is_empty())
                .map(|m| {
                    let title = match m.title.as_deref() {
                        None => "Private meeting",
                        Some("") => "(no title)",
                        Some(title) => title,
                    };
                    (m.start, title.to_owned())
                })
                .collect();
            titles.sort();
            let mut shown: Vec<String> = Vec::new();
            for (_, title) in titles {
                if !shown.contains(&title) {
                    shown.push(title);
                }
            }
            Hour {
                date,
                start: zones.local(first),
                seconds: list.iter().map(|(begin, end)| end - begin).sum(),
                titles: shown.join("; "),
            }
        })
        .collect()
}
