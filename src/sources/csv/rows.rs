//! Whole CSV records of bounded size, for the csv reader above to parse.
//!
//! A quote that is never closed would turn the rest of a file into one field in memory. [`Rows`]
//! follows the quotes of its input as the csv crate does, and sends on only records that end and
//! are not over the limit. One that is too large is passed over to *its* end, never to the next
//! line break: what stands inside quotes must not come out as rows. Blank lines are left out.
//! Beside the bytes goes a [`Queue`] that says on which line each record began and which were
//! held back.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{BufRead, Read};
use std::rc::Rc;

use super::super::Reject;
use super::super::draft::Fault;

/// A record that was sent on, or held back.
#[derive(Debug)]
pub(super) enum Row {
    /// It began on this line.
    Whole(u64),
    HeldBack(Reject),
}

/// What became of the records, in their order.
#[derive(Clone, Default)]
pub(super) struct Queue(Rc<RefCell<VecDeque<Row>>>);

impl Queue {
    /// The line of the next record that was sent on, after giving out those held back before it;
    /// 0 when there is none.
    pub(super) fn next_whole<E>(
        &self,
        mut held_back: impl FnMut(Reject) -> Result<(), E>,
    ) -> Result<u64, E> {
        loop {
            let row = self.0.borrow_mut().pop_front();
            match row {
                None => return Ok(0),
                Some(Row::Whole(line)) => return Ok(line),
                Some(Row::HeldBack(reject)) => held_back(reject)?,
            }
        }
    }

    fn push(&self, row: Row) {
        self.0.borrow_mut().push_back(row);
    }
}

/// Reads whole records only.
pub(super) struct Rows<R> {
    inner: R,
    scan: Scan,
    /// How much of the scan's whole records has been sent.
    sent: usize,
    ended: bool,
}

impl<R: BufRead> Rows<R> {
    /// Over `inner`, with the limit of a row and that of the first one, the header.
    pub(super) fn new(
        inner: R,
        delimiter: u8,
        row_bytes_max: usize,
        header_bytes_max: usize,
    ) -> (Self, Queue) {
        let queue = Queue::default();
        let rows = Rows {
            inner,
            scan: Scan {
                delimiter,
                state: Quoting::Outside,
                last: None,
                after_return: false,
                line: 1,
                first_line: 1,
                limit: header_bytes_max.max(row_bytes_max),
                row_bytes_max,
                skipping: false,
                record: Vec::new(),
                whole: 0,
                queue: queue.clone(),
            },
            sent: 0,
            ended: false,
        };
        (rows, queue)
    }
}

impl<R: BufRead> Read for Rows<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        while self.sent == self.scan.whole && !self.ended {
            self.scan.forget_whole();
            self.sent = 0;
            let chunk = self.inner.fill_buf()?;
            if chunk.is_empty() {
                self.scan.finish();
                self.ended = true;
            } else {
                self.scan.take(chunk);
                let count = chunk.len();
                self.inner.consume(count);
            }
        }
        let ready = self.scan.record.get(self.sent..self.scan.whole);
        let ready = ready.unwrap_or_default();
        let count = ready.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..count), ready.get(..count)) {
            to.copy_from_slice(from);
        }
        self.sent += count;
        Ok(count)
    }
}

/// Where in a record the last byte left off: the states of the csv crate's parser, as far as they
/// decide where a record ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Quoting {
    Outside,
    Inside,
    /// After a quote inside a quoted field: the end of it, or the first of two.
    AfterQuote,
}

struct Scan {
    delimiter: u8,
    state: Quoting,
    /// The last byte of the record at hand that an earlier chunk held.
    last: Option<u8>,
    /// The last byte was a carriage return that ended a record; a line feed now belongs to it.
    after_return: bool,
    /// The line of the next byte.
    line: u64,
    /// The line on which the record at hand began.
    first_line: u64,
    /// Most bytes of the record at hand.
    limit: usize,
    /// The limit once the header is through.
    row_bytes_max: usize,
    /// The record at hand is over the limit: only its end matters.
    skipping: bool,
    /// Whole records, then the beginning of the one at hand.
    record: Vec<u8>,
    /// How many of those bytes are whole records.
    whole: usize,
    queue: Queue,
}

impl Scan {
    fn forget_whole(&mut self) {
        self.record.drain(..self.whole);
        self.whole = 0;
    }

    fn take(&mut self, chunk: &[u8]) {
        let mut from = 0;
        let mut at = 0;
        while let Some(&byte) = chunk.get(at) {
            if self.state == Quoting::AfterQuote {
                self.state = if byte == b'"' {
                    at += 1;
                    Quoting::Inside
                } else {
                    Quoting::Outside
                };
                continue;
            }
            let Some(found) = chunk.get(at..).and_then(next_special) else {
                break;
            };
            at += found;
            let byte = chunk.get(at).copied().unwrap_or_default();
            match (self.state, byte) {
                (Quoting::Inside, b'"') => self.state = Quoting::AfterQuote,
                (Quoting::Inside, b'\n') => self.line += 1,
                (Quoting::Inside, _) => {}
                (_, b'"') => {
                    let before = match at.checked_sub(1) {
                        Some(before) if at > from => chunk.get(before).copied(),
                        _ => self.last,
                    };
                    // Only at the start of a field does a quote open anything.
                    if before.is_none_or(|before| before == self.delimiter) {
                        self.state = Quoting::Inside;
                    }
                }
                (_, b'\n') if self.after_return && at == from && self.last.is_none() => {
                    from = at + 1;
                }
                _ => {
                    self.hold(chunk.get(from..at).unwrap_or_default());
                    self.end_record();
                    self.line += 1;
                    self.first_line = self.line;
                    from = at + 1;
                }
            }
            self.after_return = byte == b'\r' && self.state == Quoting::Outside;
            at += 1;
        }
        let rest = chunk.get(from..).unwrap_or_default();
        if let Some(last) = rest.last() {
            self.last = Some(*last);
        }
        self.hold(rest);
    }

