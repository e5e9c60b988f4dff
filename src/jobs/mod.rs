//! What is stale, and its recompute by local day.
//!
//! A slice (model, local day) is known by a fingerprint of everything it is made from: the model's
//! text, the settings and tables it names, and the slices and files it reads. A run computes the
//! slices whose fingerprint changed and replaces each whole; one that comes out the same is not
//! written. Putting the organisation's settings in force belongs here too: it is what makes slices
//! stale. Nothing here knows what a model means.

mod error;
mod history;
mod org;
mod room;
mod run;
mod sorted;
mod stale;

pub use error::Error;
pub use history::update_history;
pub use org::{Applied, CheckedOrg, apply_org, check_org};
pub use run::{ModelReport, Request, RunProgress, RunReport, run};
pub use stale::stale_models;
