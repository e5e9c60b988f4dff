//! Settings and organisation files: what was typed becomes checked values.
//!
//! Two stages: what was typed (file, environment, flags; no checks, no system calls beyond reading
//! the file) and the checked [`Settings`], which remember where each value came from. The
//! organisation's CSV files ([`org`]) are checked as one whole, every problem at once. The tables
//! that ship with the product ([`shipped`]) have the same shapes.

mod error;
pub mod integration;
mod keys;
mod load;
mod nearest;
pub mod org;
mod secret;
mod settings;
pub mod shipped;
mod shown;
mod template;
mod value;

pub use error::{Error, Wrong};
pub use load::{Overrides, load, load_as, user_config_dir};
pub use secret::{Secret, SecretRef};
pub use settings::{
    Account, ActiveDayMode, Connectors, Lake, Limits, Metrics, Plan, Privacy, PrivateField,
    Schedule, Server, Settings, TimezoneMode, Weekday,
};
pub use shown::{Origin, Shown};
pub use template::TEMPLATE;
