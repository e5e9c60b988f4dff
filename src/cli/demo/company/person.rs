//! One person of the company: role, place, working hours, habits and computers.
//!
//! A person follows from the seed and a number alone, so a larger plan keeps everybody of a smaller
//! one. Names are made of role and number: nobody here exists.

use super::dice::Dice;
use super::roles::{self, Mix, Role};
use super::things::{self, Browser, Thing};

/// Domain of Windows logons.
pub(super) const LOGON_DOMAIN: &str = "EXAMPLE";
/// Domain that Windows computers are members of.
pub(super) const PRIMARY_DOMAIN: &str = "example.com";

/// An office: where it is and what its network looks like from outside.
pub(super) struct Site {
    pub iana_zone: &'static str,
    pub windows_zone: &'static str,
    pub network_id: &'static str,
    /// From the address ranges kept for documentation.
    pub public_ip: &'static str,
    /// Second byte of addresses in the office, as `10.x.…`.
    pub subnet: u32,
}

/// New York, Berlin, Bengaluru.
pub(super) static SITES: [Site; 3] = [
    Site {
        iana_zone: "America/New_York",
        windows_zone: "Eastern Standard Time",
        network_id: "5d0c7a41e2b893f6",
        public_ip: "203.0.113.10",
        subnet: 20,
    },
    Site {
        iana_zone: "Europe/Berlin",
        windows_zone: "W. Europe Standard Time",
        network_id: "a91f3be07c5526d4",
        public_ip: "198.51.100.24",
        subnet: 30,
    },
    Site {
        iana_zone: "Asia/Kolkata",
        windows_zone: "India Standard Time",
        network_id: "c2e86d1957fa40b3",
        public_ip: "192.0.2.77",
        subnet: 40,
    },
];
const NEW_YORK: usize = 0;
const BERLIN: usize = 1;
const BENGALURU: usize = 2;

/// When a person works; each but the last is a schedule of the settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rhythm {
    Office,
    Early,
    India,
    Night,
    Flexible,
    /// No schedule of one's own: the account's default.
    Default,
}

impl Rhythm {
    /// First and last minute of the usual working day, counted from local midnight.
    pub fn minutes(self) -> (i64, i64) {
        match self {
            Rhythm::Office => (9 * 60, 17 * 60 + 30),
            Rhythm::Early => (7 * 60, 15 * 60 + 30),
            Rhythm::India => (9 * 60 + 30, 18 * 60 + 30),
            Rhythm::Night => (22 * 60, 30 * 60),
            Rhythm::Flexible => (9 * 60, 17 * 60 + 30),
            Rhythm::Default => (9 * 60, 17 * 60),
        }
    }
}

/// Where the day is spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Office,
    Home,
    Road,
}

/// A computer as one login uses it.
pub(super) struct Computer {
    pub name: String,
    pub macos: bool,
    pub portable: bool,
    pub logon_domain: String,
    pub browser: &'static Browser,
    /// The part of a record that stays the same, for [`Place::Office`], `Home` and `Road`.
    fixed: [String; 3],
}

impl Computer {
    /// The fields from `user_name` to the addresses, as JSON with a leading comma.
    pub fn fixed(&self, place: Place) -> &str {
        let [office, home, road] = &self.fixed;
        match place {
            Place::Office => office,
            Place::Home => home,
            Place::Road => road,
        }
    }
}

/// One member of the company.
pub(super) struct Person {
    /// From 0.
    pub index: usize,
    pub role: &'static Role,
    /// Place in [`SITES`].
    pub site: usize,
    pub rhythm: Rhythm,
    pub login: String,
    pub name: String,
    /// The first is the one that is carried about, where there are two.
    pub computers: Vec<Computer>,
    /// How readily the person stays with one thing; weight among stretches.
    pub focus: u32,
    /// How readily the person drifts off; weight among stretches.
    pub drift: u32,
    /// How often the person gets up; weight among stretches.
    pub pauses: u32,
    /// By how much the usual day is longer than the schedule's.
    pub overtime_minutes: i64,
    /// A bit for each weekday, Monday lowest, on which the person works at home.
    pub home_days: u8,
    pub talk: Mix,
    pub meeting: &'static Thing,
}

