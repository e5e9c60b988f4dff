//! The organisation as tables that models read (`org_*`), and as the tables behind functions.
//!
//! Everything here is a pure function of settings, people and the as-of instant. Each table has a
//! print, so that a changed setting recomputes what reads it and nothing else.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Field, Fields, Schema, TimeUnit};
use datafusion::common::ScalarValue;
use datafusion::error::DataFusionError;
use xxhash_rust::xxh3::xxh3_128;

use super::Error;
use super::groups::{self, EVER, Span};
use super::people::People;
use crate::clock::Micros;
use crate::config::org::{self, Match, NameMatch, Org, Role, TimeOff, Viewable, WorkSchedule};
use crate::config::shipped::Shipped;
use crate::config::{ActiveDayMode, Settings, TimezoneMode, Weekday};
use crate::functions::alignment::CoreSets;
use crate::functions::calendar::name_of_day;
use crate::functions::classify::{Class, Classifier, On, Rule, RuleSet};
use crate::functions::local_time::{ReportingZones, instant};
use crate::functions::names::Names;
use crate::functions::schedule::{Hours, Schedules};
use crate::zone::{SECOND, ZoneNames};

/// Tables by name, and a print of each table and of each function's data.
#[derive(Default)]
pub struct OrgTables {
    pub tables: BTreeMap<&'static str, RecordBatch>,
    pub prints: BTreeMap<String, String>,
    /// Prints by day of the tables whose rows each concern one `day`: a new row makes that day's
    /// slices stale and no others.
    pub day_prints: BTreeMap<String, BTreeMap<i32, String>>,
    pub functions: crate::functions::Tables,
}

/// What the tables are made of.
pub struct Sources<'a> {
    pub settings: &'a Settings,
    pub org: &'a Org,
    pub shipped: &'a Shipped,
    pub people: &'a People,
    pub zones: ReportingZones,
    pub as_of: Micros,
}

/// Tables with a column whose values no two rows share: each is made of a map by it.
pub const UNIQUE: [(&str, &str); 1] = [("org_users", "uid")];

/// Approved time off, a row a user and day.
pub const TIME_OFF_DAYS: &str = "org_time_off_days";

type Row = Vec<ScalarValue>;

fn int(value: i64) -> ScalarValue {
    ScalarValue::Int64(Some(value))
}

fn int_or_null(value: Option<i64>) -> ScalarValue {
    ScalarValue::Int64(value)
}

fn number_or_null(value: Option<f64>) -> ScalarValue {
    ScalarValue::Float64(value)
}

fn text(value: impl Into<String>) -> ScalarValue {
    ScalarValue::Utf8(Some(value.into()))
}

fn text_or_null(value: Option<impl Into<String>>) -> ScalarValue {
    ScalarValue::Utf8(value.map(Into::into))
}

fn date(day: i32) -> ScalarValue {
    ScalarValue::Date32(Some(day))
}

fn flag(value: bool) -> ScalarValue {
    ScalarValue::Boolean(Some(value))
}

fn time(minutes: Option<u16>) -> ScalarValue {
    ScalarValue::Time64Microsecond(
        minutes.map(|minutes| i64::from(minutes % (24 * 60)) * 60 * SECOND),
    )
}

/// Distinct, sorted, joined by `, `; nothing is NULL.
fn joined(texts: &[String]) -> ScalarValue {
    ScalarValue::Utf8((!texts.is_empty()).then(|| texts.join(", ")))
}

fn batch(columns: &[(&str, DataType)], rows: &[Row]) -> Result<RecordBatch, DataFusionError> {
    let schema = Arc::new(Schema::new(
        columns
            .iter()
            .map(|(name, data_type)| Field::new(*name, data_type.clone(), true))
            .collect::<Vec<_>>(),
    ));
    if rows.is_empty() {
        return Ok(RecordBatch::new_empty(schema));
    }
    let arrays = (0..columns.len())
        .map(|index| {
            ScalarValue::iter_to_array(rows.iter().filter_map(|row| row.get(index).cloned()))
        })
        .collect::<Result<Vec<ArrayRef>, _>>()?;
    Ok(RecordBatch::try_new(schema, arrays)?)
}

impl OrgTables {
    /// The value of a whole-number setting, by the name that SQL gives it.
    pub fn number(&self, setting: &str) -> Option<i64> {
        match self.functions.settings.get(setting) {
            Some(ScalarValue::Int64(number)) => *number,
            _ => None,
        }
    }
}

fn print_of(value: &impl std::fmt::Debug) -> String {
    format!("{:032x}", xxh3_128(format!("{value:?}").as_bytes()))
}

