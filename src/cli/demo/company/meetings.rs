//! What stands in the calendars of the company (`inputs.md` §4): stand-ups, one-on-ones, visits of
//! clients, lunches, days off, and now and then something private.
//!
//! In go the people and the dates; out come lines of the normal form, one for each calendar that
//! holds a copy. Every entry belongs to its youngest member, the person with the highest number: it
//! exists as soon as that person does, so a larger company keeps every entry of a smaller one. It
//! follows from the seed, that person and the local date alone, never from the computer records:
//! whether somebody sat at a computer meanwhile is for the product to find out.

mod entry;
mod occasion;
mod series;

use std::io;

use self::entry::{Entry, Guest, When};
use self::series::SQUADS;
use super::Plan;
use super::day::{Sink, weekday};
use super::dice::Dice;
use super::leave::{self, Presence};
use super::line::DAY_MS;
use super::person::{PRIMARY_DOMAIN, Person, SITES};
use super::roles;
use crate::zone::{self, Zone, ZoneNames};

const MINUTE_MS: i64 = 60_000;
/// People of one roster; a team never reaches into the next.
const BLOCK: usize = 30;
/// Series are older than any plan: 2024-07-01.
const SERIES_FROM_DAY: i32 = 19_905;

/// Kinds of entry, so that each has dice and ids of its own.
#[derive(Clone, Copy)]
enum Matter {
    StandUp = 1,
    Planning,
    TeamLunch,
    OneOnOne,
    AllHands,
    AdHoc,
    Outside,
    Focus,
    Private,
    Appointment,
    Home,
    Leave,
}

/// Which part of somebody's day.
#[derive(Clone, Copy)]
enum Part {
    Work,
    Lunch,
    Before,
    After,
}

/// Calendar entries of a plan into `sink`, by local date, then by the person they belong to.
pub(super) fn write(plan: &Plan, people: &[Person], sink: Sink<'_>) -> io::Result<u64> {
    let mut calendar = Calendar {
        plan,
        people,
        zones: zones(),
        buffer: String::with_capacity(1024),
        sink,
        written: 0,
    };
    if plan.days == 0 {
        return Ok(0);
    }
    for person in people.iter().filter(|person| person.is_listed()) {
        calendar.leave(person)?;
    }
    for date in plan.first_day()..=plan.end_day {
        if weekday(date) > 4 {
            continue;
        }
        for person in people.iter().filter(|person| person.is_listed()) {
            calendar.together(person, date)?;
            calendar.alone(person, date)?;
        }
    }
    Ok(calendar.written)
}

/// The calendar connection that a person's copies come from.
fn calendar_of(person: &Person) -> &'static str {
    if std::ptr::eq(person.talk, roles::TALK_MICROSOFT) {
        "outlook"
    } else {
        "google"
    }
}

fn zones() -> [Zone; SITES.len()] {
    let names = ZoneNames::default();
    SITES
        .each_ref()
        .map(|site| names.parse(site.iana_zone).unwrap_or_else(Zone::utc))
}

/// The first address of `users.csv`.
fn address(person: &Person) -> String {
    format!("{}@{PRIMARY_DOMAIN}", person.login)
}

struct Calendar<'a, 'b> {
    plan: &'a Plan,
    people: &'a [Person],
    zones: [Zone; SITES.len()],
    buffer: String,
    sink: Sink<'b>,
    written: u64,
}

