//! One agent record as a line of NDJSON (`inputs.md` §1).
//!
//! Writes into a text that the caller uses again and again: no line costs an allocation. All words
//! are free of characters that JSON escapes, so nothing is escaped here.

use super::dice::Dice;
use super::person::{Computer, Person, Place};
use super::things::Thing;
use super::words;

/// Milliseconds in a day.
pub(super) const DAY_MS: i64 = 86_400_000;

/// What a record says the person was doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Active,
    Passive,
    Locked,
    Asleep,
}

/// A screen of a thing, with what fills its slots.
#[derive(Clone, Copy)]
pub(super) struct View {
    pub thing: &'static Thing,
    /// Place in the thing's screens.
    pub screen: usize,
    /// The same topic gives the same document, client, ticket and so on.
    pub topic: u32,
}

/// What the agent raised with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Alarm {
    None,
    Distraction,
    LargeUpload,
    NewProgram,
}

/// One record before it is written; instants in milliseconds since 1970-01-01T00:00:00Z.
pub(super) struct Line<'a> {
    pub person: &'a Person,
    pub computer: &'a Computer,
    pub place: Place,
    /// Unique for the login on the computer.
    pub id: u64,
    pub start_ms: i64,
    pub duration_sec: i64,
    pub state: State,
    pub view: View,
    pub alarm: Alarm,
    pub usb: bool,
    /// Whether the agent reports the executable with its folder.
    pub whole_path: bool,
    pub upload_ms: i64,
}

