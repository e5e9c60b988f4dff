//! A company with simulated calendars and a lake of its own, driven as the commands do.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use activlake::clock::AsOf;
use activlake::config::SecretRef;
use activlake::config::integration::Maker as Settings;
use activlake::config::integration::{Google, GoogleAuth, Integration, Outlook, Sync};
use activlake::connectors::report::SyncReport;
use activlake::connectors::{self, Options};
use activlake::sources::meeting::{
    Attendee, AttendeeKind, EventKind, Meeting, Organizer, Response, ShowAs, Span, Status,
};
use url::Url;

use crate::place::Place;
use crate::simulator::{
    GOOGLE_CLIENT_ID, GOOGLE_CLIENT_SECRET, GRAPH_CLIENT_ID, GRAPH_CLIENT_SECRET, Maker,
    SERVICE_ACCOUNT_KEY_JSON, Simulator, TENANT_ID, Truth, seconds,
};

/// When the tests are, unless they say otherwise: a Thursday.
pub const AS_OF: &str = "2026-03-05T12:00:00Z";
pub const INSTANCE: &str = "calendars";
/// A key for sealing.
pub const SEAL_KEY: &str = "8f1d0c3b5a7e92466b0f4d1e3c5a7980112233445566778899aabbccddeeff01";

pub struct Company {
    pub sim: Simulator,
    pub place: Place,
    pub integration: Integration,
    pub maker: Maker,
    keys: Vec<String>,
}

impl Company {
    /// People by key, all tracked, with agents; user ids count from 1.
    pub async fn new(maker: Maker, truth: Truth) -> Company {
        let keys: Vec<String> = truth.people().iter().map(|one| one.key.clone()).collect();
        let users: Vec<(String, String)> = truth
            .people()
            .iter()
            .map(|one| (one.key.clone(), one.principal.clone()))
            .collect();
        let sim = Simulator::start(truth);
        let secrets = tempfile::tempdir().unwrap().keep();
        let toml = secrets.join("activlake.toml");
        let seal = secret(&secrets, "seal.key", SEAL_KEY);
        std::fs::write(
            &toml,
            format!(
                "[connectors]\nseal_key = {{ file = '{}' }}\n",
                seal.display()
            ),
        )
        .unwrap();
        let place = Place::new(Some(&toml), &[("account.timezone", "UTC")], AS_OF);
        let org = place.path().join("org");
        std::fs::create_dir_all(&org).unwrap();
        let mut csv = "uid,display_name,emails,logins,tracked\n".to_owned();
        for (index, (key, email)) in users.iter().enumerate() {
            csv.push_str(&format!("{},{key},{email},corp\\{key},true\n", index + 1));
        }
        std::fs::write(org.join("users.csv"), csv).unwrap();
        place.apply_org(&org).await;
        let mut events = String::new();
        for (key, _) in &users {
            events.push_str(&format!(
                "{{\"utc_timestamp\":\"2026-01-05T08:00:00Z\",\"duration_sec\":60,\"user_name\":\"{key}\",\"logon_domain\":\"corp\",\"computer_name\":\"pc-{key}\",\"executable\":\"a.exe\"}}\n"
            ));
        }
        place.ingest_text("events.ndjson", &events).await;
        let integration = match maker {
            Maker::Google => google(&sim, &secrets, service_account(&secrets)),
            Maker::Graph => outlook(&sim, &secrets),
        };
        Company {
            sim,
            place,
            integration,
            maker,
            keys,
        }
    }

    /// The same by a super admin's consent, whose refresh token is sealed in the lake.
    pub async fn by_consent(truth: Truth) -> Company {
        let mut company = Company::new(Maker::Google, truth).await;
        let folder = tempfile::tempdir().unwrap().keep();
        let client_secret = SecretRef::File(secret(&folder, "client", GOOGLE_CLIENT_SECRET));
        let auth = GoogleAuth::OAuth {
            client_id: GOOGLE_CLIENT_ID.into(),
            client_secret,
        };
        company.integration = google(&company.sim, &folder, auth);
        let token = activlake::config::Secret::new(company.sim.google_refresh_token());
        let setup = &company.place.setup;
        let sealer = connectors::vault::sealer(&setup.settings).unwrap();
        connectors::vault::put(
            &setup.lake,
            &sealer,
            INSTANCE,
            connectors::vault::REFRESH_TOKEN,
            &token,
            setup.as_of,
        )
        .await
        .unwrap();
        company
    }

    /// Moves the clock.
    pub fn at(&mut self, as_of: &str) {
        self.place.setup.as_of = AsOf::parse(as_of).unwrap();
    }

    pub async fn sync(&self) -> SyncReport {
        self.sync_with(Options::default()).await
    }

    pub async fn sync_with(&self, options: Options) -> SyncReport {
        connectors::sync(&self.place.setup, &self.integration, options)
            .await
            .unwrap_or_else(|error| panic!("{error}"))
    }

    /// What the lake holds of everybody, by key.
    pub async fn stored(&self) -> BTreeMap<String, Vec<Meeting>> {
        let mut by_key: BTreeMap<String, Vec<Meeting>> = self
            .keys
            .iter()
            .map(|key| (key.clone(), Vec::new()))
            .collect();
        for (uid, meeting) in stored(&self.place).await {
            let key = &self.keys[usize::try_from(uid - 1).unwrap()];
            by_key.entry(key.clone()).or_default().push(meeting);
        }
        for (key, meetings) in &mut by_key {
            *meetings = self
                .sim
                .truth(|truth| truth.comparable(key, std::mem::take(meetings)));
        }
        by_key
    }

