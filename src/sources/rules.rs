//! From a draft to a record: what fields mean together, and the id of a row that came without.
//!
//! Each load has one [`Rules`]; every row of a native format goes through [`Rules::hand_over`],
//! which gives the sink a checked [`Record`] or a [`super::Reject`]. `inputs.md` §1 is the source.

use std::borrow::Cow;

use super::draft::{Draft, Fault, Raw, base_name};
use super::field::Field;
use super::record::shorten;
use super::{AlarmAction, Options, Record, Sink, State};
use crate::clock::Micros;

/// How far after the as-of instant an event may start.
pub(super) const FUTURE_MICROS: i64 = 86_400 * 1_000_000;

/// The checks of one load, with what they need of its options.
pub(super) struct Rules {
    latest_start: Micros,
    max_event_seconds: f64,
    /// The bytes a missing `event_id` is the hash of; kept to be allocated once.
    hashed: Vec<u8>,
}

impl Rules {
    pub(super) fn new(options: &Options) -> Self {
        Rules {
            latest_start: options.as_of.saturating_add(FUTURE_MICROS),
            max_event_seconds: options.max_event_seconds as f64,
            hashed: Vec::new(),
        }
    }

    /// Checks a draft and hands the record, or why there is none, to the sink.
    ///
    /// # Errors
    /// The sink's, unchanged.
    pub(super) fn hand_over(
        &mut self,
        mut draft: Draft<'_>,
        line: u64,
        sink: &mut dyn Sink,
    ) -> crate::error::Result<()> {
        let unknown_fields = std::mem::take(&mut draft.unknown);
        match self.finish(&mut draft) {
            Ok((record, unknown_actions)) => {
                sink.record(line, record)?;
                for name in &unknown_fields {
                    sink.note("unknown_field", &shorten(name))?;
                }
                for action in &unknown_actions {
                    sink.note("unknown_alarm_action", action)?;
                }
                Ok(())
            }
            Err(fault) => sink.reject(fault.at(line)),
        }
    }

