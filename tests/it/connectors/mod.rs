//! Connectors against simulated makers.

mod commands;
mod company;
mod crash;
mod faults;
mod load;
mod privacy;
mod program;
mod secrets;
mod syncs;
mod time_off;
