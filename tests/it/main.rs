//! The one integration binary: each further one would link the query engine again.

mod bad;
mod cli;
mod clients;
mod contract;
mod functions;
mod golden;
mod house;
mod lake;
mod layouts;
mod oracle;
mod place;
mod properties;
mod slt;
mod why;
mod worlds;
mod zones;
