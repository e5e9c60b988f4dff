//! One value as it was typed, and its reading as what a key wants.
//!
//! A value from a file has a TOML type and keeps to it; one from the environment or a flag is text
//! and is read as whatever the key wants. An `Err` says what is allowed, without place or key.

use toml::de::DeValue;

use super::SecretRef;
use super::nearest::did_you_mean;
use super::settings::Weekday;

/// A typed value of a file, or the text of a variable or flag.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Text of an environment variable or flag: may stand for any kind.
    Words(String),
    Text(String),
    Integer(i64),
    Float(f64),
    Boolean(bool),
    List(Vec<Value>),
    Table(Vec<(String, Value)>),
    /// A date or time, or a number that no 64 bits hold.
    Other(String),
}

/// A value, or what is allowed instead.
pub type Read<T> = Result<T, String>;

impl Value {
    /// From a parsed TOML value.
    pub fn of(value: &DeValue<'_>) -> Value {
        match value {
            DeValue::String(text) => Value::Text(text.to_string()),
            DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
                .map_or_else(|_| Value::Other(number.as_str().to_owned()), Value::Integer),
            DeValue::Float(number) => number
                .as_str()
                .parse()
                .map_or_else(|_| Value::Other(number.as_str().to_owned()), Value::Float),
            DeValue::Boolean(yes) => Value::Boolean(*yes),
            DeValue::Datetime(time) => Value::Other(time.to_string()),
            DeValue::Array(items) => {
                Value::List(items.iter().map(|item| Value::of(item.get_ref())).collect())
            }
            DeValue::Table(table) => Value::Table(
                table
                    .iter()
                    .map(|(key, value)| (key.get_ref().to_string(), Value::of(value.get_ref())))
                    .collect(),
            ),
        }
    }

    /// For messages: as TOML would show it, at most 80 characters.
    pub fn shown(&self) -> String {
        let text = match self {
            Value::Words(text) | Value::Text(text) => quoted(text),
            Value::Integer(number) => number.to_string(),
            Value::Float(number) => number.to_string(),
            Value::Boolean(yes) => yes.to_string(),
            Value::Other(text) => text.clone(),
            Value::List(items) => {
                let items: Vec<String> = items.iter().map(Value::shown).collect();
                format!("[{}]", items.join(", "))
            }
            Value::Table(_) => "{ … }".to_owned(),
        };
        if text.chars().count() > 80 {
            text.chars().take(79).chain(['…']).collect()
        } else {
            text
        }
    }

    /// Text; blanks around it are dropped.
    pub fn text(&self) -> Read<String> {
        match self {
            Value::Words(text) | Value::Text(text) => Ok(text.trim().to_owned()),
            _ => Err("text is allowed".to_owned()),
        }
    }

    /// An integer of `min..=max`; digits may be grouped by `_`.
    pub fn integer<T: TryFrom<i64>>(&self, min: i64, max: i64) -> Read<T> {
        let number = match self {
            Value::Integer(number) => Some(*number),
            Value::Words(text) => grouped(text.trim()),
            _ => None,
        };
        number
            .filter(|number| (min..=max).contains(number))
            .and_then(|number| T::try_from(number).ok())
            .ok_or_else(|| format!("an integer from {min} to {max} is allowed"))
    }

    /// A number of `min..=max`.
    pub fn number(&self, min: f64, max: f64) -> Read<f64> {
        let number = match self {
            Value::Integer(number) => Some(*number as f64),
            Value::Float(number) => Some(*number),
            Value::Words(text) => text.trim().parse().ok(),
            _ => None,
        };
        number
            .filter(|number| (min..=max).contains(number))
            .ok_or_else(|| format!("a number from {min} to {max} is allowed"))
    }