impl Line<'_> {
    /// Appends the record, without a line end.
    pub fn write(&self, out: &mut String, with_titles: bool) {
        out.push_str(r#"{"event_id":""#);
        push_base36(out, self.id);
        out.push_str(r#"","utc_timestamp":""#);
        push_instant(out, self.start_ms);
        out.push_str(r#"","duration_sec":"#);
        push_number(out, self.duration_sec.unsigned_abs());
        out.push_str(match self.state {
            State::Active => r#","active_state":"Active""#,
            State::Passive => r#","active_state":"Passive","passive_type_id":1"#,
            State::Locked => r#","active_state":"Passive Locked","passive_type_id":2"#,
            State::Asleep => r#","active_state":"Passive Locked","passive_type_id":3"#,
        });
        out.push_str(self.computer.fixed(self.place));
        self.write_front(out, with_titles);
        out.push_str(match self.alarm {
            Alarm::None => "",
            Alarm::Distraction => {
                r#","alarms":[{"name":"Distraction in working hours","action":"Popup"}]"#
            }
            Alarm::LargeUpload => {
                r#","alarms":[{"name":"Large upload","action":"Email"},{"name":"Large upload","action":"Webhook"}]"#
            }
            Alarm::NewProgram => {
                r#","alarms":[{"name":"Program seen for the first time","action":"Screenshot"}]"#
            }
        });
        if self.usb {
            out.push_str(r#","usb":true"#);
        }
        out.push_str(r#","upload_time":""#);
        push_instant(out, self.upload_ms);
        out.push_str("\"}");
    }

    fn write_front(&self, out: &mut String, with_titles: bool) {
        let thing = self.view.thing;
        let browser = self.computer.browser;
        let (executable, folder, tail) = if thing.is_page() {
            (browser.executable, browser.folder, browser.tail)
        } else if self.computer.macos {
            (thing.macos, "", "")
        } else {
            (thing.windows, thing.folder, "")
        };
        out.push_str(r#","executable":""#);
        if self.whole_path {
            out.push_str(folder);
        }
        out.push_str(executable);
        out.push('"');
        if !thing.is_page() {
            out.push_str(r#","description":""#);
            out.push_str(thing.description);
            out.push('"');
        }
        let Some(screen) = thing.screens.get(self.view.screen) else {
            return;
        };
        if with_titles {
            out.push_str(r#","titlebar":""#);
            self.fill(out, screen.title);
            out.push_str(tail);
            out.push('"');
        }
        if !screen.url.is_empty() {
            out.push_str(r#","full_url":""#);
            self.fill(out, screen.url);
            out.push('"');
        }
    }

    /// Appends a text of [`words`] with its slots filled.
    fn fill(&self, out: &mut String, text: &str) {
        let mut pieces = text.split('{');
        out.push_str(pieces.next().unwrap_or_default());
        for piece in pieces {
            let mut letters = piece.chars();
            if let Some(slot) = letters.next() {
                self.fill_slot(out, slot);
            }
            out.push_str(letters.as_str().strip_prefix('}').unwrap_or_default());
        }
    }

    fn fill_slot(&self, out: &mut String, slot: char) {
        let topic = self.view.topic;
        match slot {
            'd' => out.push_str(chosen(&words::DOCUMENTS, topic)),
            'c' => out.push_str(chosen(&words::CLIENTS, topic)),
            'r' => out.push_str(chosen(&words::REPOSITORIES, topic)),
            'b' => out.push_str(chosen(&words::CHANNELS, topic)),
            'v' => out.push_str(chosen(&words::VIDEOS, topic)),
            'h' => out.push_str(chosen(&words::HEADLINES, topic)),
            's' => out.push_str(search(topic).0),
            'q' => out.push_str(search(topic).1),
            'n' => push_number(out, u64::from(1_000 + topic % 9_000)),
            'u' => push_number(out, u64::from(1 + topic % 12)),
            'k' => {
                out.push_str("EW-");
                push_number(out, u64::from(100 + topic % 900));
            }
            'm' => {
                out.push_str(&self.person.login);
                out.push_str("@example.com");
            }
            'x' => push_base36(out, Dice::of(&[u64::from(topic), 4]).bits() >> 12),
            _ => {}
        }
    }
}

fn chosen(list: &[&'static str], topic: u32) -> &'static str {
    list.get(topic as usize % list.len().max(1))
        .copied()
        .unwrap_or_default()
}

fn search(topic: u32) -> (&'static str, &'static str) {
    let list = &words::SEARCHES;
    list.get(topic as usize % list.len())
        .copied()
        .unwrap_or_default()
}

/// Appends a whole number.
fn push_number(out: &mut String, number: u64) {
    push_digits(out, number, 10);
}

/// Appends a whole number in digits and small letters.
fn push_base36(out: &mut String, number: u64) {
    push_digits(out, number, 36);
}

fn push_digits(out: &mut String, number: u64, base: u64) {
    if number >= base {
        push_digits(out, number / base, base);
    }
    let digit = (number % base) as u8;
    out.push(char::from(if digit < 10 {
        b'0' + digit
    } else {
        b'a' + digit - 10
    }));
}

/// Appends a number of at most two digits as two digits.
fn push_two(out: &mut String, number: i64) {
    let number = number.rem_euclid(100) as u8;
    out.push(char::from(b'0' + number / 10));
    out.push(char::from(b'0' + number % 10));
}

/// Appends an instant as RFC 3339 with milliseconds, `2026-01-05T08:01:22.417Z`.
pub(super) fn push_instant(out: &mut String, instant_ms: i64) {
    let day = instant_ms.div_euclid(DAY_MS);
    let within = instant_ms.rem_euclid(DAY_MS);
    push_date(out, day);
    out.push('T');
    push_two(out, within / 3_600_000);
    out.push(':');
    push_two(out, within / 60_000 % 60);
    out.push(':');
    push_two(out, within / 1_000 % 60);
    out.push('.');
    let fraction = within % 1_000;
    out.push(char::from(b'0' + (fraction / 100) as u8));
    push_two(out, fraction % 100);
    out.push('Z');
}

/// Appends a date given in days since 1970-01-01 as `YYYY-MM-DD` (years 0 to 9999).
pub(super) fn push_date(out: &mut String, day: i64) {
    // Count from 0000-03-01, so that the leap day ends a year and an era of 400 years.
    let shifted = day + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let (month, carry) = if month_from_march < 10 {
        (month_from_march + 3, 0)
    } else {
        (month_from_march - 9, 1)
    };
    let year = era * 400 + year_of_era + carry;
    push_two(out, year / 100);
    push_two(out, year % 100);
    out.push('-');
    push_two(out, month);
    out.push('-');
    push_two(out, day_of_month);
}

#[cfg(test)]
mod tests {
    use super::super::{roles, things};
    use super::*;

    #[test]
    fn dates_agree_with_the_calendar_library() {
        for day in (-150_000..150_000).step_by(13) {
            let mut text = String::new();
            push_date(&mut text, day);
            let expected = chrono::DateTime::from_timestamp(day * 86_400, 0).unwrap();
            assert_eq!(text, expected.format("%Y-%m-%d").to_string());
        }
        let mut text = String::new();
        push_instant(&mut text, 1_767_600_082_417);
        assert_eq!(text, "2026-01-05T08:01:22.417Z");
    }

    #[test]
    fn numbers_in_both_bases() {
        let mut text = String::new();
        push_number(&mut text, 90_210);
        push_base36(&mut text, 36 * 36 + 35);
        assert_eq!(text, "9021010z");
    }

    #[test]
    fn slots_are_filled_and_nothing_needs_escapes() {
        let person = Person::of(1, 0);
        let roles = [
            &roles::ENGINEER,
            &roles::ANALYST,
            &roles::SALES,
            &roles::SUPPORT,
            &roles::FINANCE,
            &roles::MARKETER,
            &roles::PEOPLE,
        ];
        let mixes = roles.iter().flat_map(|role| [role.focus, role.work]);
        let mixes = mixes.chain([roles::DRIFT, roles::TALK_GOOGLE, roles::TALK_MICROSOFT]);
        let things = mixes.flatten().map(|(_, thing)| *thing);
        for thing in things.chain(roles::MEETINGS).chain([&things::LOCK_SCREEN]) {
            for screen in 0..thing.screens.len() {
                for topic in 0..60 {
                    let line = Line {
                        person: &person,
                        computer: &person.computers[0],
                        place: Place::Home,
                        id: 7,
                        start_ms: 0,
                        duration_sec: 30,
                        state: State::Active,
                        view: View {
                            thing,
                            screen,
                            topic,
                        },
                        alarm: Alarm::LargeUpload,
                        usb: true,
                        whole_path: true,
                        upload_ms: 60_000,
                    };
                    let mut text = String::new();
                    line.write(&mut text, true);
                    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
                    let title = value["titlebar"].as_str().unwrap();
                    assert!(!title.contains(['{', '}']) && !title.is_empty(), "{title}");
                    if thing.is_page() {
                        let url = value["full_url"].as_str().unwrap();
                        assert!(
                            url.starts_with("https://") && !url.contains(['{', ' ']),
                            "{url}"
                        );
                    }
                }
            }
        }
    }
}
