//! One person's day as agent records.
//!
//! A day is made of stretches: focus, mixed work, bursts of switching, meetings, drifting off,
//! breaks and lunch. Each ends in records of one or two computers. A day follows from the seed, the
//! person and the date alone. Records of one computer never overlap; those of two do.

use std::io;

use super::dice::Dice;
use super::leave::{self, Presence};
use super::line::{Alarm, DAY_MS, Line, State, View};
use super::person::{Person, Place, Rhythm};
use super::roles::{self, Mix};
use super::things::{self, Thing};

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

/// Takes one line at a time.
pub(super) type Sink<'a> = &'a mut dyn FnMut(&str) -> io::Result<()>;

/// Which records of a day to hand over: an agent uploads some of them on the next UTC date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Round {
    /// Those uploaded on the day's own UTC date.
    SameDate,
    /// Those uploaded on the date after.
    NextDate,
}

/// A person's day on the way into a sink.
pub(super) struct Day<'a> {
    person: &'a Person,
    dice: Dice,
    /// The local date, in days since 1970-01-01.
    date: i32,
    /// Local midnight as an instant in milliseconds.
    midnight: i64,
    place: Place,
    /// Computer that is mostly used, and the other where there is one.
    main: usize,
    other: Option<usize>,
    /// By computer: end of its latest record, records so far.
    computers: [(i64, u64); 2],
    /// A laptop without a network uploads from this instant on.
    held_until: i64,
    /// When within five minutes the agents upload.
    upload_phase: i64,
    /// Five or so topics make up the day.
    first_topic: u32,
    round: Round,
    with_titles: bool,
    buffer: &'a mut String,
    sink: Sink<'a>,
    /// Lines handed over.
    written: u64,
    /// Whether any record belongs to the next round.
    spills: bool,
}

/// What a day left behind.
pub(super) struct Outcome {
    /// Lines handed over in this round.
    pub written: u64,
    /// Whether [`Round::NextDate`] has any.
    pub spills: bool,
}

/// Where and when a day is played.
pub(super) struct Stage {
    pub seed: u64,
    pub date: i32,
    /// Seconds east of UTC on that date at the person's site.
    pub offset_seconds: i64,
    pub round: Round,
    pub with_titles: bool,
}

/// Plays a person's day into `sink`, using `buffer` for its lines.
pub(super) fn play(
    person: &Person,
    stage: &Stage,
    buffer: &mut String,
    sink: Sink<'_>,
) -> io::Result<Outcome> {
    let date_bits = u64::from(stage.date.unsigned_abs());
    let mut dice = Dice::of(&[stage.seed, person.index as u64, 5, date_bits]);
    let upload_phase = dice.between(0, 5 * MINUTE);
    let first_topic = dice.below(1 << 20);
    let mut day = Day {
        person,
        dice,
        date: stage.date,
        midnight: i64::from(stage.date) * DAY_MS - stage.offset_seconds * SECOND,
        place: Place::Office,
        main: 0,
        other: None,
        computers: [(i64::MIN, 0); 2],
        held_until: i64::MIN,
        upload_phase,
        first_topic,
        round: stage.round,
        with_titles: stage.with_titles,
        buffer,
        sink,
        written: 0,
        spills: false,
    };
    day.take_place();
    let presence = if person.is_listed() {
        leave::presence(stage.seed, person.index, stage.date)
    } else {
        Presence::Whole
    };
    day.live(presence)?;
    Ok(Outcome {
        written: day.written,
        spills: day.spills,
    })
}

/// 0 Monday … 6 Sunday. 1970-01-01 was a Thursday.
pub(super) fn weekday(date: i32) -> i32 {
    (date + 3).rem_euclid(7)
}

