//! From a record to an event: ids, names and addresses that depend on nothing but the event.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use super::batch::{Key, Version, utc_date};
use super::{FileTransfers, Privacy};
use crate::config::PrivateField;
use crate::functions::urls::{self, SearchEngines};
use crate::functions::{ids, names};
use crate::sources::{Record, State};
use crate::zone::ZoneNames;

/// An event, ready to be stored.
#[derive(Debug)]
pub struct Event<'a> {
    pub key: Key,
    pub event_id: &'a str,
    pub computer_id: i64,
    pub duration_sec: i64,
    pub state: &'static str,
    pub passive_type_id: Option<i64>,
    pub user_name: Cow<'a, str>,
    pub user: Option<Cow<'a, str>>,
    pub logon_domain: Option<&'a str>,
    pub primary_domain: Option<&'a str>,
    pub computer_name: &'a str,
    pub timezone: Option<Arc<str>>,
    pub session: Option<&'a str>,
    pub network_id: Option<Cow<'a, str>>,
    pub device_ip: Option<Cow<'a, str>>,
    pub public_ip: Option<Cow<'a, str>>,
    pub executable: Option<&'a str>,
    pub application_base: Option<&'a str>,
    pub description: Option<&'a str>,
    pub titlebar: Option<Cow<'a, str>>,
    pub screen_hash: Option<i64>,
    /// Stands for executable, host, site, website and whether something was searched for.
    pub application_id: i64,
    pub full_url: Option<String>,
    pub host: Option<String>,
    pub site: Option<String>,
    pub website: Option<String>,
    pub clean_url: Option<String>,
    pub search_term: Option<String>,
    pub potential_file_transfer: bool,
    pub usb: Option<bool>,
    pub alarm_name: Option<String>,
    pub alarm_action: Option<String>,
}

/// The ids of an agent.
#[derive(Clone, Copy, Debug)]
struct Ids {
    agent_id: i64,
    computer_id: i64,
    login_id: i64,
    refused: bool,
}

/// What became of a record.
pub enum Outcome<'a> {
    Event(Box<Event<'a>>),
    /// A privacy rule refuses the login.
    Refused,
}

/// Turns records into events; remembers what repeats.
pub struct Normalizer {
    pub privacy: Privacy,
    engines: SearchEngines,
    transfers: FileTransfers,
    zone_names: ZoneNames,
    agents: HashMap<String, Ids>,
    zones: HashMap<String, Option<Arc<str>>>,
    agent_key: String,
}

/// Names kept before the memory starts anew.
const KNOWN_MAX: usize = 100_000;

impl Normalizer {
    /// With the tables and rules of a load.
    pub fn new(
        privacy: Privacy,
        engines: SearchEngines,
        transfers: FileTransfers,
        zone_names: ZoneNames,
    ) -> Normalizer {
        Normalizer {
            privacy,
            engines,
            transfers,
            zone_names,
            agents: HashMap::new(),
            zones: HashMap::new(),
            agent_key: String::new(),
        }
    }