/// A print of rows; texts carry their lengths, so that no two tables of the same columns are told alike.
fn print_of_rows<'a>(rows: impl Iterator<Item = &'a Row>) -> String {
    let mut bytes = Vec::new();
    for value in rows.flatten() {
        let number = match value {
            ScalarValue::Int64(number)
            | ScalarValue::Time64Microsecond(number)
            | ScalarValue::TimestampMicrosecond(number, _) => *number,
            ScalarValue::Float64(number) => number.map(|number| number.to_bits().cast_signed()),
            ScalarValue::Date32(number) => number.map(i64::from),
            ScalarValue::Boolean(flag) => flag.map(i64::from),
            ScalarValue::Utf8(text) => {
                if let Some(text) = text {
                    bytes.extend_from_slice(text.as_bytes());
                }
                text.as_ref().map(|text| text.len() as i64)
            }
            other => {
                let text = format!("{other:?}");
                bytes.extend_from_slice(text.as_bytes());
                Some(text.len() as i64)
            }
        };
        bytes.push(u8::from(number.is_some()));
        bytes.extend_from_slice(&number.unwrap_or_default().to_le_bytes());
    }
    format!("{:032x}", xxh3_128(&bytes))
}

const TEXT: DataType = DataType::Utf8;
const INT: DataType = DataType::Int64;
const DATE: DataType = DataType::Date32;
const FLAG: DataType = DataType::Boolean;
const NUMBER: DataType = DataType::Float64;
const TIME: DataType = DataType::Time64(TimeUnit::Microsecond);