impl<'a> Calendar<'a, '_> {
    /// The dice of a matter: of a person, and of a date where it is not the same every week.
    fn dice(&self, matter: Matter, person: &Person, date: i32) -> Dice {
        let date = u64::from(date.unsigned_abs());
        Dice::of(&[self.plan.seed, person.index as u64, 6, matter as u64, date])
    }

    /// The instant, in milliseconds, of a minute counted from local midnight.
    fn instant_ms(&self, site: usize, date: i32, minute: i64) -> i64 {
        let local = i64::from(date) * zone::DAY + minute * 60 * zone::SECOND;
        let zone = self.zones.get(site);
        zone.map_or(local, |zone| zone.instant_of_local(local, false)) / 1_000
    }

    fn presence(&self, person: &Person, date: i32) -> Presence {
        leave::presence(self.plan.seed, person.index, date)
    }

    /// Whether an instant lies within somebody's usual hours.
    fn is_at_work(&self, person: &Person, start_ms: i64) -> bool {
        let offset = self.zones.get(person.site);
        let offset = offset.map_or(0, |zone| zone.offset_seconds(start_ms * 1_000));
        let minute = (start_ms + offset * 1_000).rem_euclid(DAY_MS) / MINUTE_MS;
        let (first, last) = person.rhythm.minutes();
        (first..last).contains(&minute) || (first..last).contains(&(minute + 24 * 60))
    }

    /// What somebody answers to an invitation.
    fn answer(&self, person: &Person, date: i32, start_ms: i64, key: u64) -> &'static str {
        if self.presence(person, date) == Presence::Off {
            return "declined";
        }
        let mut dice = Dice::of(&[self.plan.seed, person.index as u64, 7, key]);
        let drawn = dice.below(100);
        let no = if self.is_at_work(person, start_ms) {
            5
        } else {
            60
        };
        match drawn {
            drawn if drawn < no => "declined",
            drawn if drawn < no + 7 => "tentative",
            drawn if drawn < no + 15 => "needsAction",
            _ => "accepted",
        }
    }

    fn member(&self, person: &'a Person, response: &'static str) -> Guest<'a> {
        Guest {
            address: address(person),
            person: Some(person),
            response,
            kind: "person",
            optional: false,
        }
    }

    /// An ordinary entry of `organizer` and nobody else yet.
    fn entry(&self, dice: &mut Dice, organizer: Guest<'a>, when: When, title: String) -> Entry<'a> {
        let ahead = dice.between(30, 12 * 24 * 60) * MINUTE_MS;
        let created_ms = when.start_ms() - ahead;
        Entry {
            event_id: format!("{:016x}", dice.bits()),
            series_id: None,
            title: self.plan.with_titles.then_some(title),
            private: false,
            when,
            status: "confirmed",
            show_as: "busy",
            kind: "default",
            organizer,
            guests: Vec::new(),
            readers: Vec::new(),
            created_ms,
            updated_ms: created_ms + dice.between(0, ahead / MINUTE_MS / 2) * MINUTE_MS,
        }
    }

    /// Makes an entry an occurrence of the series that `matter` is for `anchor`.
    fn of_series(&self, entry: &mut Entry<'a>, matter: Matter, anchor: &Person) {
        let mut dice = self.dice(matter, anchor, 0);
        let series = format!("{:016x}", dice.bits());
        entry.event_id = format!("{series}_{}", entry.when.start_ms() / MINUTE_MS);
        entry.series_id = Some(series);
        entry.created_ms =
            i64::from(SERIES_FROM_DAY) * DAY_MS + dice.between(7 * 60, 17 * 60) * MINUTE_MS;
        // Most occurrences are as the series is; the rest were touched in the days before.
        if entry.status == "confirmed" {
            entry.updated_ms = entry.created_ms;
        }
    }

    fn put(&mut self, entry: &Entry<'a>) -> io::Result<()> {
        self.written += entry.write(&mut self.buffer, self.sink)?;
        Ok(())
    }

    fn timed(&self, site: usize, date: i32, minute: i64, minutes: i64) -> When {
        let start_ms = self.instant_ms(site, date, minute);
        When::Timed {
            start_ms,
            end_ms: start_ms + minutes * MINUTE_MS,
        }
    }

    /// A time of `minutes` in a part of the person's day.
    fn moment(
        &self,
        dice: &mut Dice,
        person: &Person,
        date: i32,
        part: Part,
        minutes: i64,
    ) -> When {
        let (first, last) = person.rhythm.minutes();
        let minute = match part {
            Part::Work => first + 30 * dice.between(1, (last - first - minutes).max(30) / 30),
            Part::Lunch => first + 15 * dice.between(13, 18),
            Part::Before => first - minutes - 15 * dice.between(0, 2),
            Part::After => last + 15 * dice.between(1, 5),
        };
        self.timed(person.site, date, minute, minutes)
    }

    /// Days on which somebody is not there, as the calendar shows them.
    fn leave(&mut self, person: &'a Person) -> io::Result<()> {
        let plan = self.plan;
        for leave in leave::between(plan.seed, person.index, plan.first_day(), plan.end_day) {
            if leave.status != "approved" || !leave.full_day {
                continue;
            }
            let mut dice = self.dice(Matter::Leave, person, leave.start);
            let days = When::Days {
                start: leave.start,
                end: leave.end + 1,
            };
            let owner = self.member(person, "accepted");
            let mut entry = self.entry(&mut dice, owner, days, "Out of office".to_owned());
            entry.kind = "outOfOffice";
            entry.show_as = "oof";
            self.put(&entry)?;
        }
        Ok(())
    }

    /// What nobody else is asked to.
    fn alone(&mut self, person: &'a Person, date: i32) -> io::Result<()> {
        let presence = self.presence(person, date);
        if presence == Presence::Off {
            return Ok(());
        }
        let owner = self.member(person, "accepted");
        let portable = person.computers.first().is_some_and(|c| c.portable);
        if portable && person.home_days & (1 << weekday(date)) != 0 {
            let mut dice = self.dice(Matter::Home, person, date);
            let day = When::Days {
                start: date,
                end: date.saturating_add(1),
            };
            let mut entry = self.entry(&mut dice, owner.clone(), day, "Home".to_owned());
            entry.kind = "workingLocation";
            entry.show_as = "workingElsewhere";
            self.of_series(&mut entry, Matter::Home, person);
            self.put(&entry)?;
        }
        let mut dice = self.dice(Matter::Focus, person, date);
        let focused = matches!(person.role.login, "engineer" | "analyst" | "finance");
        if dice.percent(if focused { 30 } else { 8 }) {
            let minutes = 30 * dice.between(3, 5);
            let when = self.moment(&mut dice, person, date, Part::Work, minutes);
            let mut entry = self.entry(&mut dice, owner.clone(), when, "Focus time".to_owned());
            entry.kind = "focusTime";
            self.put(&entry)?;
        }
        let mut dice = self.dice(Matter::Private, person, date);
        if dice.percent(9) {
            let part = if dice.percent(60) {
                Part::Lunch
            } else {
                Part::After
            };
            let minutes = 15 * dice.between(2, 5);
            let when = self.moment(&mut dice, person, date, part, minutes);
            let mut entry = self.entry(&mut dice, owner.clone(), when, String::new());
            entry.private = true;
            if dice.percent(60) {
                let number = dice.below(90) + 10;
                entry.guests.push(outsider(
                    format!("somebody.{number}@home.example"),
                    "accepted",
                ));
            }
            self.put(&entry)?;
        }
        if presence == Presence::Half {
            let mut dice = self.dice(Matter::Appointment, person, date);
            let (first, _) = person.rhythm.minutes();
            let when = self.timed(person.site, date, first + 270, 90);
            let mut entry = self.entry(&mut dice, owner, when, String::new());
            entry.private = true;
            entry.show_as = "oof";
            self.put(&entry)?;
        }
        Ok(())
    }

    /// What the person is the youngest member of.
    fn together(&mut self, person: &'a Person, date: i32) -> io::Result<()> {
        let (block, seat) = (person.index / BLOCK * BLOCK, person.index % BLOCK);
        for squad in SQUADS.iter().filter(|s| s.seats.last() == Some(&seat)) {
            let seats = squad.seats.iter();
            let members: Vec<&'a Person> = seats
                .filter_map(|seat| self.people.get(block + seat))
                .collect();
            self.squad(squad, person, &members, date)?;
        }
        self.one_on_one(person, date)?;
        if person.index == 0 {
            self.all_hands(person, date)?;
        }
        if self.presence(person, date) == Presence::Off {
            return Ok(());
        }
        self.ad_hoc(person, date)?;
        let (most, percent) = match person.role.login {
            "sales" => (3, 62),
            "people" => (2, 45),
            "marketer" => (1, 45),
            "finance" => (1, 20),
            _ => (1, 10),
        };
        for turn in 0..most {
            self.outside(person, date, turn, percent)?;
        }
        Ok(())
    }
}

