//! The one integration binary: each further one would link the query engine again.

mod bad;
mod calendar_readings;
mod cli;
mod clients;
mod connectors;
mod contract;
mod events;
mod functions;
mod golden;
mod house;
mod lake;
mod layouts;
mod meetings;
mod oracle;
mod peers;
mod place;
mod properties;
mod pure_sql;
mod recurrence;
mod served;
mod simulator;
mod simulator_clients;
mod slt;
mod why;
mod worlds;
mod zones;