impl Day<'_> {
    /// Office, home or road, and the computers there.
    fn take_place(&mut self) {
        let weekday = weekday(self.date);
        let portable = self
            .person
            .computers
            .first()
            .is_some_and(|first| first.portable);
        if portable && (weekday > 4 || self.person.home_days & (1 << weekday) != 0) {
            self.place = Place::Home;
        }
        if portable && self.dice.once_in(50) {
            self.place = Place::Road;
            if self.dice.percent(60) {
                self.held_until = self.midnight + DAY_MS + 8 * HOUR + 30 * MINUTE;
            }
        }
        if self.place == Place::Office && self.person.computers.len() > 1 {
            (self.main, self.other) = (1, Some(0));
        }
    }

    fn live(&mut self, presence: Presence) -> io::Result<()> {
        let working = weekday(self.date) < 5 && presence != Presence::Off;
        // Now and then somebody is simply not there.
        if working && !self.dice.once_in(90) {
            return self.workday(presence);
        }
        let catches_up = presence == Presence::Whole && self.dice.percent(5);
        if !working && catches_up && self.person.rhythm != Rhythm::Night {
            let start = self.midnight + self.dice.between(10 * HOUR, 17 * HOUR);
            let end = start + self.dice.between(35 * MINUTE, 130 * MINUTE);
            self.stretches(start, end, None, &mut [].iter())?;
        }
        Ok(())
    }

    fn workday(&mut self, presence: Presence) -> io::Result<()> {
        let (first, last) = self.person.rhythm.minutes();
        let (mut start, mut end) = (first * MINUTE, last * MINUTE);
        if self.person.rhythm == Rhythm::Flexible {
            start = self
                .dice
                .between(7 * HOUR + 30 * MINUTE, 10 * HOUR + 40 * MINUTE);
            end = start
                + self
                    .dice
                    .between(7 * HOUR + 40 * MINUTE, 9 * HOUR + 20 * MINUTE);
        }
        start += self.dice.between(-17 * MINUTE, 13 * MINUTE);
        if self.dice.percent(7) {
            start += self.dice.between(15 * MINUTE, 95 * MINUTE);
        }
        end += self.person.overtime_minutes * MINUTE;
        end += self.dice.between(-30 * MINUTE, 40 * MINUTE);
        let mut lunch = Some(start + self.dice.between(195 * MINUTE, 280 * MINUTE));
        if presence == Presence::Half {
            end = start + self.dice.between(225 * MINUTE, 250 * MINUTE);
            lunch = None;
        }
        let (start, end) = (self.midnight + start, self.midnight + end);
        let mut meetings = [i64::MAX; 4];
        let planned = self.dice.index(5);
        for meeting in meetings.iter_mut().take(planned) {
            let half_hours = (end - start) / (30 * MINUTE);
            let slot = self.dice.between(1, half_hours - 2) * 30 * MINUTE;
            *meeting = (start + slot).div_euclid(30 * MINUTE) * 30 * MINUTE;
        }
        meetings.sort_unstable();
        let lunch = lunch.map(|after_midnight| self.midnight + after_midnight);
        self.stretches(start, end, lunch, &mut meetings.iter())?;
        if self.person.rhythm == Rhythm::Flexible && self.dice.percent(22) {
            let evening = self.midnight + self.dice.between(20 * HOUR, 21 * HOUR);
            let length = self.dice.between(20 * MINUTE, 75 * MINUTE);
            self.stretches(evening, evening + length, None, &mut [].iter())?;
        }
        Ok(())
    }

    /// Fills the time from `start` to about `end`.
    fn stretches(
        &mut self,
        start: i64,
        end: i64,
        mut lunch: Option<i64>,
        meetings: &mut std::slice::Iter<'_, i64>,
    ) -> io::Result<()> {
        let mut now = start;
        let mut meeting = meetings.next();
        // The day begins with what came in since yesterday.
        let talk = self.person.talk;
        now = self.work(now, talk, 5)?;
        while now < end {
            if let Some(at) = meeting
                && now > at - 4 * MINUTE
            {
                meeting = meetings.next();
                if now < at + 12 * MINUTE {
                    now = self.meet(now.max(at - MINUTE))?;
                    continue;
                }
            }
            if lunch.is_some_and(|at| now >= at) {
                lunch = None;
                let length = self.dice.between(24 * MINUTE, 62 * MINUTE);
                now = self.leave(now, length, 78)?;
                continue;
            }
            let (focus, drift) = (self.person.focus, self.person.drift);
            let pauses = self.person.pauses;
            let drawn = self.dice.below(focus + drift + 54 + pauses);
            now = if drawn < focus {
                self.concentrate(now)?
            } else if drawn < focus + drift {
                self.drift(now)?
            } else if drawn < focus + drift + 36 {
                let steps = self.dice.between(5, 14);
                self.work(now, self.person.role.work, steps)?
            } else if drawn < focus + drift + 49 {
                self.burst(now)?
            } else if drawn < focus + drift + 54 {
                let steps = self.dice.between(3, 9);
                self.work(now, self.person.talk, steps)?
            } else {
                let length = self.dice.between(4 * MINUTE, 19 * MINUTE);
                self.leave(now, length, 45)?
            };
        }
        if self.dice.percent(40) {
            let length = self.dice.between(8 * MINUTE, 70 * MINUTE);
            self.lock(self.main, now, length)?;
        }
        Ok(())
    }

    /// A long stay with one thing, seldom looked away from.
    fn concentrate(&mut self, mut now: i64) -> io::Result<i64> {
        let until = now + self.dice.between(14 * MINUTE, 52 * MINUTE);
        let thing = self.pick(self.person.role.focus);
        let mut view = self.view(thing);
        while now < until {
            if self.dice.percent(30) {
                view = self.view(thing);
            }
            let length = self.skewed(45 * SECOND, 700 * SECOND);
            self.record(self.main, now, length, State::Active, view)?;
            self.aside(now, length)?;
            now += length;
            if self.dice.percent(22) {
                let pause = self.skewed(20 * SECOND, 200 * SECOND);
                self.record(self.main, now, pause, State::Passive, view)?;
                now += pause;
            }
        }
        Ok(now)
    }

    /// A few messages on the other computer while the first one's record runs on.
    fn aside(&mut self, start: i64, length: i64) -> io::Result<()> {
        let Some(other) = self.other else {
            return Ok(());
        };
        if length < 150 * SECOND || !self.dice.percent(30) {
            return Ok(());
        }
        let mut now = start + self.dice.between(20 * SECOND, 60 * SECOND);
        for _ in 0..self.dice.between(1, 3) {
            let thing = self.pick(self.person.talk);
            let view = self.view(thing);
            let glance = self.dice.between(6 * SECOND, 26 * SECOND);
            self.record(other, now, glance, State::Active, view)?;
            now += glance;
            if self.dice.percent(35) {
                let tail = self.dice.between(60 * SECOND, 240 * SECOND);
                self.record(other, now, tail, State::Passive, view)?;
                return Ok(());
            }
        }
        Ok(())
    }

    /// A number of steps over a mix of things, a minute or so each.
    fn work(&mut self, mut now: i64, mix: Mix, steps: i64) -> io::Result<i64> {
        for _ in 0..steps {
            let thing = self.pick(mix);
            let view = self.view(thing);
            let length = self.skewed(11 * SECOND, 430 * SECOND);
            self.record(self.main, now, length, State::Active, view)?;
            now += length;
            if self.dice.percent(13) {
                let pause = self.skewed(15 * SECOND, 240 * SECOND);
                self.record(self.main, now, pause, State::Passive, view)?;
                now += pause;
            }
        }
        Ok(now)
    }

    /// Chat, mail and the thing at hand within a minute or two.
    fn burst(&mut self, mut now: i64) -> io::Result<i64> {
        let at_hand = self.pick(self.person.role.work);
        let at_hand = self.view(at_hand);
        for step in 0..self.dice.between(6, 15) {
            let view = if step % 3 == 2 {
                at_hand
            } else {
                let thing = self.pick(self.person.talk);
                self.view(thing)
            };
            let length = self.skewed(3 * SECOND, 40 * SECOND);
            self.record(self.main, now, length, State::Active, view)?;
            now += length;
        }
        Ok(now)
    }

    /// News, videos, shopping.
    fn drift(&mut self, mut now: i64) -> io::Result<i64> {
        for _ in 0..self.dice.between(1, 6) {
            let thing = self.pick(roles::DRIFT);
            let view = self.view(thing);
            let length = self.skewed(15 * SECOND, 400 * SECOND);
            let alarm = if self.dice.once_in(45) {
                Alarm::Distraction
            } else {
                Alarm::None
            };
            self.alarming_record(self.main, now, length, State::Active, view, alarm)?;
            now += length;
            if self.dice.percent(30) {
                let pause = self.skewed(30 * SECOND, 280 * SECOND);
                self.record(self.main, now, pause, State::Passive, view)?;
                now += pause;
            }
        }
        Ok(now)
    }

    /// A call: listening makes passive records, and people glance at other things.
    fn meet(&mut self, mut now: i64) -> io::Result<i64> {
        let lengths = [24, 26, 29, 31, 44, 54];
        let minutes = lengths
            .get(self.dice.index(lengths.len()))
            .copied()
            .unwrap_or(30);
        let until = now + minutes * MINUTE + self.dice.between(0, 90 * SECOND);
        let call = self.view(self.person.meeting);
        // With two computers the call runs on the laptop beside the work.
        let caller = self.other.unwrap_or(self.main);
        while now < until {
            let length = self.skewed(25 * SECOND, 430 * SECOND).min(until - now);
            let state = if self.dice.percent(58) {
                State::Active
            } else {
                State::Passive
            };
            self.record(caller, now, length, state, call)?;
            if state == State::Passive && caller != self.main && self.dice.percent(50) {
                let thing = self.pick(self.person.role.work);
                let view = self.view(thing);
                self.record(self.main, now + 5 * SECOND, length / 2, State::Active, view)?;
            }
            now += length;
            if self.dice.percent(24) && now < until {
                let mix = if self.dice.percent(60) {
                    self.person.talk
                } else {
                    self.person.role.work
                };
                let thing = self.pick(mix);
                let view = self.view(thing);
                let glance = self.skewed(5 * SECOND, 50 * SECOND);
                self.record(caller, now, glance, State::Active, view)?;
                now += glance;
            }
        }
        Ok(now)
    }

    /// Away for `length`: a passive tail of what was left open, or a locked screen.
    fn leave(&mut self, now: i64, length: i64, locked_percent: u32) -> io::Result<i64> {
        if self.dice.percent(locked_percent) {
            self.lock(self.main, now, length)?;
        } else {
            let thing = self.pick(self.person.role.work);
            let view = self.view(thing);
            let last_touch = self.dice.between(4 * SECOND, 20 * SECOND);
            self.record(self.main, now, last_touch, State::Active, view)?;
            let tail = (5 * MINUTE).min(length - last_touch);
            self.record(self.main, now + last_touch, tail, State::Passive, view)?;
        }
        Ok(now + length)
    }

    fn lock(&mut self, computer: usize, now: i64, length: i64) -> io::Result<()> {
        let view = View {
            thing: &things::LOCK_SCREEN,
            screen: 0,
            topic: 0,
        };
        let state = if self.dice.once_in(14) {
            State::Asleep
        } else {
            State::Locked
        };
        self.record(computer, now, length, state, view)
    }

    fn record(
        &mut self,
        computer: usize,
        start: i64,
        length: i64,
        state: State,
        view: View,
    ) -> io::Result<()> {
        let alarm = match self.dice.below(4_000) {
            0 => Alarm::LargeUpload,
            1 => Alarm::NewProgram,
            _ => Alarm::None,
        };
        self.alarming_record(computer, start, length, state, view, alarm)
    }

    /// Hands over one record, cut at the front where its computer is still busy.
    fn alarming_record(
        &mut self,
        computer: usize,
        start: i64,
        length: i64,
        state: State,
        view: View,
        alarm: Alarm,
    ) -> io::Result<()> {
        let odd = self.dice.bits();
        let (Some(machine), Some((free_from, records))) = (
            self.person.computers.get(computer),
            self.computers.get_mut(computer),
        ) else {
            return Ok(());
        };
        let end = start + length;
        let start_ms = start.max(*free_from);
        let duration_sec = (end - start_ms) / SECOND;
        if duration_sec < 1 {
            return Ok(());
        }
        *free_from = end;
        *records += 1;
        let five_minutes = (end - self.upload_phase).div_euclid(5 * MINUTE) + 1;
        let sent = five_minutes * 5 * MINUTE + self.upload_phase;
        let upload_ms = sent.max(self.held_until);
        let round = if upload_ms.div_euclid(DAY_MS) > i64::from(self.date) {
            self.spills = true;
            Round::NextDate
        } else {
            Round::SameDate
        };
        if round != self.round {
            return Ok(());
        }
        let line = Line {
            person: self.person,
            computer: machine,
            place: self.place,
            // Twelve bits for the day's records leave the number short and never repeated.
            id: (u64::from(self.date.unsigned_abs()) << 12) + *records,
            start_ms,
            duration_sec,
            state,
            view,
            alarm,
            usb: odd & 0xfff == 1,
            whole_path: odd >> 12 & 0x3f == 1,
            upload_ms,
        };
        self.buffer.clear();
        line.write(self.buffer, self.with_titles);
        (self.sink)(self.buffer)?;
        self.written += 1;
        Ok(())
    }

    fn pick(&mut self, mix: Mix) -> &'static Thing {
        let total = mix.iter().map(|(weight, _)| weight).sum();
        let mut drawn = self.dice.below(total);
        for (weight, thing) in mix {
            if drawn < *weight {
                return thing;
            }
            drawn -= weight;
        }
        &things::LOCK_SCREEN
    }

    fn view(&mut self, thing: &'static Thing) -> View {
        View {
            thing,
            screen: self.dice.index(thing.screens.len()),
            topic: self.first_topic.wrapping_add(self.dice.below(7)),
        }
    }

    /// A length in `[low, high]` of which short ones are likelier, as stays at screens are.
    fn skewed(&mut self, low: i64, high: i64) -> i64 {
        let (one, two) = (self.dice.below(1 << 15), self.dice.below(1 << 15));
        low + (((high - low) * i64::from(one) * i64::from(two)) >> 30)
    }
}
