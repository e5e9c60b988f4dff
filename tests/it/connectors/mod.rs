//! Connectors against simulated makers.

mod company;
mod crash;
mod faults;
mod privacy;
mod program;
mod secrets;
mod syncs;
