//! Calendar entries in the normal form (`inputs.md` §4): one JSON object a line, or one JSON list.
//!
//! Rows go in, entries with the instance and the person they belong to go out, one at a time:
//! memory is one row of at most `max_row_bytes`, also of a list. Whatever is wrong with a row is a
//! reject of that row; only the stream under it, or a list that does not end as one, can fail.
//! Never: a title, an address or a description in a reject; the title of a private entry anywhere.

mod elements;
mod row;
mod values;

use std::io::BufRead;
use std::sync::Arc;

use self::elements::{Elements, Next};
use self::row::Row;
use super::draft::Fault;
use super::error::{Error, Place};
use super::ndjson::{Line, next_line};
use super::stream::{Stream, refuse_utf16};
use super::{Input, Options, Sink};

/// Rows between two reports of progress.
const PROGRESS_ROWS: u64 = 1024;

pub(super) fn read(
    input: &Input,
    options: &Options,
    sink: &mut dyn Sink,
) -> crate::error::Result<()> {
    let mut stream = Stream::open(input)?;
    let failed =
        |stream: &Stream, place, source| crate::error::Error::from(stream.failure(place, source));
    let lines = match begin(&mut stream, &input.name)? {
        Begin::Lines(passed) => passed,
        Begin::List => return read_list(input, options, sink, stream),
    };
    let mut reading = Reading::new(options, sink);
    let mut line = Vec::new();
    let mut number = lines;
    loop {
        let whole = match next_line(&mut stream.reader, &mut line, options.max_row_bytes) {
            Ok(Line::End) => break,
            Ok(Line::Whole) => true,
            Ok(Line::TooLarge) => false,
            Err(source) => return Err(failed(&stream, Place::Line(number), source)),
        };
        number += 1;
        if !whole {
            reading.too_large(number)?;
        } else if !line.trim_ascii().is_empty() {
            reading.row(&line, number)?;
        }
        if number.is_multiple_of(PROGRESS_ROWS) {
            reading.sink.progress(stream.consumed());
        }
    }
    reading.sink.progress(stream.consumed());
    Ok(())
}

/// A list, whose opening bracket has been passed.
fn read_list(
    input: &Input,
    options: &Options,
    sink: &mut dyn Sink,
    mut stream: Stream,
) -> crate::error::Result<()> {
    let mut reading = Reading::new(options, sink);
    let mut elements = Elements::new(options.max_row_bytes);
    let mut number = 0;
    let damage = loop {
        match elements.next(&mut stream.reader) {
            Ok(Next::Element) => {
                number += 1;
                reading.row(elements.bytes(), number)?;
            }
            Ok(Next::TooLarge) => {
                number += 1;
                reading.too_large(number)?;
            }
            Ok(Next::End) => break None,
            Ok(Next::Broken(detail)) => {
                break Some(Error::Damaged {
                    name: input.name.clone(),
                    place: Place::Row(number),
                    detail: detail.to_owned(),
                });
            }
            Err(source) => break Some(stream.failure(Place::Row(number), source)),
        }
        if number.is_multiple_of(PROGRESS_ROWS) {
            reading.sink.progress(stream.consumed());
        }
    };
    reading.sink.progress(stream.consumed());
    match damage {
        Some(error) => Err(error.into()),
        None => Ok(()),
    }
}

/// How the text begins.
enum Begin {
    /// With a row, after this many lines of blanks.
    Lines(u64),
    List,
}

/// Passes a byte-order mark, blanks and the bracket of a list.
fn begin(stream: &mut Stream, name: &str) -> crate::error::Result<Begin> {
    let (mut lines, mut first) = (0, true);
    loop {
        let head = match stream.reader.fill_buf() {
            Ok(head) => head,
            Err(source) if source.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(source) => return Err(stream.failure(Place::Start, source).into()),
        };
        if head.is_empty() {
            return Ok(Begin::Lines(lines));
        }
        let mark = if std::mem::take(&mut first) {
            refuse_utf16(head, name)?;
            if head.starts_with(b"\xef\xbb\xbf") {
                3
            } else {
                0
            }
        } else {
            0
        };
        let text = head.get(mark..).unwrap_or_default();
        let blanks = text
            .iter()
            .take_while(|byte| byte.is_ascii_whitespace())
            .count();
        let (blank, rest) = text.split_at_checked(blanks).unwrap_or((text, &[]));
        lines += blank.iter().filter(|byte| **byte == b'\n').count() as u64;
        let (ended, list) = (!rest.is_empty(), rest.first() == Some(&b'['));
        stream.reader.consume(mark + blanks + usize::from(list));
        if list {
            return Ok(Begin::List);
        }
        if ended {
            return Ok(Begin::Lines(lines));
        }
    }
}

/// What rows go through.
struct Reading<'a> {
    sink: &'a mut dyn Sink,
    max_row_bytes: usize,
    /// The instance of the row before: mostly that of the next, too.
    instance: Arc<str>,
}

