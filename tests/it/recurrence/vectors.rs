//! Other people's vectors and exports, never copied into the project.

use super::{calendar, laid_out, options, shared_data, span_of, start_of};

/// One rule of the file.
struct Vector {
    line: usize,
    rule: String,
    start: String,
    instances: Vec<String>,
}

fn read(text: &str) -> Vec<Vector> {
    let mut vectors = Vec::new();
    let (mut rule, mut start) = (String::new(), String::new());
    for (index, line) in text.lines().enumerate() {
        let Some((name, value)) = line.split_once(':') else {
            continue;
        };
        match name {
            "RRULE" => rule = value.trim().to_owned(),
            "DTSTART" => start = value.trim().to_owned(),
            "INSTANCES" => vectors.push(Vector {
                line: index + 1,
                rule: rule.clone(),
                start: start.clone(),
                instances: value.split(',').map(|one| one.trim().to_owned()).collect(),
            }),
            _ => {}
        }
    }
    vectors
}

/// The rules whose answer the file does not know ("not implemented"), worked out by hand: 30
/// December where it lies in the first week of the next year.
fn answer(vector: &Vector) -> Vec<String> {
    if vector.rule == "FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=30;BYWEEKNO=1;UNTIL=20320101" {
        return ["20241230", "20251230", "20301230", "20311230"]
            .map(str::to_owned)
            .to_vec();
    }
    let mut wanted: Vec<String> = vector
        .instances
        .iter()
        .map(|one| one.trim_end_matches('Z').to_owned())
        .collect();
    // The file lists what the rule gives; a series also has its own start, which counts.
    if starts_apart(vector) {
        wanted.insert(0, vector.start.trim_end_matches('Z').to_owned());
    }
    wanted
}

/// Whether the rule does not give the start.
fn starts_apart(vector: &Vector) -> bool {
    let start = vector.start.trim_end_matches('Z');
    !vector.instances.is_empty()
        && !vector.instances[0].starts_with("***")
        && !vector
            .instances
            .iter()
            .any(|one| one.trim_end_matches('Z') == start)
}

/// The rule; with one more to count where the start counts too, so that all of the file's are given.
fn rule(vector: &Vector) -> String {
    let Some((before, after)) = vector.rule.split_once("COUNT=") else {
        return vector.rule.clone();
    };
    let (count, rest) = after.split_once(';').unwrap_or((after, ""));
    let count: u64 = count.parse().unwrap();
    let more = count + u64::from(starts_apart(vector));
    format!("{before}COUNT={more};{rest}")
}

fn event(vector: &Vector) -> String {
    let value = if vector.start.len() == 8 {
        ";VALUE=DATE"
    } else {
        ""
    };
    calendar(&format!(
        "BEGIN:VEVENT\nUID:1\nDTSTART{value}:{}\nRRULE:{}\nEND:VEVENT",
        vector.start,
        rule(vector)
    ))
}

#[test]
fn every_public_vector_is_right() {
    let Some(path) = shared_data("every_public_vector_is_right", "recurrence-vectors.txt") else {
        return;
    };
    let vectors = read(&std::fs::read_to_string(path).unwrap());
    assert_eq!(vectors.len(), 146);
    let options = options("19000101T000000", "22000101T000000", "UTC");
    let mut failures = Vec::new();
    for vector in &vectors {
        let expanded = laid_out(&event(vector), &options);
        let got: Vec<String> = expanded.meetings.iter().map(start_of).collect();
        let wanted = answer(vector);
        if got != wanted || !expanded.rejects.is_empty() {
            failures.push(format!(
                "line {}: {} from {}\n  wanted {wanted:?}\n  got    {:?} {:?}",
                vector.line,
                vector.rule,
                vector.start,
                &got[..got.len().min(wanted.len() + 5)],
                expanded.rejects
            ));
        }
    }
    assert!(
        failures.is_empty(),
        "{} of {} wrong:\n{}",
        failures.len(),
        vectors.len(),
        failures.join("\n")
    );
}

/// The same rules, of which only the second half is asked for: what is skipped by arithmetic.
#[test]
fn the_later_half_of_every_public_vector_is_right() {
    let test = "the_later_half_of_every_public_vector_is_right";
    let Some(path) = shared_data(test, "recurrence-vectors.txt") else {
        return;
    };
    for vector in read(&std::fs::read_to_string(path).unwrap()) {
        let wanted = answer(&vector);
        let half = wanted[wanted.len() / 2..].to_vec();
        let from = format!("{}T000000", &half[0][..8]);
        let options = options(&from, "22000101T000000", "UTC");
        let expanded = laid_out(&event(&vector), &options);
        let got: Vec<String> = expanded
            .meetings
            .iter()
            .map(start_of)
            .filter(|start| *start >= half[0])
            .collect();
        assert_eq!(got, half, "line {}: {}", vector.line, vector.rule);
    }
}

#[test]
fn an_exchange_export_with_bracketed_zone_names_is_right() {
    let test = "an_exchange_export_with_bracketed_zone_names_is_right";
    let Some(path) = shared_data(test, "Office-2012-owa.ics") else {
        return;
    };
    let options = options("20201001T000000", "20201115T000000", "UTC");
    let expanded = laid_out(&std::fs::read_to_string(path).unwrap(), &options);
    assert_eq!(expanded.rejects, []);
    let got: Vec<String> = expanded.meetings.iter().map(span_of).collect();
    assert_eq!(
        got,
        [
            // Sydney is ahead by eleven hours in October, New York behind by four, from
            // November on by five.
            "20201028T023000/20201028T040000",
            "20201028T173000/20201028T190000",
            "20201102T183000/20201102T200000",
            // A weekly series on Thursdays and Fridays that begins on a Monday.
            "20201102T183000/20201102T200000",
            "20201105T183000/20201105T200000",
            "20201106T183000/20201106T200000",
            "20201112T183000/20201112T200000",
            "20201113T183000/20201113T200000",
        ]
    );
}

#[test]
fn an_office_365_export_with_windows_zones_is_right() {
    let test = "an_office_365_export_with_windows_zones_is_right";
    let Some(path) = shared_data(test, "office-365-custom-timezone.ics") else {
        return;
    };
    let options = options("20240101T000000", "20270101T000000", "UTC");
    let expanded = laid_out(&std::fs::read_to_string(path).unwrap(), &options);
    assert_eq!(expanded.rejects, []);
    let got: Vec<String> = expanded.meetings.iter().map(span_of).collect();
    // One series that ends with its first occurrence; one every other Tuesday from 21 May 2024 to 5
    // May 2026 (52 of them) without 31 December 2024 and 25 February 2025.
    assert_eq!(got.len(), 1 + 52 - 2);
    assert_eq!(got[0], "20240502T090000/20240502T100000");
    assert_eq!(got[1], "20240521T130000/20240521T140000");
    assert!(got.contains(&"20241217T140000/20241217T150000".to_owned()));
    assert!(!got.iter().any(|one| one.starts_with("20241231")));
    assert!(!got.iter().any(|one| one.starts_with("20250225")));
    assert_eq!(got.last().unwrap(), "20260505T130000/20260505T140000");
    assert!(
        expanded
            .meetings
            .iter()
            .all(|meeting| meeting.series_id.is_some())
    );
}
