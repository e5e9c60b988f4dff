//! NDJSON: one JSON object a line.
//!
//! Lines go in, drafts go to the rules, one at a time: memory is one line of at most
//! `max_row_bytes`. Strings without escapes are borrowed from the line. Whatever is wrong with a
//! line is a reject of that line; only the stream under it can fail.

use std::borrow::Cow;
use std::fmt;
use std::io::{BufRead, Read};

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::draft::{Draft, Fault, Raw, RawAlarm};
use super::error::{Error, Place};
use super::field::{Field, KeyOrder, Target};
use super::rules::Rules;
use super::stream::{Stream, refuse_utf16};
use super::{Input, Options, Sink};

/// Lines between two reports of progress.
const PROGRESS_LINES: u64 = 1024;

pub(super) fn read(
    input: &Input,
    options: &Options,
    sink: &mut dyn Sink,
) -> crate::error::Result<()> {
    let mut stream = Stream::open(input)?;
    let mut rules = Rules::new(options);
    let mut order = KeyOrder::default();
    let mut line = Vec::new();
    let mut number = 0u64;
    loop {
        let too_large = match next_line(&mut stream.reader, &mut line, options.max_row_bytes) {
            Ok(Line::End) => break,
            Ok(Line::Whole) => false,
            Ok(Line::TooLarge) => true,
            Err(source) => return Err(stream.failure(Place::Line(number), source).into()),
        };
        number += 1;
        let mut bytes = line.as_slice();
        if number == 1 {
            refuse_utf16(bytes, &input.name)?;
            bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
            if bytes.trim_ascii_start().first() == Some(&b'[') {
                return Err(Error::WrongKind {
                    name: input.name.clone(),
                    detail: "a JSON list; write one object a line instead \
                             (for example with `jq -c '.[]'`)"
                        .to_owned(),
                }
                .into());
            }
        }
        if too_large {
            let limit = options.max_row_bytes;
            let fault = Fault::row("row_too_large", format!("more than {limit} bytes"));
            sink.reject(fault.at(number))?;
        } else if !bytes.trim_ascii().is_empty() {
            match parse(bytes, &mut order) {
                Ok(draft) => rules.hand_over(draft, number, sink)?,
                Err(fault) => sink.reject(fault.at(number))?,
            }
        }
        if number.is_multiple_of(PROGRESS_LINES) {
            sink.progress(stream.consumed());
        }
    }
    sink.progress(stream.consumed());
    Ok(())
}

pub(super) enum Line {
    /// In the buffer, with its line break if it has one.
    Whole,
    /// Only its beginning is in the buffer; the rest has been passed over.
    TooLarge,
    End,
}

/// The next line, never holding more of it than the limit.
pub(super) fn next_line(
    reader: &mut dyn BufRead,
    line: &mut Vec<u8>,
    max_row_bytes: usize,
) -> std::io::Result<Line> {
    line.clear();
    // One more for the line break itself, and one to see that there is more.
    let limit = (max_row_bytes as u64).saturating_add(2);
    (&mut *reader).take(limit).read_until(b'\n', line)?;
    if line.is_empty() {
        return Ok(Line::End);
    }
    let ended = line.ends_with(b"\n");
    let content = line.len() - usize::from(ended);
    if content <= max_row_bytes {
        return Ok(Line::Whole);
    }
    // A carriage return is part of the break, not of the row.
    if ended && content == max_row_bytes + 1 && line.ends_with(b"\r\n") {
        return Ok(Line::Whole);
    }
    if !ended {
        reader.skip_until(b'\n')?;
    }
    Ok(Line::TooLarge)
}

