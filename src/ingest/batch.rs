//! Events collected for one commit, as columns; and the columns' keys, as rows.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanBuilder, Int32Array, Int64Array, Int64Builder, RecordBatch,
    StringBuilder, TimestampMicrosecondBuilder, UInt32Array,
};
use datafusion::arrow::compute::{is_not_null, take};
use datafusion::arrow::datatypes::SchemaRef;

use super::Error;
use super::normalize::Event;
use crate::clock::Micros;
use crate::lake::tables::{AGENTS, APPLICATIONS, EVENTS_RAW};

/// What decides between two versions of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version {
    pub upload_time: Option<Micros>,
    /// Absent for an event without an id of its own: its id is its content.
    pub content_hash: Option<i64>,
}

impl Version {
    /// Whether this version, arriving later, takes the place of `other`.
    pub fn beats(&self, other: &Version) -> bool {
        let same = self.content_hash == other.content_hash;
        match self.upload_time.cmp(&other.upload_time) {
            // Without an id of its own nothing can have changed.
            _ if self.content_hash.is_none() => false,
            std::cmp::Ordering::Greater => true,
            std::cmp::Ordering::Equal => !same,
            std::cmp::Ordering::Less => false,
        }
    }
}

/// The parts of a row that dedup and layout look at.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    pub login_id: i64,
    pub start: Micros,
    pub agent_id: i64,
    pub utc_date: i32,
    pub version: Version,
    /// Whether the agent gave the event its id.
    pub id_given: bool,
    /// Which of the load's files it came from.
    pub file: usize,
    /// Says only that a stored event of this key has no seconds; nothing is stored for a key that
    /// is not known.
    pub retracts: bool,
}

/// Columns of the events table but `revision`, in the table's order.
pub struct Builder {
    keys: Vec<Key>,
    bytes: usize,
    login_id: Int64Builder,
    start: TimestampMicrosecondBuilder,
    agent_id: Int64Builder,
    event_id: StringBuilder,
    content_hash: Int64Builder,
    upload_time: TimestampMicrosecondBuilder,
    computer_id: Int64Builder,
    duration_sec: Int64Builder,
    state: StringBuilder,
    passive_type_id: Int64Builder,
    /// user_name … application_base, in the table's order.
    texts: [StringBuilder; 12],
    description: StringBuilder,
    titlebar: StringBuilder,
    screen_hash: Int64Builder,
    application_id: Int64Builder,
    /// full_url, host, site, website, clean_url, search_term.
    web: [StringBuilder; 6],
    potential_file_transfer: BooleanBuilder,
    usb: BooleanBuilder,
    alarm_name: StringBuilder,
    alarm_action: StringBuilder,
}

impl Default for Builder {
    fn default() -> Self {
        let instants = || TimestampMicrosecondBuilder::new().with_timezone("UTC");
        Builder {
            keys: Vec::new(),
            bytes: 0,
            login_id: Int64Builder::new(),
            start: instants(),
            agent_id: Int64Builder::new(),
            event_id: StringBuilder::new(),
            content_hash: Int64Builder::new(),
            upload_time: instants(),
            computer_id: Int64Builder::new(),
            duration_sec: Int64Builder::new(),
            state: StringBuilder::new(),
            passive_type_id: Int64Builder::new(),
            texts: Default::default(),
            description: StringBuilder::new(),
            titlebar: StringBuilder::new(),
            screen_hash: Int64Builder::new(),
            application_id: Int64Builder::new(),
            web: Default::default(),
            potential_file_transfer: BooleanBuilder::new(),
            usb: BooleanBuilder::new(),
            alarm_name: StringBuilder::new(),
            alarm_action: StringBuilder::new(),
        }
    }
}

impl Builder {
    /// Rows so far.
    pub fn rows(&self) -> usize {
        self.keys.len()
    }

    /// Bytes of values so far, roughly.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds an event.
    pub fn push(&mut self, event: &Event<'_>) {
        let texts = [
            Some(event.user_name.as_ref()),
            event.user.as_deref(),
            event.logon_domain,
            event.primary_domain,
            Some(event.computer_name),
            event.timezone.as_deref(),
            event.session,
            event.network_id.as_deref(),
            event.device_ip.as_deref(),
            event.public_ip.as_deref(),
            event.executable,
            event.application_base,
        ];
        let web = [
            event.full_url.as_deref(),
            event.host.as_deref(),
            event.site.as_deref(),
            event.website.as_deref(),
            event.clean_url.as_deref(),
            event.search_term.as_deref(),
        ];
        let others = [
            Some(event.event_id),
            event.description,
            event.titlebar.as_deref(),
            event.alarm_name.as_deref(),
            event.alarm_action.as_deref(),
        ];
        let length = |texts: &[Option<&str>]| -> usize {
            texts.iter().flatten().map(|text| text.len()).sum()
        };
        // Fixed-width values, offsets and the key.
        self.bytes += length(&texts) + length(&web) + length(&others) + 300;
        self.keys.push(event.key);
        self.login_id.append_value(event.key.login_id);
        self.start.append_value(event.key.start);
        self.agent_id.append_value(event.key.agent_id);
        self.event_id.append_value(event.event_id);
        self.content_hash
            .append_option(event.key.version.content_hash);
        self.upload_time
            .append_option(event.key.version.upload_time);
        self.computer_id.append_value(event.computer_id);
        self.duration_sec.append_value(event.duration_sec);
        self.state.append_value(event.state);
        self.passive_type_id.append_option(event.passive_type_id);
        for (builder, text) in self.texts.iter_mut().zip(texts) {
            builder.append_option(text);
        }
        self.description.append_option(event.description);
        self.titlebar.append_option(event.titlebar.as_deref());
        self.screen_hash.append_option(event.screen_hash);
        self.application_id.append_value(event.application_id);
        for (builder, text) in self.web.iter_mut().zip(web) {
            builder.append_option(text);
        }
        self.potential_file_transfer
            .append_value(event.potential_file_transfer);
        self.usb.append_option(event.usb);
        self.alarm_name.append_option(event.alarm_name.as_deref());
        self.alarm_action
            .append_option(event.alarm_action.as_deref());
    }