    /// `true` or `false`.
    pub fn boolean(&self) -> Read<bool> {
        match self {
            Value::Boolean(yes) => Ok(*yes),
            Value::Words(text) if text.trim().eq_ignore_ascii_case("true") => Ok(true),
            Value::Words(text) if text.trim().eq_ignore_ascii_case("false") => Ok(false),
            _ => Err("true or false is allowed".to_owned()),
        }
    }

    /// Bytes of `min..=max`: an integer, or text such as `96MiB`, `512MB`, `1_000_000`.
    pub fn bytes<T: TryFrom<u64>>(&self, min: u64, max: u64) -> Read<T> {
        let bytes = match self {
            Value::Integer(number) => u64::try_from(*number).ok(),
            Value::Words(text) | Value::Text(text) => read_bytes(text.trim()),
            _ => None,
        };
        bytes
            .filter(|bytes| (min..=max).contains(bytes))
            .and_then(|bytes| T::try_from(bytes).ok())
            .ok_or_else(|| {
                format!(
                    "a size from {} to {} such as 96MiB, 512MB or 1_000_000 is allowed",
                    show_bytes(min),
                    show_bytes(max)
                )
            })
    }

    /// A time of day such as `09:00`, in minutes since midnight; `24:00` is `00:00`.
    pub fn time_of_day(&self) -> Read<u16> {
        self.text()
            .ok()
            .and_then(|text| minutes_of_day(&text))
            .ok_or_else(|| "a time from \"00:00\" to \"24:00\" is allowed".to_owned())
    }

    /// One of the given words, in any case.
    pub fn choice<T: Copy>(&self, choices: &[(&'static str, T)]) -> Read<T> {
        let typed = self.text().unwrap_or_default();
        choices
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(&typed))
            .map(|(_, choice)| *choice)
            .ok_or_else(|| {
                let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
                format!(
                    "one of {} is allowed{}",
                    names.join(", "),
                    did_you_mean(&typed, names.iter().copied())
                )
            })
    }

    /// The items of a list; a variable or flag separates them by commas, or is a TOML array.
    pub fn items(&self) -> Read<Vec<Value>> {
        match self {
            Value::List(items) => Ok(items.clone()),
            Value::Words(text) if text.trim_start().starts_with('[') => match inline(text) {
                Some(Value::List(items)) => Ok(items),
                _ => Err("a list such as [\"a\", \"b\"] or a,b is allowed".to_owned()),
            },
            Value::Words(text) => Ok(text
                .split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty())
                .map(|item| Value::Text(item.to_owned()))
                .collect()),
            _ => Err("a list such as [\"a\", \"b\"] is allowed".to_owned()),
        }
    }

    /// A list of distinct values, each read by `read`.
    pub fn distinct<T: PartialEq>(&self, read: impl Fn(&Value) -> Read<T>) -> Read<Vec<T>> {
        let mut found: Vec<T> = Vec::new();
        for item in self.items()? {
            let one = read(&item).map_err(|allowed| format!("{}: {allowed}", item.shown()))?;
            if found.contains(&one) {
                return Err(format!("{} stands twice in the list", item.shown()));
            }
            found.push(one);
        }
        Ok(found)
    }

    /// A list of words that are not blank.
    pub fn names(&self) -> Read<Vec<String>> {
        self.distinct(|item| match item.text() {
            Ok(text) if !text.is_empty() => Ok(text),
            _ => Err("text that is not blank is allowed".to_owned()),
        })
    }

    /// Days of the week by their English names.
    pub fn weekdays(&self) -> Read<Vec<Weekday>> {
        self.distinct(|item| item.choice(&WEEKDAYS))
    }