/// Makes all tables.
///
/// # Errors
/// [`Error::Engine`] when a table's rows do not fit its columns, which is a bug.
pub fn build(sources: &Sources<'_>) -> Result<OrgTables, Error> {
    let Sources {
        settings,
        org,
        shipped,
        people,
        zones,
        as_of,
    } = sources;
    let memberships = groups::memberships(org, people);
    let account = zones.account();
    let as_of_date = account.local_day(*as_of);
    let schedules = schedules(settings, org, people);
    let core: BTreeMap<i64, BTreeSet<i64>> =
        org.core_categories
            .iter()
            .fold(BTreeMap::new(), |mut core, row| {
                core.entry(row.group_id)
                    .or_default()
                    .insert(row.category_id);
                core
            });
    let categories = if org.categories.is_empty() {
        &shipped.categories
    } else {
        &org.categories
    };

    let mut out = OrgTables::default();
    let mut failed = None;
    let mut add = |name: &'static str, columns: &[(&str, DataType)], rows: Vec<Row>| {
        out.prints
            .insert(name.to_owned(), print_of_rows(rows.iter()));
        if name == TIME_OFF_DAYS {
            out.day_prints.insert(name.to_owned(), prints_by_day(&rows));
        }
        match batch(columns, &rows) {
            Ok(table) => {
                out.tables.insert(name, table);
            }
            Err(cause) => failed = Some(Error::Engine(format!("table {name}: {cause}"))),
        }
    };

    add(
        "org_agents",
        &[
            ("agent_id", INT),
            ("user_id", INT),
            ("logon_domain", TEXT),
            ("user_name", TEXT),
            ("computer_id", INT),
        ],
        people
            .agents
            .values()
            .map(|(agent, uid)| {
                vec![
                    int(agent.agent_id),
                    int(*uid),
                    text_or_null(agent.logon_domain.clone()),
                    text(agent.user_name.clone()),
                    int(people.computer_id(agent.computer_id)),
                ]
            })
            .collect(),
    );
    let empty_list = |fields: Vec<Field>| {
        let item = DataType::Struct(Fields::from(fields));
        ScalarValue::List(ScalarValue::new_list_nullable(&[], &item))
    };
    let agent_list = empty_list(vec![
        Field::new("agent_id", INT, true),
        Field::new("logon_name", TEXT, true),
        Field::new("user_name", TEXT, true),
    ]);
    let window_list = empty_list(vec![
        Field::new("day_of_week", TEXT, true),
        Field::new("start_time", TIME, true),
        Field::new("end_time", TIME, true),
    ]);
    add(
        "org_users",
        &[
            ("uid", INT),
            ("display_name", TEXT),
            ("user_name", TEXT),
            ("emails", TEXT),
            ("user_principal_names", TEXT),
            ("employee_ids", TEXT),
            ("device_logins", TEXT),
            ("tracked", FLAG),
            ("first_event_date", DATE),
            ("no_agents", agent_list.data_type()),
            ("no_windows", window_list.data_type()),
        ],
        people
            .persons
            .values()
            .map(|person| {
                let first_date = person
                    .first_start
                    .map(|start| zones.zone(person.uid, start).local_day(start));
                vec![
                    int(person.uid),
                    text_or_null(person.display_name.clone()),
                    text(person.user_name.clone()),
                    joined(&person.emails),
                    joined(&person.user_principal_names),
                    joined(&person.employee_ids),
                    joined(&person.device_logins),
                    flag(person.tracked),
                    ScalarValue::Date32(first_date),
                    agent_list.clone(),
                    window_list.clone(),
                ]
            })
            .collect(),
    );
    // Apart from the names, so that a new name leaves alone what rests on this.
    add(
        "org_tracked_users",
        &[("user_id", INT), ("first_start", instant())],
        people
            .persons
            .values()
            .filter(|person| person.tracked)
            .filter_map(|person| {
                let start = ScalarValue::TimestampMicrosecond(
                    Some(person.first_start?),
                    Some("UTC".into()),
                );
                Some(vec![int(person.uid), start])
            })
            .collect(),
    );
    add(
        "org_integrations",
        &[("instance", TEXT), ("type", TEXT)],
        settings
            .integrations
            .iter()
            .map(|integration| {
                vec![
                    text(integration.name.clone()),
                    text(integration.maker.word().to_owned()),
                ]
            })
            .collect(),
    );
    add(
        "org_user_login_names",
        &[("user_id", INT), ("user_name", TEXT)],
        people
            .persons
            .values()
            .flat_map(|person| {
                person
                    .login_names
                    .iter()
                    .map(|name| vec![int(person.uid), text(name.clone())])
            })
            .collect(),
    );
    add(
        "org_user_identifiers",
        &[("user_id", INT), ("email", TEXT)],
        people
            .persons
            .values()
            .flat_map(|person| {
                let identifiers: BTreeSet<String> = person
                    .emails
                    .iter()
                    .chain(&person.user_principal_names)
                    .map(|text| text.to_lowercase())
                    .collect();
                identifiers
                    .into_iter()
                    .map(|identifier| vec![int(person.uid), text(identifier)])
            })
            .collect(),
    );
    add(
        "org_user_groups",
        &[
            ("user_id", INT),
            ("group_id", INT),
            ("group_name", TEXT),
            ("type", INT),
            ("is_primary", FLAG),
            ("productive_hrs_day", NUMBER),
            ("focused_hrs_day", NUMBER),
            ("has_core_set", FLAG),
            ("valid_from", DATE),
            ("valid_to", DATE),
        ],
        memberships
            .iter()
            .flat_map(|(uid, spans)| spans.iter().map(move |span| (uid, span)))
            .flat_map(|(uid, span)| span.groups.iter().map(move |row| (uid, span, row)))
            .filter_map(|(uid, span, row)| {
                let group = org.groups.get(*row)?;
                Some(vec![
                    int(*uid),
                    int(group.group_id),
                    text(group.group_name.clone()),
                    int(group.group_type),
                    flag(*row == span.primary),
                    number_or_null(group.productive_hrs_day),
                    number_or_null(group.focused_hrs_day),
                    flag(core.contains_key(&group.group_id)),
                    date(span.from),
                    date(span.to),
                ])
            })
            .collect(),
    );
    add(
        "org_groups",
        &[
            ("group_id", INT),
            ("group_name", TEXT),
            ("type", INT),
            ("productive_hrs_day", NUMBER),
            ("focused_hrs_day", NUMBER),
            ("core_activity_percent", NUMBER),
            ("valid_from", DATE),
            ("valid_to", DATE),
        ],
        org.groups
            .iter()
            .map(|group| {
                vec![
                    int(group.group_id),
                    text(group.group_name.clone()),
                    int(group.group_type),
                    number_or_null(group.productive_hrs_day),
                    number_or_null(group.focused_hrs_day),
                    number_or_null(group.core_activity_percent),
                    date(group.validity.from.unwrap_or(EVER.0)),
                    date(group.validity.to.unwrap_or(EVER.1)),
                ]
            })
            .collect(),
    );
    add(
        "org_core_categories",
        &[("group_id", INT), ("category_id", INT)],
        core.iter()
            .flat_map(|(group, set)| set.iter().map(|id| vec![int(*group), int(*id)]))
            .collect(),
    );
    add(
        "org_computer_groups",
        &[
            ("computer_id", INT),
            ("group_id", INT),
            ("group_name", TEXT),
            ("computer_name", TEXT),
            ("computer_alias", TEXT),
            ("valid_from", DATE),
            ("valid_to", DATE),
        ],
        groups::computer_memberships(org, people)
            .into_iter()
            .filter_map(|(row, id, name, alias, from, to)| {
                let group = org.groups.get(row)?;
                Some(vec![
                    int(id),
                    int(group.group_id),
                    text(group.group_name.clone()),
                    text(name),
                    text_or_null(alias),
                    date(from),
                    date(to),
                ])
            })
            .collect(),
    );
    let (user_schedules, windows) = schedule_rows(settings, org, people);
    add(
        "org_user_schedules",
        &[
            ("user_id", INT),
            ("schedule_name", TEXT),
            ("schedule_type", TEXT),
            ("break_time_minutes", INT),
            ("valid_from", DATE),
            ("valid_to", DATE),
        ],
        user_schedules,
    );
    add(
        "org_schedule_windows",
        &[
            ("schedule_name", TEXT),
            ("day_number", INT),
            ("day_of_week", TEXT),
            ("start_time", TIME),
            ("end_time", TIME),
        ],
        windows,
    );
    add(
        TIME_OFF_DAYS,
        &[
            ("user_id", INT),
            ("day", DATE),
            ("seconds", INT),
            ("types", TEXT),
            ("full_day", FLAG),
            ("tracked", FLAG),
        ],
        time_off_rows(settings, org, people, &schedules, zones, *as_of),
    );
    add(
        "org_consumers",
        &[("activtrak_id", INT), ("email", TEXT), ("role", TEXT)],
        org.consumers
            .iter()
            .map(|consumer| {
                vec![
                    int(consumer.activtrak_id),
                    text(consumer.email.clone()),
                    text(consumer.role.as_str()),
                ]
            })
            .collect(),
    );
    add(
        "org_consumer_groups",
        &[("activtrak_id", INT), ("group_id", INT)],
        consumer_group_rows(org, as_of_date),
    );
    let (classifier, classify_print) = classifier(org, shipped, &memberships);
    let first_date = people
        .persons
        .values()
        .filter_map(|person| {
            let start = person.first_start?;
            Some(zones.zone(person.uid, start).local_day(start))
        })
        .min();
    add(
        "org_dates",
        &[("day", DATE)],
        first_date
            .map(|first| (first..=as_of_date).map(|day| vec![date(day)]).collect())
            .unwrap_or_default(),
    );

    add(
        "org_rule_sets",
        &[("rule_set", INT), ("user_id", INT), ("day", DATE)],
        classifier
            .rule_sets()
            .into_iter()
            .map(|(rule_set, who)| {
                vec![
                    int(rule_set),
                    int_or_null(who.map(|(user_id, _)| user_id)),
                    ScalarValue::Date32(who.map(|(_, day)| day)),
                ]
            })
            .collect(),
    );

    if let Some(error) = failed {
        return Err(error);
    }
    for by_rules in ["classify", "rule_set"] {
        out.prints.insert(by_rules.into(), classify_print.clone());
    }
    let names = names(org, shipped);
    let names_print = print_of(&(&org.applications, &shipped.applications));
    for by_names in ["application_name", "consolidated_name"] {
        out.prints.insert(by_names.into(), names_print.clone());
    }
    let core_sets = core_sets(org, &memberships, &core, categories);
    let core_print = print_of(&(&memberships, &core, &org.groups, categories));
    for by_core_set in ["alignment", "is_core"] {
        out.prints.insert(by_core_set.into(), core_print.clone());
    }
    let zone_print = zone_print(zones, people);
    let schedule_print = print_of(&(
        &org.schedules,
        &org.schedule_members,
        &settings.schedule,
        &zone_print,
    ));
    out.prints
        .insert("schedule_seconds".into(), schedule_print.clone());
    out.prints
        .insert("has_schedule_window".into(), schedule_print);
    for by_zone in [
        "reporting_zone",
        "crosses_day",
        "local_date",
        "local_datetime",
        "local_day",
        "local_hours",
    ] {
        out.prints.insert(by_zone.into(), zone_print.clone());
    }
    out.prints
        .insert("location_label".into(), print_of(&org.locations));
    let addresses: BTreeMap<String, i64> = people
        .persons
        .values()
        .flat_map(|person| {
            let all = person.emails.iter().chain(&person.user_principal_names);
            all.map(|address| (address.trim().to_lowercase(), person.uid))
        })
        .collect();
    for by_address in ["meeting_participants", "meeting_response"] {
        out.prints.insert(by_address.into(), print_of(&addresses));
    }
    let values = setting_values(settings, zones, shipped, *as_of);
    for (name, value) in values.iter() {
        out.prints
            .insert(format!("setting:{name}"), print_of(value));
    }
    out.functions = crate::functions::Tables {
        settings: Arc::new(values),
        classifier: Arc::new(classifier),
        core_sets: Arc::new(core_sets),
        names: Arc::new(names),
        zones: Arc::new(zones.clone()),
        schedules: Arc::new(schedules),
        labels: Arc::new(super::labels::labels(settings, org)?),
        addresses: Arc::new(crate::functions::addresses::Addresses::new(addresses)),
    };
    Ok(out)
}

