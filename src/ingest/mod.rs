//! Loading: records from `sources` become stored events, once each.
//!
//! In flow: typed records, one file after the other. Each is keyed, held against the privacy
//! rules, given what depends on nothing but itself (host, site, base name …), collected into
//! batches of bounded size, deduplicated inside the batch and against the lake, and handed to
//! `lake` with a transaction id. Out flow: stored events, agents, rejects and a line in `loads`.
//! Never here: names, categories, groups, zones; settings may change those later.

mod batch;
mod dedup;
mod error;
mod file_transfer;
mod load;
pub mod meetings;
mod normalize;
mod privacy;

pub use error::Error;
pub use file_transfer::FileTransfers;
pub use load::{FileSummary, Load, Progress, Summary, load};
pub use privacy::Privacy;