    /// `{ env = "NAME" }`, `{ file = "PATH" }` or `{ credential = "NAME" }`. The message never
    /// repeats what was typed.
    pub fn secret(&self) -> Read<SecretRef> {
        let allowed = "a secret is not written here but referred to: { env = \"NAME\" }, \
             { file = \"PATH\" } or { credential = \"NAME\" } (of systemd) is allowed";
        let table = match self {
            Value::Words(text) => inline(text),
            other => Some(other.clone()),
        };
        let Some(Value::Table(entries)) = table else {
            return Err(allowed.to_owned());
        };
        match entries.as_slice() {
            [(kind, Value::Text(place))] if kind == "env" && !place.trim().is_empty() => {
                Ok(SecretRef::Env(place.trim().to_owned()))
            }
            [(kind, Value::Text(place))] if kind == "file" && !place.trim().is_empty() => {
                Ok(SecretRef::File(place.trim().into()))
            }
            [(kind, Value::Text(place))] if kind == "credential" => {
                let name = place.trim();
                // It names a file of one folder and nothing outside it.
                if name.is_empty() || name.starts_with('.') || name.contains(['/', '\\']) {
                    return Err(allowed.to_owned());
                }
                Ok(SecretRef::Credential(name.to_owned()))
            }
            _ => Err(allowed.to_owned()),
        }
    }
}

/// Days of the week as settings name them, Monday first.
pub const WEEKDAYS: [(&str, Weekday); 7] = [
    ("monday", Weekday::Monday),
    ("tuesday", Weekday::Tuesday),
    ("wednesday", Weekday::Wednesday),
    ("thursday", Weekday::Thursday),
    ("friday", Weekday::Friday),
    ("saturday", Weekday::Saturday),
    ("sunday", Weekday::Sunday),
];

/// Text in TOML's quotes.
pub fn quoted(text: &str) -> String {
    let escaped: String = text
        .chars()
        .flat_map(|c| match c {
            '"' | '\\' => vec!['\\', c],
            '\n' => vec!['\\', 'n'],
            '\t' => vec!['\\', 't'],
            c if c.is_control() => format!("\\u{:04X}", u32::from(c)).chars().collect(),
            c => vec![c],
        })
        .collect();
    format!("\"{escaped}\"")
}

/// `HH:MM` or `H:MM` in minutes since midnight; `24:00` is 0.
pub fn minutes_of_day(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if !(1..=2).contains(&hours.len()) || minutes.len() != 2 || !digits(hours) || !digits(minutes) {
        return None;
    }
    let (hours, minutes): (u16, u16) = (hours.parse().ok()?, minutes.parse().ok()?);
    match (hours, minutes) {
        (24, 0) => Some(0),
        (0..=23, 0..=59) => Some(hours * 60 + minutes),
        _ => None,
    }
}

/// Minutes since midnight as `HH:MM`.
pub fn show_time(minutes: u16) -> String {
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

const UNITS: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("KB", 1_000),
    ("B", 1),
];

fn read_bytes(text: &str) -> Option<u64> {
    let end = text
        .find(|c: char| c.is_ascii_alphabetic())
        .unwrap_or(text.len());
    let (digits, unit) = text.split_at_checked(end)?;
    let number = u64::try_from(grouped(digits.trim_end())?).ok()?;
    let factor = match unit {
        "" => 1,
        unit => {
            UNITS
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case(unit))?
                .1
        }
    };
    number.checked_mul(factor)
}

/// Bytes in the largest binary unit that holds them whole.
pub fn show_bytes(bytes: u64) -> String {
    UNITS
        .iter()
        .take(4)
        .find(|(_, factor)| bytes > 0 && bytes.is_multiple_of(*factor))
        .map_or_else(
            || bytes.to_string(),
            |(unit, factor)| format!("{}{unit}", bytes / factor),
        )
}

/// An integer whose digits may be grouped by single `_`.
fn grouped(text: &str) -> Option<i64> {
    if text.starts_with('_') || text.ends_with('_') || text.contains("__") {
        return None;
    }
    text.replace('_', "").parse().ok()
}