fn zone_print(zones: &ReportingZones, people: &People) -> String {
    let users: Vec<_> = people
        .persons
        .keys()
        .map(|uid| (uid, zones.spans(*uid)))
        .collect();
    print_of(&(zones.account(), users))
}

fn weekday_name(weekday: Weekday) -> &'static str {
    // 1970-01-05 was a Monday.
    name_of_day(4 + weekday as i32)
}

fn setting_values(
    settings: &Settings,
    zones: &ReportingZones,
    shipped: &Shipped,
    as_of: Micros,
) -> BTreeMap<String, ScalarValue> {
    let metrics = &settings.metrics;
    let account = &settings.account;
    let zone = zones.account();
    let zone_id = match account.timezone_mode {
        TimezoneMode::User => None,
        TimezoneMode::Account => shipped
            .timezones
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(zone.name()))
            .map(|(_, id)| *id),
    };
    let weekend: Vec<ScalarValue> = account
        .weekend_days
        .iter()
        .map(|day| text(weekday_name(*day)))
        .collect();
    // Names compare without case.
    let lower_names = |names: &[String]| {
        let names: Vec<ScalarValue> = names
            .iter()
            .map(|name| text(name.trim().to_lowercase()))
            .collect();
        ScalarValue::List(ScalarValue::new_list_nullable(&names, &TEXT))
    };
    let mode = match metrics.active_day_mode {
        ActiveDayMode::Threshold => "threshold",
        ActiveDayMode::Schedule => "schedule",
        ActiveDayMode::Hris => "hris",
    };
    let number = |value: f64| ScalarValue::Float64(Some(value));
    [
        (
            "as_of",
            ScalarValue::TimestampMicrosecond(Some(as_of), Some("UTC".into())),
        ),
        ("as_of_date", date(zone.local_day(as_of))),
        ("account.id", int(account.id)),
        ("account.name", text(account.name.clone())),
        ("account.timezone", text(zone.name())),
        ("account.timezoneid", int_or_null(zone_id)),
        ("account.week_start", text(weekday_name(account.week_start))),
        (
            "account.weekend_days",
            ScalarValue::List(ScalarValue::new_list_nullable(&weekend, &TEXT)),
        ),
        (
            "metrics.collaboration_categories",
            lower_names(&metrics.collaboration_categories),
        ),
        ("metrics.break_min_seconds", int(metrics.break_min_seconds)),
        (
            "metrics.break_max_gap_seconds",
            int(metrics.break_max_gap_seconds),
        ),
        ("metrics.break_cap_seconds", int(metrics.break_cap_seconds)),
        ("metrics.bridge_seconds", int(metrics.bridge_seconds)),
        (
            "metrics.session_min_seconds",
            int(metrics.session_min_seconds),
        ),
        (
            "metrics.shift_window_seconds",
            int(metrics.shift_window_seconds),
        ),
        ("metrics.shift_apps", int(metrics.shift_apps)),
        ("metrics.shift_screens", int(metrics.shift_screens)),
        ("metrics.residue_seconds", int(metrics.residue_seconds)),
        (
            "metrics.last_activity_cap_seconds",
            int(metrics.last_activity_cap_seconds),
        ),
        ("metrics.active_day_mode", text(mode)),
        (
            "metrics.active_day_seconds",
            int(metrics.active_day_seconds),
        ),
        (
            "metrics.productive_hrs_day",
            number(metrics.productive_hrs_day),
        ),
        ("metrics.focused_hrs_day", number(metrics.focused_hrs_day)),
        ("metrics.office_min_users", int(metrics.office_min_users)),
        (
            "metrics.office_min_seconds",
            int(metrics.office_min_seconds),
        ),
        ("metrics.office_days", int(metrics.office_days)),
        ("metrics.location_percent", int(metrics.location_percent)),
        (
            "metrics.meeting_max_seconds",
            int(metrics.meeting_max_seconds),
        ),
        (
            "metrics.meeting_min_participants",
            int(metrics.meeting_min_participants),
        ),
        (
            "metrics.meeting_show_as",
            lower_names(&metrics.meeting_show_as),
        ),
        (
            "metrics.meeting_gap_seconds",
            int(metrics.meeting_gap_seconds),
        ),
        (
            "metrics.utilization_tolerance_percent",
            int(metrics.utilization_tolerance_percent),
        ),
        (
            "metrics.offline_counts_for_goals",
            flag(metrics.offline_counts_for_goals),
        ),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}

