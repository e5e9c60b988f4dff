//! `connector add`: what a new instance needs, from flags or answers, as a table of the settings.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};

use super::ask::Asker;
use super::edit::Field;
use super::file::SettingsFile;
use crate::config::SecretRef;
use crate::config::integration::{address, day, domain, guid, instance_name, tenant};
use crate::error::Result;

/// What is added.
#[derive(Subcommand)]
pub enum Add {
    /// Google Workspace
    #[command(after_help = GOOGLE_HELP)]
    Google(AddGoogle),
    /// Outlook (Microsoft 365)
    #[command(after_help = OUTLOOK_HELP)]
    Outlook(AddOutlook),
    /// A CalDAV server: one account that may read the calendars
    #[command(after_help = FILE_HELP)]
    Caldav(AddCaldav),
    /// iCalendar feeds and files
    #[command(after_help = FILE_HELP)]
    Ics(AddIcs),
}

const GOOGLE_HELP: &str = "\
With --auth oauth (the default):
  1. In the Google Cloud console, enable the Admin SDK API and the Google Calendar API.
  2. Make the consent screen Internal (with External and Testing, access ends after 7 days).
  3. Make an OAuth client of type Desktop app; keep its secret in a file or variable.
  4. In the Admin console, Security > API controls, mark the client id as trusted.
  5. Give [connectors] seal_key in the settings; then a super admin consents once.
With --auth service-account: make a service account and a JSON key, and allow its client id, under
domain-wide delegation, the scopes admin.directory.user.readonly and calendar.events.readonly.

A secret is never a flag's value: command lines are seen by every process and kept in histories.";

const OUTLOOK_HELP: &str = "\
Set-up:
  1. In the Entra admin center, register an application (this organisation only).
  2. Add the Microsoft Graph application permissions Calendars.ReadBasic.All and User.ReadBasic.All,
     and grant admin consent.
  3. Make a client secret; keep its value (not its id) in a file or variable, and give its end with
     --secret-expires, so that you are warned in time.

A secret is never a flag's value: command lines are seen by every process and kept in histories.";

const FILE_HELP: &str = "\
The CSV file has the columns email,url and a calendar a line. A path in it is taken from the folder
of the CSV file.";

#[derive(Args)]
pub struct AddGoogle {
    /// The instance's name: a-z, 0-9, '-', '_' and '.'
    #[arg(long)]
    name: Option<String>,
    /// The calendar domain; without it, all domains of the customer
    #[arg(long)]
    domain: Option<String>,
    /// How Google is entered
    #[arg(long, value_enum)]
    auth: Option<Auth>,
    /// oauth: the client id of the console
    #[arg(long)]
    client_id: Option<String>,
    #[command(flatten)]
    client_secret: ClientSecret,
    /// service-account: the JSON key file
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// service-account: the administrator in whose name the directory is read
    #[arg(long, value_name = "E-MAIL")]
    admin: Option<String>,
    #[command(flatten)]
    pub consent: ConsentFlags,
}

