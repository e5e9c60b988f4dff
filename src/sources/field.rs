//! Field names: what a column or key is called in, and which field of a record it is.
//!
//! Names match without regard to case. Besides the names of `inputs.md` §1 all glossary names of
//! the `events` view are known, so that an ActivConnect dump loads as it is: a synonym is the field
//! itself, a derived column (`category`, `local_date` …) is known and left out without a word.

/// A field of an agent record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Field {
    EventId,
    UtcTimestamp,
    DurationSec,
    ActiveState,
    PassiveTypeId,
    UserName,
    User,
    LogonDomain,
    PrimaryDomain,
    ComputerName,
    ComputerTimezone,
    Session,
    NetworkId,
    DeviceIp,
    PublicIp,
    Executable,
    Description,
    Titlebar,
    FullUrl,
    Alarms,
    Usb,
    UploadTime,
    /// Joined alarm names of a dump of `events`.
    AlarmName,
    /// Joined alarm actions of a dump of `events`.
    AlarmAction,
}

impl Field {
    /// How many there are.
    pub(super) const COUNT: usize = 24;

    /// The name of `inputs.md`, which rejects carry whatever synonym the input used.
    pub(super) fn name(self) -> &'static str {
        match self {
            Field::EventId => "event_id",
            Field::UtcTimestamp => "utc_timestamp",
            Field::DurationSec => "duration_sec",
            Field::ActiveState => "active_state",
            Field::PassiveTypeId => "passive_type_id",
            Field::UserName => "user_name",
            Field::User => "user",
            Field::LogonDomain => "logon_domain",
            Field::PrimaryDomain => "primary_domain",
            Field::ComputerName => "computer_name",
            Field::ComputerTimezone => "computer_timezone",
            Field::Session => "session",
            Field::NetworkId => "network_id",
            Field::DeviceIp => "device_ip",
            Field::PublicIp => "public_ip",
            Field::Executable => "executable",
            Field::Description => "description",
            Field::Titlebar => "titlebar",
            Field::FullUrl => "full_url",
            Field::Alarms => "alarms",
            Field::Usb => "usb",
            Field::UploadTime => "upload_time",
            Field::AlarmName => "alarm_name",
            Field::AlarmAction => "alarm_action",
        }
    }

    /// Whether a reject may repeat the value: not where it says what a person did or who it is.
    pub(super) fn value_may_be_shown(self) -> bool {
        matches!(
            self,
            Field::EventId
                | Field::UtcTimestamp
                | Field::DurationSec
                | Field::ActiveState
                | Field::PassiveTypeId
                | Field::Usb
                | Field::UploadTime
        )
    }
}

/// What a name in an input stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Field(Field),
    /// A derived column of the `events` view: known, not kept.
    Derived,
    Unknown,
}

/// Longest name that can be known; a longer one need not be looked at.
const NAME_BYTES_MAX: usize = 32;

impl Target {
    /// Finds a name; blanks around it and case do not matter.
    pub(super) fn of(name: &str) -> Target {
        match exact(name) {
            Target::Unknown => {}
            known => return known,
        }
        let name = name.trim();
        let mut buffer = [0u8; NAME_BYTES_MAX];
        let Some(lower) = buffer.get_mut(..name.len()) else {
            return Target::Unknown;
        };
        lower.copy_from_slice(name.as_bytes());
        lower.make_ascii_lowercase();
        match std::str::from_utf8(lower) {
            Ok(lower) => exact(lower),
            Err(_) => Target::Unknown,
        }
    }
}

fn exact(name: &str) -> Target {
    let field = match name {
        "event_id" | "eventid" => Field::EventId,
        "utc_timestamp" | "time_utc" | "utc_time" | "utctimestamp" => Field::UtcTimestamp,
        "duration_sec" | "duration" | "duration_seconds" | "durationsec" => Field::DurationSec,
        "active_state" | "activestate" => Field::ActiveState,
        "passive_type_id" | "passivetypeid" => Field::PassiveTypeId,
        "user_name" | "username" | "userraw" | "user_raw" => Field::UserName,
        "user" => Field::User,
        "logon_domain" | "logondomain" => Field::LogonDomain,
        "primary_domain" | "primarydomain" => Field::PrimaryDomain,
        "computer_name" | "computername" | "computer" => Field::ComputerName,
        "computer_timezone" | "computertimezone" | "timezonestring" | "timezone" => {
            Field::ComputerTimezone
        }
        "session" | "session_id" | "sessionid" => Field::Session,
        "network_id" | "networkid" => Field::NetworkId,
        "device_ip" | "deviceip" | "private_ip" | "privateip" => Field::DeviceIp,
        "public_ip" | "publicip" => Field::PublicIp,
        "executable" => Field::Executable,
        "description" => Field::Description,
        "titlebar" | "title_bar" | "title" => Field::Titlebar,
        "full_url" | "fullurl" | "log_url" | "url" => Field::FullUrl,
        "alarms" => Field::Alarms,
        "usb" => Field::Usb,
        "upload_time" | "uploadtime" => Field::UploadTime,
        "alarm_name" => Field::AlarmName,
        "alarm_action" => Field::AlarmAction,
        "accountid"
        | "account_id"
        | "account_datetime"
        | "activity_type"
        | "activity_week"
        | "agent_id"
        | "alarm_email_action"
        | "alarm_popup_action"
        | "alarm_screenshot_action"
        | "alarm_terminate_action"
        | "alarm_webhook_action"
        | "alarms_triggered"
        | "app_site_approval_status"
        | "application"
        | "application_or_site"
        | "browser_site"
        | "category"
        | "clean_url"
        | "computer_id"
        | "dataset_version"
        | "day_of_week"
        | "day_type"
        | "etl_insert_datetime"
        | "etl_last_update_datetime"
        | "host"
        | "local_date"
        | "local_datetime"
        | "local_time"
        | "period_of_day"
        | "potential_file_transfer"
        | "productivity"
        | "productivity_state"
        | "row_id"
        | "search_term"
        | "site"
        | "timezoneid"
        | "user_alias"
        | "user_id"
        | "website"
        | "week_of_year" => return Target::Derived,
        _ => return Target::Unknown,
    };
    Target::Field(field)
}