fn classifier(
    org: &Org,
    shipped: &Shipped,
    memberships: &BTreeMap<i64, Vec<Span>>,
) -> (Classifier, String) {
    let rule = |rule: &org::Rule| Rule {
        order: rule.order,
        on: match rule.matches {
            Match::Site => On::Site,
            Match::Website => On::Website,
            Match::Application => On::Application,
            Match::Executable => On::Executable,
            Match::Pattern => On::Pattern,
        },
        value: rule.value.clone(),
        class: Class {
            category: rule.category.clone(),
            productivity: rule.productivity.as_str(),
        },
    };
    let mut by_group: BTreeMap<i64, Vec<Rule>> = BTreeMap::new();
    let mut account = Vec::new();
    for row in &org.classification {
        match row.group_id {
            Some(group) => by_group.entry(group).or_default().push(rule(row)),
            None => account.push(rule(row)),
        }
    }
    let with_rules: HashMap<i64, Vec<(i32, i32, Vec<i64>)>> = memberships
        .iter()
        .filter_map(|(uid, spans)| {
            let spans: Vec<_> = spans
                .iter()
                .map(|span| {
                    let groups: Vec<i64> = span
                        .groups
                        .iter()
                        .filter_map(|row| org.groups.get(*row))
                        .map(|group| group.group_id)
                        .filter(|group| by_group.contains_key(group))
                        .collect();
                    (span.from, span.to, groups)
                })
                .filter(|(_, _, groups)| !groups.is_empty())
                .collect();
            (!spans.is_empty()).then_some((*uid, spans))
        })
        .collect();
    let sorted: BTreeMap<_, _> = with_rules.iter().collect();
    let print = print_of(&(&org.classification, &shipped.classification, sorted));
    let groups = by_group
        .into_iter()
        .map(|(group, rules)| (group, RuleSet::new(rules)))
        .collect();
    let shipped_rules = RuleSet::new(shipped.classification.iter().map(rule));
    (
        Classifier::new(groups, with_rules, RuleSet::new(account), shipped_rules),
        print,
    )
}

