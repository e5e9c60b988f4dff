//! The tables that the engine itself keeps, beside one table a model.

use std::sync::{Arc, LazyLock};

use datafusion::arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};

use super::TableSpec;

/// An instant: microseconds, UTC.
pub fn instant() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

fn schema(columns: &[(&str, DataType, bool)]) -> SchemaRef {
    Arc::new(Schema::new(
        columns
            .iter()
            .map(|(name, data_type, nullable)| Field::new(*name, data_type.clone(), *nullable))
            .collect::<Vec<_>>(),
    ))
}

/// Agent events as they came in, one row a version of an event, partitioned by the start's UTC
/// date. A later version of an event has a higher `revision`; when it starts on another date, the
/// old date gets a row in state `Superseded` under the new revision.
pub static EVENTS_RAW: LazyLock<Arc<TableSpec>> = LazyLock::new(|| {
    use DataType::{Boolean, Date32, Int32, Int64, Utf8};
    TableSpec::new(
        "raw/events",
        schema(&[
            ("login_id", Int64, false),
            ("start", instant(), false),
            ("agent_id", Int64, false),
            ("event_id", Utf8, false),
            ("revision", Int32, false),
            ("content_hash", Int64, true),
            ("upload_time", instant(), true),
            ("computer_id", Int64, false),
            ("duration_sec", Int64, false),
            ("state", Utf8, false),
            ("passive_type_id", Int64, true),
            ("user_name", Utf8, false),
            ("user", Utf8, true),
            ("logon_domain", Utf8, true),
            ("primary_domain", Utf8, true),
            ("computer_name", Utf8, false),
            ("timezone", Utf8, true),
            ("session", Utf8, true),
            ("network_id", Utf8, true),
            ("device_ip", Utf8, true),
            ("public_ip", Utf8, true),
            ("executable", Utf8, true),
            ("application_base", Utf8, true),
            ("description", Utf8, true),
            ("titlebar", Utf8, true),
            ("screen_hash", Int64, true),
            ("application_id", Int64, false),
            ("full_url", Utf8, true),
            ("host", Utf8, true),
            ("site", Utf8, true),
            ("website", Utf8, true),
            ("clean_url", Utf8, true),
            ("search_term", Utf8, true),
            ("potential_file_transfer", Boolean, false),
            ("usb", Boolean, true),
            ("alarm_name", Utf8, true),
            ("alarm_action", Utf8, true),
            ("utc_date", Date32, false),
        ]),
        Some("utc_date"),
        &["login_id", "start"],
    )
    // How long a day's events last tells when its numbers are final; where no event came again,
    // every row is in force.
    .with_ranges(&["duration_sec", "revision"])
    .with_unlike(&["content_hash"])
});

/// The programs and sites that events name, by the number that events carry: a hash of the row's
/// texts, so that a row never changes. A load appends those it sees first; readers take one of
/// several equal ones.
pub static APPLICATIONS: LazyLock<Arc<TableSpec>> = LazyLock::new(|| {
    use DataType::{Boolean, Int64, Utf8};
    TableSpec::new(
        "raw/applications",
        schema(&[
            ("application_id", Int64, false),
            ("executable", Utf8, true),
            ("application_base", Utf8, true),
            ("host", Utf8, true),
            ("site", Utf8, true),
            ("website", Utf8, true),
            ("searched", Boolean, false),
        ]),
        None,
        &[],
    )
});

/// Every agent ever seen, one row a load that taught something new about it; readers aggregate.
pub static AGENTS: LazyLock<Arc<TableSpec>> = LazyLock::new(|| {
    use DataType::{Int64, Utf8};
    TableSpec::new(
        "raw/agents",
        schema(&[
            ("agent_id", Int64, false),
            ("computer_id", Int64, false),
            ("login_id", Int64, false),
            ("logon_domain", Utf8, true),
            ("user_name", Utf8, false),
            ("computer_name", Utf8, false),
            ("primary_domain", Utf8, true),
            ("first_start", instant(), false),
        ]),
        None,
        &[],
    )
});

