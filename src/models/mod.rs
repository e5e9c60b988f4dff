//! The models: SQL with descriptions, planned over one moment of the lake.
//!
//! In flow: the library of SQL files, the settings, and snapshots of stored tables. Out flow:
//! sessions in which every model can be read, statements for clients, and checks against the
//! contract. Nothing here writes the lake.

mod agents;
mod calendar_time_off;
pub mod contract;
mod day_ranges;
mod eager_aggregate;
mod error;
mod fingerprint;
pub mod groups;
mod labels;
pub mod library;
mod lookup;
mod moment;
mod narrowed;
mod operators;
mod org_tables;
pub mod people;
mod place;
mod reader;
pub mod stored_org;
pub mod types;
pub mod why;
mod world;

pub use error::Error;
pub use fingerprint::Ingredients;
pub use library::{Audience, Kind, Library, Model};
pub use moment::plan;
pub use people::{People, Person};
pub use reader::{ColumnInfo, Reader, Statement, ViewInfo};
pub use world::{Setup, World};