impl<'a> Reading<'a> {
    fn new(options: &Options, sink: &'a mut dyn Sink) -> Reading<'a> {
        Reading {
            sink,
            max_row_bytes: options.max_row_bytes,
            instance: "".into(),
        }
    }

    fn row(&mut self, bytes: &[u8], number: u64) -> crate::error::Result<()> {
        let mut notes = Vec::new();
        let read = Row::parse(bytes).and_then(|row| {
            let (instance, uid) = row.owner()?;
            let meeting = row.meeting(&mut notes)?;
            if *self.instance != *instance {
                self.instance = instance.into();
            }
            row.unknown(&mut notes);
            Ok((uid, meeting))
        });
        match read {
            Ok((uid, meeting)) => self.sink.meeting(number, &self.instance, uid, meeting)?,
            Err(fault) => return self.sink.reject(fault.at(number)),
        }
        for (what, name) in notes {
            self.sink.note(what, &name)?;
        }
        Ok(())
    }

    fn too_large(&mut self, number: u64) -> crate::error::Result<()> {
        let limit = self.max_row_bytes;
        let fault = Fault::row("row_too_large", format!("more than {limit} bytes"));
        self.sink.reject(fault.at(number))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Kind;
    use super::super::testing::{Collected, options, read_bytes};

    const GOOD: &str = r#"{"instance":"main","uid":7,"event_id":"a","start":"2026-03-02T09:00:00Z","end":"2026-03-02T10:00:00Z"}"#;

    fn read(text: impl AsRef<[u8]>) -> Collected {
        read_bytes(Kind::Meetings, "t.json", text.as_ref(), &options())
    }

    fn numbers(got: &Collected) -> Vec<u64> {
        got.meetings.iter().map(|(line, ..)| *line).collect()
    }

    #[test]
    fn lines_and_lists_say_the_same() {
        let lines = read(format!("\u{feff}\n{GOOD}\r\n\n{GOOD}"));
        assert_eq!(lines.error, None);
        assert_eq!(numbers(&lines), [2, 4]);
        for list in [
            format!("\u{feff} \n[{GOOD},{GOOD}]"),
            format!("[\n  {GOOD}\n ,\n{GOOD} \n]\n\n"),
        ] {
            let list = read(&list);
            assert_eq!(list.error, None);
            assert_eq!(numbers(&list), [1, 2]);
            assert_eq!(list.meetings[0].3, lines.meetings[0].3);
            assert!(list.progress > 0);
        }
        assert_eq!(read("[]").error, None);
        assert_eq!(read(" \n").error, None);
    }

    #[test]
    fn a_bad_row_does_not_stop_the_rest() {
        for (bad, reason) in [
            (r#"{"a":1"#, "bad_json"),
            ("{'a':1}", "bad_json"),
            ("{} {}", "bad_json"),
            ("7", "not_an_object"),
        ] {
            let got = read(format!("{GOOD}\n{bad}\n{GOOD}\n"));
            assert_eq!(numbers(&got), [1, 3], "{bad}");
            assert_eq!((got.rejects[0].line, got.rejects[0].reason), (2, reason));
        }
        for (bad, reason) in [
            (r#"{"a":1]"#, "bad_json"),
            ("{}}", "bad_json"),
            ("", "bad_json"),
            ("null", "not_an_object"),
            ("[1,{}]", "not_an_object"),
            (r#"{"a":"],[\"{"}"#, "missing"),
        ] {
            let got = read(format!("[{GOOD},{bad},{GOOD}]"));
            assert_eq!(got.error, None, "{bad}");
            assert_eq!(numbers(&got), [1, 3], "{bad}");
            assert_eq!((got.rejects[0].line, got.rejects[0].reason), (2, reason));
        }
    }

    #[test]
    fn a_list_that_is_cut_short_is_damaged() {
        for (text, wanted) in [
            (format!("[{GOOD},{GOOD}"), "the list does not end"),
            (format!("[{GOOD},{GOOD},"), "the list does not end"),
            (format!("[{GOOD},{GOOD}] x"), "follows the list"),
            (format!("[{GOOD},{GOOD}]\n{GOOD}"), "follows the list"),
        ] {
            let got = read(&text);
            let error = got.error.clone().unwrap();
            assert!(error.contains(wanted), "{error}");
            assert!(!got.meetings.is_empty());
        }
        // An element that was not closed is not taken, be it whole or not.
        assert_eq!(read(format!("[{GOOD},{GOOD}")).meetings.len(), 1);
    }

    #[test]
    fn a_row_may_be_as_long_as_the_limit() {
        let mut options = options();
        options.max_row_bytes = GOOD.len();
        let longer = GOOD.replace("\"a\"", "\"aa\"");
        for text in [
            format!("{GOOD}\n{longer}\n{GOOD}"),
            format!("[{GOOD},{longer},{GOOD}]"),
            format!("[{GOOD},{longer} \n ,  {GOOD}   ]"),
        ] {
            let got = read_bytes(Kind::Meetings, "t", text.as_bytes(), &options);
            assert_eq!(got.error, None);
            assert_eq!(numbers(&got), [1, 3], "{text}");
            assert_eq!(got.rejects[0].reason, "row_too_large");
        }
    }

    #[test]
    fn the_instance_is_that_of_the_row() {
        let other = GOOD.replace("main", "other");
        let got = read(format!("{GOOD}\n{other}\n{GOOD}\n"));
        let names: Vec<&str> = got.meetings.iter().map(|(_, name, ..)| &**name).collect();
        assert_eq!(names, ["main", "other", "main"]);
    }

    #[test]
    fn what_was_dropped_is_counted_of_accepted_rows_only() {
        let more = GOOD.replace("{", r#"{"description":"secret plan","show_as":"away","#);
        let bad = more.replace("\"uid\":7", "\"uid\":0");
        let got = read(format!("{more}\n{bad}\n"));
        assert_eq!(
            got.notes,
            [
                ("unknown_show_as", "away".to_owned()),
                ("unknown_field", "description".to_owned())
            ]
        );
        assert_eq!(got.rejects[0].reason, "bad_uid");
    }

    #[test]
    fn utf16_is_told_apart() {
        let error = read(b"\xff\xfe[\0").error.unwrap();
        assert!(error.contains("UTF-16"), "{error}");
    }
}
