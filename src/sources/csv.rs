//! CSV with a header, separated by comma, semicolon or tab.
//!
//! The `csv` crate does the parsing; [`rows`] under it hands on only whole records of bounded size.
//! A row with another number of fields than the header is a reject; a header that cannot work is
//! an error, because then no row would.

mod rows;

use std::borrow::Cow;
use std::io::{BufRead, Read};

use self::rows::Rows;

use super::draft::{Draft, Fault, Raw};
use super::error::{Error, Place};
use super::field::{Field, Target};
use super::rules::Rules;
use super::stream::{Stream, refuse_utf16};
use super::{Input, Options, Sink};

/// Rows between two reports of progress.
const PROGRESS_ROWS: u64 = 1024;
/// The longest header line that the separator is looked for in.
const HEADER_BYTES_MAX: usize = 1024 * 1024;

pub(super) fn read(
    input: &Input,
    options: &Options,
    sink: &mut dyn Sink,
) -> crate::error::Result<()> {
    let mut stream = Stream::open(input)?;
    let consumed = stream.counter();
    let head = first_line(&mut stream)?;
    refuse_utf16(&head, &input.name)?;
    let delimiter = delimiter_of(&head);

    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&head).to_vec();
    let rest = std::mem::replace(&mut stream.reader, Box::new(std::io::empty()));
    let (rows, queue) = Rows::new(
        std::io::Cursor::new(head).chain(rest),
        delimiter,
        options.max_row_bytes,
        HEADER_BYTES_MAX,
    );
    let mut reader = ::csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .flexible(true)
        .buffer_capacity(256 * 1024)
        .from_reader(rows);

    let failed = |line: u64, error: ::csv::Error| match error.into_kind() {
        ::csv::ErrorKind::Io(source) => stream.failure(Place::Line(line), source),
        other => Error::Damaged {
            name: input.name.clone(),
            place: Place::Line(line),
            detail: format!("{other:?}"),
        },
    };
    let header = reader
        .byte_headers()
        .map_err(|error| failed(0, error))?
        .clone();
    let columns = columns(&header).map_err(|detail| Error::Columns {
        name: input.name.clone(),
        detail,
    })?;

    let mut rules = Rules::new(options);
    let mut record = ::csv::ByteRecord::new();
    let mut count = 0u64;
    let mut line = queue.next_whole(|reject| sink.reject(reject))?;
    loop {
        let more = match reader.read_byte_record(&mut record) {
            Ok(more) => more,
            Err(error) => {
                queue.next_whole(|reject| sink.reject(reject))?;
                return Err(failed(line, error).into());
            }
        };
        let next = queue.next_whole(|reject| sink.reject(reject))?;
        if !more {
            break;
        }
        line = next;
        if record.len() == columns.len() {
            rules.hand_over(draft_of(&record, &columns), line, sink)?;
        } else {
            let found = format!("{} fields under {} columns", record.len(), columns.len());
            sink.reject(Fault::row("bad_csv", found).at(line))?;
        }
        count += 1;
        if count.is_multiple_of(PROGRESS_ROWS) {
            sink.progress(consumed.get());
        }
    }
    sink.progress(consumed.get());
    Ok(())
}

struct Column {
    target: Target,
    name: String,
}

fn draft_of<'a>(record: &'a ::csv::ByteRecord, columns: &'a [Column]) -> Draft<'a> {
    let mut draft = Draft::of_texts();
    for (cell, column) in record.iter().zip(columns) {
        if column.target == Target::Derived || cell.is_empty() {
            continue;
        }
        let raw = match std::str::from_utf8(cell) {
            Ok(text) => Raw::text(text),
            Err(_) => Raw::NotUtf8,
        };
        draft.put(column.target, Cow::Borrowed(column.name.as_str()), raw);
    }
    draft
}

/// What the header's names stand for, or what is wrong with the header.
fn columns(header: &::csv::ByteRecord) -> Result<Vec<Column>, String> {
    let mut columns: Vec<Column> = Vec::with_capacity(header.len());
    for (at, name) in header.iter().enumerate() {
        let Ok(name) = std::str::from_utf8(name) else {
            return Err(format!("the name of column {} is not UTF-8", at + 1));
        };
        let name = match name.trim() {
            "" => format!("(column {})", at + 1),
            name => name.to_owned(),
        };
        if columns
            .iter()
            .any(|other| other.name.eq_ignore_ascii_case(&name))
        {
            return Err(format!("the header names the column '{name}' twice"));
        }
        columns.push(Column {
            target: Target::of(&name),
            name,
        });
    }
    require_columns(|field| {
        columns
            .iter()
            .any(|column| column.target == Target::Field(field))
    })?;
    Ok(columns)
}

/// Names every column that must be there and is not, at once.
pub(super) fn require_columns(has: impl Fn(Field) -> bool) -> Result<(), String> {
    let mut missing: Vec<&str> = [
        Field::UtcTimestamp,
        Field::DurationSec,
        Field::UserName,
        Field::ComputerName,
    ]
    .into_iter()
    .filter(|field| !has(*field))
    .map(Field::name)
    .collect();
    if !has(Field::Executable) && !has(Field::FullUrl) {
        missing.push("executable or full_url");
    }
    if missing.is_empty() {
        Ok(())
    } else {
        Err(format!("no column for {}", missing.join(", ")))
    }
}

/// The first line that is not blank, and what stands before it; read without going further.
fn first_line(stream: &mut Stream) -> Result<Vec<u8>, Error> {
    let mut head = Vec::new();
    let limit = HEADER_BYTES_MAX as u64;
    while head.len() < HEADER_BYTES_MAX {
        let count = (&mut stream.reader)
            .take(limit)
            .read_until(b'\n', &mut head)
            .map_err(|source| stream.failure(Place::Start, source))?;
        if count == 0 || !head.trim_ascii().is_empty() {
            break;
        }
    }
    Ok(head)
}

