//! A typed agent record, and what is told about a row that could not become one.
//!
//! Types only; the rules that make a record out of raw fields are in `draft.rs`.

use std::borrow::Cow;

use crate::clock::Micros;

/// What the person was doing (`semantics.md` §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    Active,
    Passive,
    PassiveLocked,
}

impl State {
    /// The view's text for it.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Active => "Active",
            State::Passive => "Passive",
            State::PassiveLocked => "Passive Locked",
        }
    }
}

/// What an alarm did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AlarmAction {
    Email,
    Popup,
    Screenshot,
    Terminate,
    Webhook,
}

impl AlarmAction {
    /// Reads an action, in any case.
    pub fn parse(text: &str) -> Option<Self> {
        [
            AlarmAction::Email,
            AlarmAction::Popup,
            AlarmAction::Screenshot,
            AlarmAction::Terminate,
            AlarmAction::Webhook,
        ]
        .into_iter()
        .find(|action| action.as_str().eq_ignore_ascii_case(text))
    }

    /// The view's text for it.
    pub fn as_str(self) -> &'static str {
        match self {
            AlarmAction::Email => "Email",
            AlarmAction::Popup => "Popup",
            AlarmAction::Screenshot => "Screenshot",
            AlarmAction::Terminate => "Terminate",
            AlarmAction::Webhook => "Webhook",
        }
    }
}

/// One alarm of an event; the action is absent when the agent named one we do not know.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Alarm {
    pub name: String,
    pub action: Option<AlarmAction>,
}

/// One agent record after all checks of `inputs.md` §1. Texts are trimmed and never empty.
#[derive(Clone, Debug, PartialEq)]
pub struct Record<'a> {
    /// As given, or 16 hex digits: the XXH3-64 hash of the normalised known fields but
    /// `upload_time`.
    pub event_id: Cow<'a, str>,
    /// Whether `event_id` was given (it may then come back with another start).
    pub event_id_given: bool,
    pub start: Micros,
    /// Whole seconds, as reported.
    pub duration_sec: i64,
    pub state: State,
    /// 1 passive, 2 locked, 3 asleep; absent when active.
    pub passive_type_id: Option<u8>,
    pub user_name: Cow<'a, str>,
    pub user: Option<Cow<'a, str>>,
    pub logon_domain: Option<Cow<'a, str>>,
    pub primary_domain: Option<Cow<'a, str>>,
    pub computer_name: Cow<'a, str>,
    /// As given; the caller maps Windows names.
    pub computer_timezone: Option<Cow<'a, str>>,
    pub session: Option<Cow<'a, str>>,
    pub network_id: Option<Cow<'a, str>>,
    pub device_ip: Option<Cow<'a, str>>,
    pub public_ip: Option<Cow<'a, str>>,
    /// Base name only.
    pub executable: Option<Cow<'a, str>>,
    pub description: Option<Cow<'a, str>>,
    pub titlebar: Option<Cow<'a, str>>,
    pub full_url: Option<Cow<'a, str>>,
    pub alarms: Vec<Alarm>,
    pub usb: Option<bool>,
    pub upload_time: Option<Micros>,
}

impl Record<'_> {
    /// The same record with its texts copied out of the row they were read from.
    pub fn into_owned(self) -> Record<'static> {
        fn text(text: Cow<'_, str>) -> Cow<'static, str> {
            Cow::Owned(text.into_owned())
        }
        Record {
            event_id: text(self.event_id),
            event_id_given: self.event_id_given,
            start: self.start,
            duration_sec: self.duration_sec,
            state: self.state,
            passive_type_id: self.passive_type_id,
            user_name: text(self.user_name),
            user: self.user.map(text),
            logon_domain: self.logon_domain.map(text),
            primary_domain: self.primary_domain.map(text),
            computer_name: text(self.computer_name),
            computer_timezone: self.computer_timezone.map(text),
            session: self.session.map(text),
            network_id: self.network_id.map(text),
            device_ip: self.device_ip.map(text),
            public_ip: self.public_ip.map(text),
            executable: self.executable.map(text),
            description: self.description.map(text),
            titlebar: self.titlebar.map(text),
            full_url: self.full_url.map(text),
            alarms: self.alarms,
            usb: self.usb,
            upload_time: self.upload_time,
        }
    }
}

/// A row that was not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    /// 1-based line or row.
    pub line: u64,
    /// The field at fault, or empty when the row as a whole is.
    pub field: String,
    /// A stable word.
    ///
    /// Of a field: `missing`, `not_a_number`, `negative`, `too_long` (a duration above
    /// `max_event_seconds`, a text above 65,536 bytes), `future`, `bad_time`, `bad_state`,
    /// `contradiction` (state against passive type), `not_a_boolean`, `bad_alarm`, `bad_type`,
    /// `not_utf8`, `nul_byte`, `duplicate_field`.
    /// Of a row: `row_too_large`, `not_utf8`, `nul_byte`, `bad_json`, `not_an_object`,
    /// `too_deep`, `bad_csv`.
    /// Of an ActivityWatch bucket: `no_hostname`.
    /// Of a calendar entry besides: `bad_uid`, `bad_status`, `bad_response`, `bad_kind`,
    /// `ends_before_start`.
    pub reason: &'static str,
    /// The offending value or what is wrong with the row, shortened to at most 200 characters;
    /// never a title, a URL, or who somebody is.
    pub value: String,
}

/// Most characters of an input's value that are repeated anywhere.
const SHOWN_CHARS_MAX: usize = 200;

/// A value cut to what may be repeated.
pub(super) fn shorten(value: &str) -> String {
    match value.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((end, _)) => value.get(..end).unwrap_or_default().to_owned(),
        None => value.to_owned(),
    }
}