    /// The record and the unknown alarm actions of it, or why the row is rejected.
    pub(super) fn finish<'a>(
        &mut self,
        draft: &mut Draft<'a>,
    ) -> Result<(Record<'a>, Vec<String>), Fault> {
        if let Some(field) = draft.twice {
            return Err(Fault::of(field, "duplicate_field", &Raw::Absent));
        }
        let missing = |field| Fault::of(field, "missing", &Raw::Absent);
        let start = draft
            .instant(Field::UtcTimestamp)?
            .ok_or_else(|| missing(Field::UtcTimestamp))?;
        if start > self.latest_start {
            return Err(Fault::of(
                Field::UtcTimestamp,
                "future",
                &Raw::Instant(i128::from(start)),
            ));
        }
        let duration_sec = draft
            .number(Field::DurationSec)?
            .ok_or_else(|| missing(Field::DurationSec))?;
        if duration_sec < 0.0 {
            return Err(Fault::of(
                Field::DurationSec,
                "negative",
                &Raw::Float(duration_sec),
            ));
        }
        if duration_sec > self.max_event_seconds {
            return Err(Fault::of(
                Field::DurationSec,
                "too_long",
                &Raw::Float(duration_sec),
            ));
        }
        let (state, passive_type_id) = draft.state()?;
        let user_name = draft.required(Field::UserName)?;
        let computer_name = draft.required(Field::ComputerName)?;
        let executable = draft.text(Field::Executable)?.and_then(base_name);
        let full_url = draft.text(Field::FullUrl)?;
        if executable.is_none() && full_url.is_none() {
            return Err(missing(Field::Executable));
        }
        let (alarms, unknown_actions) = draft.alarms()?;
        let given_id = draft.text(Field::EventId)?;
        let mut record = Record {
            event_id_given: given_id.is_some(),
            event_id: given_id.unwrap_or_default(),
            start,
            // Truncation is the rule; the bounds above keep the cast exact.
            duration_sec: duration_sec as i64,
            state,
            passive_type_id,
            user_name,
            user: draft.text(Field::User)?,
            logon_domain: draft.text(Field::LogonDomain)?,
            primary_domain: draft.text(Field::PrimaryDomain)?,
            computer_name,
            computer_timezone: draft.text(Field::ComputerTimezone)?,
            session: draft.text(Field::Session)?,
            network_id: draft.text(Field::NetworkId)?,
            device_ip: draft.text(Field::DeviceIp)?,
            public_ip: draft.text(Field::PublicIp)?,
            executable,
            description: draft.text(Field::Description)?,
            titlebar: draft.text(Field::Titlebar)?,
            full_url,
            alarms,
            usb: draft.boolean(Field::Usb)?,
            upload_time: draft.instant(Field::UploadTime)?,
        };
        if !record.event_id_given {
            record.event_id = Cow::Owned(self.hash(&record));
        }
        Ok((record, unknown_actions))
    }

    /// The `event_id` of a record that came without: XXH3-64 in 16 hex digits.
    ///
    /// Hashed are, in the order below, the parts that are there, each as a tag byte followed by
    /// its value, so that no two different records give the same bytes: integers as 8 bytes,
    /// little-endian; texts as their length in bytes (8 bytes, little-endian) and their UTF-8;
    /// flags as one byte; the list of alarms as its count, then for each its name as a text and
    /// one byte for the action (0 none). The tags and this order must never change: stored ids
    /// depend on them. `upload_time` is not part of it.
    fn hash(&mut self, record: &Record<'_>) -> String {
        let bytes = &mut self.hashed;
        bytes.clear();
        integer(bytes, 1, record.start);
        integer(bytes, 2, record.duration_sec);
        let state = match record.state {
            State::Active => 0,
            State::Passive => 1,
            State::PassiveLocked => 2,
        };
        bytes.extend_from_slice(&[3, state]);
        if let Some(passive_type_id) = record.passive_type_id {
            bytes.extend_from_slice(&[4, passive_type_id]);
        }
        let texts = [
            (5, Some(&record.user_name)),
            (6, record.user.as_ref()),
            (7, record.logon_domain.as_ref()),
            (8, record.primary_domain.as_ref()),
            (9, Some(&record.computer_name)),
            (10, record.computer_timezone.as_ref()),
            (11, record.session.as_ref()),
            (12, record.network_id.as_ref()),
            (13, record.device_ip.as_ref()),
            (14, record.public_ip.as_ref()),
            (15, record.executable.as_ref()),
            (16, record.description.as_ref()),
            (17, record.titlebar.as_ref()),
            (18, record.full_url.as_ref()),
        ];
        for (tag, text) in texts {
            if let Some(text) = text {
                bytes.push(tag);
                sized(bytes, text);
            }
        }
        if !record.alarms.is_empty() {
            bytes.push(19);
            bytes.extend_from_slice(&(record.alarms.len() as u64).to_le_bytes());
            for alarm in &record.alarms {
                sized(bytes, &alarm.name);
                bytes.push(match alarm.action {
                    None => 0,
                    Some(AlarmAction::Email) => 1,
                    Some(AlarmAction::Popup) => 2,
                    Some(AlarmAction::Screenshot) => 3,
                    Some(AlarmAction::Terminate) => 4,
                    Some(AlarmAction::Webhook) => 5,
                });
            }
        }
        if let Some(usb) = record.usb {
            bytes.extend_from_slice(&[20, u8::from(usb)]);
        }
        format!("{:016x}", xxhash_rust::xxh3::xxh3_64(bytes))
    }
}

fn integer(bytes: &mut Vec<u8>, tag: u8, value: i64) {
    bytes.push(tag);
    bytes.extend_from_slice(&value.to_le_bytes());
}

