//! `activlake init`: a commented starting point.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use crate::config::TEMPLATE;
use crate::error::{Class, Error, Result};

/// Arguments of `init`.
#[derive(Args)]
pub struct Init {
    /// Where to write; existing files are left alone
    #[arg(default_value = ".")]
    dir: PathBuf,
}

/// Header lines of the organisation's files, with a row that shows the shape where one helps.
const ORG: [(&str, &str); 15] = [
    (
        "users.csv",
        "uid,display_name,emails,user_principal_names,employee_ids,tracked,logins,timezone\n",
    ),
    (
        "computers.csv",
        "computer_id,computer_name,primary_domain,computer_alias\n",
    ),
    (
        "groups.csv",
        "group_id,group_name,type,productive_hrs_day,focused_hrs_day,core_activity_percent,order_rank,valid_from,valid_to\n",
    ),
    (
        "group_members.csv",
        "group_id,member_kind,member,is_primary,valid_from,valid_to\n",
    ),
    ("categories.csv", ""),
    (
        "classification.csv",
        "order,scope,match,value,category,productivity\n",
    ),
    ("core_categories.csv", "group_id,category_id\n"),
    (
        "applications.csv",
        "match,value,application,consolidated_name\n",
    ),
    (
        "schedules.csv",
        "schedule_name,schedule_type,day_of_week,start_time,end_time,break_time_minutes\n",
    ),
    (
        "schedule_members.csv",
        "schedule_name,uid,valid_from,valid_to\n",
    ),
    (
        "time_off.csv",
        "employee,start_date,end_date,hours_per_day,full_day,type,status\n",
    ),
    ("locations.csv", "signature_or_cidr,label\n"),
    ("consumers.csv", "activtrak_id,email,role,viewable_groups\n"),
    ("do_not_track.csv", "login\n"),
    (
        "hosts.csv",
        "hostname,user_name,logon_domain,valid_from,valid_to\n",
    ),
];

/// Writes what is not there yet.
pub fn init(command: &Init) -> Result<ExitCode> {
    write_new(&command.dir.join("activlake.toml"), TEMPLATE)?;
    for (name, header) in ORG {
        // An empty categories.csv would replace the shipped categories by none.
        if !header.is_empty() {
            write_new(&command.dir.join("org").join(name), header)?;
        }
    }
    super::print(
        "Next: fill the files in org/, then\n  \
         activlake org apply org\n  activlake ingest PATH…\n  activlake run\n  \
         activlake sql -c 'select * from daily_user_summary'\n",
    )?;
    Ok(ExitCode::SUCCESS)
}

fn write_new(path: &Path, text: &str) -> Result<()> {
    let failed =
        |cause: std::io::Error| Error::new(Class::Config, format!("{}: {cause}", path.display()));
    if path.exists() {
        return super::print(&format!("kept     {}\n", path.display()));
    }
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(failed)?;
    }
    std::fs::write(path, text).map_err(failed)?;
    super::print(&format!("written  {}\n", path.display()))
}
