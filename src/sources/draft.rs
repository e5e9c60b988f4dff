//! The raw fields of one row, and the rule of each field by itself (`inputs.md` §1, the states of
//! `semantics.md` §3).
//!
//! All native formats fill a [`Draft`] with what they read, each value as the format typed it;
//! `rules.rs` takes the checked values out again. Texts are borrowed from the row as long as they
//! need no change. Nothing here knows a file, a line or a zone table.

use std::borrow::Cow;

use super::field::{Field, Target};
use super::instant;
use super::record::shorten;
use super::{Alarm, AlarmAction, Reject, State};
use crate::clock::Micros;

/// Most bytes of one text field.
pub(super) const TEXT_BYTES_MAX: usize = 65_536;

/// A value as its format typed it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Raw<'a> {
    #[default]
    Absent,
    Text(Cow<'a, str>),
    Int(i64),
    Float(f64),
    Bool(bool),
    /// From a timestamp column, in microseconds; not yet checked for its range.
    Instant(i128),
    Alarms(Vec<RawAlarm<'a>>),
    /// A list, an object, or a column type that no field takes.
    Other,
    /// Text that is not UTF-8.
    NotUtf8,
}

/// One element of an alarms list.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct RawAlarm<'a> {
    pub(super) name: Option<Cow<'a, str>>,
    pub(super) action: Option<Cow<'a, str>>,
    /// The element is no object, or one of its values is no text.
    pub(super) malformed: bool,
}

impl<'a> Raw<'a> {
    /// A borrowed text.
    pub(super) fn text(text: &'a str) -> Self {
        Raw::Text(Cow::Borrowed(text))
    }

    /// Absent, or a text of blanks only.
    pub(super) fn is_blank(&self) -> bool {
        match self {
            Raw::Absent => true,
            Raw::Text(text) => text.trim().is_empty(),
            _ => false,
        }
    }

    fn shown(&self) -> String {
        match self {
            Raw::Text(text) => shorten(text.trim()),
            Raw::Int(number) => number.to_string(),
            Raw::Float(number) => number.to_string(),
            Raw::Bool(value) => value.to_string(),
            Raw::Instant(micros) => micros.to_string(),
            Raw::Absent | Raw::Alarms(_) | Raw::Other | Raw::NotUtf8 => String::new(),
        }
    }
}

/// Why a row is rejected; the caller knows the line.
#[derive(Debug, PartialEq)]
pub(super) struct Fault {
    pub(super) field: &'static str,
    pub(super) reason: &'static str,
    pub(super) value: String,
}

impl Fault {
    /// A fault of a field; the value is left out where a reject may not repeat it.
    pub(super) fn of(field: Field, reason: &'static str, raw: &Raw<'_>) -> Self {
        let value = if field.value_may_be_shown() {
            raw.shown()
        } else {
            String::new()
        };
        Fault {
            field: field.name(),
            reason,
            value,
        }
    }

    /// A fault of the row as a whole.
    pub(super) fn row(reason: &'static str, value: impl Into<String>) -> Self {
        Fault {
            field: "",
            reason,
            value: value.into(),
        }
    }

    /// With its line.
    pub(super) fn at(self, line: u64) -> Reject {
        Reject {
            line,
            field: self.field.to_owned(),
            reason: self.reason,
            value: shorten(&self.value),
        }
    }
}

/// The raw fields of one row.
#[derive(Debug, Default)]
pub(super) struct Draft<'a> {
    values: [Raw<'a>; Field::COUNT],
    /// Names that no field has, with a value in this row.
    pub(super) unknown: Vec<Cow<'a, str>>,
    /// The first field that was given twice with two values.
    pub(super) twice: Option<Field>,
    /// Numbers, booleans and alarms may be written as text.
    all_text: bool,
}

impl<'a> Draft<'a> {
    /// An empty draft of a format in which everything is text.
    pub(super) fn of_texts() -> Self {
        Draft {
            all_text: true,
            ..Draft::default()
        }
    }