/// One invited address, as `raw/meetings` holds it.
pub fn attendee() -> Fields {
    Fields::from(vec![
        Field::new("email", DataType::Utf8, true),
        Field::new("response", DataType::Utf8, true),
        Field::new("kind", DataType::Utf8, true),
        Field::new("optional", DataType::Boolean, true),
    ])
}

/// Calendar entries in the normal form, one row a version of an entry, partitioned by the start's
/// UTC date (an all-day entry's own date). A later version has a higher `revision`; when an entry
/// moves to another date, the old date gets a row of status `moved` under the new revision.
pub static MEETINGS_RAW: LazyLock<Arc<TableSpec>> = LazyLock::new(|| {
    use DataType::{Boolean, Date32, Int32, Int64, Utf8};
    let attendees = DataType::List(Arc::new(Field::new_list_field(
        DataType::Struct(attendee()),
        true,
    )));
    TableSpec::new(
        "raw/meetings",
        schema(&[
            ("uid", Int64, false),
            ("start", instant(), true),
            ("end", instant(), true),
            ("start_date", Date32, true),
            ("end_date", Date32, true),
            ("instance", Utf8, false),
            ("event_id", Utf8, false),
            ("revision", Int32, false),
            ("content_hash", Int64, false),
            ("series_id", Utf8, true),
            ("title", Utf8, true),
            ("private", Boolean, false),
            ("status", Utf8, false),
            ("show_as", Utf8, false),
            ("kind", Utf8, false),
            ("organizer_email", Utf8, true),
            ("organizer_response", Utf8, true),
            ("own_response", Utf8, true),
            ("attendees", attendees, true),
            ("created", instant(), true),
            ("updated", instant(), true),
            ("utc_date", Date32, false),
        ]),
        Some("utc_date"),
        &["uid", "start"],
    )
    // When a day's meetings end tells when its numbers are final.
    .with_ranges(&["end"])
});

/// Where every calendar stands: one row an instance and person, the latest sync's.
pub static CALENDAR_STATE: LazyLock<Arc<TableSpec>> = LazyLock::new(|| {
    use DataType::{Boolean, Int64, Utf8};
    TableSpec::new(
        "settings/calendar_state",
        schema(&[
            ("instance", Utf8, false),
            ("uid", Int64, false),
            // The provider's id of the person, and which kind of name matched.
            ("directory_id", Utf8, false),
            ("matched_by", Utf8, false),
            // Of the last success; a cursor goes on from exactly this window.
            ("window_from", instant(), true),
            ("window_to", instant(), true),
            ("cursor", Utf8, true),
            ("backfilled", Boolean, false),
            ("attempted_at", instant(), false),
            ("succeeded_at", instant(), true),
            ("failure", Utf8, true),
            ("message", Utf8, true),
            ("retry_at", instant(), true),
            ("failures", Int64, false),
        ]),
        None,
        &["instance", "uid"],
    )
});

/// One row a sync of an instance: what it did and how it ended.
pub static CALENDAR_SYNCS: LazyLock<Arc<TableSpec>> = LazyLock::new(|| {
    use DataType::{Int64, Utf8};
    TableSpec::new(
        "raw/calendar_syncs",
        schema(&[
            ("instance", Utf8, false),
            ("type", Utf8, false),
            // Rows before it: tells the later of two at one instant.
            ("sequence", Int64, false),
            ("started_at", instant(), false),
            ("finished_at", instant(), false),
            ("state", Utf8, false),
            ("message", Utf8, true),
            ("directory", Int64, true),
            ("matched", Int64, true),
            ("unmatched", Int64, true),
            ("ambiguous", Int64, true),
            ("read", Int64, false),
            ("failed", Int64, false),
            ("added", Int64, false),
            ("changed", Int64, false),
            ("removed", Int64, false),
            ("rejected", Int64, false),
            ("requests", Int64, false),
            ("throttled", Int64, false),
            ("succeeded_at", instant(), true),
            ("next_run", instant(), true),
        ]),
        None,
        &[],
    )
});