/// Parses one line, which is not blank.
fn parse<'a>(line: &'a [u8], order: &mut KeyOrder) -> Result<Draft<'a>, Fault> {
    let Ok(text) = std::str::from_utf8(line.trim_ascii_end()) else {
        return Err(Fault::row("not_utf8", ""));
    };
    if text.trim_ascii_start().as_bytes().first() != Some(&b'{') {
        return Err(Fault::row("not_an_object", ""));
    }
    let mut json = serde_json::Deserializer::from_str(text);
    let draft = json
        .deserialize_map(Row { order })
        .and_then(|draft| json.end().map(|()| draft));
    draft.map_err(|error| json_fault(line, &error))
}

/// What is wrong with a line that is no JSON object.
pub(super) fn json_fault(line: &[u8], error: &serde_json::Error) -> Fault {
    let message = error.to_string();
    let reason = if message.starts_with("recursion limit") {
        "too_deep"
    } else if line.contains(&0) {
        "nul_byte"
    } else {
        "bad_json"
    };
    // serde_json says what it expected and where, never what stood there. The line it counts is
    // always the first; ours is in the reject.
    let expected = message.split(" at line ").next().unwrap_or_default();
    Fault::row(reason, format!("{expected} at column {}", error.column()))
}

struct Row<'o> {
    order: &'o mut KeyOrder,
}

impl<'de> Visitor<'de> for Row<'_> {
    type Value = Draft<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Draft<'de>, A::Error> {
        let mut draft = Draft::default();
        let mut position = 0;
        while let Some(Text(key)) = map.next_key()? {
            let target = self.order.target(position, &key);
            position += 1;
            let raw = map.next_value_seed(Value {
                alarms: target == Target::Field(Field::Alarms),
            })?;
            draft.put(target, key, raw);
        }
        Ok(draft)
    }
}

/// A string, borrowed if it has no escapes.
struct Text<'de>(Cow<'de, str>);

impl<'de> serde::Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Borrow;
        impl<'de> Visitor<'de> for Borrow {
            type Value = Text<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Borrow)
    }
}

/// Any value, as a [`Raw`]; lists only where they are the alarms.
#[derive(Clone, Copy)]
struct Value {
    alarms: bool,
}

impl<'de> DeserializeSeed<'de> for Value {
    type Value = Raw<'de>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Raw<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value {
    type Value = Raw<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }
    fn visit_bool<E>(self, value: bool) -> Result<Raw<'de>, E> {
        Ok(Raw::Bool(value))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Raw<'de>, E> {
        Ok(Raw::Int(value))
    }
    fn visit_u64<E>(self, value: u64) -> Result<Raw<'de>, E> {
        Ok(i64::try_from(value).map_or(Raw::Float(value as f64), Raw::Int))
    }
    fn visit_f64<E>(self, value: f64) -> Result<Raw<'de>, E> {
        Ok(Raw::Float(value))
    }
    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Raw<'de>, E> {
        Ok(Raw::Text(Cow::Borrowed(text)))
    }
    fn visit_str<E>(self, text: &str) -> Result<Raw<'de>, E> {
        Ok(Raw::Text(Cow::Owned(text.to_owned())))
    }
    fn visit_unit<E>(self) -> Result<Raw<'de>, E> {
        Ok(Raw::Absent)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Raw<'de>, A::Error> {
        if self.alarms {
            let mut list = Vec::new();
            while let Some(alarm) = seq.next_element_seed(AlarmValue)? {
                list.push(alarm);
            }
            return Ok(Raw::Alarms(list));
        }
        // Not `IgnoredAny`, which would take any depth: how deep a row may be must not depend on
        // which of its fields are known.
        while seq.next_element_seed(Value { alarms: false })?.is_some() {}
        Ok(Raw::Other)
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw<'de>, A::Error> {
        while map.next_key::<IgnoredAny>()?.is_some() {
            map.next_value_seed(Value { alarms: false })?;
        }
        Ok(Raw::Other)
    }
}

/// One element of the alarms list; whatever it is, the rest of the row is still read.
struct AlarmValue;

impl<'de> DeserializeSeed<'de> for AlarmValue {
    type Value = RawAlarm<'de>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> AlarmValue {
    fn malformed<E>() -> Result<RawAlarm<'de>, E> {
        Ok(RawAlarm {
            malformed: true,
            ..RawAlarm::default()
        })
    }
}

