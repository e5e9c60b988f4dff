//! The tables that the engine itself keeps, beside one table a model.

use std::sync::{Arc, LazyLock};

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

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
    // How long a day's events last tells when its numbers are final.
    .with_ranges(&["duration_sec"])
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