    /// Takes more of the record at hand, as far as the limit allows.
    fn hold(&mut self, bytes: &[u8]) {
        if self.skipping {
            return;
        }
        if self.record.len() - self.whole + bytes.len() > self.limit {
            self.skipping = true;
            self.record.truncate(self.whole);
        } else {
            self.record.extend_from_slice(bytes);
        }
    }

    fn end_record(&mut self) {
        self.state = Quoting::Outside;
        self.last = None;
        if self.skipping {
            self.skipping = false;
            let limit = self.row_bytes_max;
            self.hold_back("row_too_large", format!("more than {limit} bytes"));
        } else if self.record.len() > self.whole {
            self.record.push(b'\n');
            self.whole = self.record.len();
            self.queue.push(Row::Whole(self.first_line));
            self.limit = self.row_bytes_max;
        }
    }

    /// At the end of the input: the last record may lack its line break, but not its quote.
    fn finish(&mut self) {
        if self.state == Quoting::Inside {
            self.record.truncate(self.whole);
            self.skipping = false;
            self.hold_back("bad_csv", "a quote is never closed".to_owned());
        } else {
            self.end_record();
        }
    }

    fn hold_back(&mut self, reason: &'static str, detail: String) {
        let reject = Fault::row(reason, detail).at(self.first_line);
        self.queue.push(Row::HeldBack(reject));
    }
}

/// The first byte that can change anything: a quote or a line break. Most are neither, so they are
/// looked at in blocks, without a branch for each.
fn next_special(bytes: &[u8]) -> Option<usize> {
    let special = |byte: &u8| matches!(byte, b'"' | b'\n' | b'\r');
    let mut at = 0;
    for block in bytes.chunks_exact(32) {
        if block.iter().fold(false, |any, byte| any | special(byte)) {
            break;
        }
        at += block.len();
    }
    let found = bytes.get(at..)?.iter().position(special)?;
    Some(at + found)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes out of `text`, read in pieces of `piece` bytes.
    fn pass(text: &str, piece: usize, limit: usize) -> (String, Vec<String>) {
        let inner = std::io::BufReader::with_capacity(piece, text.as_bytes());
        let (mut rows, queue) = Rows::new(inner, b',', limit, 0);
        let mut out = String::new();
        rows.read_to_string(&mut out).unwrap();
        let mut queue = queue.0.borrow_mut();
        let seen = queue.drain(..).map(|row| match row {
            Row::Whole(line) => format!("{line}"),
            Row::HeldBack(reject) => format!("{} {}", reject.line, reject.reason),
        });
        (out, seen.collect())
    }

    #[test]
    fn the_same_whatever_the_pieces() {
        let text = "a,b\r\n\r\n\"x\ny\",\"\"\"\"\nc\"d,e\n\"q\"r,s\r\"long long long\",1\nlast";
        let whole = pass(text, 1000, 12);
        assert_eq!(whole.0, "a,b\n\"x\ny\",\"\"\"\"\nc\"d,e\n\"q\"r,s\nlast\n");
        assert_eq!(whole.1, ["1", "3", "5", "6", "7 row_too_large", "8"]);
        for piece in 1..text.len() {
            assert_eq!(pass(text, piece, 12), whole, "{piece}");
        }
    }

    #[test]
    fn as_many_records_as_the_csv_reader_finds() {
        for text in [
            "a,\"b\"\"\n\",c\nd\n",
            "\"a\"x\"\n\"b\n",
            "a\"\n\"\",\n\"\"\"\"\n",
            ",,\n \"a\n\"b\"\n",
            "a\rb\r\nc\n\n\nd",
        ] {
            let (out, seen) = pass(text, 7, 1000);
            let mut reader = ::csv::ReaderBuilder::new()
                .has_headers(false)
                .flexible(true)
                .from_reader(out.as_bytes());
            let records = reader.byte_records().count();
            let whole = seen.iter().filter(|row| !row.contains(' ')).count();
            assert_eq!(records, whole, "{text:?}");
        }
    }

    /// The fields of every record that the csv reader finds.
    fn fields(text: &str) -> Vec<Vec<String>> {
        let mut reader = ::csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .from_reader(text.as_bytes());
        let records = reader.records().map(Result::unwrap);
        records
            .map(|record| record.iter().map(str::to_owned).collect())
            .collect()
    }

    #[test]
    fn nothing_is_changed_in_any_short_text() {
        let alphabet = ['a', ',', '"', '\n', '\r'];
        for size in 0..=6u32 {
            for number in 0..5usize.pow(size) {
                let letter = |at| alphabet[number / 5usize.pow(at) % 5];
                let text: String = (0..size).map(letter).collect();
                let (out, seen) = pass(&text, 2, 1000);
                if seen.iter().all(|row| !row.contains(' ')) {
                    // An unclosed quote is the one thing that is held back here.
                    assert_eq!(fields(&out), fields(&text), "{text:?}");
                    assert_eq!(seen.len(), fields(&text).len(), "{text:?}");
                }
            }
        }
    }

    #[test]
    fn an_open_quote_at_the_end() {
        assert_eq!(
            pass("a\n\"b\nc\n", 3, 100),
            (
                "a\n".to_owned(),
                vec!["1".to_owned(), "2 bad_csv".to_owned()]
            )
        );
        assert_eq!(pass("", 3, 100), (String::new(), vec![]));
        assert_eq!(pass("\"", 3, 100).1, ["1 bad_csv"]);
    }
}