/// How the consent of a super admin is got.
#[derive(Args, Clone, Copy)]
pub struct ConsentFlags {
    /// oauth: the browser is on another computer; the address it ends at is pasted here
    #[arg(long)]
    pub paste: bool,
    /// oauth: do not ask for the consent now
    #[arg(long, conflicts_with = "paste")]
    pub no_consent: bool,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Auth {
    Oauth,
    ServiceAccount,
}

#[derive(Args)]
pub struct AddOutlook {
    /// The instance's name: a-z, 0-9, '-', '_' and '.'
    #[arg(long)]
    name: Option<String>,
    /// Directory (tenant) id
    #[arg(long)]
    tenant_id: Option<String>,
    /// Application (client) id
    #[arg(long)]
    client_id: Option<String>,
    #[command(flatten)]
    client_secret: ClientSecret,
    /// The day on which the secret ends, as the portal shows it
    #[arg(long, value_name = "DATE")]
    secret_expires: Option<String>,
}

#[derive(Args)]
pub struct AddCaldav {
    /// The instance's name: a-z, 0-9, '-', '_' and '.'
    #[arg(long)]
    name: Option<String>,
    /// CSV file email,url
    #[arg(long, value_name = "FILE")]
    calendars: Option<PathBuf>,
    #[arg(long)]
    username: Option<String>,
    #[command(flatten)]
    password: Password,
}

#[derive(Args)]
pub struct AddIcs {
    /// The instance's name: a-z, 0-9, '-', '_' and '.'
    #[arg(long)]
    name: Option<String>,
    /// CSV file email,url
    #[arg(long, value_name = "FILE")]
    calendars: Option<PathBuf>,
}

/// Where a client secret is kept.
#[derive(Args)]
pub struct ClientSecret {
    /// The environment variable that holds the client secret
    #[arg(long, value_name = "NAME", conflicts_with = "client_secret_file")]
    client_secret_env: Option<String>,
    /// The file that holds the client secret
    #[arg(long, value_name = "FILE")]
    client_secret_file: Option<PathBuf>,
}

/// Where a password is kept.
#[derive(Args)]
pub struct Password {
    /// The environment variable that holds the password
    #[arg(long, value_name = "NAME", conflicts_with = "password_file")]
    password_env: Option<String>,
    /// The file that holds the password
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

impl ClientSecret {
    /// As flags say it; a path as the settings file must name it.
    pub fn reference(&self, file: &SettingsFile) -> Option<SecretRef> {
        reference(&self.client_secret_env, &self.client_secret_file, file)
    }
}

impl Password {
    /// As flags say it; a path as the settings file must name it.
    pub fn reference(&self, file: &SettingsFile) -> Option<SecretRef> {
        reference(&self.password_env, &self.password_file, file)
    }
}

fn reference(
    env: &Option<String>,
    path: &Option<PathBuf>,
    file: &SettingsFile,
) -> Option<SecretRef> {
    match (env, path) {
        (Some(name), _) => Some(SecretRef::Env(name.trim().to_owned())),
        (None, Some(path)) => Some(SecretRef::File(file.path_from_here(path))),
        (None, None) => None,
    }
}

/// Flags of secrets, as messages name them.
pub const CLIENT_SECRET: &str = "--client-secret-env or --client-secret-file";
pub const PASSWORD: &str = "--password-env or --password-file";

impl Add {
    /// The table of the new instance: `type` first, then `name`.
    ///
    /// # Errors
    /// When something is missing or wrong; all that is missing is named at once.
    pub fn fields(
        &self,
        taken: &[&str],
        file: &SettingsFile,
        asker: &mut Asker<'_>,
    ) -> Result<Vec<(&'static str, Field)>> {
        let (word, name) = match self {
            Add::Google(add) => ("google", &add.name),
            Add::Outlook(add) => ("outlook", &add.name),
            Add::Caldav(add) => ("caldav", &add.name),
            Add::Ics(add) => ("ics", &add.name),
        };
        let mut fields = Fields(vec![("type", Field::Text(word.to_owned()))]);
        let name = asker.needed("--name", name.as_deref(), "Name of the instance", |text| {
            let name = instance_name(text)?;
            if taken.iter().any(|other| other.eq_ignore_ascii_case(&name)) {
                return Err("an instance has this name already".to_owned());
            }
            Ok(name)
        })?;
        fields.text("name", name);
        match self {
            Add::Google(add) => google(add, &mut fields, file, asker)?,
            Add::Outlook(add) => outlook(add, &mut fields, file, asker)?,
            Add::Caldav(add) => {
                fields.calendars(add.calendars.as_deref(), file, asker)?;
                let username = add.username.as_deref();
                let username = asker.needed("--username", username, "User name", some)?;
                fields.text("username", username);
                let given = add.password.reference(file);
                let password = asker.secret(PASSWORD, given, "The password")?;
                fields.secret("password", password);
            }
            Add::Ics(add) => fields.calendars(add.calendars.as_deref(), file, asker)?,
        }
        asker.done(&format!("connector add {word}"))?;
        Ok(fields.0)
    }
}

struct Fields(Vec<(&'static str, Field)>);

impl Fields {
    fn text(&mut self, key: &'static str, text: Option<String>) {
        self.0.extend(text.map(|text| (key, Field::Text(text))));
    }

    fn secret(&mut self, key: &'static str, reference: Option<SecretRef>) {
        self.0
            .extend(reference.map(|reference| (key, Field::Secret(reference))));
    }

    fn calendars(
        &mut self,
        given: Option<&Path>,
        file: &SettingsFile,
        asker: &mut Asker<'_>,
    ) -> Result<()> {
        let given = given.map(|path| path.display().to_string());
        let question = "CSV file of the calendars (email,url)";
        let path = asker.needed("--calendars", given.as_deref(), question, some)?;
        let path = path.map(|path| file.path_from_here(Path::new(&path)).display().to_string());
        self.text("calendars", path);
        Ok(())
    }
}

fn google(
    add: &AddGoogle,
    fields: &mut Fields,
    file: &SettingsFile,
    asker: &mut Asker<'_>,
) -> Result<()> {
    let question = "Calendar domain (empty: all domains of the customer)";
    let domain = asker.optional("--domain", add.domain.as_deref(), question, domain)?;
    fields.text("domain", domain);
    let auth = match add.auth {
        Some(auth) => auth,
        None if add.key_file.is_some() || add.admin.is_some() => Auth::ServiceAccount,
        None if add.client_id.is_some() || !asker.can_ask() => Auth::Oauth,
        None => {
            let question = "Entered by oauth (a super admin consents) or service-account [oauth]";
            asker
                .optional("--auth", None, question, |text| Auth::from_str(text, true))?
                .unwrap_or(Auth::Oauth)
        }
    };
    match auth {
        Auth::Oauth => {
            let given = add.client_id.as_deref();
            let client_id = asker.needed("--client-id", given, "Client id", some)?;
            fields.text("client_id", client_id);
            let given = add.client_secret.reference(file);
            let secret = asker.secret(CLIENT_SECRET, given, "The client secret")?;
            fields.secret("client_secret", secret);
        }
        Auth::ServiceAccount => {
            fields.text("auth", Some("service_account".to_owned()));
            let given = add.key_file.as_ref().map(|path| path.display().to_string());
            let key = asker.needed("--key-file", given.as_deref(), "JSON key file", some)?;
            let key = key.map(|path| SecretRef::File(file.path_from_here(Path::new(&path))));
            fields.secret("service_account_key", key);
            let question = "E-mail address of the administrator";
            let admin = asker.needed("--admin", add.admin.as_deref(), question, address)?;
            fields.text("admin", admin);
        }
    }
    // What belongs to the other way is kept, so that the check of the settings tells of it.
    match auth {
        Auth::Oauth => fields.text("admin", add.admin.clone()),
        Auth::ServiceAccount => fields.text("client_id", add.client_id.clone()),
    }
    Ok(())
}

fn outlook(
    add: &AddOutlook,
    fields: &mut Fields,
    file: &SettingsFile,
    asker: &mut Asker<'_>,
) -> Result<()> {
    let given = add.tenant_id.as_deref();
    let tenant_id = asker.needed("--tenant-id", given, "Directory (tenant) id", tenant)?;
    fields.text("tenant_id", tenant_id);
    let given = add.client_id.as_deref();
    let client_id = asker.needed("--client-id", given, "Application (client) id", guid)?;
    fields.text("client_id", client_id);
    let given = add.client_secret.reference(file);
    let secret = asker.secret(CLIENT_SECRET, given, "The client secret")?;
    fields.secret("client_secret", secret);
    let given = add.secret_expires.as_deref();
    let question = "The secret's last day, YYYY-MM-DD (empty: not known)";
    let expires = asker.optional("--secret-expires", given, question, date)?;
    fields
        .0
        .extend(expires.map(|date| ("secret_expires", Field::Date(date))));
    Ok(())
}

/// Text that is not empty.
fn some(text: &str) -> std::result::Result<String, String> {
    match text {
        "" => Err("something must be given".to_owned()),
        text => Ok(text.to_owned()),
    }
}

/// A date, as it was written.
pub fn date(text: &str) -> std::result::Result<String, String> {
    day(text).map(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::edit;
    use super::*;
    use crate::config::Overrides;

    #[derive(Parser)]
    struct Cli {
        #[command(subcommand)]
        add: Add,
    }

    const GUID: &str = "11111111-2222-3333-4444-555555555555";

    fn added(args: &str, answers: Option<&str>) -> Result<String> {
        let folder = tempfile::tempdir().unwrap();
        let file = SettingsFile::open(None, folder.path()).unwrap();
        let cli = Cli::try_parse_from(std::iter::once("add").chain(args.split_whitespace()))
            .map_err(|error| {
                crate::error::Error::new(crate::error::Class::Config, error.to_string())
            })?;
        let mut input = answers.unwrap_or_default().as_bytes();
        let mut out = Vec::new();
        let terminal = answers.map(|_| {
            (
                &mut input as &mut dyn std::io::BufRead,
                &mut out as &mut dyn std::io::Write,
            )
        });
        let fields = cli
            .add
            .fields(&["taken"], &file, &mut Asker::new(terminal))?;
        let text = edit::append("", &fields);
        // What is added must be right as settings.
        let none = std::iter::empty();
        file.replace(&text, &Overrides::default(), none, |all| all.len() == 1)?;
        Ok(text)
    }

    #[test]
    fn flags_make_a_table() {
        assert_eq!(
            added(
                "google --name g --domain Example.com --client-id c --client-secret-env G",
                None
            )
            .unwrap(),
            "[[integration]]\ntype = \"google\"\nname = \"g\"\ndomain = \"example.com\"\n\
             client_id = \"c\"\nclient_secret = { env = \"G\" }\n"
        );
        assert_eq!(
            added(
                "google --name g --key-file k.json --admin A@example.com",
                None
            )
            .unwrap(),
            "[[integration]]\ntype = \"google\"\nname = \"g\"\nauth = \"service_account\"\n\
             service_account_key = { file = \"k.json\" }\nadmin = \"a@example.com\"\n"
        );
        assert_eq!(
            added(
                &format!(
                    "outlook --name o --tenant-id {GUID} --client-id {GUID} \
                     --client-secret-file s --secret-expires 2027-01-31"
                ),
                None
            )
            .unwrap(),
            format!(
                "[[integration]]\ntype = \"outlook\"\nname = \"o\"\ntenant_id = \"{GUID}\"\n\
                 client_id = \"{GUID}\"\nclient_secret = {{ file = \"s\" }}\n\
                 secret_expires = 2027-01-31\n"
            )
        );
    }

    #[test]
    fn what_is_missing_is_asked_for() {
        assert_eq!(
            added("google", Some("taken\ng\n\n\nc\nhunter2\nenv G\n")).unwrap(),
            "[[integration]]\ntype = \"google\"\nname = \"g\"\nclient_id = \"c\"\n\
             client_secret = { env = \"G\" }\n"
        );
        assert_eq!(
            added("caldav --name d", Some("a.csv\nme\nfile p w\n")).unwrap(),
            "[[integration]]\ntype = \"caldav\"\nname = \"d\"\ncalendars = \"a.csv\"\n\
             username = \"me\"\npassword = { file = \"p w\" }\n"
        );
    }

    #[test]
    fn what_cannot_work_is_refused() {
        for (args, part) in [
            ("ics", "needs --name, --calendars"),
            (
                "outlook",
                "--name, --tenant-id, --client-id, --client-secret-env or",
            ),
            ("ics --name taken --calendars a", "has this name already"),
            ("ics --name Taken --calendars a", "of a-z"),
            (
                "google --name g --auth oauth --client-id c --client-secret-env G --admin a@b.de",
                "it goes with auth",
            ),
            (
                "caldav --name d --calendars a --username u --password-env hunter2!",
                "never the secret itself",
            ),
            (
                "caldav --name d --password-env A --password-file b",
                "cannot be used with",
            ),
            ("google --client-secret hunter2", "unexpected argument"),
            ("google --client-secret=hunter2", "unexpected argument"),
        ] {
            let error = added(args, None).unwrap_err().to_string();
            assert!(error.contains(part), "{args}: {error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
