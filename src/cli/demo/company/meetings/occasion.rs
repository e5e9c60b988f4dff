//! What happens once: something across teams that came up, and people from outside.

use std::io;

use super::super::dice::Dice;
use super::super::person::{PRIMARY_DOMAIN, Person};
use super::super::words;
use super::entry::Entry;
use super::{Calendar, Matter, Part, outsider, room};

/// How many people before one are asked along at short notice.
const NEIGHBOURS: usize = 12;

impl<'a> Calendar<'a, '_> {
    /// Something across teams that came up.
    pub(super) fn ad_hoc(&mut self, person: &'a Person, date: i32) -> io::Result<()> {
        let mut dice = self.dice(Matter::AdHoc, person, date);
        if !dice.percent(38) {
            return Ok(());
        }
        let part = match dice.below(100) {
            0..20 => Part::Lunch,
            20..28 => Part::After,
            _ => Part::Work,
        };
        let minutes = 15 * dice.between(2, 4);
        let when = self.moment(&mut dice, person, date, part, minutes);
        let start_ms = when.start_ms();
        let title = match part {
            Part::Lunch => "Lunch and learn: ",
            Part::After => "Retrospective: ",
            _ => "",
        };
        let title = format!("{title}{}", chosen(&words::DOCUMENTS, &mut dice));
        let mut entry = self.entry(&mut dice, self.member(person, "accepted"), when, title);
        let nearby = person.index.min(NEIGHBOURS);
        let key = dice.bits();
        for _ in 0..dice.between(1, 3) {
            let place = person.index - nearby + dice.index(nearby);
            let Some(other) = self.people.get(place).filter(|other| {
                other.is_listed() && other.index < person.index && !is_invited(&entry, other)
            }) else {
                continue;
            };
            // Few are asked at hours that are not theirs.
            if !self.is_at_work(other, start_ms) && !dice.percent(6) {
                continue;
            }
            let mut guest = self.member(other, self.answer(other, date, start_ms, key));
            guest.optional = dice.percent(15);
            entry.guests.push(guest);
        }
        // Alone after all: an entry to oneself, which is no meeting.
        match dice.below(100) {
            0..6 => entry.status = "cancelled",
            6..10 => entry.status = "tentative",
            10..16 => entry.show_as = "tentative",
            _ => {}
        }
        if matches!(part, Part::Work) && !entry.guests.is_empty() && dice.percent(40) {
            entry.guests.push(room(person.site, dice.below(3) + 2));
        }
        self.put(&entry)
    }

    /// A client, a supplier, an applicant. Sales mostly goes there, away from the computer.
    pub(super) fn outside(
        &mut self,
        person: &'a Person,
        date: i32,
        turn: i32,
        percent: u32,
    ) -> io::Result<()> {
        let mut dice = self.dice(Matter::Outside, person, date);
        for _ in 0..turn {
            dice = Dice::of(&[dice.bits()]);
        }
        if !dice.percent(percent) {
            return Ok(());
        }
        let sells = person.role.login == "sales";
        let part = match dice.below(100) {
            0..30 => Part::Lunch,
            30..45 if sells => Part::Before,
            45..70 if sells => Part::After,
            30..40 => Part::After,
            _ => Part::Work,
        };
        let minutes = match part {
            Part::Before => 45,
            _ if sells => 15 * dice.between(3, 8),
            _ => 15 * dice.between(2, 4),
        };
        let when = self.moment(&mut dice, person, date, part, minutes);
        let start_ms = when.start_ms();
        let client = chosen(&words::CLIENTS, &mut dice);
        let subject = chosen(&words::DOCUMENTS, &mut dice);
        let title = match (person.role.login, part) {
            ("people", _) => "Interview".to_owned(),
            (_, Part::Lunch) => format!("Lunch with {client}"),
            ("sales", Part::After) => format!("Dinner with {client}"),
            ("sales", Part::Before) => format!("Breakfast with {client}"),
            _ => format!("{client}: {subject}"),
        };
        let house = if person.role.login == "people" {
            "mail.example".to_owned()
        } else {
            format!("{}.example", client.to_lowercase().replace(' ', "-"))
        };
        let stranger = |dice: &mut Dice, response| {
            let number = dice.below(40) + 1;
            outsider(format!("contact.{number}@{house}"), response)
        };
        let mut host = self.member(person, "accepted");
        // Clients write to whichever address they have.
        if person.index % 6 == 2 {
            host.address = format!("{}@mail.{PRIMARY_DOMAIN}", person.login);
        }
        let invited = dice.percent(30);
        let first = stranger(&mut dice, "accepted");
        let (organizer, guest) = if invited {
            host.response = self.answer(person, date, start_ms, dice.bits());
            (first, host)
        } else {
            (host, first)
        };
        let mut entry = self.entry(&mut dice, organizer, when, title);
        entry.guests.push(guest);
        if dice.percent(35) {
            let another = stranger(&mut dice, "needsAction");
            let known = std::iter::once(&entry.organizer).chain(&entry.guests);
            if known
                .into_iter()
                .all(|guest| guest.address != another.address)
            {
                entry.guests.push(another);
            }
        }
        match dice.below(100) {
            0..6 => entry.status = "cancelled",
            6..12 => entry.status = "tentative",
            _ => {}
        }
        if !sells && matches!(part, Part::Work) {
            entry.guests.push(room(person.site, dice.below(3) + 2));
        }
        self.put(&entry)
    }
}

fn is_invited(entry: &Entry<'_>, person: &Person) -> bool {
    let guests = entry.guests.iter().filter_map(|guest| guest.person);
    guests.into_iter().any(|guest| guest.index == person.index)
}

fn chosen(list: &[&'static str], dice: &mut Dice) -> &'static str {
    list.get(dice.index(list.len()))
        .copied()
        .unwrap_or_default()
}