/// Sealed refresh tokens (see the room `connectors`), one row an instance and field.
pub static SEALED: LazyLock<Arc<TableSpec>> = LazyLock::new(|| {
    use DataType::Utf8;
    TableSpec::new(
        "settings/sealed",
        schema(&[
            ("instance", Utf8, false),
            ("field", Utf8, false),
            ("sealed", Utf8, false),
            ("changed_at", instant(), false),
        ]),
        None,
        &[],
    )
});

/// Rows that were not accepted, with place and reason.
pub static REJECTS: LazyLock<Arc<TableSpec>> = LazyLock::new(|| {
    use DataType::{Int64, Utf8};
    TableSpec::new(
        "raw/rejects",
        schema(&[
            ("load_id", Utf8, false),
            ("loaded_at", instant(), false),
            ("file", Utf8, false),
            ("line", Int64, false),
            ("field", Utf8, false),
            ("reason", Utf8, false),
            ("value", Utf8, false),
        ]),
        None,
        &[],
    )
});

/// One row a file of a load: what was read and what became of it.
pub static LOADS: LazyLock<Arc<TableSpec>> = LazyLock::new(|| {
    use DataType::{Int64, Utf8};
    TableSpec::new(
        "raw/loads",
        schema(&[
            ("load_id", Utf8, false),
            ("loaded_at", instant(), false),
            ("file", Utf8, false),
            ("kind", Utf8, false),
            ("read", Int64, false),
            ("stored", Int64, false),
            ("superseded", Int64, false),
            ("refused", Int64, false),
            ("rejected", Int64, false),
        ]),
        None,
        &[],
    )
});

/// The organisation's files, every version whole.
pub static ORG: LazyLock<Arc<TableSpec>> = LazyLock::new(|| {
    use DataType::{Int64, Utf8};
    TableSpec::new(
        "settings/org",
        schema(&[
            ("version", Int64, false),
            ("applied_at", instant(), false),
            ("file", Utf8, false),
            ("content", Utf8, false),
        ]),
        None,
        &[],
    )
    // So that the version in force is known without reading the files.
    .with_ranges(&["version"])
});

/// Password hashes of consumers (argon2id, PHC strings); the latest row of an e-mail holds.
pub static CREDENTIALS: LazyLock<Arc<TableSpec>> = LazyLock::new(|| {
    use DataType::Utf8;
    TableSpec::new(
        "settings/credentials",
        schema(&[
            ("email", Utf8, false),
            ("phc", Utf8, false),
            ("changed_at", instant(), false),
        ]),
        None,
        &[],
    )
});

/// When a row of a dimension view first appeared and last changed.
pub static ROW_HISTORY: LazyLock<Arc<TableSpec>> = LazyLock::new(|| {
    use DataType::{Int64, Utf8};
    TableSpec::new(
        "settings/row_history",
        schema(&[
            ("view", Utf8, false),
            ("row_id", Int64, false),
            ("values_hash", Int64, false),
            ("inserted_at", instant(), false),
            ("updated_at", instant(), false),
        ]),
        None,
        &[],
    )
});

/// All tables of the engine, for maintenance.
pub fn all() -> Vec<Arc<TableSpec>> {
    [
        &EVENTS_RAW,
        &AGENTS,
        &APPLICATIONS,
        &MEETINGS_RAW,
        &CALENDAR_STATE,
        &CALENDAR_SYNCS,
        &SEALED,
        &REJECTS,
        &LOADS,
        &ORG,
        &CREDENTIALS,
        &ROW_HISTORY,
    ]
    .into_iter()
    .map(|table| Arc::clone(table))
    .collect()
}
