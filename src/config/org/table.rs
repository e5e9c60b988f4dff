//! One CSV file as cells with places: header checked, blanks absent, every problem kept.
//!
//! In: a file's name, its text and the columns it may have. Out: rows whose cells are read by
//! column name. Never stops at the first problem.

use std::fmt;

use chrono::NaiveDate;

use super::{Day, Problem, Validity};
use crate::config::keys::MAX_ID;
use crate::config::nearest::did_you_mean;
use crate::config::value::minutes_of_day;

/// Problems and warnings of one reading.
#[derive(Debug, Default)]
pub struct Report {
    pub problems: Vec<Problem>,
    pub warnings: Vec<Problem>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        if !self.column.is_empty() {
            write!(f, ": {}", self.column)?;
        }
        write!(f, ": {}", self.message)
    }
}

/// What a file must say about a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// The column stands in the header and no cell is blank.
    Filled,
    /// The column may be missing, a cell may be blank.
    Optional,
}

/// A column a file may have.
pub type Column = (&'static str, Need);

/// A file's rows below its checked header.
#[derive(Debug)]
pub struct Table {
    file: String,
    /// Column name and its place in a row.
    columns: Vec<(&'static str, usize)>,
    rows: Vec<(u64, Vec<String>)>,
}

impl Table {
    /// Reads `text`; what is wrong with header and shape goes to `report`. Rows that are wholly
    /// blank are left out.
    pub fn read(file: &str, text: &str, allowed: &[Column], report: &mut Report) -> Table {
        let mut table = Table {
            file: file.to_owned(),
            columns: Vec::new(),
            rows: Vec::new(),
        };
        let mut say = |line: u64, column: &str, message: String| {
            report.problems.push(Problem {
                file: file.to_owned(),
                line,
                column: column.to_owned(),
                message,
            });
        };
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let (records, broken) = split(text);
        for (line, message) in broken {
            say(line, "", message.to_owned());
        }
        let mut records = records.into_iter();
        let names: Vec<&str> = allowed.iter().map(|(name, _)| *name).collect();
        let Some((line, header)) = records.next() else {
            let names = names.join(",");
            say(
                0,
                "",
                format!("the file is empty; its first line names the columns: {names}"),
            );
            return table;
        };
        for (at, cell) in header.iter().enumerate() {
            let typed = cell.trim();
            match names.iter().find(|name| name.eq_ignore_ascii_case(typed)) {
                Some(name) if table.columns.iter().any(|(known, _)| known == name) => {
                    say(
                        line,
                        name,
                        "the column stands twice in the header".to_owned(),
                    );
                }
                Some(name) => table.columns.push((name, at)),
                None if typed.is_empty() => {
                    say(
                        line,
                        "",
                        format!("column {} of the header has no name", at + 1),
                    );
                }
                None => say(
                    line,
                    typed,
                    format!(
                        "no such column{}{} (columns: {})",
                        did_you_mean(typed, names.iter().copied()),
                        if header.len() == 1 && typed.contains(';') {
                            "; columns are separated by commas"
                        } else {
                            ""
                        },
                        names.join(", ")
                    ),
                ),
            }
        }
        for (name, need) in allowed {
            let there = table.columns.iter().any(|(known, _)| known == name);
            if *need == Need::Filled && !there {
                say(line, name, "the column is missing".to_owned());
            }
        }
        let width = header.len();
        for (line, cells) in records {
            if cells.iter().all(|cell| cell.trim().is_empty()) {
                continue;
            }
            if cells.len() != width {
                say(
                    line,
                    "",
                    format!("the row has {} cells, the header {width}", cells.len()),
                );
                continue;
            }
            for (name, _) in allowed.iter().filter(|(_, need)| *need == Need::Filled) {
                let blank = table
                    .columns
                    .iter()
                    .find(|(known, _)| known == name)
                    .and_then(|(_, at)| cells.get(*at))
                    .is_some_and(|cell| cell.trim().is_empty());
                if blank {
                    say(line, name, "the cell is blank".to_owned());
                }
            }
            table.rows.push((line, cells));
        }
        table
    }

    /// The rows, in file order.
    pub fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.rows.iter().map(|(line, cells)| Row {
            table: self,
            line: *line,
            cells,
        })
    }
}

/// One row; its cells are read by column name. A cell that cannot be read is reported and absent,
/// so that a row's other cells are still looked at.
#[derive(Clone, Copy)]
pub struct Row<'t> {
    table: &'t Table,
    pub line: u64,
    cells: &'t [String],
}

