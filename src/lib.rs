//! activlake: computer activity and calendars in, the ActivConnect views out, over Arrow Flight SQL.
//!
//! Data walks one way through the rooms:
//!
//! ```text
//! sources → ingest → lake → models (+ functions) → connectors, jobs → access → serve
//!                                                             cli on top, config below
//! ```
//!
//! - [`sources`]: one file a raw format; bytes in, typed records and rejects out.
//! - [`ingest`]: keys, deduplicates, applies privacy rules, and hands batches to the lake.
//! - [`lake`]: Parquet tables with a Delta log; the only room that knows object stores.
//! - [`functions`]: SQL functions, one a file.
//! - [`models`]: the SQL files, planned over one moment of the lake.
//! - [`connectors`]: calendars of companies, asked for tracked people only, into the lake.
//! - [`jobs`]: what is stale, and its recompute by local day.
//! - [`access`]: who asks, and what they may see.
//! - [`serve`]: Flight SQL.
//!
//! Promises: raw input is never changed; a view's slice is a pure function of the lake's snapshot
//! and the settings; only `lake` makes data visible, a whole slice at once; no clock or environment
//! outside [`clock`] and [`config`], and no randomness but there and for tokens in [`access`].

pub mod access;
pub mod cli;
pub mod clock;
pub mod config;
pub mod connectors;
pub mod error;
pub mod functions;
pub mod ingest;
pub mod jobs;
pub mod lake;
pub mod models;
pub mod serve;
pub mod sources;
pub mod zone;