/// Who works where and when; repeats every thirty people.
type Seat = (&'static Role, usize, Rhythm);
static ROSTER: [Seat; 30] = [
    (&roles::ENGINEER, NEW_YORK, Rhythm::Flexible),
    (&roles::ANALYST, BERLIN, Rhythm::Office),
    (&roles::SALES, NEW_YORK, Rhythm::Office),
    (&roles::ENGINEER, BENGALURU, Rhythm::India),
    (&roles::SUPPORT, BENGALURU, Rhythm::India),
    (&roles::FINANCE, BERLIN, Rhythm::Early),
    (&roles::ENGINEER, BERLIN, Rhythm::Flexible),
    (&roles::SALES, BERLIN, Rhythm::Office),
    (&roles::MARKETER, NEW_YORK, Rhythm::Office),
    (&roles::SUPPORT, NEW_YORK, Rhythm::Night),
    (&roles::ENGINEER, NEW_YORK, Rhythm::Office),
    (&roles::ANALYST, BENGALURU, Rhythm::India),
    (&roles::SUPPORT, NEW_YORK, Rhythm::Early),
    (&roles::ENGINEER, BERLIN, Rhythm::Office),
    (&roles::SALES, NEW_YORK, Rhythm::Default),
    (&roles::FINANCE, NEW_YORK, Rhythm::Office),
    (&roles::ENGINEER, BENGALURU, Rhythm::Flexible),
    (&roles::PEOPLE, NEW_YORK, Rhythm::Office),
    (&roles::ANALYST, NEW_YORK, Rhythm::Flexible),
    (&roles::SUPPORT, BERLIN, Rhythm::Night),
    (&roles::MARKETER, BERLIN, Rhythm::Office),
    (&roles::ENGINEER, BENGALURU, Rhythm::India),
    (&roles::SALES, BENGALURU, Rhythm::India),
    (&roles::FINANCE, BERLIN, Rhythm::Default),
    (&roles::SUPPORT, BENGALURU, Rhythm::Night),
    (&roles::ENGINEER, NEW_YORK, Rhythm::Early),
    (&roles::MARKETER, NEW_YORK, Rhythm::Flexible),
    (&roles::ANALYST, BERLIN, Rhythm::Office),
    (&roles::PEOPLE, BERLIN, Rhythm::Office),
    (&roles::CONTRACTOR, NEW_YORK, Rhythm::Default),
];
/// Seats with a desktop besides the laptop.
const TWO_COMPUTERS: [usize; 7] = [0, 6, 10, 13, 18, 21, 26];

impl Person {
    /// The person with a number.
    pub fn of(seed: u64, index: usize) -> Person {
        let seat = index % ROSTER.len();
        let (role, site, rhythm) =
            ROSTER
                .get(seat)
                .copied()
                .unwrap_or((&roles::CONTRACTOR, NEW_YORK, Rhythm::Default));
        let mut dice = Dice::of(&[seed, index as u64, 1]);
        let mut person = Person {
            index,
            role,
            site,
            rhythm,
            login: format!("{}.{:02}", role.login, index + 1),
            name: format!("{} {:02}", role.name, index + 1),
            computers: Vec::new(),
            focus: dice.below(22) + 12,
            drift: dice.below(24) + 3,
            pauses: dice.below(19) + 5,
            overtime_minutes: dice.between(-70, 75),
            home_days: 0,
            talk: if dice.percent(50) {
                roles::TALK_MICROSOFT
            } else {
                roles::TALK_GOOGLE
            },
            meeting: roles::MEETINGS
                .get(dice.index(roles::MEETINGS.len()))
                .copied()
                .unwrap_or(&things::LOCK_SCREEN),
        };
        let shared = person.role.login == "support";
        if !shared {
            for _ in 0..dice.below(4) {
                person.home_days |= 1 << dice.below(5);
            }
            let macos = dice.percent(36);
            person.add_computer(&mut dice, macos, true);
            if TWO_COMPUTERS.contains(&seat) {
                person.add_computer(&mut dice, false, false);
            }
        } else {
            person.add_computer(&mut dice, false, false);
        }
        person
    }

    /// Whether the settings know the person; contractors are only found by their records.
    pub fn is_listed(&self) -> bool {
        self.role.login != "contractor"
    }

    /// The uid of the settings.
    pub fn uid(&self) -> usize {
        1001 + self.index
    }

    /// Whether the person's zone is set; the rest report in the zone of their computer.
    pub fn has_zone_override(&self) -> bool {
        self.index % 9 != 8
    }

    fn add_computer(&mut self, dice: &mut Dice, macos: bool, portable: bool) {
        let number = self.index + 1;
        let name = if macos {
            format!("MB-{number:04}")
        } else if portable {
            format!("LT-{number:04}")
        } else if self.role.login == "support" {
            // Support people of two shifts take turns at one desk.
            format!("SD-{:04}", self.index / ROSTER.len() * 10 + self.site + 1)
        } else {
            format!("WS-{number:04}")
        };
        let browsers: &'static [Browser] = if macos {
            &things::MACOS_BROWSERS
        } else {
            &things::WINDOWS_BROWSERS
        };
        let favourite = if dice.percent(62) {
            0
        } else {
            dice.index(browsers.len())
        };
        let Some(browser) = browsers.get(favourite) else {
            return;
        };
        let logon_domain = if macos {
            name.clone()
        } else {
            LOGON_DOMAIN.to_owned()
        };
        let fixed = [Place::Office, Place::Home, Place::Road]
            .map(|place| self.fixed_fields(&name, &logon_domain, macos, place));
        self.computers.push(Computer {
            name,
            macos,
            portable,
            logon_domain,
            browser,
            fixed,
        });
    }

    fn fixed_fields(
        &self,
        computer: &str,
        logon_domain: &str,
        macos: bool,
        place: Place,
    ) -> String {
        let Some(site) = SITES.get(self.site) else {
            return String::new();
        };
        let mut text = format!(
            r#","user_name":"{}","user":"{}","logon_domain":"{logon_domain}""#,
            self.login, self.name
        );
        if !macos {
            text.push_str(&format!(
                r#","primary_domain":"{PRIMARY_DOMAIN}","session":"1""#
            ));
        }
        let zone = if macos {
            site.iana_zone
        } else {
            site.windows_zone
        };
        text.push_str(&format!(
            r#","computer_name":"{computer}","computer_timezone":"{zone}""#
        ));
        // Homes lie in the range kept for measurements, so no address is anybody's.
        let mut home = Dice::of(&[self.index as u64, 2]);
        let (network, device, public) = match place {
            Place::Office => (
                Some(site.network_id.to_owned()),
                format!(
                    "10.{}.{}.{}",
                    site.subnet,
                    self.index / 200,
                    20 + self.index % 200
                ),
                site.public_ip.to_owned(),
            ),
            Place::Home => (
                Some(format!("{:016x}", home.bits())),
                format!("192.168.1.{}", 20 + home.below(180)),
                format!("198.18.{}.{}", self.index / 250 % 250, 1 + self.index % 250),
            ),
            Place::Road => (
                None,
                format!("172.20.10.{}", 2 + home.below(12)),
                format!("198.19.{}.{}", home.below(250), 1 + home.below(250)),
            ),
        };
        if let Some(network) = network {
            text.push_str(&format!(r#","network_id":"{network}""#));
        }
        text.push_str(&format!(
            r#","device_ip":"{device}","public_ip":"{public}""#
        ));
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_follows_from_seed_and_number() {
        for index in [0, 4, 9, 17, 29, 1999] {
            let (one, again) = (Person::of(5, index), Person::of(5, index));
            assert_eq!(one.login, again.login);
            assert_eq!(one.computers.len(), again.computers.len());
            for (a, b) in one.computers.iter().zip(&again.computers) {
                assert_eq!(a.fixed(Place::Home), b.fixed(Place::Home));
            }
        }
    }

    #[test]
    fn thirty_people_cover_the_company() {
        let people: Vec<Person> = (0..30).map(|index| Person::of(1, index)).collect();
        for site in 0..SITES.len() {
            assert!(people.iter().filter(|person| person.site == site).count() >= 5);
        }
        let two = people.iter().filter(|person| person.computers.len() == 2);
        assert!((5..=8).contains(&two.count()));
        assert!(people.iter().any(|p| p.rhythm == Rhythm::Night));
        assert!(people.iter().any(|p| p.computers.iter().any(|c| c.macos)));
        let mut logins: Vec<&str> = people.iter().map(|p| p.login.as_str()).collect();
        logins.sort_unstable();
        logins.dedup();
        assert_eq!(logins.len(), 30);
        // Two shifts share desks.
        assert_eq!(people[9].computers[0].name, people[12].computers[0].name);
    }
}
