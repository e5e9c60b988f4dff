//! The lines and components of an iCalendar text (RFC 5545 §3.1, §3.6).
//!
//! Bytes in; calendars with their zones and events out, each line unfolded and with its number.
//! What no event needs (descriptions, alarms, attachments, tasks) is dropped here and never looked
//! at. A component that is not closed or too deep spoils one event; a text that is no calendar, or
//! ends within one, spoils all, because then what is missing is not gone.

use std::borrow::Cow;

use super::Fault;

/// An unfolded line.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Line<'a> {
    /// 1-based line it begins on.
    pub number: u64,
    pub bytes: Cow<'a, [u8]>,
}

/// A component with the properties that matter.
#[derive(Debug, Default)]
pub(super) struct Component<'a> {
    /// Line of its `BEGIN`.
    pub line: u64,
    pub lines: Vec<Line<'a>>,
    /// The observances of a zone.
    pub parts: Vec<Component<'a>>,
    /// Why it cannot be used: `unclosed`, `too_deep`.
    pub fault: Option<&'static str>,
}

/// One `VCALENDAR`.
#[derive(Debug, Default)]
pub(super) struct Calendar<'a> {
    pub lines: Vec<Line<'a>>,
    pub zones: Vec<Component<'a>>,
    pub events: Vec<Component<'a>>,
}

/// Properties that are read; everything else is dropped with its line.
const WANTED: &[&str] = &[
    "ATTENDEE",
    "CLASS",
    "CREATED",
    "DTEND",
    "DTSTAMP",
    "DTSTART",
    "DURATION",
    "EXDATE",
    "EXRULE",
    "LAST-MODIFIED",
    "METHOD",
    "ORGANIZER",
    "PRODID",
    "RDATE",
    "RECURRENCE-ID",
    "RRULE",
    "SEQUENCE",
    "STATUS",
    "SUMMARY",
    "TRANSP",
    "TZID",
    "TZOFFSETFROM",
    "TZOFFSETTO",
    "UID",
    "X-LIC-LOCATION",
    "X-MICROSOFT-CDO-BUSYSTATUS",
];

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Calendar,
    Event,
    Zone,
    Observance,
    Other,
}

struct Open<'a> {
    kind: Kind,
    name: Vec<u8>,
    component: Component<'a>,
}

/// Reads every calendar of a text.
///
/// # Errors
/// [`Fault::NotACalendar`] and [`Fault::CutShort`].
pub(super) fn read(bytes: &[u8], nesting_max: usize) -> Result<Vec<Calendar<'_>>, Fault> {
    let mut reader = Reader {
        nesting_max,
        open: Vec::new(),
        too_deep: 0,
        calendars: Vec::new(),
    };
    let mut pending: Option<Line<'_>> = None;
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    for (number, raw) in (1..).zip(bytes.split(|byte| *byte == b'\n')) {
        let raw = raw.strip_suffix(b"\r").unwrap_or(raw);
        if let Some((b' ' | b'\t', rest)) = raw.split_first().map(|(first, rest)| (*first, rest)) {
            if let Some(line) = &mut pending {
                line.bytes.to_mut().extend_from_slice(rest);
            }
            continue;
        }
        if let Some(line) = pending.replace(Line {
            number,
            bytes: Cow::Borrowed(raw),
        }) {
            reader.line(line);
        }
    }
    if let Some(line) = pending {
        reader.line(line);
    }
    reader.end()
}

struct Reader<'a> {
    nesting_max: usize,
    open: Vec<Open<'a>>,
    /// Components open beyond the bound.
    too_deep: usize,
    calendars: Vec<Calendar<'a>>,
}

impl<'a> Reader<'a> {
    fn line(&mut self, line: Line<'a>) {
        let name_end = line
            .bytes
            .iter()
            .position(|byte| matches!(byte, b':' | b';'))
            .unwrap_or(line.bytes.len());
        let (name, rest) = line.bytes.split_at(name_end);
        let value = rest.split_first().map_or(&[][..], |(_, value)| value);
        if name.eq_ignore_ascii_case(b"BEGIN") {
            let name = value.trim_ascii().to_ascii_uppercase();
            self.begin(name, line.number);
        } else if name.eq_ignore_ascii_case(b"END") {
            let name = value.trim_ascii().to_ascii_uppercase();
            self.close(&name);
        } else if self.too_deep == 0
            && let Some(open) = self.open.last_mut()
            && open.kind != Kind::Other
            && WANTED
                .iter()
                .any(|wanted| wanted.as_bytes().eq_ignore_ascii_case(name))
        {
            match open.kind {
                Kind::Calendar => {
                    if let Some(calendar) = self.calendars.last_mut() {
                        calendar.lines.push(line);
                    }
                }
                _ => open.component.lines.push(line),
            }
        }
    }