    /// The finished columns; the builder starts anew.
    pub fn finish(&mut self) -> Collected {
        let mut done = std::mem::take(self);
        let [
            user_name,
            user,
            logon_domain,
            primary_domain,
            computer_name,
            timezone,
            session,
            network_id,
            device_ip,
            public_ip,
            executable,
            application_base,
        ] = done.texts.each_mut().map(StringBuilder::finish);
        let [full_url, host, site, website, clean_url, search_term] =
            done.web.each_mut().map(StringBuilder::finish);
        let event_id = Arc::new(done.event_id.finish());
        let application_id = Arc::new(done.application_id.finish());
        let columns: Vec<(&'static str, ArrayRef)> = vec![
            ("login_id", Arc::new(done.login_id.finish())),
            ("start", Arc::new(done.start.finish())),
            ("agent_id", Arc::new(done.agent_id.finish())),
            ("event_id", event_id.clone()),
            ("content_hash", Arc::new(done.content_hash.finish())),
            ("upload_time", Arc::new(done.upload_time.finish())),
            ("computer_id", Arc::new(done.computer_id.finish())),
            ("duration_sec", Arc::new(done.duration_sec.finish())),
            ("state", Arc::new(done.state.finish())),
            ("passive_type_id", Arc::new(done.passive_type_id.finish())),
            ("user_name", Arc::new(user_name)),
            ("user", Arc::new(user)),
            ("logon_domain", Arc::new(logon_domain)),
            ("primary_domain", Arc::new(primary_domain)),
            ("computer_name", Arc::new(computer_name)),
            ("timezone", Arc::new(timezone)),
            ("session", Arc::new(session)),
            ("network_id", Arc::new(network_id)),
            ("device_ip", Arc::new(device_ip)),
            ("public_ip", Arc::new(public_ip)),
            ("executable", Arc::new(executable)),
            ("application_base", Arc::new(application_base)),
            ("description", Arc::new(done.description.finish())),
            ("titlebar", Arc::new(done.titlebar.finish())),
            ("screen_hash", Arc::new(done.screen_hash.finish())),
            ("application_id", application_id.clone()),
            ("full_url", Arc::new(full_url)),
            ("host", Arc::new(host)),
            ("site", Arc::new(site)),
            ("website", Arc::new(website)),
            ("clean_url", Arc::new(clean_url)),
            ("search_term", Arc::new(search_term)),
            (
                "potential_file_transfer",
                Arc::new(done.potential_file_transfer.finish()),
            ),
            ("usb", Arc::new(done.usb.finish())),
            ("alarm_name", Arc::new(done.alarm_name.finish())),
            ("alarm_action", Arc::new(done.alarm_action.finish())),
        ];
        Collected {
            keys: done.keys,
            event_id,
            application_id,
            columns,
        }
    }
}

/// A batch of events before dedup.
pub struct Collected {
    pub keys: Vec<Key>,
    pub event_id: Arc<datafusion::arrow::array::StringArray>,
    pub application_id: Arc<Int64Array>,
    columns: Vec<(&'static str, ArrayRef)>,
}

/// A row to store: which collected row, under which revision, on which date. `marker` says that
/// only the place is held: the event's new version starts on another date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    pub row: u32,
    pub revision: i32,
    pub utc_date: i32,
    pub marker: bool,
}