    /// What it must hold of a window of dates.
    pub fn expected(&self, from: &str, to: &str) -> BTreeMap<String, Vec<Meeting>> {
        let at = |date: &str| seconds(&format!("{date}T00:00:00Z"));
        self.keys
            .iter()
            .map(|key| {
                let meetings = self
                    .sim
                    .truth(|truth| truth.expected(self.maker, key, at(from), at(to)));
                (key.clone(), meetings)
            })
            .collect()
    }

    /// Holds the lake against the truth of the first, long window.
    pub async fn assert_right(&self, what: &str) {
        let stored = self.stored().await;
        let expected = self.expected("2026-02-03", "2026-03-07");
        for key in &self.keys {
            assert_eq!(stored[key], expected[key], "{what}: {key}");
        }
    }

    pub fn uid(&self, key: &str) -> i64 {
        let index = self.keys.iter().position(|one| one == key).unwrap();
        i64::try_from(index).unwrap() + 1
    }
}

/// Writes a secret that only its owner may read.
pub fn secret(folder: &Path, name: &str, value: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, value).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    path
}

/// Quick to give up and to try again.
pub fn impatient() -> Sync {
    Sync {
        requests_per_minute: 0,
        first_pause_ms: 1,
        longest_pause_seconds: 1,
        longest_retry_after_seconds: 2,
        tries: 4,
        timeout_seconds: 10,
        ..Sync::default()
    }
}

fn service_account(folder: &Path) -> GoogleAuth {
    GoogleAuth::ServiceAccount {
        key: SecretRef::File(secret(folder, "key.json", SERVICE_ACCOUNT_KEY_JSON)),
        admin: "ann@example.com".into(),
    }
}

fn google(sim: &Simulator, _: &Path, auth: GoogleAuth) -> Integration {
    let urls = sim.google_urls();
    let url = |text: &str| Url::parse(text).unwrap();
    Integration {
        name: INSTANCE.into(),
        maker: Settings::Google(Google {
            domain: Some("example.com".into()),
            auth,
            authorize_url: url(&urls.authorize_url),
            token_url: url(&urls.token_url),
            revoke_url: url(&urls.revoke_url),
            directory_url: url(&urls.directory_url),
            calendar_url: url(&urls.calendar_url),
        }),
        sync: impatient(),
    }
}

fn outlook(sim: &Simulator, folder: &Path) -> Integration {
    let urls = sim.graph_urls();
    Integration {
        name: INSTANCE.into(),
        maker: Settings::Outlook(Outlook {
            tenant_id: TENANT_ID.into(),
            client_id: GRAPH_CLIENT_ID.into(),
            client_secret: SecretRef::File(secret(folder, "secret", GRAPH_CLIENT_SECRET)),
            secret_expires: None,
            login_url: Url::parse(&urls.login_url).unwrap(),
            token_url: None,
            graph_url: Url::parse(&urls.graph_url).unwrap(),
        }),
        sync: impatient(),
    }
}

/// Every entry of the lake in its version in force.
pub async fn stored(place: &Place) -> Vec<(i64, Meeting)> {
    let rows = place
        .csv(
            "select user_id, event_id, series_id, title, private, arrow_cast(start, 'Int64'), \
             arrow_cast(\"end\", 'Int64'), arrow_cast(start_date, 'Int32'), \
             arrow_cast(end_date, 'Int32'), status, show_as, kind, organizer_email, \
             organizer_response, own_response from internal.stg_meetings order by 1, 2",
        )
        .await;
    let invited = place
        .csv(
            "select user_id, event_id, a['email'], a['response'], a['kind'], a['optional'] from \
             (select user_id, event_id, unnest(attendees) as a from internal.stg_meetings) \
             order by 1, 2, 3",
        )
        .await;
    let mut attendees: BTreeMap<(i64, String), Vec<Attendee>> = BTreeMap::new();
    for row in table(&invited) {
        attendees
            .entry((row[0].parse().unwrap(), row[1].clone()))
            .or_default()
            .push(Attendee {
                email: row[2].clone(),
                response: Response::of(&row[3]),
                kind: AttendeeKind::of(&row[4]).unwrap(),
                optional: row[5] == "true",
            });
    }
    table(&rows)
        .into_iter()
        .map(|row| {
            let uid: i64 = row[0].parse().unwrap();
            let given = |text: &String| (!text.is_empty()).then(|| text.clone());
            let number = |text: &String| text.parse::<i64>().ok();
            let span = match (number(&row[5]), number(&row[6])) {
                (Some(start), Some(end)) => Some(Span::Instants { start, end }),
                _ => match (row[7].parse().ok(), row[8].parse().ok()) {
                    (Some(start), Some(end)) => Some(Span::Dates { start, end }),
                    _ => None,
                },
            };
            let meeting = Meeting {
                event_id: row[1].clone(),
                series_id: given(&row[2]),
                title: given(&row[3]),
                private: row[4] == "true",
                span,
                status: Status::of(&row[9]).unwrap(),
                show_as: ShowAs::of(&row[10]).unwrap(),
                kind: EventKind::of(&row[11]).unwrap(),
                organizer: given(&row[12]).map(|email| Organizer {
                    email,
                    response: Response::of(&row[13]),
                }),
                own_response: Response::of(&row[14]),
                attendees: attendees.remove(&(uid, row[1].clone())).unwrap_or_default(),
                created: None,
                updated: None,
            };
            (uid, meeting)
        })
        .collect()
}

/// The rows of a CSV text, without its header.
pub fn table(csv: &str) -> Vec<Vec<String>> {
    csv::Reader::from_reader(csv.as_bytes())
        .records()
        .map(|row| row.unwrap().iter().map(str::to_owned).collect())
        .collect()
}
