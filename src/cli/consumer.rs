//! `activlake consumer password`: who may log in, and with what.

use std::collections::HashMap;
use std::io::Read;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, RwLock};

use async_trait::async_trait;
use clap::{Args, Subcommand};
use datafusion::arrow::array::{
    ArrayRef, AsArray, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use datafusion::arrow::datatypes::TimestampMicrosecondType;
use futures::TryStreamExt;

use super::{Globals, opened};
use crate::access::{Credential, Directory, Principal, password};
use crate::error::{Class, Error, Result};
use crate::lake::{self, Change, FileWriter, Scope, Snapshot, WriteOptions, tables};
use crate::models::{Setup, stored_org};

/// Arguments of `consumer`.
#[derive(Args)]
pub struct Consumer {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Set the password of somebody in consumers.csv, read from stdin or a file
    Password {
        /// E-mail address in consumers.csv
        email: String,
        /// A file whose first line is the password; stdin without it
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
    },
}

/// Characters that a password must have at least.
const PASSWORD_CHARS_MIN: usize = 12;

/// Runs `consumer`.
pub async fn consumer(globals: &Globals, command: &Consumer) -> Result<ExitCode> {
    let Action::Password {
        email,
        password_file,
    } = &command.action;
    let setup = opened::setup(globals)?;
    let text = match password_file {
        Some(path) => std::fs::read_to_string(path)
            .map_err(|cause| Error::new(Class::Config, format!("{}: {cause}", path.display())))?,
        None => {
            eprintln!("Type the password for {email}, then Enter and Ctrl-D:");
            let mut text = String::new();
            std::io::stdin()
                .read_to_string(&mut text)
                .map_err(|cause| Error::new(Class::Input, format!("stdin: {cause}")))?;
            text
        }
    };
    let password = text.lines().next().unwrap_or_default();
    set_password(&setup, email, password).await?;
    super::print(&format!("the password of {email} is set\n"))?;
    Ok(ExitCode::SUCCESS)
}

/// Stores the argon2 hash of a consumer's password.
pub async fn set_password(setup: &Setup, email: &str, password: &str) -> Result<()> {
    let email = email.trim().to_lowercase();
    let org = stored_org::latest(setup).await?.org;
    if !org.consumers.iter().any(|consumer| consumer.email == email) {
        let known: Vec<&str> = org.consumers.iter().map(|c| c.email.as_str()).collect();
        return Err(Error::new(
            Class::Config,
            format!(
                "{email} is not in consumers.csv{}",
                if known.is_empty() {
                    ", which is empty: activlake org apply DIR".to_owned()
                } else {
                    format!("; there are {}", known.join(", "))
                }
            ),
        ));
    }
    if password.chars().count() < PASSWORD_CHARS_MIN {
        return Err(Error::new(
            Class::Config,
            format!("a password has at least {PASSWORD_CHARS_MIN} characters"),
        ));
    }
    let owned = password.to_owned();
    let phc = tokio::task::spawn_blocking(move || password::hash(&owned))
        .await
        .map_err(|cause| Error::new(Class::Internal, cause.to_string()))??;
    let spec = &tables::CREDENTIALS;
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from(vec![email])),
        Arc::new(StringArray::from(vec![phc])),
        Arc::new(
            // The latest row holds, so this is the real time, whatever --as-of says.
            TimestampMicrosecondArray::from(vec![crate::clock::AsOf::now().micros()])
                .with_timezone("UTC"),
        ),
    ];
    let batch = RecordBatch::try_new(Arc::clone(&spec.schema), columns)
        .map_err(|cause| Error::new(Class::Internal, cause.to_string()))?;
    let options = WriteOptions {
        row_group_rows: setup.settings.limits.row_group_rows,
        zstd_level: 1,
    };
    let mut file = FileWriter::create(&setup.lake, spec, None, options)?;
    file.write(&batch).await?;
    let change = Change {
        adds: vec![file.finish(None).await?],
        rows_change: true,
        ..Change::default()
    };
    setup.lake.append(spec, change).await?;
    Ok(())
}

/// The consumers of the lake, as the server asks for them.
pub struct LakeDirectory {
    setup: Setup,
    known: RwLock<Known>,
}

#[derive(Default)]
struct Known {
    /// The tables that it was read from; none before the first time.
    tables: Option<[Snapshot; 2]>,
    by_email: HashMap<String, Credential>,
}

impl LakeDirectory {
    /// Reads the consumers and their password hashes.
    pub async fn open(setup: &Setup) -> Result<LakeDirectory> {
        let directory = LakeDirectory {
            setup: setup.clone(),
            known: RwLock::default(),
        };
        directory.refresh().await?;
        Ok(directory)
    }
}

#[async_trait]
impl Directory for LakeDirectory {
    async fn refresh(&self) -> Result<()> {
        let lake = &self.setup.lake;
        let known = self
            .known
            .read()
            .unwrap_or_else(|broken| broken.into_inner())
            .tables
            .clone();
        // Every statement passes here: two small requests tell that nothing changed.
        if let Some([credentials, org]) = &known {
            let (credentials, org) =
                futures::try_join!(lake.is_stale(credentials), lake.is_stale(org))?;
            if !credentials && !org {
                return Ok(());
            }
        }
        // Before their rows are read: what is committed meanwhile is seen the next time.
        let snapshot = lake.snapshot(&tables::CREDENTIALS).await?;
        let org_table = lake.snapshot(&tables::ORG).await?;
        let mut latest: HashMap<String, (i64, String)> = HashMap::new();
        let columns = ["email", "phc", "changed_at"];
        let mut stream =
            lake::read(&self.setup.lake, &snapshot, Scope::default(), &columns).await?;
        let failed = |cause: datafusion::error::DataFusionError| {
            Error::new(Class::Lake, format!("reading the credentials: {cause}"))
        };
        while let Some(batch) = stream.try_next().await.map_err(failed)? {
            if let [emails, hashes, changed] = batch.columns() {
                let changed = changed.as_primitive::<TimestampMicrosecondType>();
                let pairs = emails
                    .as_string::<i32>()
                    .iter()
                    .zip(hashes.as_string::<i32>());
                for ((email, phc), at) in pairs.zip(changed.values()) {
                    let (Some(email), Some(phc)) = (email, phc) else {
                        continue;
                    };
                    let entry = latest.entry(email.to_owned()).or_default();
                    if *at >= entry.0 {
                        *entry = (*at, phc.to_owned());
                    }
                }
            }
        }
        let org = stored_org::latest(&self.setup).await?.org;
        let by_email = org
            .consumers
            .into_iter()
            .map(|consumer| {
                let phc = latest.remove(&consumer.email).map(|(_, phc)| phc);
                let principal = Principal {
                    email: consumer.email.clone(),
                    activtrak_id: consumer.activtrak_id,
                    role: consumer.role,
                };
                (consumer.email, Credential { principal, phc })
            })
            .collect();
        *self
            .known
            .write()
            .unwrap_or_else(|broken| broken.into_inner()) = Known {
            tables: Some([snapshot, org_table]),
            by_email,
        };
        Ok(())
    }

    fn find(&self, email: &str) -> Option<Credential> {
        self.known
            .read()
            .unwrap_or_else(|broken| broken.into_inner())
            .by_email
            .get(email)
            .cloned()
    }
}