impl Collected {
    /// The placed rows of one date, sorted for the table.
    ///
    /// `placed` must all be of one date. A marker keeps the key and nothing of the rest that a
    /// reader could count.
    pub fn rows(&self, placed: &mut [Placed]) -> Result<RecordBatch, Error> {
        let failed = |cause: datafusion::arrow::error::ArrowError| Error::Batch {
            cause: cause.to_string(),
        };
        let key = |placed: &Placed| {
            let key = self.keys.get(placed.row as usize);
            (key.map(|key| (key.login_id, key.start)), placed.row)
        };
        placed.sort_by_key(key);
        let indices = UInt32Array::from_iter_values(placed.iter().map(|placed| placed.row));
        let any_marker = placed.iter().any(|placed| placed.marker);
        let mut arrays = Vec::with_capacity(EVENTS_RAW.schema.fields().len() - 1);
        for field in EVENTS_RAW.file_schema().fields() {
            if field.name() == "revision" {
                let revisions = placed.iter().map(|placed| placed.revision);
                arrays.push(Arc::new(Int32Array::from_iter_values(revisions)) as ArrayRef);
                continue;
            }
            let (_, column) = self
                .columns
                .iter()
                .find(|(name, _)| name == field.name())
                .ok_or_else(|| Error::Batch {
                    cause: format!("column {} is missing", field.name()),
                })?;
            let mut array = take(column, &indices, None).map_err(failed)?;
            if any_marker && field.name() == "state" {
                let states = datafusion::arrow::array::AsArray::as_string::<i32>(&array);
                array = Arc::new(
                    states
                        .iter()
                        .zip(placed.iter())
                        .map(|(state, placed)| {
                            if placed.marker {
                                Some(SUPERSEDED)
                            } else {
                                state
                            }
                        })
                        .collect::<datafusion::arrow::array::StringArray>(),
                );
            }
            arrays.push(array);
        }
        RecordBatch::try_new(EVENTS_RAW.file_schema(), arrays).map_err(failed)
    }
}

/// The columns whose spelling may differ between records of one agent.
pub const SPELLING: [&str; 4] = [
    "logon_domain",
    "user_name",
    "computer_name",
    "primary_domain",
];

/// One text of an agent's names, in the order of [`SPELLING`], that sorts as they do one by one.
pub fn spelling<'a>(columns: impl Iterator<Item = &'a ArrayRef>, row: usize) -> String {
    let mut out = String::new();
    for column in columns {
        if let Some(texts) = column.as_string_opt::<i32>()
            && texts.is_valid(row)
        {
            // An absent name sorts before an empty one.
            out.push('\u{1}');
            out.push_str(texts.value(row));
        }
        out.push('\0');
    }
    out
}

impl Collected {
    /// How a row spells its agent.
    pub fn spelling(&self, row: u32) -> String {
        let columns = SPELLING.iter().filter_map(|name| {
            let (_, column) = self.columns.iter().find(|(column, _)| column == name)?;
            Some(column)
        });
        spelling(columns, row as usize)
    }

    /// The agents of the given rows, as rows of the agents table with their first start.
    pub fn agents(&self, rows: &[u32]) -> Result<RecordBatch, Error> {
        self.taken(&AGENTS.schema, rows, |name| match name {
            "first_start" => self.column("start"),
            name => self.column(name),
        })
    }

    /// What the events of the given rows name, as rows of the applications table.
    pub fn applications(&self, rows: &[u32]) -> Result<RecordBatch, Error> {
        self.taken(&APPLICATIONS.schema, rows, |name| match name {
            // Whether, not what.
            "searched" => {
                let searched = is_not_null(self.column("search_term")?.as_ref()).ok()?;
                Some(Arc::new(searched))
            }
            name => self.column(name),
        })
    }

    fn column(&self, name: &str) -> Option<ArrayRef> {
        let (_, column) = self.columns.iter().find(|(column, _)| *column == name)?;
        Some(Arc::clone(column))
    }

    fn taken(
        &self,
        schema: &SchemaRef,
        rows: &[u32],
        column: impl Fn(&str) -> Option<ArrayRef>,
    ) -> Result<RecordBatch, Error> {
        let failed = |cause: datafusion::arrow::error::ArrowError| Error::Batch {
            cause: cause.to_string(),
        };
        let indices = UInt32Array::from(rows.to_vec());
        let arrays = schema
            .fields()
            .iter()
            .map(|field| {
                let column = column(field.name()).ok_or_else(|| Error::Batch {
                    cause: format!("column {} is missing", field.name()),
                })?;
                take(&column, &indices, None).map_err(failed)
            })
            .collect::<Result<Vec<_>, _>>()?;
        RecordBatch::try_new(Arc::clone(schema), arrays).map_err(failed)
    }
}

/// The state of a row whose event now starts on another date.
pub const SUPERSEDED: &str = "Superseded";

/// Days since 1970-01-01 of an instant's UTC date.
pub fn utc_date(start: Micros) -> i32 {
    i32::try_from(start.div_euclid(crate::zone::DAY)).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::Version;

    #[test]
    fn the_latest_upload_wins_else_the_later_arrival() {
        let version = |upload_time, content| Version {
            upload_time,
            content_hash: Some(content),
        };
        assert!(version(Some(2), 1).beats(&version(Some(1), 1)));
        assert!(version(Some(0), 1).beats(&version(None, 1)));
        assert!(!version(None, 1).beats(&version(Some(0), 2)));
        assert!(version(Some(1), 2).beats(&version(Some(1), 1)));
        assert!(!version(Some(1), 1).beats(&version(Some(1), 1)));
        let anonymous = |upload_time| Version {
            upload_time,
            content_hash: None,
        };
        assert!(!anonymous(Some(9)).beats(&anonymous(None)));
    }
}