impl<'de> Visitor<'de> for AlarmValue {
    type Value = RawAlarm<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an alarm")
    }
    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Self::malformed()
    }
    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Self::malformed()
    }
    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Self::malformed()
    }
    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Self::malformed()
    }
    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Self::malformed()
    }
    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Self::malformed()
    }
    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
        Value { alarms: false }.visit_seq(seq)?;
        Self::malformed()
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut alarm = RawAlarm::default();
        while let Some(Text(key)) = map.next_key()? {
            let raw = map.next_value_seed(Value { alarms: false })?;
            let slot = if key.eq_ignore_ascii_case("name") {
                &mut alarm.name
            } else if key.eq_ignore_ascii_case("action") {
                &mut alarm.action
            } else {
                continue;
            };
            match raw {
                Raw::Absent => {}
                Raw::Text(text) if slot.as_ref().is_none_or(|given| *given == text) => {
                    *slot = Some(text);
                }
                _ => alarm.malformed = true,
            }
        }
        Ok(alarm)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Kind;
    use super::super::testing::{Collected, options, read_bytes, read_into};

    const GOOD: &str = r#"{"utc_timestamp":"2026-03-02T09:00:00Z","duration_sec":60,"user_name":"ann","computer_name":"pc","executable":"w.exe"}"#;

    fn read_text(text: impl AsRef<[u8]>) -> Collected {
        read_bytes(Kind::Ndjson, "t.ndjson", text.as_ref(), &options())
    }

    fn reason(line: &str) -> (String, &'static str) {
        let got = read_text(line);
        assert!(got.records.is_empty(), "{line}");
        let reject = got.rejects.first().unwrap();
        (reject.field.clone(), reject.reason)
    }

    /// GOOD with one more pair.
    fn plus(pair: &str) -> String {
        format!("{},{pair}}}", GOOD.strip_suffix('}').unwrap())
    }

    #[test]
    fn lines_blank_lines_and_the_last_one() {
        let got = read_text(format!("\u{feff}{GOOD}\r\n\n  \n{GOOD}"));
        assert_eq!(got.error, None);
        assert_eq!(got.lines, [1, 4]);
        assert!(got.progress > 0);
    }

    #[test]
    fn escapes_and_names_in_any_case() {
        let got = read_text(
            r#"{"UTC_TIMESTAMP":1772442000,"Duration":1.5,"UserRaw":"\u0061nn","computer":"pc","full_url":"https:\/\/a.example\/"}"#,
        );
        let record = &got.records[0];
        assert_eq!(record.user_name, "ann");
        assert_eq!(record.full_url.as_deref(), Some("https://a.example/"));
        assert_eq!(record.duration_sec, 1);
    }

    #[test]
    fn unknown_fields_are_counted_where_they_have_a_value() {
        let got = read_text(plus(
            r#""keys":[1,{"a":2}],"empty":"","none":null,"category":"Games""#,
        ));
        assert_eq!(got.notes, [("unknown_field", "keys".to_owned())]);
    }

    #[test]
    fn broken_lines_do_not_stop_the_rest() {
        for (line, wanted) in [
            ("{\"a\":1", "bad_json"),
            ("[1]x", "not_an_object"),
            ("null", "not_an_object"),
            ("{\"a\":NaN}", "bad_json"),
            ("{} {}", "bad_json"),
            ("{'a':1}", "bad_json"),
        ] {
            let got = read_text(format!("{GOOD}\n{line}\n{GOOD}\n"));
            assert_eq!(got.lines, [1, 3], "{line}");
            assert_eq!(got.rejects[0].reason, wanted, "{line}");
            assert_eq!(got.rejects[0].line, 2);
        }
    }

    #[test]
    fn bytes_that_are_no_text() {
        let got = read_text([GOOD.as_bytes(), b"\n{\"user\":\"\xe9\"}\n"].concat());
        assert_eq!(got.rejects[0].reason, "not_utf8");
        let raw_nul = GOOD.replace("ann", "a\0n");
        assert_eq!(reason(&raw_nul).1, "nul_byte");
        let escaped_nul = GOOD.replace("ann", "a\\u0000n");
        assert_eq!(reason(&escaped_nul), ("user_name".into(), "nul_byte"));
        assert_eq!(reason(&GOOD.replace("ann", "\\ud800")).1, "bad_json");
    }

    #[test]
    fn depth_is_limited_in_known_and_unknown_fields() {
        let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
        assert_eq!(reason(&plus(&format!("\"x\":{deep}"))).1, "too_deep");
        assert_eq!(reason(&plus(&format!("\"alarms\":{deep}"))).1, "too_deep");
        assert_eq!(
            reason(&plus("\"user\":{\"a\":[]}")),
            ("user".into(), "bad_type")
        );
    }

    #[test]
    fn keys_given_twice() {
        assert_eq!(read_text(plus("\"user_name\":\"ann\"")).records.len(), 1);
        assert_eq!(
            reason(&plus("\"username\":\"bob\"")),
            ("user_name".into(), "duplicate_field")
        );
    }

    #[test]
    fn alarms_in_lists() {
        let got = read_text(plus(
            r#""alarms":[{"name":"b","action":"Popup"},{"Name":"a","ACTION":"siren","id":[1]},{"name":"c","action":null}]"#,
        ));
        let names: Vec<_> = got.records[0]
            .alarms
            .iter()
            .map(|a| a.name.as_str())
            .collect();
        assert_eq!(names, ["a", "b", "c"]);
        assert_eq!(got.notes, [("unknown_alarm_action", "siren".to_owned())]);
        for bad in ["[1]", "[\"a\"]", "[null]", "[[]]", "[{\"name\":1}]", "[{}]"] {
            let line = plus(&format!("\"alarms\":{bad}"));
            assert_eq!(reason(&line), ("alarms".into(), "bad_alarm"), "{bad}");
        }
        assert_eq!(reason(&plus("\"alarms\":{}")).1, "bad_type");
    }

    #[test]
    fn a_row_may_be_as_long_as_the_limit() {
        let mut options = options();
        options.max_row_bytes = GOOD.len();
        for end in ["", "\n", "\r\n"] {
            let text = format!("{GOOD}{end}");
            let got = read_bytes(Kind::Ndjson, "t", text.as_bytes(), &options);
            assert_eq!((got.records.len(), got.rejects.len()), (1, 0), "{end:?}");
        }
        for end in ["", "\n", "\r\n"] {
            let text = format!("{GOOD} {end}{GOOD}\n");
            let got = read_bytes(Kind::Ndjson, "t", text.as_bytes(), &options);
            assert_eq!(got.rejects[0].reason, "row_too_large");
            assert_eq!(got.rejects[0].line, 1);
            assert_eq!(got.records.len(), usize::from(!end.is_empty()), "{end:?}");
        }
    }

    #[test]
    fn lists_and_utf16_are_told_apart() {
        let list = read_text("  [{\"a\":1}]").error.unwrap();
        assert!(list.contains("one object a line"), "{list}");
        let utf16 = read_text(b"\xff\xfe{\0\"\0").error.unwrap();
        assert!(utf16.contains("UTF-16"), "{utf16}");
    }

    #[test]
    fn a_sinks_error_comes_back_unchanged() {
        let mut options = options();
        options.max_row_bytes = 0;
        let mut sink = Collected {
            fail: true,
            ..Collected::default()
        };
        let read = read_into(Kind::Ndjson, "t", GOOD.as_bytes(), &options, &mut sink);
        let error = read.unwrap_err();
        assert_eq!(error.to_string(), "sink is full");
        assert_eq!(error.class(), crate::error::Class::Lake);
    }
}
