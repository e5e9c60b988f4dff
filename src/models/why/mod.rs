//! Why a person's day comes to the numbers it shows: the day read and analysed anew, every column
//! of `daily_user_summary` added up or decided again, and the result put beside the stored row.
//!
//! In flow: one moment of the lake ([`super::World`]), a person, a date. Out flow: a [`Day`] and
//! [`Explanation`]s as data, or as one JSON document. The clipped activities, the networks and the
//! meetings are taken from the lake; everything after that (`semantics.md` §5, §6) is computed here
//! without a look at any stored sum, so that agreement means something. Nothing here writes, draws,
//! or repairs: what differs is told.
//!
//! # The JSON document
//!
//! Seconds are integers, instants RFC 3339 in UTC, `local_*` wall clocks without an offset.
//! Activities and sessions are numbered from 1 and referred to by number.
//!
//! - `user` {`user_id`, `user_name`}, `local_date`, `as_of`, `timezones` [{`from`, `name`}],
//!   `day` [{`start`, `end`}]: the instants of the local day
//! - `stale`: models whose stored days are older than what they are made from
//! - `activities`: {`activity`, `start`, `end`, `local_start`, `local_end`, `counted_sec`,
//!   `event_start`, `agent_id`, `computer_id`, `event_id`, `state`, `passive_type_id`, `task`,
//!   `category`, `productivity`, `collaboration`, `core`, `schedule_sec`, `multitasking_sec`,
//!   `productive_session`, `focused_session`, `shift` (`tasks`, `screens`, `unproductive`),
//!   `rule`, `rule_agrees`}
//! - `rule`: {`set` (`group`, `account`, `shipped`), `group_id`, `group_name`, `kind` (`site`,
//!   `website`, `application`, `executable`, `pattern`), `pattern`, `order`, `category`,
//!   `productivity`}, or null where no rule matches
//! - `shifts` {`activity`, `at`, `cause`}; `residue_windows`, `coverage` {`start`, `end`}
//! - `productive_sessions`, `focused_sessions`: {`session` (null: too short), `first_activity`,
//!   `last_activity`, `start`, `end`, `seconds`, `counts`}
//! - `gaps`: {`start`, `end`, `seconds`, `kind` (`short`, `break`, `absence`), `break_seconds`}
//! - `offline_meetings`: one an hour of the clock, {`intervals`, `seconds`, `titles`}
//! - `schedule` {`name`, `has_window`, `windows`}; `networks` {`network_id`, `public_ip`,
//!   `seconds`, `label`, `regular_users`, `place`}; `time_off` {`start_date`, `end_date`, `type`,
//!   `full_day`, `hours_per_day`, `counted_sec`}; `primary_group` {`group_id`, `group_name`,
//!   `productive_hrs_day`, `focused_hrs_day`, `has_core_set`} or null
//! - without a column, `columns`: {`column`, `unit`, `explained`, `stored`, `agrees`}
//! - with one, `explanation`: {`column`, `definition`, `unit` (`seconds`, `count`, `minutes`,
//!   `hours`, null), `is_sum`, `settings` [{`name`, `value`, `origin`}], `inputs`, `steps`, `rows`
//!   [{`what` (`activity`, `shift`, `session`, `gap`, `offline_meeting`, `time_off`, `network`),
//!   `activity`, `start`, `end`, `seconds`, `counts`, `note`, `rule`}], `explained`, `stored`,
//!   `agrees`}; where `is_sum`, the rows' `counts` add up to `explained`

mod activity;
mod clock;
mod column;
mod day;
mod decision;
mod json;
mod offline;
mod person;
mod place;
mod rows;
mod rule;
mod setting;
mod sum;
mod time_off;
mod value;

pub use activity::Activity;
pub use clock::{date_text, instant_text, parse_date};
pub use column::{Contribution, Explanation, VIEW, What, columns, explain};
pub use day::{Day, PrimaryGroup, ScheduleOfDay};
pub use json::document;
pub use offline::{Gap, GapKind, OfflineHour};
pub use person::find;
pub use place::Network;
pub use rule::RuleBehind;
pub use setting::Setting;
pub use sum::cause_text;
pub use time_off::TimeOffRecord;
pub use value::{Unit, Value};
