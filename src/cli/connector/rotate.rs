//! `connector rotate`: credentials changed in place, without setting anything up again.

use std::path::PathBuf;

use clap::Args;

use super::add::{CLIENT_SECRET, ClientSecret, PASSWORD, Password, date};
use super::ask::Asker;
use super::edit::Field;
use super::file::SettingsFile;
use crate::config::SecretRef;
use crate::config::integration::{GoogleAuth, Maker};
use crate::error::{Class, Error, Result};

/// Arguments of `connector rotate`.
#[derive(Args)]
#[command(after_help = "\
A new value behind the same reference needs no flag: rotate then only tries it. A secret is never a
flag's value: command lines are seen by every process and kept in histories.")]
pub struct Rotate {
    /// The instance
    pub name: String,
    #[command(flatten)]
    client_secret: ClientSecret,
    /// outlook: the day on which the new secret ends
    #[arg(long, value_name = "DATE")]
    secret_expires: Option<String>,
    /// google with a service account: the new JSON key file
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    #[command(flatten)]
    password: Password,
    /// google with oauth: the browser is on another computer; the address it ends at is pasted here
    #[arg(long)]
    pub paste: bool,
    /// Do not try the new credentials
    #[arg(long)]
    pub no_test: bool,
}

impl Rotate {
    /// The keys of the instance that change.
    ///
    /// # Errors
    /// When a flag does not belong to the maker, or has a wrong value.
    pub fn fields(
        &self,
        maker: &Maker,
        file: &SettingsFile,
        asker: &mut Asker<'_>,
    ) -> Result<Vec<(&'static str, Field)>> {
        let client_secret = self.client_secret.reference(file);
        let password = self.password.reference(file);
        let key_file = self.key_file.as_ref();
        let key_file = key_file.map(|path| SecretRef::File(file.path_from_here(path)));
        let (allowed, fitting): (&[&str], &str) = match maker {
            Maker::Google(google) => match &google.auth {
                GoogleAuth::OAuth { .. } => (&[CLIENT_SECRET, "--paste"], "google with oauth"),
                GoogleAuth::ServiceAccount { .. } => {
                    (&["--key-file"], "google with a service account")
                }
            },
            Maker::Outlook(_) => (&[CLIENT_SECRET, "--secret-expires"], "outlook"),
            Maker::Caldav(_) => (&[PASSWORD], "caldav"),
            Maker::Ics(_) => (&[], "ics"),
        };
        for (flag, given) in [
            (CLIENT_SECRET, client_secret.is_some()),
            ("--secret-expires", self.secret_expires.is_some()),
            ("--key-file", key_file.is_some()),
            (PASSWORD, password.is_some()),
            ("--paste", self.paste),
        ] {
            if given && !allowed.contains(&flag) {
                let instead = match allowed {
                    [] => "which has no credentials".to_owned(),
                    flags => format!("where {} may be given", flags.join(" and ")),
                };
                return Err(Error::new(
                    Class::Config,
                    format!("{flag} is not for {fitting}, {instead}"),
                ));
            }
        }
        let mut fields = Vec::new();
        for (key, flags, reference) in [
            ("client_secret", CLIENT_SECRET, client_secret),
            ("password", PASSWORD, password),
            ("service_account_key", "--key-file", key_file),
        ] {
            // Given, so that nobody is asked: only its shape is checked.
            if reference.is_some()
                && let Some(reference) = asker.secret(flags, reference, "")?
            {
                fields.push((key, Field::Secret(reference)));
            }
        }
        let expires = self.secret_expires.as_deref();
        if matches!(maker, Maker::Outlook(_)) {
            let question = "The new secret's last day, YYYY-MM-DD (empty: as it is)";
            let expires = asker.optional("--secret-expires", expires, question, date)?;
            fields.extend(expires.map(|date| ("secret_expires", Field::Date(date))));
        }
        Ok(fields)
    }
}