impl<'t> Row<'t> {
    /// Reports that the cell of `column` is wrong.
    pub fn wrong(&self, report: &mut Report, column: &str, message: impl Into<String>) {
        report.problems.push(self.problem(column, message));
    }

    /// Reports that the cell of `column` is doubtful.
    pub fn warn(&self, report: &mut Report, column: &str, message: impl Into<String>) {
        report.warnings.push(self.problem(column, message));
    }

    fn problem(&self, column: &str, message: impl Into<String>) -> Problem {
        Problem {
            file: self.table.file.clone(),
            line: self.line,
            column: column.to_owned(),
            message: message.into(),
        }
    }

    /// The trimmed text; `None` for blank.
    pub fn text(&self, column: &str) -> Option<&'t str> {
        let (_, at) = self
            .table
            .columns
            .iter()
            .find(|(name, _)| *name == column)?;
        let cell = self.cells.get(*at)?.trim();
        (!cell.is_empty()).then_some(cell)
    }

    /// The text as an owned one.
    pub fn owned(&self, column: &str) -> Option<String> {
        self.text(column).map(str::to_owned)
    }

    /// The items of a `;` list, trimmed, without blank ones.
    pub fn list(&self, column: &str) -> impl Iterator<Item = &'t str> + use<'t> {
        self.text(column)
            .unwrap_or_default()
            .split(';')
            .map(str::trim)
            .filter(|item| !item.is_empty())
    }

    /// An integer of `min..=max`.
    pub fn integer(&self, report: &mut Report, column: &str, min: i64, max: i64) -> Option<i64> {
        let text = self.text(column)?;
        let number = text
            .parse()
            .ok()
            .filter(|number| (min..=max).contains(number));
        if number.is_none() {
            self.wrong(
                report,
                column,
                format!("'{text}': an integer from {min} to {max} is allowed"),
            );
        }
        number
    }

    /// An id: 1 to 2^53 − 1.
    pub fn id(&self, report: &mut Report, column: &str) -> Option<i64> {
        self.integer(report, column, 1, MAX_ID)
    }

    /// A decimal number of `min..=max`.
    pub fn number(&self, report: &mut Report, column: &str, min: f64, max: f64) -> Option<f64> {
        let text = self.text(column)?;
        let number = text
            .parse()
            .ok()
            .filter(|number| (min..=max).contains(number));
        if number.is_none() {
            self.wrong(
                report,
                column,
                format!("'{text}': a number from {min} to {max} is allowed"),
            );
        }
        number
    }

    /// A yes or no.
    pub fn boolean(&self, report: &mut Report, column: &str) -> Option<bool> {
        let text = self.text(column)?;
        match text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "1" => Some(true),
            "false" | "no" | "0" => Some(false),
            _ => {
                self.wrong(
                    report,
                    column,
                    format!("'{text}': true or false is allowed"),
                );
                None
            }
        }
    }

    /// One of some words, in any case.
    pub fn choice<T: Copy>(
        &self,
        report: &mut Report,
        column: &str,
        choices: &[(&'static str, T)],
    ) -> Option<T> {
        let text = self.text(column)?;
        let found = choices
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(text))
            .map(|(_, choice)| *choice);
        if found.is_none() {
            let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
            self.wrong(
                report,
                column,
                format!(
                    "'{text}': one of {} is allowed{}",
                    names.join(", "),
                    did_you_mean(text, names.iter().copied())
                ),
            );
        }
        found
    }

    /// A date `YYYY-MM-DD`.
    pub fn date(&self, report: &mut Report, column: &str) -> Option<Day> {
        let text = self.text(column)?;
        let day = read_day(text);
        if day.is_none() {
            self.wrong(
                report,
                column,
                format!("'{text}': a date such as 2026-03-31 is allowed"),
            );
        }
        day
    }

    /// A time of day in minutes since midnight; `24:00` is 0.
    pub fn time(&self, report: &mut Report, column: &str) -> Option<u16> {
        let text = self.text(column)?;
        let minutes = minutes_of_day(text);
        if minutes.is_none() {
            self.wrong(
                report,
                column,
                format!("'{text}': a time from 00:00 to 24:00 is allowed"),
            );
        }
        minutes
    }

    /// `valid_from` and `valid_to`.
    pub fn validity(&self, report: &mut Report) -> Validity {
        let validity = Validity {
            from: self.date(report, "valid_from"),
            to: self.date(report, "valid_to"),
        };
        if let (Some(from), Some(to)) = (validity.from, validity.to)
            && to <= from
        {
            self.wrong(
                report,
                "valid_to",
                "it must lie after valid_from: the day itself is not included",
            );
        }
        validity
    }
}

