//! What comes back every week or two: stand-ups, plannings and lunches of a squad, one-on-ones, and
//! the meeting of everybody.

use std::io;

use super::super::day::weekday;
use super::super::leave::Presence;
use super::super::person::{PRIMARY_DOMAIN, Person};
use super::entry::Guest;
use super::{BLOCK, Calendar, Matter, room};

/// People who see each other every week, by their places in the roster, youngest last.
pub(super) struct Squad {
    pub seats: &'static [usize],
    name: &'static str,
    /// On the clock of the first of them, where nobody is in bed.
    stand_up_minute: i64,
}

pub(super) static SQUADS: [Squad; 11] = [
    squad(&[0, 2], "Product and sales", 10 * 60),
    squad(&[3, 4], "Bengaluru floor", 9 * 60 + 45),
    squad(&[6, 13], "Storefront", 9 * 60 + 30),
    squad(&[1, 7], "Pricing", 9 * 60 + 15),
    squad(&[4, 9], "Shift handover", 10 * 60),
    squad(&[8, 14], "Campaigns", 9 * 60 + 30),
    squad(&[10, 15, 18], "Invoices", 11 * 60),
    squad(&[11, 16, 21, 22], "Bengaluru data", 10 * 60 + 30),
    squad(&[12, 24], "Shift handover", 12 * 60 + 15),
    squad(&[5, 20, 23, 27, 28], "Berlin round", 11 * 60 + 45),
    squad(&[17, 25, 26], "Onboarding", 13 * 60),
];

const fn squad(seats: &'static [usize], name: &'static str, stand_up_minute: i64) -> Squad {
    Squad {
        seats,
        name,
        stand_up_minute,
    }
}

impl<'a> Calendar<'a, '_> {
    pub(super) fn squad(
        &mut self,
        squad: &Squad,
        anchor: &'a Person,
        members: &[&'a Person],
        date: i32,
    ) -> io::Result<()> {
        let Some((first, others)) = members.split_first() else {
            return Ok(());
        };
        // Minute, length and what is said of it, by weekday.
        let (matter, minute, minutes, title) = match weekday(date) {
            0 | 3 => (Matter::StandUp, squad.stand_up_minute, 15, "stand-up"),
            1 => (Matter::Planning, squad.stand_up_minute, 45, "planning"),
            4 => {
                let (start, _) = first.rhythm.minutes();
                (Matter::TeamLunch, start + 210, 60, "lunch")
            }
            _ => return Ok(()),
        };
        let when = self.timed(first.site, date, minute, minutes);
        let start_ms = when.start_ms();
        let mut dice = self.dice(matter, anchor, date);
        let key = dice.bits();
        let leads = self.member(
            first,
            if self.presence(first, date) == Presence::Off {
                "declined"
            } else {
                "accepted"
            },
        );
        let mut entry = self.entry(&mut dice, leads, when, format!("{} {title}", squad.name));
        if dice.once_in(16) {
            entry.status = "cancelled";
        }
        for other in others {
            let response = self.answer(other, date, start_ms, key);
            entry.guests.push(self.member(other, response));
        }
        match matter {
            Matter::TeamLunch => entry.show_as = "free",
            Matter::Planning => entry.guests.push(room(first.site, 1)),
            _ => {}
        }
        self.of_series(&mut entry, matter, anchor);
        self.put(&entry)
    }

    /// Every week with whoever came before in the same role; the first of each role every other
    /// week with the first of all.
    pub(super) fn one_on_one(&mut self, person: &'a Person, date: i32) -> io::Result<()> {
        let people = self.people;
        let earlier = people.get(..person.index).unwrap_or_default();
        let block = earlier
            .get(person.index / BLOCK * BLOCK..)
            .unwrap_or_default();
        let same_role = block
            .iter()
            .rev()
            .find(|other| std::ptr::eq(other.role, person.role));
        let Some(lead) = same_role.or(block.first()).or(earlier.first()) else {
            return Ok(());
        };
        let mut habit = self.dice(Matter::OneOnOne, person, 0);
        let week = i64::from(date + 3).div_euclid(7);
        let skips = same_role.is_none() && (week + habit.between(0, 1)) % 2 == 1;
        if skips || i64::from(weekday(date)) != habit.between(0, 4) {
            return Ok(());
        }
        let both_at_work =
            |minute: &i64| self.is_at_work(lead, self.instant_ms(person.site, date, *minute));
        let (first, last) = person.rhythm.minutes();
        let lunch = first + 15 * habit.between(14, 17);
        let walk = habit.percent(20) && both_at_work(&lunch);
        // From a liked half hour on through the day, else the evening, else the early morning.
        // Where one sleeps while the other works, they write.
        let liked = habit.between(0, 14);
        let daytime = (0..15).map(|step| first + 30 * (1 + (liked + step) % 15));
        let evening = (0..6).map(|step| last + 30 * step);
        let morning = (1..4).map(|step| first - 30 * step);
        let mut halves = daytime.chain(evening).chain(morning);
        let found = if walk {
            Some(lunch)
        } else {
            halves.find(both_at_work)
        };
        let Some(minute) = found else {
            return Ok(());
        };
        let when = self.timed(person.site, date, minute, 30);
        let mut dice = self.dice(Matter::OneOnOne, person, date);
        let title = if walk {
            format!("Walk and talk: {}", person.name)
        } else {
            format!("One-on-one: {}", person.name)
        };
        let mut entry = self.entry(&mut dice, self.member(lead, "accepted"), when, title);
        entry.guests.push(self.member(person, "accepted"));
        let away = |person: &Person| self.presence(person, date) == Presence::Off;
        if away(person) || away(lead) || dice.once_in(14) {
            entry.status = "cancelled";
        }
        self.of_series(&mut entry, Matter::OneOnOne, person);
        self.put(&entry)
    }

    /// Every other Wednesday, by way of a list. Copies of later people are their own lines, and no
    /// copy names them, so that the first calendars stay as they are.
    pub(super) fn all_hands(&mut self, first: &'a Person, date: i32) -> io::Result<()> {
        if date.rem_euclid(14) != 6 {
            return Ok(());
        }
        // Berlin at four: morning in New York, evening in Bengaluru.
        let when = self.timed(1, date, 16 * 60, 45);
        let start_ms = when.start_ms();
        let mut dice = self.dice(Matter::AllHands, first, date);
        let key = dice.bits();
        let mut entry = self.entry(
            &mut dice,
            self.member(first, "accepted"),
            when,
            "All hands".to_owned(),
        );
        entry.guests.push(Guest {
            address: format!("all-staff@{PRIMARY_DOMAIN}"),
            person: None,
            response: "needsAction",
            kind: "group",
            optional: false,
        });
        let others = self.people.iter().skip(1).filter(|p| p.is_listed());
        entry.readers = others
            .map(|person| (person, self.answer(person, date, start_ms, key)))
            .collect();
        self.of_series(&mut entry, Matter::AllHands, first);
        self.put(&entry)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn squads_fit_into_a_roster() {
        let mut youngest = BTreeSet::new();
        for squad in &SQUADS {
            assert!(squad.seats.is_sorted());
            assert!(squad.seats.iter().all(|seat| *seat < BLOCK - 1));
            assert!(youngest.insert(squad.seats.last()));
        }
    }
}