    /// Takes the value of a field, or notes the name of an unknown one.
    #[inline]
    pub(super) fn put(&mut self, target: Target, name: Cow<'a, str>, raw: Raw<'a>) {
        match target {
            Target::Field(field) => self.set(field, raw),
            Target::Derived => {}
            Target::Unknown => {
                if !raw.is_blank() {
                    self.unknown.push(name);
                }
            }
        }
    }

    /// Notes an unknown name that has a value in this row.
    pub(super) fn put_unknown(&mut self, name: &'a str) {
        self.unknown.push(Cow::Borrowed(name));
    }

    /// Takes the value of a field.
    #[inline]
    pub(super) fn set(&mut self, field: Field, raw: Raw<'a>) {
        if let Some(slot) = self.values.get_mut(field as usize) {
            if matches!(slot, Raw::Absent) {
                *slot = raw;
            } else {
                self.set_again(field, raw);
            }
        }
    }

    #[cold]
    fn set_again(&mut self, field: Field, raw: Raw<'a>) {
        let all_text = self.all_text;
        let Some(slot) = self.values.get_mut(field as usize) else {
            return;
        };
        if raw.is_blank() {
            return;
        }
        if slot.is_blank() {
            *slot = raw;
        } else if !same(field, slot, &raw, all_text) {
            self.twice.get_or_insert(field);
        }
    }