/// The separator that the header has most of, outside quotes; comma when it has none.
fn delimiter_of(head: &[u8]) -> u8 {
    let mut best = (0usize, b',');
    for delimiter in *b",;\t" {
        let mut quoted = false;
        let mut count = 0;
        for byte in head {
            match byte {
                b'"' => quoted = !quoted,
                _ if !quoted && *byte == delimiter => count += 1,
                _ => {}
            }
        }
        if count > best.0 {
            best = (count, delimiter);
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Collected, options, read_bytes};
    use super::super::{Kind, State};
    use super::*;

    const HEADER: &str = "utc_timestamp,duration_sec,user_name,computer_name,executable,titlebar";

    fn read_text(text: impl AsRef<[u8]>) -> Collected {
        read_bytes(Kind::Csv, "t.csv", text.as_ref(), &options())
    }

    fn row(title: &str) -> String {
        format!("2026-03-02T09:00:00Z,60,ann,pc,w.exe,{title}")
    }

    #[test]
    fn rows_and_their_lines() {
        for end in ["\n", "\r\n", "\r"] {
            let lines = [
                HEADER.to_owned(),
                row("a"),
                String::new(),
                row("\"b\nb\""),
                row("c"),
            ];
            let got = read_text(lines.join(end));
            assert_eq!(got.error, None);
            assert_eq!(got.lines, [2, 4, 6], "{end:?}");
            assert_eq!(got.records[1].titlebar.as_deref(), Some("b\nb"));
        }
    }

    #[test]
    fn other_separators_and_a_bom() {
        for separator in [";", "\t"] {
            let text = format!("\u{feff}{HEADER}\n{}\n", row("\"x\"")).replace(',', separator);
            let got = read_text(text);
            assert_eq!(got.error, None);
            assert_eq!(got.records[0].titlebar.as_deref(), Some("x"));
        }
        assert_eq!(delimiter_of(b"\"a;b;c\",d"), b',');
        assert_eq!(delimiter_of(b"one"), b',');
    }

    #[test]
    fn everything_is_text() {
        let got = read_text(
            "time_utc,duration,username,computer,log_url,passive_type_id,usb,alarms,category\n\
             1772442000, 1.9 ,ann,pc,https://a.example/,1,yes,a:Popup;b:siren,Games\n",
        );
        assert_eq!(got.rejects, []);
        let record = &got.records[0];
        assert_eq!((record.duration_sec, record.state), (1, State::Passive));
        assert_eq!(record.alarms.len(), 2);
        assert_eq!(got.notes, [("unknown_alarm_action", "siren".to_owned())]);
    }

    #[test]
    fn headers_that_cannot_work() {
        let error = |text: &str| read_text(text).error.unwrap();
        assert!(error("").contains("no column for utc_timestamp, duration_sec, user_name"));
        assert!(error("a,b\n1,2\n").contains("executable or full_url"));
        assert!(error(&format!("{HEADER},User_Name\n")).contains("'User_Name' twice"));
        assert!(read_text(format!("{HEADER}\n")).error.is_none());
        let latin = read_text([HEADER.as_bytes(), b",\xe9\n"].concat());
        assert!(latin.error.unwrap().contains("column 7"));
        let utf16 = read_text(b"\xff\xfeu\0t\0");
        assert!(utf16.error.unwrap().contains("UTF-16"));
    }

    #[test]
    fn unnamed_and_unknown_columns() {
        let got = read_text(format!(
            "{HEADER},keys,\n{},k,\n{},,v\n",
            row("a"),
            row("b")
        ));
        assert_eq!(got.records.len(), 2);
        assert_eq!(
            got.notes,
            [
                ("unknown_field", "keys".to_owned()),
                ("unknown_field", "(column 8)".to_owned())
            ]
        );
    }

    #[test]
    fn ragged_rows_and_bytes_that_are_no_text() {
        let mut text = format!("{HEADER}\n1,2\n{},more\n{}\n", row("a"), row("b")).into_bytes();
        text.extend_from_slice(row("c").replace("ann", "a").as_bytes());
        text.extend_from_slice(b"\xe9\n");
        let got = read_text(text);
        let reasons: Vec<_> = got.rejects.iter().map(|r| (r.line, r.reason)).collect();
        assert_eq!(reasons, [(2, "bad_csv"), (3, "bad_csv"), (5, "not_utf8")]);
        assert_eq!(got.rejects[0].value, "2 fields under 6 columns");
        assert_eq!(got.lines, [4]);
    }

    #[test]
    fn a_quote_never_closed_hides_no_row_before_it() {
        let got = read_text(format!(
            "{HEADER}\n{}\n{}\n{}\n",
            row("a"),
            row("\"b"),
            row("c")
        ));
        assert_eq!(got.lines, [2]);
        assert_eq!(got.rejects.len(), 1);
        assert_eq!((got.rejects[0].line, got.rejects[0].reason), (3, "bad_csv"));
    }

    #[test]
    fn large_rows_are_passed_over_to_their_end() {
        let mut options = options();
        options.max_row_bytes = 100;
        let large = row(&format!("\"{}\n{}\"", "x".repeat(300_000), row("inside")));
        let text = format!("{HEADER}\n{}\n{large}\n{}\n", row("a"), row("b"));
        let got = read_bytes(Kind::Csv, "t.csv", text.as_bytes(), &options);
        assert_eq!(got.lines, [2, 5]);
        assert_eq!(got.rejects.len(), 1);
        assert_eq!(
            (got.rejects[0].line, got.rejects[0].reason),
            (3, "row_too_large")
        );
    }
}
