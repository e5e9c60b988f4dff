//! The stored tables: Parquet files with a Delta transaction log beside them.
//!
//! The only room that knows object stores and Delta; neither's types leave it. What flows in: Arrow
//! batches for one partition day each. What flows out: snapshots (a file list at one version) and
//! plain scans of them that know their order. Only [`Lake::commit`] makes data visible, and a whole
//! [`Change`] at once. Nothing here looks at what the rows mean.

/// What of the table format's own messages is worth showing: a lost race for a commit is no news,
/// it is tried again or told as an error.
pub const LOG_FILTER: &str = "deltalake_core=error";

mod column_cache;
mod commit;
mod error;
mod maintain;
mod scan;
mod snapshot;
mod store;
mod table;
pub mod tables;
mod write;

pub use column_cache::ColumnCache;
pub use commit::{Change, Committed};
pub use error::Error;
pub use maintain::{Maintained, TableHealth};
pub use scan::{Scope, read, scan, scan_kept};
pub use snapshot::{DataFile, Snapshot};
pub use store::Lake;
pub use table::TableSpec;
pub use write::{FileWriter, NewFile, WriteOptions};