/// Text of a variable or flag as a TOML value.
fn inline(text: &str) -> Option<Value> {
    DeValue::parse(text.trim())
        .ok()
        .map(|value| Value::of(value.get_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Value {
        Value::Words(text.into())
    }

    #[test]
    fn sizes() {
        for (text, bytes) in [
            ("1GiB", 1 << 30),
            ("512MB", 512_000_000),
            ("512 mb", 512_000_000),
            ("1_000_000", 1_000_000),
            ("64kib", 65_536),
            ("7B", 7),
        ] {
            assert_eq!(words(text).bytes::<u64>(0, 1 << 40), Ok(bytes), "{text}");
        }
        for wrong in [
            "",
            "GiB",
            "1.5GiB",
            "-1",
            "1XB",
            "1__0",
            "99999999TiB",
            "1 0",
            "ä",
        ] {
            assert!(words(wrong).bytes::<u64>(0, u64::MAX).is_err(), "{wrong}");
        }
        assert!(
            Value::Integer(5)
                .bytes::<u64>(6, 10)
                .unwrap_err()
                .contains("from 6 to 10")
        );
        for bytes in [0, 1, 1024, 1 << 30, 96 << 20, 1_000_000, 1536] {
            assert_eq!(read_bytes(&show_bytes(bytes)), Some(bytes));
        }
        assert_eq!(show_bytes(96 << 20), "96MiB");
    }

    #[test]
    fn times_of_day() {
        for (text, minutes) in [("09:00", 540), ("9:05", 545), ("24:00", 0), ("23:59", 1439)] {
            assert_eq!(minutes_of_day(text), Some(minutes), "{text}");
        }
        for wrong in [
            "", "9", "09:0", "24:01", "25:00", "09:60", "+9:00", "009:00", "09:00:00",
        ] {
            assert_eq!(minutes_of_day(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn words_are_read_as_what_is_wanted_and_typed_values_keep_their_type() {
        assert_eq!(words("32_010").integer::<u16>(0, 65_535), Ok(32_010));
        assert!(
            Value::Text("32010".into())
                .integer::<u16>(0, 65_535)
                .is_err()
        );
        assert_eq!(words("6.5").number(0.0, 24.0), Ok(6.5));
        assert_eq!(Value::Integer(6).number(0.0, 24.0), Ok(6.0));
        assert!(words("NaN").number(0.0, 24.0).is_err());
        assert_eq!(words("TRUE").boolean(), Ok(true));
        assert!(Value::Text("true".into()).boolean().is_err());
        assert!(Value::Integer(3).text().is_err());
    }

    #[test]
    fn lists() {
        let expected = vec!["a b".to_owned(), "c".to_owned()];
        assert_eq!(words("a b, c").names(), Ok(expected.clone()));
        assert_eq!(words("[\"a b\", 'c']").names(), Ok(expected));
        assert!(words("a,a").names().unwrap_err().contains("twice"));
        assert!(words("[1]").names().is_err());
        assert!(words("[").names().is_err());
        assert!(Value::Text("a".into()).names().is_err());
        assert_eq!(
            words("Sunday,monday").weekdays(),
            Ok(vec![Weekday::Sunday, Weekday::Monday])
        );
        let wrong = words("sundey").weekdays().unwrap_err();
        assert!(wrong.contains("did you mean 'sunday'"), "{wrong}");
    }

    #[test]
    fn secrets_are_references() {
        assert_eq!(
            words("{ env = \"K\" }").secret(),
            Ok(SecretRef::Env("K".into()))
        );
        assert_eq!(
            words("{ file = 'k' }").secret(),
            Ok(SecretRef::File("k".into()))
        );
        assert_eq!(
            words("{ credential = 'k' }").secret(),
            Ok(SecretRef::Credential("k".into()))
        );
        for wrong in [
            "hunter2",
            "{ credential = '../k' }",
            "{ env = 'a', file = 'b' }",
            "{ env = '' }",
            "{ vault = 'x' }",
        ] {
            let message = words(wrong).secret().unwrap_err();
            assert!(message.contains("{ env = \"NAME\" }"));
            assert!(!message.contains("hunter2"));
        }
        assert!(Value::Text("hunter2".into()).secret().is_err());
    }
}