    /// The event of a record; `unknown_zone` is told the name of a zone that does not exist.
    pub fn event<'a>(
        &mut self,
        record: &'a Record<'_>,
        file: usize,
        mut unknown_zone: impl FnMut(&str),
    ) -> Outcome<'a> {
        let user_name = self
            .privacy
            .stored(PrivateField::UserName, &record.user_name);
        let ids = self.ids(record, &user_name);
        if ids.refused {
            return Outcome::Refused;
        }
        let timezone = match record.computer_timezone.as_deref() {
            None => None,
            Some(name) => {
                let zone = self.zone(name);
                if zone.is_none() {
                    unknown_zone(name);
                }
                zone
            }
        };
        let executable = record.executable.as_deref();
        let parsed = record.full_url.as_deref().map(urls::parse);
        let web = parsed.as_ref().and_then(|parsed| parsed.web.as_ref());
        let potential_file_transfer = self.transfers.potential(
            web.map(|web| web.host.as_str()),
            executable,
            parsed.as_ref().map(|parsed| parsed.scheme.as_str()),
            record.usb == Some(true),
        );
        let details = self.privacy.screen_details;
        let site = web.map(|web| web.site().to_owned());
        let titlebar = record
            .titlebar
            .as_deref()
            .filter(|_| details)
            .map(|text| self.privacy.stored(PrivateField::Titlebar, text));
        let private = |field, text: &'a Option<Cow<'_, str>>| {
            text.as_deref().map(|text| self.privacy.stored(field, text))
        };
        let mut event = Event {
            key: Key {
                login_id: ids.login_id,
                start: record.start,
                agent_id: ids.agent_id,
                utc_date: utc_date(record.start),
                version: Version {
                    upload_time: record.upload_time,
                    content_hash: None,
                },
                id_given: record.event_id_given,
                file,
                retracts: false,
            },
            event_id: &record.event_id,
            computer_id: ids.computer_id,
            duration_sec: record.duration_sec,
            state: match record.state {
                State::Active => "Active",
                State::Passive => "Passive",
                State::PassiveLocked => "Passive Locked",
            },
            passive_type_id: record.passive_type_id.map(i64::from),
            user_name,
            user: private(PrivateField::User, &record.user),
            logon_domain: record.logon_domain.as_deref(),
            primary_domain: record.primary_domain.as_deref(),
            computer_name: &record.computer_name,
            timezone,
            session: record.session.as_deref(),
            network_id: private(PrivateField::NetworkId, &record.network_id),
            device_ip: private(PrivateField::DeviceIp, &record.device_ip),
            public_ip: private(PrivateField::PublicIp, &record.public_ip),
            executable,
            application_base: executable.map(names::application_base),
            description: record.description.as_deref(),
            screen_hash: titlebar
                .as_deref()
                .map(|title| ids::texts_hash([Some(title)])),
            titlebar,
            application_id: 0,
            host: web.map(|web| web.host.clone()),
            website: web.map(|web| web.website().to_owned()),
            clean_url: if details {
                web.map(|web| web.clean_url.clone())
            } else {
                site.clone()
            },
            site,
            search_term: web
                .filter(|_| details)
                .and_then(|web| web.search_term(&self.engines)),
            full_url: parsed.filter(|_| details).map(|parsed| parsed.full_url),
            potential_file_transfer,
            usb: record.usb,
            alarm_name: joined(record.alarms.iter().map(|alarm| alarm.name.as_str())),
            alarm_action: joined(
                record
                    .alarms
                    .iter()
                    .filter_map(|alarm| alarm.action.map(|action| action.as_str())),
            ),
        };
        event.application_id = application_id(&event);
        if record.event_id_given {
            event.key.version.content_hash = Some(content_hash(&event));
        }
        Outcome::Event(Box::new(event))
    }

    fn ids(&mut self, record: &Record<'_>, stored_user_name: &str) -> Ids {
        // One text of all parts, told apart by a character that no part holds.
        self.agent_key.clear();
        for part in [
            record.logon_domain.as_deref().unwrap_or_default(),
            &record.user_name,
            &record.computer_name,
            record.primary_domain.as_deref().unwrap_or_default(),
        ] {
            self.agent_key.push_str(part);
            self.agent_key.push('\0');
        }
        if let Some(ids) = self.agents.get(&self.agent_key) {
            return *ids;
        }
        let domain = record.logon_domain.as_deref();
        let primary = record.primary_domain.as_deref();
        let found = Ids {
            agent_id: ids::agent_id(domain, stored_user_name, &record.computer_name, primary),
            computer_id: ids::computer_id(&record.computer_name, primary),
            login_id: ids::login_id(domain, stored_user_name),
            refused: self.privacy.refuses(domain, &record.user_name),
        };
        if self.agents.len() >= KNOWN_MAX {
            self.agents.clear();
        }
        self.agents.insert(self.agent_key.clone(), found);
        found
    }

    fn zone(&mut self, name: &str) -> Option<Arc<str>> {
        if let Some(zone) = self.zones.get(name) {
            return zone.clone();
        }
        let zone = self
            .zone_names
            .parse(name)
            .map(|zone| Arc::<str>::from(zone.name()));
        if self.zones.len() >= KNOWN_MAX {
            self.zones.clear();
        }
        self.zones.insert(name.to_owned(), zone.clone());
        zone
    }
}

/// Distinct, sorted, joined by `, `; none is absent.
fn joined<'a>(texts: impl Iterator<Item = &'a str>) -> Option<String> {
    let mut texts: Vec<&str> = texts.collect();
    texts.sort_unstable();
    texts.dedup();
    (!texts.is_empty()).then(|| texts.join(", "))
}

/// The number of what an event names; see [`crate::lake::tables::APPLICATIONS`].
fn application_id(event: &Event<'_>) -> i64 {
    ids::texts_hash([
        event.executable,
        event.host.as_deref(),
        event.site.as_deref(),
        event.website.as_deref(),
        event.search_term.as_ref().map(|_| ""),
    ])
}

/// A hash of everything that is stored of an event but its upload time. Its 40 bits tell the
/// versions of one event apart, which is all it is for, and take less room than 63.
fn content_hash(event: &Event<'_>) -> i64 {
    let number = |value: i64| value.to_string();
    let numbers = [
        number(event.key.start),
        number(event.duration_sec),
        number(event.passive_type_id.unwrap_or(0)),
        format!("{:?}{}", event.usb, event.potential_file_transfer),
    ];
    let texts = [
        Some(event.state),
        event.user.as_deref(),
        event.timezone.as_deref(),
        event.session,
        event.network_id.as_deref(),
        event.device_ip.as_deref(),
        event.public_ip.as_deref(),
        event.executable,
        event.description,
        event.titlebar.as_deref(),
        event.full_url.as_deref(),
        event.host.as_deref(),
        event.alarm_name.as_deref(),
        event.alarm_action.as_deref(),
    ];
    let hash = ids::texts_hash(numbers.iter().map(|text| Some(text.as_str())).chain(texts));
    hash & ((1 << 40) - 1)
}