/// Days since 1970-01-01 of `YYYY-MM-DD`, years 1900 to 2999.
pub fn read_day(text: &str) -> Option<Day> {
    let mut parts = text.split('-');
    let mut part = |length: usize| -> Option<u32> {
        let part = parts.next()?;
        let digits = part.len() == length && part.bytes().all(|byte| byte.is_ascii_digit());
        if digits { part.parse().ok() } else { None }
    };
    let (year, month, day) = (part(4)?, part(2)?, part(2)?);
    if parts.next().is_some() || !(1900..3000).contains(&year) {
        return None;
    }
    let date = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)?;
    i32::try_from(date.signed_duration_since(NaiveDate::default()).num_days()).ok()
}

/// A day as `YYYY-MM-DD`, for messages.
pub fn show_day(day: Day) -> String {
    NaiveDate::default()
        .checked_add_signed(chrono::Duration::days(i64::from(day)))
        .map_or_else(|| day.to_string(), |date| date.to_string())
}

type Records = Vec<(u64, Vec<String>)>;

/// Splits CSV (RFC 4180, any line end) into records with the line each begins on; empty lines are
/// left out. Also what is wrong with its quotes.
fn split(text: &str) -> (Records, Vec<(u64, &'static str)>) {
    let mut records: Records = Vec::new();
    let mut broken = Vec::new();
    let mut chars = text.chars().peekable();
    let (mut line, mut began) = (1_u64, 1_u64);
    let mut cells: Vec<String> = Vec::new();
    let mut cell = String::new();
    // Whether the cell was quoted, and is closed.
    let mut closed = false;
    while let Some(c) = chars.next() {
        match c {
            '"' if !closed && cell.trim().is_empty() => {
                cell.clear();
                let opened = line;
                loop {
                    match chars.next() {
                        Some('"') if chars.peek() == Some(&'"') => {
                            chars.next();
                            cell.push('"');
                        }
                        Some('"') => break,
                        Some(c) => {
                            line += u64::from(c == '\n');
                            cell.push(c);
                        }
                        None => {
                            broken.push((opened, "a quote is opened and never closed"));
                            break;
                        }
                    }
                }
                closed = true;
            }
            ',' => {
                cells.push(std::mem::take(&mut cell));
                closed = false;
            }
            '\n' | '\r' => {
                if c == '\r' && chars.peek() == Some(&'\n') {
                    chars.next();
                }
                line += 1;
                if !cells.is_empty() || !cell.is_empty() || closed {
                    cells.push(std::mem::take(&mut cell));
                    records.push((began, std::mem::take(&mut cells)));
                }
                closed = false;
                began = line;
            }
            c if closed => {
                if !c.is_whitespace() {
                    broken.push((line, "text stands behind a closing quote"));
                    closed = false;
                }
            }
            c => cell.push(c),
        }
    }
    if !cells.is_empty() || !cell.is_empty() || closed {
        cells.push(cell);
        records.push((began, cells));
    }
    (records, broken)
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: &[Column] = &[
        ("id", Need::Filled),
        ("name", Need::Optional),
        ("valid_from", Need::Optional),
        ("valid_to", Need::Optional),
    ];

    fn read(text: &str) -> (Table, Vec<String>) {
        let mut report = Report::default();
        let table = Table::read("t.csv", text, COLUMNS, &mut report);
        let problems = report.problems.iter().map(ToString::to_string).collect();
        (table, problems)
    }

    #[test]
    fn cells_have_names_and_lines() {
        let text = "\u{feff}Name, ID\r\n\r\n\"a, \"\"b\"\"\nc\" ,1\r\n , \r\n d ,2";
        let (table, problems) = read(text);
        assert_eq!(problems, [""; 0]);
        let rows: Vec<_> = table
            .rows()
            .map(|row| {
                (
                    row.line,
                    row.text("id"),
                    row.text("name"),
                    row.text("valid_to"),
                )
            })
            .collect();
        assert_eq!(
            rows,
            [
                (3, Some("1"), Some("a, \"b\"\nc"), None),
                (6, Some("2"), Some("d"), None)
            ]
        );
    }

    #[test]
    fn headers_are_checked() {
        for (text, expected) in [
            ("", "t.csv: the file is empty"),
            ("name\nx\n", "t.csv:1: id: the column is missing"),
            (
                "id,nam\n",
                "t.csv:1: nam: no such column, did you mean 'name'?",
            ),
            ("id,ID\n", "t.csv:1: id: the column stands twice"),
            ("id,,name\n", "t.csv:1: column 2 of the header has no name"),
        ] {
            let (_, problems) = read(text);
            assert_eq!(problems.len(), 1, "{problems:?}");
            assert!(problems[0].starts_with(expected), "{problems:?}");
        }
        assert!(read("id;name\n").1[0].contains("separated by commas"));
    }

    #[test]
    fn rows_are_checked() {
        for (text, expected) in [
            ("id,name\n1\n", "t.csv:2: the row has 1 cells, the header 2"),
            ("id\n1\n2,3\n", "t.csv:3: the row has 2 cells, the header 1"),
            ("id,name\n,x\n", "t.csv:2: id: the cell is blank"),
            ("id,name\n1,\"x\n", "t.csv:2: a quote is opened"),
            (
                "id,name\n1,\"x\"y\n",
                "t.csv:2: text stands behind a closing quote",
            ),
        ] {
            let (_, problems) = read(text);
            assert_eq!(problems.len(), 1, "{problems:?}");
            assert!(problems[0].starts_with(expected), "{problems:?}");
        }
    }

    #[test]
    fn cells_are_typed() {
        let (table, _) = read("id,name\n9007199254740992,a; ;b\n9007199254740991,maybe\n");
        let rows: Vec<_> = table.rows().collect();
        let mut report = Report::default();
        assert_eq!(rows[0].id(&mut report, "id"), None);
        assert_eq!(rows[0].list("name").collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(rows[1].id(&mut report, "id"), Some(9_007_199_254_740_991));
        assert_eq!(rows[1].boolean(&mut report, "name"), None);
        assert_eq!(rows[1].number(&mut report, "name", 0.0, 1.0), None);
        assert_eq!(rows[1].time(&mut report, "name"), None);
        assert_eq!(rows[1].date(&mut report, "name"), None);
        assert_eq!(rows[1].choice(&mut report, "name", &[("maybee", 1)]), None);
        assert_eq!(report.problems.len(), 6);
        assert_eq!(report.problems[0].line, 2);
        assert_eq!(report.problems[5].column, "name");
        assert!(
            report.problems[5]
                .message
                .contains("did you mean 'maybee'?")
        );
    }

    #[test]
    fn dates() {
        assert_eq!(read_day("1970-01-02"), Some(1));
        assert_eq!(read_day("1969-12-31"), Some(-1));
        for wrong in [
            "",
            "2026-2-01",
            "2026-02-30",
            "02/03/2026",
            "0026-01-01",
            "2026-01-01T00",
        ] {
            assert_eq!(read_day(wrong), None, "{wrong}");
        }
        assert_eq!(show_day(1), "1970-01-02");
        let (table, _) = read("id,valid_from,valid_to\n1,2026-01-01,2026-01-01\n");
        let mut report = Report::default();
        for row in table.rows() {
            row.validity(&mut report);
        }
        assert!(
            report.problems[0]
                .to_string()
                .starts_with("t.csv:2: valid_to: it must lie after")
        );
    }
}