    fn begin(&mut self, name: Vec<u8>, number: u64) {
        if matches!(name.as_slice(), b"VCALENDAR" | b"VEVENT") {
            self.too_deep = 0;
        } else if self.too_deep > 0 {
            self.too_deep += 1;
            return;
        }
        let within = |kind: Kind, open: &[Open<'_>]| open.iter().any(|o| o.kind == kind);
        // A calendar or an event does not stand within an event: the one before was not closed.
        if name == b"VCALENDAR" {
            while !self.open.is_empty() {
                self.pop(Some("unclosed"));
            }
        } else if name == b"VEVENT" && within(Kind::Event, &self.open) {
            while self.open.len() > 1 {
                self.pop(Some("unclosed"));
            }
        }
        if self.open.len() >= self.nesting_max {
            self.too_deep = 1;
            for open in &mut self.open {
                open.component.fault = Some("too_deep");
            }
            return;
        }
        let parent = self.open.last().map(|open| open.kind);
        let kind = match (parent, name.as_slice()) {
            (None, b"VCALENDAR") => {
                self.calendars.push(Calendar::default());
                Kind::Calendar
            }
            (Some(Kind::Calendar), b"VEVENT") => Kind::Event,
            (Some(Kind::Calendar), b"VTIMEZONE") => Kind::Zone,
            (Some(Kind::Zone), b"STANDARD" | b"DAYLIGHT") => Kind::Observance,
            (None, _) => return,
            _ => Kind::Other,
        };
        self.open.push(Open {
            kind,
            name,
            component: Component {
                line: number,
                ..Component::default()
            },
        });
    }

    fn close(&mut self, name: &[u8]) {
        // The end of an event or a calendar ends the excess, whatever of it was left open.
        if matches!(name, b"VCALENDAR" | b"VEVENT") {
            self.too_deep = 0;
        } else if self.too_deep > 0 {
            self.too_deep -= 1;
            return;
        }
        let Some(depth) = self.open.iter().rposition(|open| open.name == name) else {
            return;
        };
        while self.open.len() > depth + 1 {
            self.pop(Some("unclosed"));
        }
        self.pop(None);
    }

    fn pop(&mut self, fault: Option<&'static str>) {
        let Some(mut open) = self.open.pop() else {
            return;
        };
        open.component.fault = open.component.fault.or(fault);
        let Some(calendar) = self.calendars.last_mut() else {
            return;
        };
        match open.kind {
            Kind::Event => calendar.events.push(open.component),
            Kind::Zone => calendar.zones.push(open.component),
            Kind::Observance => {
                if let Some(zone) = self.open.last_mut() {
                    zone.component.parts.push(open.component);
                }
            }
            Kind::Calendar => {}
            // What is missing at the end of an alarm may be missing from its event too.
            Kind::Other => {
                if let (Some(fault), Some(parent)) = (fault, self.open.last_mut()) {
                    parent.component.fault = parent.component.fault.or(Some(fault));
                }
            }
        }
    }

    fn end(self) -> Result<Vec<Calendar<'a>>, Fault> {
        if self.calendars.is_empty() {
            return Err(Fault::NotACalendar);
        }
        if !self.open.is_empty() {
            return Err(Fault::CutShort);
        }
        Ok(self.calendars)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_unfolded_and_numbered_and_the_rest_is_dropped() {
        let text = "\u{feff}BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUM\r\n MARY:Ta\r\n\tlk\r\nDESCRIPTION:x\r\n y\r\n\
                    BEGIN:VALARM\r\nSUMMARY:no\r\nEND:VALARM\r\nuid:1\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
        let calendars = read(text.as_bytes(), 5).unwrap();
        let event = &calendars[0].events[0];
        assert_eq!(event.line, 2);
        let seen: Vec<_> = event
            .lines
            .iter()
            .map(|line| (line.number, std::str::from_utf8(&line.bytes).unwrap()))
            .collect();
        assert_eq!(seen, [(3, "SUMMARY:Talk"), (11, "uid:1")]);
    }

    #[test]
    fn a_character_folded_in_its_middle_is_whole_again() {
        let text =
            b"BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:Z\xc3\n \xbcrich\nEND:VEVENT\nEND:VCALENDAR";
        let calendars = read(text, 5).unwrap();
        assert_eq!(
            calendars[0].events[0].lines[0].bytes,
            "SUMMARY:Zürich".as_bytes()
        );
    }

    #[test]
    fn one_unclosed_event_spoils_one_event() {
        let text = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nBEGIN:VEVENT\nUID:2\nEND:VEVENT\n\
                    BEGIN:VEVENT\nUID:3\nBEGIN:VALARM\nEND:VEVENT\nEND:VCALENDAR";
        let calendars = read(text.as_bytes(), 5).unwrap();
        let faults: Vec<_> = calendars[0]
            .events
            .iter()
            .map(|event| event.fault)
            .collect();
        assert_eq!(faults, [Some("unclosed"), None, Some("unclosed")]);
    }

    #[test]
    fn depth_is_bounded_and_the_next_event_is_whole() {
        let deep = "BEGIN:X\n".repeat(100_000);
        let text = format!(
            "BEGIN:VCALENDAR\nBEGIN:VEVENT\n{deep}END:VEVENT\nBEGIN:VEVENT\nUID:2\nEND:VEVENT\nEND:VCALENDAR"
        );
        let faults = |text: &str| -> Vec<_> {
            let calendars = read(text.as_bytes(), 8).unwrap();
            calendars[0]
                .events
                .iter()
                .map(|event| event.fault)
                .collect()
        };
        assert_eq!(faults(&text), [Some("too_deep"), None]);
        let closed = "END:X\n".repeat(100_000);
        let text = format!(
            "BEGIN:VCALENDAR\nBEGIN:VEVENT\n{deep}{closed}END:VEVENT\nBEGIN:VEVENT\nUID:2\nEND:VEVENT\nEND:VCALENDAR"
        );
        assert_eq!(faults(&text), [Some("too_deep"), None]);
    }

    #[test]
    fn what_is_no_calendar_or_ends_early_is_told() {
        for text in ["", "<html>Sign in</html>", "BEGIN:VEVENT\nEND:VEVENT"] {
            assert_eq!(read(text.as_bytes(), 5).unwrap_err(), Fault::NotACalendar);
        }
        for text in [
            "BEGIN:VCALENDAR\n",
            "BEGIN:VCALENDAR\nBEGIN:VEVENT\nEND:VEVENT\n",
        ] {
            assert_eq!(read(text.as_bytes(), 5).unwrap_err(), Fault::CutShort);
        }
    }
}