/// The organisation's rows come before the shipped ones.
fn names(org: &Org, shipped: &Shipped) -> Names {
    let mut names = Names::default();
    for row in org.applications.iter().chain(&shipped.applications) {
        let key = row.value.trim().to_lowercase();
        let consolidated = match row.matches {
            NameMatch::Executable => &mut names.consolidated_executables,
            NameMatch::Site => &mut names.consolidated_sites,
            NameMatch::Website => &mut names.consolidated_websites,
        };
        if let Some(name) = &row.consolidated_name {
            consolidated
                .entry(key.clone())
                .or_insert_with(|| name.clone());
        }
        if let (NameMatch::Executable, Some(name)) = (row.matches, &row.application) {
            names
                .applications
                .entry(key)
                .or_insert_with(|| name.clone());
        }
    }
    names
}

fn core_sets(
    org: &Org,
    memberships: &BTreeMap<i64, Vec<Span>>,
    core: &BTreeMap<i64, BTreeSet<i64>>,
    categories: &[org::Category],
) -> CoreSets {
    let name_of: HashMap<i64, String> = categories
        .iter()
        .map(|row| (row.category_id, row.category.to_lowercase()))
        .collect();
    let primary = memberships
        .iter()
        .map(|(uid, spans)| {
            let spans = spans
                .iter()
                .filter_map(|span| {
                    let group = org.groups.get(span.primary)?;
                    Some((span.from, span.to, group.group_id))
                })
                .collect();
            (*uid, spans)
        })
        .collect();
    let core = core
        .iter()
        .map(|(group, ids)| {
            let names: HashSet<String> = ids
                .iter()
                .filter_map(|id| name_of.get(id).cloned())
                .collect();
            (*group, names)
        })
        .collect();
    CoreSets::new(primary, core)
}

/// The account's default schedule.
pub(super) fn default_schedule(settings: &Settings) -> WorkSchedule {
    let schedule = &settings.schedule;
    WorkSchedule {
        schedule_name: "Default".into(),
        flexible: false,
        break_time_minutes: schedule.default_break_minutes,
        windows: schedule
            .default_days
            .iter()
            .map(|day| org::Window {
                weekday: *day as u8,
                start_minutes: schedule.default_start_minutes,
                end_minutes: schedule.default_end_minutes,
            })
            .collect(),
    }
}

fn hours(schedule: &WorkSchedule) -> Hours {
    if schedule.flexible {
        Hours::Flexible(schedule.windows.iter().map(|w| w.weekday).collect())
    } else {
        Hours::Fixed(
            schedule
                .windows
                .iter()
                .map(|w| (w.weekday, w.start_minutes, w.end_minutes))
                .collect(),
        )
    }
}

fn schedules(settings: &Settings, org: &Org, people: &People) -> Schedules {
    let mut users: HashMap<i64, Vec<(i32, i32, Hours)>> = HashMap::new();
    for member in &org.schedule_members {
        if !people.persons.contains_key(&member.uid) {
            continue;
        }
        if let Some(schedule) = named_schedule(org, &member.schedule_name) {
            users.entry(member.uid).or_default().push((
                member.validity.from.unwrap_or(EVER.0),
                member.validity.to.unwrap_or(EVER.1),
                hours(schedule),
            ));
        }
    }
    Schedules::new(hours(&default_schedule(settings)), users)
}

fn named_schedule<'a>(org: &'a Org, name: &str) -> Option<&'a WorkSchedule> {
    org.schedules.iter().find(|s| s.schedule_name == name)
}