fn sized(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend_from_slice(&(text.len() as u64).to_le_bytes());
    bytes.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::super::draft::{RawAlarm, TEXT_BYTES_MAX};
    use super::*;

    const AS_OF: i64 = 1_773_532_800_000_000; // 2026-03-15T00:00:00Z

    fn rules() -> Rules {
        Rules {
            latest_start: AS_OF + FUTURE_MICROS,
            max_event_seconds: 86_400.0,
            hashed: Vec::new(),
        }
    }

    fn base() -> Draft<'static> {
        filled(Draft::default())
    }

    fn base_of_texts() -> Draft<'static> {
        filled(Draft::of_texts())
    }

    fn filled(mut draft: Draft<'static>) -> Draft<'static> {
        draft.set(Field::UtcTimestamp, Raw::text("2026-03-02T09:00:00Z"));
        draft.set(Field::DurationSec, Raw::Int(60));
        draft.set(Field::UserName, Raw::text(" ann "));
        draft.set(Field::ComputerName, Raw::text("pc-1"));
        draft.set(Field::Executable, Raw::text("C:\\Apps\\Word.exe"));
        draft
    }

    fn with(field: Field, raw: Raw<'static>) -> Result<Record<'static>, Fault> {
        let mut draft = base();
        draft.take(field);
        draft.set(field, raw);
        rules().finish(&mut draft).map(|(record, _)| record)
    }

    fn reason(field: Field, raw: Raw<'static>) -> &'static str {
        let fault = with(field, raw).unwrap_err();
        assert_eq!(fault.field, field.name());
        fault.reason
    }

    #[test]
    fn a_plain_row() {
        let (record, notes) = rules().finish(&mut base()).unwrap();
        assert_eq!(record.user_name, "ann");
        assert_eq!(record.executable.as_deref(), Some("Word.exe"));
        assert_eq!(record.state, State::Active);
        assert_eq!(record.duration_sec, 60);
        assert!(!record.event_id_given && record.event_id.len() == 16);
        assert!(notes.is_empty());
    }

    #[test]
    fn durations() {
        let seconds = |raw| with(Field::DurationSec, raw).unwrap().duration_sec;
        assert_eq!(seconds(Raw::Float(12.9)), 12);
        assert_eq!(seconds(Raw::Float(-0.0)), 0);
        assert_eq!(seconds(Raw::Int(86_400)), 86_400);
        assert_eq!(reason(Field::DurationSec, Raw::Float(86_400.5)), "too_long");
        assert_eq!(reason(Field::DurationSec, Raw::Int(i64::MAX)), "too_long");
        assert_eq!(reason(Field::DurationSec, Raw::Float(-0.1)), "negative");
        assert_eq!(
            reason(Field::DurationSec, Raw::Float(f64::NAN)),
            "not_a_number"
        );
        assert_eq!(reason(Field::DurationSec, Raw::text("12")), "not_a_number");
        assert_eq!(reason(Field::DurationSec, Raw::Bool(true)), "bad_type");
        assert_eq!(reason(Field::DurationSec, Raw::text(" ")), "missing");
    }

    #[test]
    fn text_is_number_in_csv_only() {
        let mut draft = base_of_texts();
        draft.take(Field::DurationSec);
        draft.take(Field::UtcTimestamp);
        draft.set(Field::DurationSec, Raw::text(" 12.5 "));
        draft.set(Field::UtcTimestamp, Raw::text("1772442000"));
        draft.set(Field::PassiveTypeId, Raw::text("1.0"));
        draft.set(Field::Usb, Raw::text("TRUE"));
        let (record, _) = rules().finish(&mut draft).unwrap();
        assert_eq!(record.start, 1_772_442_000_000_000);
        assert_eq!((record.duration_sec, record.state), (12, State::Passive));
        assert_eq!(record.usb, Some(true));
        assert_eq!(
            reason(Field::UtcTimestamp, Raw::text("1772442000")),
            "bad_time"
        );
        assert_eq!(reason(Field::Usb, Raw::text("true")), "not_a_boolean");
        for number in ["NaN", "inf", "1e999", "0x10", "1,5"] {
            let mut draft = base_of_texts();
            draft.take(Field::DurationSec);
            draft.set(Field::DurationSec, Raw::text(number));
            assert_eq!(
                rules().finish(&mut draft).unwrap_err().reason,
                "not_a_number"
            );
        }
    }

    #[test]
    fn the_future_begins_after_a_day() {
        let at = |micros: i64| with(Field::UtcTimestamp, Raw::Instant(i128::from(micros)));
        assert!(at(AS_OF + FUTURE_MICROS).is_ok());
        assert_eq!(at(AS_OF + FUTURE_MICROS + 1).unwrap_err().reason, "future");
    }

    #[test]
    fn states() {
        let of = |state: Option<&'static str>, passive_type: Option<i64>| {
            let mut draft = base();
            if let Some(state) = state {
                draft.set(Field::ActiveState, Raw::text(state));
            }
            if let Some(passive_type) = passive_type {
                draft.set(Field::PassiveTypeId, Raw::Int(passive_type));
            }
            rules()
                .finish(&mut draft)
                .map(|(record, _)| (record.state, record.passive_type_id))
                .map_err(|fault| fault.reason)
        };
        use State::{Active, Passive, PassiveLocked};
        assert_eq!(of(None, None), Ok((Active, None)));
        assert_eq!(of(None, Some(1)), Ok((Passive, Some(1))));
        assert_eq!(of(None, Some(2)), Ok((PassiveLocked, Some(2))));
        assert_eq!(of(None, Some(3)), Ok((PassiveLocked, Some(3))));
        assert_eq!(of(Some("ACTIVE"), None), Ok((Active, None)));
        assert_eq!(of(Some("passive"), None), Ok((Passive, Some(1))));
        assert_eq!(of(Some("Passive"), Some(1)), Ok((Passive, Some(1))));
        assert_eq!(of(Some("Passive"), Some(2)), Ok((PassiveLocked, Some(2))));
        assert_eq!(of(Some("Passive"), Some(3)), Ok((PassiveLocked, Some(3))));
        assert_eq!(
            of(Some("passive locked"), None),
            Ok((PassiveLocked, Some(2)))
        );
        assert_eq!(
            of(Some("Passive Locked"), Some(3)),
            Ok((PassiveLocked, Some(3)))
        );
        assert_eq!(of(Some("Passive Locked"), Some(1)), Err("contradiction"));
        for passive_type in 1..=3 {
            assert_eq!(of(Some("Active"), Some(passive_type)), Err("contradiction"));
        }
        assert_eq!(of(Some("idle"), None), Err("bad_state"));
        assert_eq!(of(None, Some(0)), Err("bad_state"));
        assert_eq!(of(None, Some(4)), Err("bad_state"));
    }

    #[test]
    fn needs_who_where_and_what() {
        assert_eq!(reason(Field::UserName, Raw::text("  ")), "missing");
        assert_eq!(reason(Field::ComputerName, Raw::Absent), "missing");
        assert_eq!(reason(Field::Executable, Raw::text("C:\\")), "missing");
        let mut draft = base();
        draft.take(Field::Executable);
        draft.set(Field::FullUrl, Raw::text("https://a.example/"));
        assert!(rules().finish(&mut draft).is_ok());
    }

    #[test]
    fn texts() {
        assert_eq!(reason(Field::UserName, Raw::text("a\0b")), "nul_byte");
        assert_eq!(reason(Field::UserName, Raw::Int(5)), "bad_type");
        assert_eq!(reason(Field::UserName, Raw::NotUtf8), "not_utf8");
        let long = "x".repeat(TEXT_BYTES_MAX + 1);
        let fault = with(Field::Titlebar, Raw::Text(long.into())).unwrap_err();
        assert_eq!((fault.reason, fault.value.as_str()), ("too_long", ""));
        assert!(
            with(
                Field::Titlebar,
                Raw::Text("x".repeat(TEXT_BYTES_MAX).into())
            )
            .is_ok()
        );
    }

    #[test]
    fn twice_is_fine_when_it_says_the_same() {
        let mut draft = base();
        draft.set(Field::UserName, Raw::text("ann"));
        draft.set(Field::UtcTimestamp, Raw::Int(1_772_442_000));
        draft.set(Field::DurationSec, Raw::Absent);
        assert!(rules().finish(&mut draft).is_ok());
        let mut draft = base();
        draft.set(Field::UserName, Raw::text("bob"));
        let fault = rules().finish(&mut draft).unwrap_err();
        assert_eq!(
            (fault.field, fault.reason),
            ("user_name", "duplicate_field")
        );
    }

    #[test]
    fn alarms() {
        let mut draft = base_of_texts();
        draft.set(
            Field::Alarms,
            Raw::text("usb: copy:email; games:Siren;b;;games:popup"),
        );
        let (record, unknown) = rules().finish(&mut draft).unwrap();
        let pairs: Vec<_> = record
            .alarms
            .iter()
            .map(|alarm| (alarm.name.as_str(), alarm.action))
            .collect();
        assert_eq!(
            pairs,
            [
                ("b", None),
                ("games", None),
                ("games", Some(AlarmAction::Popup)),
                ("usb: copy", Some(AlarmAction::Email)),
            ]
        );
        assert_eq!(unknown, ["Siren"]);
        assert_eq!(reason(Field::Alarms, Raw::text("a:Email")), "bad_type");
        let nameless = Raw::Alarms(vec![RawAlarm::default()]);
        assert_eq!(reason(Field::Alarms, nameless), "bad_alarm");
    }

    #[test]
    fn alarms_of_a_dump() {
        let mut draft = base();
        draft.set(Field::AlarmName, Raw::text("a, b, c"));
        draft.set(Field::AlarmAction, Raw::text("Email, Popup"));
        let (record, _) = rules().finish(&mut draft).unwrap();
        let actions: Vec<_> = record.alarms.iter().map(|alarm| alarm.action).collect();
        assert_eq!(
            actions,
            [
                Some(AlarmAction::Email),
                Some(AlarmAction::Popup),
                Some(AlarmAction::Popup)
            ]
        );
    }

    #[test]
    fn the_hash_sees_content_not_form() {
        let id = |change: &dyn Fn(&mut Draft<'static>)| {
            let mut draft = base();
            change(&mut draft);
            rules().finish(&mut draft).unwrap().0.event_id.into_owned()
        };
        let plain = id(&|_| {});
        assert_eq!(plain, id(&|_| {}));
        assert_eq!(
            plain,
            id(&|draft| {
                draft.take(Field::UtcTimestamp);
                draft.set(Field::UtcTimestamp, Raw::Float(1_772_442_000.0));
                draft.take(Field::DurationSec);
                draft.set(Field::DurationSec, Raw::Float(60.5));
                draft.set(Field::ActiveState, Raw::text("active"));
                draft.set(Field::UploadTime, Raw::Int(1_772_443_000));
                draft.set(Field::Session, Raw::text("   "));
            })
        );
        assert_ne!(
            plain,
            id(&|draft| draft.set(Field::Session, Raw::text("1")))
        );
        // The same text in another field is another record.
        assert_ne!(
            id(&|draft| draft.set(Field::Session, Raw::text("1"))),
            id(&|draft| draft.set(Field::NetworkId, Raw::text("1")))
        );
        let alarm = |name: &'static str| RawAlarm {
            name: Some(name.into()),
            ..RawAlarm::default()
        };
        assert_eq!(
            id(&|draft| draft.set(Field::Alarms, Raw::Alarms(vec![alarm("a"), alarm("b")]))),
            id(&|draft| draft.set(
                Field::Alarms,
                Raw::Alarms(vec![alarm("b"), alarm("a"), alarm("b")])
            ))
        );
    }

    #[test]
    fn the_hash_never_changes() {
        let (record, _) = rules().finish(&mut base()).unwrap();
        assert_eq!(record.event_id, "799c354636b74a87");
    }

    #[test]
    fn values_of_people_stay_out_of_rejects() {
        let mut draft = base();
        draft.take(Field::FullUrl);
        draft.set(Field::FullUrl, Raw::text("https://secret.example/\0"));
        assert_eq!(rules().finish(&mut draft).unwrap_err().value, "");
        let mut draft = base();
        draft.take(Field::UtcTimestamp);
        draft.set(Field::UtcTimestamp, Raw::Text("y".repeat(500).into()));
        let reject = rules().finish(&mut draft).unwrap_err().at(3);
        assert_eq!((reject.line, reject.value.len()), (3, 200));
    }
}