    /// Takes a value out as it came in.
    pub(super) fn take(&mut self, field: Field) -> Raw<'a> {
        self.values
            .get_mut(field as usize)
            .map(std::mem::take)
            .unwrap_or_default()
    }

    /// A trimmed text, or nothing when blank.
    pub(super) fn text(&mut self, field: Field) -> Result<Option<Cow<'a, str>>, Fault> {
        match self.take(field) {
            Raw::Absent => Ok(None),
            Raw::Text(text) => {
                checked_text(text).map_err(|reason| Fault::of(field, reason, &Raw::Absent))
            }
            Raw::NotUtf8 => Err(Fault::of(field, "not_utf8", &Raw::Absent)),
            other => Err(Fault::of(field, "bad_type", &other)),
        }
    }

    /// As [`Draft::text`], for a field that must be there.
    pub(super) fn required(&mut self, field: Field) -> Result<Cow<'a, str>, Fault> {
        self.text(field)?
            .ok_or_else(|| Fault::of(field, "missing", &Raw::Absent))
    }

    /// A finite number.
    pub(super) fn number(&mut self, field: Field) -> Result<Option<f64>, Fault> {
        let raw = self.take(field);
        match as_number(&raw, self.all_text) {
            Ok(number) => Ok(number),
            Err(reason) => Err(Fault::of(field, reason, &raw)),
        }
    }

    /// An instant of the years that are taken.
    pub(super) fn instant(&mut self, field: Field) -> Result<Option<Micros>, Fault> {
        let raw = self.take(field);
        match as_instant(&raw, self.all_text) {
            Ok(instant) => Ok(instant),
            Err(reason) => Err(Fault::of(field, reason, &raw)),
        }
    }

    /// A yes or no.
    pub(super) fn boolean(&mut self, field: Field) -> Result<Option<bool>, Fault> {
        let raw = self.take(field);
        match &raw {
            Raw::Absent => Ok(None),
            Raw::Bool(value) => Ok(Some(*value)),
            Raw::NotUtf8 => Err(Fault::of(field, "not_utf8", &raw)),
            Raw::Text(text) if text.trim().is_empty() => Ok(None),
            Raw::Text(text) if self.all_text => match text.trim().to_ascii_lowercase().as_str() {
                "true" | "t" | "yes" | "1" => Ok(Some(true)),
                "false" | "f" | "no" | "0" => Ok(Some(false)),
                _ => Err(Fault::of(field, "not_a_boolean", &raw)),
            },
            _ => Err(Fault::of(field, "not_a_boolean", &raw)),
        }
    }

    /// The state that `active_state` and `passive_type_id` say together.
    pub(super) fn state(&mut self) -> Result<(State, Option<u8>), Fault> {
        let passive_type = match self.number(Field::PassiveTypeId)? {
            None => None,
            Some(1.0) => Some(1),
            Some(2.0) => Some(2),
            Some(3.0) => Some(3),
            Some(other) => {
                return Err(Fault::of(
                    Field::PassiveTypeId,
                    "bad_state",
                    &Raw::Float(other),
                ));
            }
        };
        let Some(text) = self.text(Field::ActiveState)? else {
            return Ok(match passive_type {
                None => (State::Active, None),
                Some(1) => (State::Passive, Some(1)),
                locked => (State::PassiveLocked, locked),
            });
        };
        let named = [State::Active, State::Passive, State::PassiveLocked]
            .into_iter()
            .find(|state| state.as_str().eq_ignore_ascii_case(&text));
        let contradiction = |text| {
            Err(Fault::of(
                Field::ActiveState,
                "contradiction",
                &Raw::Text(text),
            ))
        };
        match (named, passive_type) {
            (Some(State::Active), None) => Ok((State::Active, None)),
            (Some(State::Passive), None | Some(1)) => Ok((State::Passive, Some(1))),
            (Some(State::Passive), locked) => Ok((State::PassiveLocked, locked)),
            (Some(State::PassiveLocked), None) => Ok((State::PassiveLocked, Some(2))),
            (Some(State::Active), Some(_)) | (Some(State::PassiveLocked), Some(1)) => {
                contradiction(text)
            }
            (Some(State::PassiveLocked), asleep) => Ok((State::PassiveLocked, asleep)),
            (None, _) => Err(Fault::of(Field::ActiveState, "bad_state", &Raw::Text(text))),
        }
    }

    /// The alarms, sorted and each once, and the actions nobody knows.
    pub(super) fn alarms(&mut self) -> Result<(Vec<Alarm>, Vec<String>), Fault> {
        let fault = |field, reason| Err(Fault::of(field, reason, &Raw::Absent));
        let given = match self.take(Field::Alarms) {
            Raw::Absent => self.joined_alarms()?,
            Raw::Text(text) if text.trim().is_empty() => self.joined_alarms()?,
            Raw::Alarms(list) => list,
            Raw::Text(text) if self.all_text => text
                .split(';')
                .map(str::trim)
                .filter(|pair| !pair.is_empty())
                .map(|pair| {
                    let (name, action) = pair.rsplit_once(':').unwrap_or((pair, ""));
                    RawAlarm {
                        name: Some(Cow::Owned(name.to_owned())),
                        action: Some(Cow::Owned(action.to_owned())),
                        malformed: false,
                    }
                })
                .collect(),
            Raw::NotUtf8 => return fault(Field::Alarms, "not_utf8"),
            _ => return fault(Field::Alarms, "bad_type"),
        };
        if given.is_empty() {
            return Ok((Vec::new(), Vec::new()));
        }
        let mut alarms = Vec::with_capacity(given.len());
        let mut unknown = Vec::new();
        for raw in given {
            if raw.malformed {
                return fault(Field::Alarms, "bad_alarm");
            }
            let name = match raw.name.map_or(Ok(None), checked_text) {
                Ok(Some(name)) => name.into_owned(),
                Ok(None) => return fault(Field::Alarms, "bad_alarm"),
                Err(reason) => return fault(Field::Alarms, reason),
            };
            let action = match raw.action.map_or(Ok(None), checked_text) {
                Ok(Some(text)) => {
                    let action = AlarmAction::parse(&text);
                    if action.is_none() {
                        unknown.push(shorten(&text));
                    }
                    action
                }
                Ok(None) => None,
                Err(reason) => return fault(Field::Alarms, reason),
            };
            alarms.push(Alarm { name, action });
        }
        alarms.sort_unstable();
        alarms.dedup();
        Ok((alarms, unknown))
    }

    /// The alarms of a dump of `events`, where names and actions are two columns, each distinct,
    /// sorted and joined by `, `. Who had which action is lost there; pairing them in order gives
    /// back the same two columns.
    fn joined_alarms(&mut self) -> Result<Vec<RawAlarm<'a>>, Fault> {
        let names = self.text(Field::AlarmName)?;
        let actions = self.text(Field::AlarmAction)?;
        let Some(names) = names else {
            return Ok(Vec::new());
        };
        let names: Vec<&str> = names.split(", ").collect();
        let actions: Vec<&str> = actions
            .as_deref()
            .map(|joined| joined.split(", ").collect())
            .unwrap_or_default();
        let pairs = names.len().max(actions.len());
        let nth = |list: &[&str], at: usize| {
            let text = list.get(at).or(list.last());
            text.map(|text| Cow::Owned((*text).to_owned()))
        };
        Ok((0..pairs)
            .map(|at| RawAlarm {
                name: nth(&names, at),
                action: nth(&actions, at),
                malformed: false,
            })
            .collect())
    }
}