/// Remembers which names stood where in the row before: agents write their keys in one order, and
/// one comparison is cheaper than a look-up.
#[derive(Default)]
pub(super) struct KeyOrder {
    keys: Vec<(Box<str>, Target)>,
}

/// Positions worth remembering; rows with more keys look the rest up.
const KEYS_MAX: usize = 256;

impl KeyOrder {
    /// The target of the name at this position of the row.
    #[inline]
    pub(super) fn target(&mut self, position: usize, name: &str) -> Target {
        if let Some((known, target)) = self.keys.get(position)
            && **known == *name
        {
            return *target;
        }
        self.learn(position, name)
    }

    #[cold]
    fn learn(&mut self, position: usize, name: &str) -> Target {
        let target = Target::of(name);
        // Only short names: a hostile key must not be copied around.
        if name.len() <= NAME_BYTES_MAX {
            if let Some(slot) = self.keys.get_mut(position) {
                *slot = (name.into(), target);
            } else if position == self.keys.len() && position < KEYS_MAX {
                self.keys.push((name.into(), target));
            }
        } else if position == self.keys.len() && position < KEYS_MAX {
            self.keys.push(("".into(), Target::Unknown));
        }
        target
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The `events` columns of the contract; none of them may be unknown.
    const EVENTS: &str = "accountid account_datetime active_state activity_type activity_week \
        alarm_action alarm_email_action alarm_name alarm_popup_action alarm_screenshot_action \
        alarm_terminate_action alarm_webhook_action alarms_triggered app_site_approval_status \
        application application_or_site browser_site category clean_url computer_id \
        computer_name dataset_version day_of_week day_type device_ip duration_sec executable \
        full_url local_date local_datetime local_time logon_domain period_of_day \
        potential_file_transfer primary_domain productivity productivity_state public_ip \
        search_term site timezoneid timezonestring titlebar user user_alias user_id user_name \
        username utc_timestamp week_of_year";

    #[test]
    fn every_column_of_events_is_known() {
        for name in EVENTS.split_whitespace() {
            assert_ne!(Target::of(name), Target::Unknown, "{name}");
            let upper = name.to_uppercase();
            assert_eq!(Target::of(&upper), Target::of(name), "{upper}");
        }
    }

    #[test]
    fn synonyms() {
        for (name, field) in [
            ("UserRaw", Field::UserName),
            (" username ", Field::UserName),
            ("LogonDomain", Field::LogonDomain),
            ("computer", Field::ComputerName),
            ("TIME_UTC", Field::UtcTimestamp),
            ("duration", Field::DurationSec),
            ("log_url", Field::FullUrl),
            ("timezonestring", Field::ComputerTimezone),
        ] {
            assert_eq!(Target::of(name), Target::Field(field), "{name}");
        }
        assert_eq!(Target::of("keystrokes"), Target::Unknown);
        assert_eq!(Target::of(""), Target::Unknown);
        assert_eq!(Target::of(&"x".repeat(10_000)), Target::Unknown);
    }

    #[test]
    fn own_names_are_known_and_numbered() {
        for (name, field) in [
            ("event_id", Field::EventId),
            ("alarm_action", Field::AlarmAction),
        ] {
            assert_eq!(field.name(), name);
            assert_eq!(Target::of(field.name()), Target::Field(field));
        }
        assert_eq!(Field::AlarmAction as usize + 1, Field::COUNT);
    }

    #[test]
    fn order_is_learnt_and_relearnt() {
        let mut order = KeyOrder::default();
        assert_eq!(order.target(0, "user"), Target::Field(Field::User));
        assert_eq!(order.target(0, "user"), Target::Field(Field::User));
        assert_eq!(order.target(0, "usb"), Target::Field(Field::Usb));
        assert_eq!(order.target(5, "usb"), Target::Field(Field::Usb));
        assert_eq!(order.target(1, &"x".repeat(99)), Target::Unknown);
        assert_eq!(order.target(1, ""), Target::Unknown);
    }
}