/// Rows of `org_user_schedules` (the default fills the rest) and `org_schedule_windows`.
fn schedule_rows(settings: &Settings, org: &Org, people: &People) -> (Vec<Row>, Vec<Row>) {
    let default = default_schedule(settings);
    let mut rows = Vec::new();
    let row = |uid: i64, schedule: &WorkSchedule, from: i32, to: i32| {
        vec![
            int(uid),
            text(schedule.schedule_name.clone()),
            text(if schedule.flexible {
                "flexible"
            } else {
                "fixed"
            }),
            int(schedule.break_time_minutes),
            date(from),
            date(to),
        ]
    };
    let mut spans: HashMap<i64, Vec<(i32, i32, &WorkSchedule)>> = HashMap::new();
    for member in &org.schedule_members {
        if let Some(schedule) = named_schedule(org, &member.schedule_name) {
            spans.entry(member.uid).or_default().push((
                member.validity.from.unwrap_or(EVER.0),
                member.validity.to.unwrap_or(EVER.1),
                schedule,
            ));
        }
    }
    for uid in people.persons.keys() {
        let mut own = spans.remove(uid).unwrap_or_default();
        own.sort_by_key(|(from, _, _)| *from);
        let mut reached = EVER.0;
        for (from, to, schedule) in own {
            if reached < from {
                rows.push(row(*uid, &default, reached, from));
            }
            rows.push(row(*uid, schedule, from, to));
            reached = to;
        }
        if reached < EVER.1 {
            rows.push(row(*uid, &default, reached, EVER.1));
        }
    }
    let windows = org
        .schedules
        .iter()
        .chain(std::iter::once(&default))
        .flat_map(|schedule| {
            schedule.windows.iter().map(move |window| {
                let times =
                    (!schedule.flexible).then_some((window.start_minutes, window.end_minutes));
                vec![
                    text(schedule.schedule_name.clone()),
                    int(i64::from(window.weekday)),
                    text(name_of_day(4 + i32::from(window.weekday))),
                    time(times.map(|(start, _)| start)),
                    time(times.map(|(_, end)| end)),
                ]
            })
        })
        .collect();
    (rows, windows)
}

fn consumer_group_rows(org: &Org, as_of_date: i32) -> Vec<Row> {
    let existing: BTreeSet<i64> = org
        .groups
        .iter()
        .filter(|group| group.validity.holds(as_of_date))
        .map(|group| group.group_id)
        .collect();
    org.consumers
        .iter()
        .flat_map(|consumer| {
            let groups: BTreeSet<i64> = match (&consumer.viewable_groups, consumer.role) {
                (_, Role::Admin | Role::Configurator) | (Viewable::All, _) => existing.clone(),
                (Viewable::Groups(listed), _) => listed
                    .iter()
                    .copied()
                    .filter(|group| existing.contains(group))
                    .collect(),
            };
            groups
                .into_iter()
                .map(|group| vec![int(consumer.activtrak_id), int(group)])
        })
        .collect()
}

/// Approved time off of tracked users by date, up to the as-of date (`inputs.md` §6).
fn time_off_rows(
    settings: &Settings,
    org: &Org,
    people: &People,
    schedules: &Schedules,
    zones: &ReportingZones,
    as_of: Micros,
) -> Vec<Row> {
    let default = default_schedule(settings);
    let default_seconds = day_seconds(&default, None);
    let mut days: BTreeMap<(i64, i32), (i64, BTreeSet<String>, bool)> = BTreeMap::new();
    for record in org.time_off.iter().filter(|record| record.approved) {
        let Some(uid) = record.uid.filter(|uid| people.persons.contains_key(uid)) else {
            continue;
        };
        for day in applies_to(record, schedules, uid) {
            let seconds = match record.hours_per_day {
                Some(hours) => (hours * 3600.0).round() as i64,
                None => scheduled_seconds(org, uid, day).unwrap_or(default_seconds),
            };
            let entry = days.entry((uid, day)).or_default();
            entry.0 = (entry.0 + seconds).min(86_400);
            entry.1.extend(record.kind.clone());
            entry.2 |= record.full_day;
        }
    }
    days.into_iter()
        .filter(|((uid, day), _)| *day <= zones.zone(*uid, as_of).local_day(as_of))
        .map(|((uid, day), (seconds, kinds, full_day))| {
            let kinds: Vec<String> = kinds.into_iter().collect();
            vec![
                int(uid),
                date(day),
                int(seconds),
                joined(&kinds),
                flag(full_day),
                flag(
                    people
                        .persons
                        .get(&uid)
                        .is_some_and(|person| person.tracked),
                ),
            ]
        })
        .collect()
}