fn outsider<'a>(address: String, response: &'static str) -> Guest<'a> {
    Guest {
        address,
        person: None,
        response,
        kind: "person",
        optional: false,
    }
}

fn room<'a>(site: usize, number: u32) -> Guest<'a> {
    let place = ["new-york", "berlin", "bengaluru"].get(site).copied();
    Guest {
        address: format!(
            "room-{}-{number}@resource.{PRIMARY_DOMAIN}",
            place.unwrap_or("elsewhere")
        ),
        person: None,
        response: "accepted",
        kind: "resource",
        optional: false,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use serde_json::Value;

    use super::super::organisation;
    use super::*;

    fn plan(users: usize, days: usize) -> Plan {
        Plan {
            seed: 42,
            users,
            days,
            end_day: 20_525,
            with_titles: true,
        }
    }

    fn lines(plan: &Plan) -> Vec<String> {
        let mut lines = Vec::new();
        let written = super::super::meetings(plan, &mut |line| {
            lines.push(line.to_owned());
            Ok(())
        })
        .unwrap();
        assert_eq!(written, lines.len() as u64);
        lines
    }

    fn rows(plan: &Plan) -> Vec<Value> {
        let lines = lines(plan);
        let rows = lines.iter().map(|line| serde_json::from_str(line).unwrap());
        rows.collect()
    }

    /// The addresses of each uid, as `users.csv` has them.
    fn addresses(plan: &Plan) -> BTreeMap<i64, BTreeSet<String>> {
        let files = organisation(plan, &|_| None);
        let (_, users) = files.iter().find(|(name, _)| *name == "users.csv").unwrap();
        let rows = users.lines().skip(1).map(|row| {
            let cells: Vec<&str> = row.split(',').collect();
            let emails = cells[2].split(';').map(str::to_owned).collect();
            (cells[0].parse().unwrap(), emails)
        });
        rows.collect()
    }

    fn text<'v>(value: &'v Value, field: &str) -> &'v str {
        value[field].as_str().unwrap_or_default()
    }

    fn instant(value: &Value, field: &str) -> Option<i64> {
        let instant = chrono::DateTime::parse_from_rfc3339(text(value, field));
        instant.ok().map(|instant| instant.timestamp_millis())
    }

    #[test]
    fn a_plan_repeats_itself_and_a_seed_changes_it() {
        let one = lines(&plan(30, 9));
        assert_eq!(one, lines(&plan(30, 9)));
        let other = Plan {
            seed: 43,
            ..plan(30, 9)
        };
        assert_ne!(one, lines(&other));
        assert_eq!(lines(&plan(30, 0)).len(), 0);
    }

    #[test]
    fn a_larger_plan_only_adds() {
        let large: BTreeSet<String> = lines(&plan(70, 40)).into_iter().collect();
        for (users, days) in [(1, 40), (5, 5), (12, 40), (31, 12), (70, 20)] {
            let small: BTreeSet<String> = lines(&plan(users, days)).into_iter().collect();
            assert!(!small.is_empty(), "{users} {days}");
            assert!(small.is_subset(&large), "{users} {days}");
            assert!(small.len() < large.len());
        }
    }

    #[test]
    fn entries_are_sound() {
        let plan = plan(64, 40);
        let mut ids = BTreeSet::new();
        for row in rows(&plan) {
            let id = (
                text(&row, "instance").to_owned(),
                row["uid"].as_i64().unwrap(),
                text(&row, "event_id").to_owned(),
            );
            assert!(ids.insert(id), "{row}");
            match (instant(&row, "start"), instant(&row, "end")) {
                (Some(start), Some(end)) => {
                    assert!(start < end && end <= start + 3 * 3_600_000, "{row}");
                    assert!(instant(&row, "updated").unwrap() <= start, "{row}");
                }
                _ => {
                    assert_eq!(text(&row, "start").len(), 10, "{row}");
                    assert!(text(&row, "start") < text(&row, "end"), "{row}");
                }
            }
            assert!(instant(&row, "created").unwrap() <= instant(&row, "updated").unwrap());
            let private = row["private"].as_bool().unwrap();
            assert_eq!(private, row.get("title").is_none(), "{row}");
        }
    }

    #[test]
    fn people_are_those_of_the_settings() {
        let plan = plan(64, 40);
        let known = addresses(&plan);
        let everybody: BTreeSet<&str> = known.values().flatten().map(String::as_str).collect();
        let mut aliases = 0;
        for row in rows(&plan) {
            let own = &known[&row["uid"].as_i64().unwrap()];
            let guests = row["attendees"].as_array().unwrap();
            let mut invited: Vec<&Value> = guests.iter().collect();
            invited.push(&row["organizer"]);
            let is_own = |guest: &&Value| own.contains(text(guest, "email"));
            let listed = guests.iter().any(|guest| text(guest, "kind") == "group");
            assert!(listed || invited.iter().any(is_own), "{row}");
            for guest in invited {
                let email = text(guest, "email");
                let outside = email.ends_with(".example");
                let person = matches!(text(guest, "kind"), "" | "person");
                assert!(!person || outside || everybody.contains(email), "{email}");
                aliases += u32::from(email.contains("@mail.example.com"));
            }
            let mut emails: Vec<&str> = guests.iter().map(|guest| text(guest, "email")).collect();
            emails.sort_unstable();
            assert!(emails.windows(2).all(|pair| pair[0] != pair[1]), "{row}");
            // What a copy says of its owner is what its list says.
            for guest in guests.iter().filter(is_own) {
                assert_eq!(guest["response"], row["own_response"], "{row}");
            }
        }
        assert!(aliases > 20, "{aliases}");
    }

    #[test]
    fn calendars_are_as_full_as_people_know_them() {
        let plan = plan(60, 56);
        let rows = rows(&plan);
        let people = plan.people().iter().filter(|p| p.is_listed()).count();
        let workdays = plan.days * 5 / 7;
        let timed = |row: &&Value| instant(row, "start").is_some();
        let mean = rows.iter().filter(timed).count() as f64 / (people * workdays) as f64;
        assert!((2.0..4.0).contains(&mean), "{mean}");
        for (field, word) in [
            ("status", "cancelled"),
            ("status", "tentative"),
            ("show_as", "free"),
            ("show_as", "oof"),
            ("show_as", "tentative"),
            ("kind", "focusTime"),
            ("kind", "outOfOffice"),
            ("kind", "workingLocation"),
            ("own_response", "declined"),
            ("own_response", "needsAction"),
            ("instance", "google"),
            ("instance", "outlook"),
        ] {
            let found = rows.iter().filter(|row| text(row, field) == word).count();
            assert!(found > 10, "{field} {word}: {found}");
        }
        let all = lines(&plan).concat();
        for word in [
            r#""kind":"resource""#,
            r#""kind":"group""#,
            r#""optional":true"#,
        ] {
            assert!(all.contains(word), "{word}");
        }
        // People who sell meet others more than anybody else does.
        let logins = plan.people();
        let per_person = |role: &str| {
            let uids: BTreeSet<i64> = logins
                .iter()
                .filter(|person| person.role.login == role)
                .map(|person| person.uid() as i64)
                .collect();
            let met = rows.iter().filter(|row| {
                uids.contains(&row["uid"].as_i64().unwrap())
                    && row["attendees"].as_array().unwrap().len() > 1
            });
            met.count() / uids.len()
        };
        assert!(per_person("sales") * 2 > per_person("engineer") * 3);
    }

    #[test]
    fn a_week_looks_the_same_on_both_sides_of_a_change_of_clocks() {
        // New York went to summer time on 2026-03-08.
        let rows = rows(&plan(3, 19));
        let planning = |date: &str| {
            let of_date = rows.iter().find(|row| {
                text(row, "start").starts_with(date)
                    && text(row, "title") == "Product and sales planning"
            });
            text(of_date.unwrap(), "start")[11..16].to_owned()
        };
        assert_eq!(planning("2026-03-03"), "15:00");
        assert_eq!(planning("2026-03-10"), "14:00");
    }

    #[test]
    fn titles_can_be_left_out() {
        let bare = Plan {
            with_titles: false,
            ..plan(12, 10)
        };
        assert_eq!(lines(&bare).len(), lines(&plan(12, 10)).len());
        assert!(lines(&bare).iter().all(|line| !line.contains(r#""title""#)));
    }

    #[test]
    fn a_sink_that_fails_stops_the_work() {
        let mut calls = 0;
        let stopped = super::super::meetings(&plan(9, 9), &mut |_| {
            calls += 1;
            Err(io::Error::other("full"))
        });
        assert!(stopped.is_err());
        assert_eq!(calls, 1);
    }
}