/// A text as records hold it: trimmed, `None` when blank; or why it cannot be taken.
pub(super) fn checked_text(text: Cow<'_, str>) -> Result<Option<Cow<'_, str>>, &'static str> {
    if text.as_bytes().contains(&0) {
        return Err("nul_byte");
    }
    // Most texts need no trimming, which two bytes show.
    let bare = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_graphic);
    let trimmed = match text {
        text if bare(text.as_bytes().first()) && bare(text.as_bytes().last()) => text,
        Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
        Cow::Owned(text) => {
            let inner = text.trim();
            if inner.len() == text.len() {
                Cow::Owned(text)
            } else {
                Cow::Owned(inner.to_owned())
            }
        }
    };
    if trimmed.len() > TEXT_BYTES_MAX {
        Err("too_long")
    } else if trimmed.is_empty() {
        Ok(None)
    } else {
        Ok(Some(trimmed))
    }
}

/// The part of a path after the last separator of either kind; nothing when that is blank.
pub(super) fn base_name(path: Cow<'_, str>) -> Option<Cow<'_, str>> {
    let start = path.rfind(['/', '\\']).map_or(0, |at| at + 1);
    if start == 0 {
        return Some(path);
    }
    let name = match path {
        Cow::Borrowed(path) => Cow::Borrowed(path.get(start..)?.trim()),
        Cow::Owned(path) => Cow::Owned(path.get(start..)?.trim().to_owned()),
    };
    (!name.is_empty()).then_some(name)
}

fn as_number(raw: &Raw<'_>, all_text: bool) -> Result<Option<f64>, &'static str> {
    let number = match raw {
        Raw::Absent => return Ok(None),
        // Exact up to 2^53, far above any duration or type that passes.
        Raw::Int(number) => *number as f64,
        Raw::Float(number) => *number,
        Raw::Text(text) if text.trim().is_empty() => return Ok(None),
        Raw::Text(text) if all_text => text.trim().parse().map_err(|_| "not_a_number")?,
        Raw::Text(_) => return Err("not_a_number"),
        Raw::NotUtf8 => return Err("not_utf8"),
        Raw::Bool(_) | Raw::Instant(_) | Raw::Alarms(_) | Raw::Other => return Err("bad_type"),
    };
    if number.is_finite() {
        Ok(Some(number))
    } else {
        Err("not_a_number")
    }
}

fn as_instant(raw: &Raw<'_>, all_text: bool) -> Result<Option<Micros>, &'static str> {
    let instant = match raw {
        Raw::Absent => return Ok(None),
        Raw::Int(number) => instant::epoch_int(*number),
        Raw::Float(number) => instant::epoch_float(*number),
        Raw::Instant(micros) => instant::in_range(*micros),
        Raw::Text(text) => {
            let text = text.trim();
            if text.is_empty() {
                return Ok(None);
            }
            match instant::parse(text) {
                None if all_text => match text.parse::<i64>() {
                    Ok(number) => instant::epoch_int(number),
                    Err(_) => text.parse().ok().and_then(instant::epoch_float),
                },
                instant => instant,
            }
        }
        Raw::NotUtf8 => return Err("not_utf8"),
        Raw::Bool(_) | Raw::Alarms(_) | Raw::Other => return Err("bad_type"),
    };
    instant.map(Some).ok_or("bad_time")
}

/// Whether two values of one field say the same.
fn same(field: Field, one: &Raw<'_>, other: &Raw<'_>, all_text: bool) -> bool {
    if let (Raw::Text(one), Raw::Text(other)) = (one, other)
        && one.trim() == other.trim()
    {
        return true;
    }
    match field {
        Field::UtcTimestamp | Field::UploadTime => {
            matches!((as_instant(one, all_text), as_instant(other, all_text)),
                (Ok(one), Ok(other)) if one == other)
        }
        Field::DurationSec | Field::PassiveTypeId => {
            matches!((as_number(one, all_text), as_number(other, all_text)),
                (Ok(one), Ok(other)) if one == other)
        }
        _ => one == other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_trimmed_where_they_lie() {
        assert!(matches!(
            checked_text(" a ".into()),
            Ok(Some(Cow::Borrowed("a")))
        ));
        assert_eq!(checked_text(Cow::Owned(" a ".into())), Ok(Some("a".into())));
        assert_eq!(checked_text("  ".into()), Ok(None));
        assert_eq!(checked_text("a\0".into()), Err("nul_byte"));
        let longest = "x".repeat(TEXT_BYTES_MAX);
        assert!(checked_text(format!(" {longest} ").into()).is_ok());
        assert_eq!(checked_text(format!("{longest}x").into()), Err("too_long"));
    }

    #[test]
    fn base_names() {
        assert_eq!(base_name("/usr/bin/vi".into()).unwrap(), "vi");
        assert_eq!(base_name("a\\b/c.exe".into()).unwrap(), "c.exe");
        assert_eq!(base_name("plain".into()).unwrap(), "plain");
        assert_eq!(base_name("C:\\".into()), None);
    }

    #[test]
    fn a_second_value_counts_only_when_it_differs() {
        let twice = |field, one, other| {
            let mut draft = Draft::default();
            draft.set(field, one);
            draft.set(field, other);
            draft.twice
        };
        let time = Field::UtcTimestamp;
        let text = || Raw::text("2026-03-02T09:00:00Z");
        assert_eq!(twice(time, text(), Raw::Int(1_772_442_000)), None);
        assert_eq!(twice(time, text(), Raw::Int(1_772_442_001)), Some(time));
        assert_eq!(
            twice(Field::DurationSec, Raw::Int(5), Raw::Float(5.0)),
            None
        );
        assert_eq!(twice(Field::User, Raw::text("a"), Raw::text(" a")), None);
        assert_eq!(twice(Field::User, Raw::text("a"), Raw::text(" ")), None);
        assert_eq!(twice(Field::User, Raw::text(""), Raw::text("a")), None);
        assert_eq!(
            twice(Field::User, Raw::text("A"), Raw::text("a")),
            Some(Field::User)
        );
    }

    #[test]
    fn a_fault_shows_no_title_and_no_name() {
        assert_eq!(
            Fault::of(Field::Titlebar, "x", &Raw::text("secret")).value,
            ""
        );
        assert_eq!(Fault::of(Field::UserName, "x", &Raw::text("ann")).value, "");
        assert_eq!(
            Fault::of(Field::DurationSec, "x", &Raw::text(" 1h ")).value,
            "1h"
        );
    }
}