/// A print of the rows of each day; the day stands second.
fn prints_by_day(rows: &[Row]) -> BTreeMap<i32, String> {
    let mut by_day: BTreeMap<i32, Vec<&Row>> = BTreeMap::new();
    for row in rows {
        if let Some(ScalarValue::Date32(Some(day))) = row.get(1) {
            by_day.entry(*day).or_default().push(row);
        }
    }
    by_day
        .into_iter()
        .map(|(day, rows)| (day, print_of_rows(rows.into_iter())))
        .collect()
}

/// The dates of the range on which the schedule has a window; without any, all.
pub(super) fn applies_to(record: &TimeOff, schedules: &Schedules, uid: i64) -> Vec<i32> {
    let range = || record.start_date..=record.end_date;
    let with_window: Vec<i32> = range()
        .filter(|day| schedules.has_window(uid, *day))
        .collect();
    if with_window.is_empty() {
        range().collect()
    } else {
        with_window
    }
}

/// A fixed schedule's seconds on a date, less its break; `None` for a flexible or default schedule
/// and a date without a window.
pub(super) fn scheduled_seconds(org: &Org, uid: i64, day: i32) -> Option<i64> {
    let member = org
        .schedule_members
        .iter()
        .find(|member| member.uid == uid && member.validity.holds(day))?;
    let schedule = named_schedule(org, &member.schedule_name)?;
    if schedule.flexible {
        return None;
    }
    let weekday = crate::functions::calendar::weekday(day) as u8;
    schedule
        .windows
        .iter()
        .any(|window| window.weekday == weekday)
        .then(|| day_seconds(schedule, Some(weekday)))
}

/// Seconds of a schedule's windows of one weekday (of its first, without one), less the break.
pub(super) fn day_seconds(schedule: &WorkSchedule, weekday: Option<u8>) -> i64 {
    let weekday = weekday.or_else(|| schedule.windows.first().map(|window| window.weekday));
    let minutes: i64 = schedule
        .windows
        .iter()
        .filter(|window| Some(window.weekday) == weekday)
        .map(|window| {
            let (start, end) = (
                i64::from(window.start_minutes),
                i64::from(window.end_minutes),
            );
            if end <= start {
                end + 24 * 60 - start
            } else {
                end - start
            }
        })
        .sum();
    ((minutes - schedule.break_time_minutes) * 60).max(0)
}

/// The reporting zone of each user over time.
///
/// `reported` holds, by user and UTC date in order: the date's first event and the zone most of
/// its raw seconds reported, if any.
pub fn reporting_zones(
    settings: &Settings,
    names: &ZoneNames,
    people: &People,
    reported: &BTreeMap<i64, Vec<(Micros, Option<String>)>>,
) -> ReportingZones {
    let account = names
        .parse(&settings.account.timezone)
        .unwrap_or_else(crate::zone::Zone::utc);
    let mut users = HashMap::new();
    if settings.account.timezone_mode == TimezoneMode::User {
        for (uid, person) in &people.persons {
            let own = person
                .timezone
                .as_deref()
                .and_then(|name| names.parse(name));
            if let Some(zone) = own {
                users.insert(*uid, vec![(Micros::MIN, zone)]);
                continue;
            }
            let mut spans: Vec<(Micros, crate::zone::Zone)> = Vec::new();
            for (first, name) in reported.get(uid).into_iter().flatten() {
                let Some(zone) = name.as_deref().and_then(|name| names.parse(name)) else {
                    continue;
                };
                if spans.last().is_none_or(|(_, last)| *last != zone) {
                    // Arithmetic is in whole seconds: so is the change.
                    spans.push((first.div_euclid(SECOND) * SECOND, zone));
                }
            }
            if !spans.is_empty() {
                users.insert(*uid, spans);
            }
        }
    }
    ReportingZones::new(account, users)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_function_that_looks_something_up_has_a_print() {
        let shipped = Shipped::load(None).unwrap();
        let built = build(&Sources {
            settings: &Settings::default(),
            org: &Org::default(),
            shipped: &shipped,
            people: &People::default(),
            zones: ReportingZones::default(),
            as_of: 0,
        })
        .unwrap();
        for function in crate::functions::over(&built.functions) {
            let name = function.name();
            // What it looks up has a print each.
            if name != "setting" {
                assert!(built.prints.contains_key(name), "{name} has no print");
            }
        }
    }

    #[test]
    fn a_print_tells_rows_apart() {
        let rows: [Vec<Row>; 6] = [
            vec![],
            vec![vec![text("a"), text("b")]],
            vec![vec![text("ab"), text("")]],
            vec![vec![text("ab"), text_or_null(None::<String>)]],
            vec![vec![int(0), flag(true)]],
            vec![vec![int(1), flag(false)]],
        ];
        let prints: BTreeSet<String> = rows.iter().map(|rows| print_of_rows(rows.iter())).collect();
        assert_eq!(prints.len(), rows.len());
    }
}
