//! The analysis of one person's day: a linear pass over its activities (`semantics.md` §5).
//!
//! In: the day's activities in the order of their starts, after clipping, so that none overlaps
//! another. Out: every number that depends on their sequence, and where each came from. Pure, in
//! whole seconds since the epoch; the buffers are kept from day to day, so that a pass allocates
//! nothing once they have grown.

use super::interval::Interval;
use crate::zone::SECOND;

/// How an activity counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Productivity {
    Productive,
    Unproductive,
    Undefined,
}

impl Productivity {
    /// From its name in the views.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "Productive" => Some(Productivity::Productive),
            "Unproductive" => Some(Productivity::Unproductive),
            "Undefined" => Some(Productivity::Undefined),
            _ => None,
        }
    }

    /// From its number in `int_activities`.
    pub fn of_rank(rank: i64) -> Option<Self> {
        match rank {
            0 => Some(Productivity::Productive),
            1 => Some(Productivity::Unproductive),
            2 => Some(Productivity::Undefined),
            _ => None,
        }
    }

    /// Its number in `int_activities`.
    pub fn rank(self) -> i64 {
        self as i64
    }
}

/// One activity of a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Activity {
    pub start_sec: i64,
    /// At least 1.
    pub counted_sec: i64,
    /// Seconds of it inside the user's schedule.
    pub schedule_sec: i64,
    /// A hash of the task; none where neither site nor application is known, which is a task, too.
    pub task: Option<i64>,
    /// A hash of the title; none makes the screen unknown.
    pub screen: Option<i64>,
    pub productivity: Productivity,
    pub active: bool,
    /// Its category is one of `collaboration_categories`.
    pub collaboration: bool,
    /// Whether its category is in the core set of the user's group; none without such a set.
    pub core: Option<bool>,
}

impl Activity {
    /// The first second after it.
    pub fn end_sec(&self) -> i64 {
        self.start_sec.saturating_add(self.counted_sec)
    }

    fn productive(&self) -> bool {
        self.productivity == Productivity::Productive
    }

    fn focusable(&self) -> bool {
        self.productive() && !self.collaboration
    }
}

/// The constants of the analysis; each is the setting `metrics.<name>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rules {
    pub bridge_seconds: i64,
    pub session_min_seconds: i64,
    pub shift_window_seconds: i64,
    pub shift_apps: i64,
    pub shift_screens: i64,
    pub residue_seconds: i64,
    pub last_activity_cap_seconds: i64,
    /// Gaps of coverage up to so many seconds are not told: neither a break nor a meeting fits in.
    pub close_gaps_seconds: i64,
}

/// A run of activities: `first..=last` by their place in the day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    pub first: usize,
    pub last: usize,
    pub seconds: i64,
    /// Whether it reaches `session_min_seconds`.
    pub counts: bool,
}

/// Why attention shifted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// More than `shift_apps` tasks inside the window.
    Tasks,
    /// More than `shift_screens` screens inside the window.
    Screens,
    /// From productive to unproductive.
    Unproductive,
}

/// An attention shift.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shift {
    /// The activity, by its place in the day, at whose start attention shifted.
    pub at: usize,
    pub cause: Cause,
}

/// What the pass found. Sums and counts cover the whole day.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Analysis {
    /// Seconds by productivity (productive, unproductive, undefined), active and passive.
    pub active_sec: [i64; 3],
    pub passive_sec: [i64; 3],
    /// Productive seconds inside the schedule, active and passive.
    pub schedule_active_sec: i64,
    pub schedule_passive_sec: i64,
    /// Activities by productivity.
    pub counts: [i64; 3],
    pub collaboration_count: i64,
    pub collaboration_sec: i64,
    pub core_sec: i64,
    pub non_core_sec: i64,
    pub multitasking_sec: i64,
    pub shifts: Vec<Shift>,
    /// Merged residue windows, half-open, in seconds.
    pub windows: Vec<(i64, i64)>,
    /// By activity: the part of it that is multitasking, in seconds.
    pub multitasking_parts: Vec<i64>,
    pub productive_sessions: Vec<Session>,
    pub focused_sessions: Vec<Session>,
    /// What the activities cover, with gaps up to `close_gaps_seconds` closed.
    pub coverage: Vec<Interval>,
}

impl Analysis {
    /// Productive seconds that are neither collaboration nor multitasking.
    pub fn focused_sec(&self) -> i64 {
        self.active_sec[0] + self.passive_sec[0] - self.collaboration_sec - self.multitasking_sec
    }

    fn clear(&mut self) {
        let Analysis {
            shifts,
            windows,
            multitasking_parts,
            productive_sessions,
            focused_sessions,
            coverage,
            ..
        } = std::mem::take(self);
        *self = Analysis {
            shifts: emptied(shifts),
            windows: emptied(windows),
            multitasking_parts: emptied(multitasking_parts),
            productive_sessions: emptied(productive_sessions),
            focused_sessions: emptied(focused_sessions),
            coverage: emptied(coverage),
            ..Analysis::default()
        };
    }
}

fn emptied<T>(mut list: Vec<T>) -> Vec<T> {
    list.clear();
    list
}

/// Analyses day after day by the same rules.
#[derive(Clone, Debug)]
pub struct Analyser {
    rules: Rules,
    analysis: Analysis,
    recent: Vec<Recent>,
}

/// An entry of the list that attention shifts are told from.
#[derive(Clone, Copy, Debug)]
struct Recent {
    start_sec: i64,
    task: Option<i64>,
    screen: Option<i64>,
}

impl Analyser {
    pub fn new(rules: Rules) -> Self {
        Analyser {
            rules,
            analysis: Analysis::default(),
            recent: Vec::new(),
        }
    }

    /// Analyses a day: its activities in the order of their starts, none overlapping another.
    pub fn analyse(&mut self, day: &[Activity]) -> &Analysis {
        self.analysis.clear();
        self.sum(day);
        self.shift(day);
        self.multitask(day);
        self.sessions(day);
        &self.analysis
    }

    fn sum(&mut self, day: &[Activity]) {
        let analysis = &mut self.analysis;
        let close = self.rules.close_gaps_seconds.max(0);
        let mut covered: Option<(i64, i64)> = None;
        let interval = |(start, end): (i64, i64)| Interval {
            start: start.saturating_mul(SECOND),
            end: end.saturating_mul(SECOND),
        };
        for activity in day {
            let class = activity.productivity as usize;
            let seconds = activity.counted_sec;
            analysis.counts[class] += 1;
            if activity.active {
                analysis.active_sec[class] += seconds;
            } else {
                analysis.passive_sec[class] += seconds;
            }
            if activity.productive() {
                if activity.active {
                    analysis.schedule_active_sec += activity.schedule_sec;
                } else {
                    analysis.schedule_passive_sec += activity.schedule_sec;
                }
                if activity.collaboration {
                    analysis.collaboration_count += 1;
                    analysis.collaboration_sec += seconds;
                }
                match activity.core {
                    Some(true) => analysis.core_sec += seconds,
                    Some(false) => analysis.non_core_sec += seconds,
                    None => {}
                }
            }
            covered = match covered {
                Some((start, end)) if activity.start_sec - end <= close => {
                    Some((start, end.max(activity.end_sec())))
                }
                done => {
                    analysis.coverage.extend(done.map(interval));
                    Some((activity.start_sec, activity.end_sec()))
                }
            };
        }
        analysis.coverage.extend(covered.map(interval));
    }

    fn shift(&mut self, day: &[Activity]) {
        let window = self.rules.shift_window_seconds;
        self.recent.clear();
        let mut before: Option<&Activity> = None;
        for (at, activity) in day.iter().enumerate() {
            let start = activity.start_sec;
            if before.is_none_or(|before| start - before.end_sec() > window) {
                self.recent.clear();
                before = None;
            }
            if activity.active {
                match activity.productivity {
                    Productivity::Productive if switches(before, activity) => {
                        self.recent.retain(|entry| entry.start_sec > start - window);
                        self.recent.push(Recent {
                            start_sec: start,
                            task: activity.task,
                            screen: activity.screen,
                        });
                        if let Some(cause) = self.overflow() {
                            self.analysis.shifts.push(Shift { at, cause });
                            let last = self.recent.len().saturating_sub(1);
                            self.recent.drain(..last);
                        }
                    }
                    Productivity::Unproductive if before.is_some_and(Activity::productive) => {
                        self.analysis.shifts.push(Shift {
                            at,
                            cause: Cause::Unproductive,
                        });
                        self.recent.clear();
                    }
                    _ => {}
                }
            }
            before = Some(activity);
        }
    }

    /// Whether the list holds more tasks or screens than attention follows.
    fn overflow(&self) -> Option<Cause> {
        let more_than = |limit: i64, same: &dyn Fn(&Recent, &Recent) -> bool| {
            // Mostly the list is short.
            if self.recent.len() as i64 <= limit {
                return false;
            }
            let mut distinct = 0;
            for (index, entry) in self.recent.iter().enumerate() {
                if !self.recent.iter().take(index).any(|old| same(old, entry)) {
                    distinct += 1;
                }
            }
            distinct > limit
        };
        if more_than(self.rules.shift_apps, &|one, other| one.task == other.task) {
            return Some(Cause::Tasks);
        }
        let screens_known = self.recent.iter().all(|entry| entry.screen.is_some());
        (screens_known
            && more_than(self.rules.shift_screens, &|one, other| {
                one.task == other.task && one.screen == other.screen
            }))
        .then_some(Cause::Screens)
    }

    fn multitask(&mut self, day: &[Activity]) {
        let analysis = &mut self.analysis;
        for shift in &analysis.shifts {
            let Some(activity) = day.get(shift.at) else {
                continue;
            };
            let start = activity.start_sec;
            let end = start.saturating_add(self.rules.residue_seconds.max(0));
            match analysis.windows.last_mut() {
                Some(last) if start <= last.1 => last.1 = last.1.max(end),
                _ => analysis.windows.push((start, end)),
            }
        }
        analysis.multitasking_parts.resize(day.len(), 0);
        let mut next = 0;
        for (start, end) in &analysis.windows {
            let mut last = None;
            while let Some(activity) = day.get(next).filter(|a| a.start_sec < *end) {
                if activity.start_sec >= *start && activity.active && activity.focusable() {
                    if let Some(part) = analysis.multitasking_parts.get_mut(next) {
                        *part = activity.counted_sec;
                    }
                    last = Some(next);
                }
                next += 1;
            }
            if let Some(part) = last.and_then(|last| analysis.multitasking_parts.get_mut(last)) {
                *part = (*part).min(self.rules.last_activity_cap_seconds.max(0));
            }
        }
        analysis.multitasking_sec = analysis.multitasking_parts.iter().sum();
    }

    fn sessions(&mut self, day: &[Activity]) {
        let bridge = self.rules.bridge_seconds;
        let least = self.rules.session_min_seconds;
        let analysis = &mut self.analysis;
        let mut productive: Option<Session> = None;
        let mut focused: Option<Session> = None;
        let mut before: Option<&Activity> = None;
        for (at, activity) in day.iter().enumerate() {
            let near = before.is_some_and(|last| activity.start_sec - last.end_sec() <= bridge);
            extend(
                &mut productive,
                &mut analysis.productive_sessions,
                at,
                activity.productive().then_some(activity.counted_sec),
                near,
                least,
            );
            let part = analysis.multitasking_parts.get(at).copied().unwrap_or(0);
            let same_task = before.is_some_and(|last| last.task == activity.task);
            extend(
                &mut focused,
                &mut analysis.focused_sessions,
                at,
                activity.focusable().then_some(activity.counted_sec - part),
                near && same_task,
                least,
            );
            before = Some(activity);
        }
        analysis
            .productive_sessions
            .extend(closed(productive, least));
        analysis.focused_sessions.extend(closed(focused, least));
    }
}

fn switches(before: Option<&Activity>, activity: &Activity) -> bool {
    let Some(before) = before else { return true };
    before.task != activity.task
        || matches!((before.screen, activity.screen), (Some(old), Some(new)) if old != new)
}

fn closed(session: Option<Session>, least: i64) -> Option<Session> {
    session.map(|session| Session {
        counts: session.seconds >= least,
        ..session
    })
}

/// Goes on with a session, or ends it and begins the next; `seconds` is none for what belongs to
/// no session.
fn extend(
    open: &mut Option<Session>,
    sessions: &mut Vec<Session>,
    at: usize,
    seconds: Option<i64>,
    joins: bool,
    least: i64,
) {
    match (seconds, open.as_mut()) {
        (Some(seconds), Some(session)) if joins => {
            session.last = at;
            session.seconds += seconds;
        }
        _ => {
            sessions.extend(closed(open.take(), least));
            *open = seconds.map(|seconds| Session {
                first: at,
                last: at,
                seconds,
                counts: false,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: Rules = Rules {
        bridge_seconds: 60,
        session_min_seconds: 60,
        shift_window_seconds: 60,
        shift_apps: 2,
        shift_screens: 4,
        residue_seconds: 180,
        last_activity_cap_seconds: 60,
        close_gaps_seconds: 59,
    };

    fn at(start_sec: i64, end_sec: i64, task: i64) -> Activity {
        Activity {
            start_sec,
            counted_sec: end_sec - start_sec,
            schedule_sec: 0,
            task: Some(task),
            screen: None,
            productivity: Productivity::Productive,
            active: true,
            collaboration: false,
            core: None,
        }
    }

    fn analysed(day: &[Activity]) -> Analysis {
        Analyser::new(RULES).analyse(day).clone()
    }

    fn counting(sessions: &[Session]) -> (usize, i64) {
        let counting = sessions.iter().filter(|session| session.counts);
        (
            counting.clone().count(),
            counting.map(|session| session.seconds).sum(),
        )
    }

    #[test]
    fn worked_example_2() {
        let day = [at(0, 20, 1), at(20, 40, 2), at(40, 300, 3)];
        let analysis = analysed(&day);
        assert_eq!(
            analysis.shifts,
            [Shift {
                at: 2,
                cause: Cause::Tasks
            }]
        );
        assert_eq!(analysis.windows, [(40, 220)]);
        assert_eq!(analysis.multitasking_sec, 60);
        assert_eq!(analysis.focused_sec(), 240);
        // 20 s each, then 260 − 60.
        assert_eq!(counting(&analysis.focused_sessions), (1, 200));
        assert_eq!(counting(&analysis.productive_sessions), (1, 300));
    }

    #[test]
    fn worked_example_3() {
        let chat = Activity {
            collaboration: true,
            ..at(40, 100, 3)
        };
        let day = [
            at(0, 20, 1),
            at(20, 40, 2),
            chat,
            at(100, 130, 4),
            at(130, 400, 5),
        ];
        let analysis = analysed(&day);
        assert_eq!(analysis.shifts.len(), 1);
        assert_eq!(analysis.multitasking_parts, [0, 0, 0, 30, 60]);
        assert_eq!(analysis.collaboration_sec, 60);
        assert_eq!(analysis.focused_sec(), 250);
        assert_eq!(analysis.active_sec[0], 400);
    }

    #[test]
    fn an_entry_as_old_as_the_window_is_dropped() {
        // The third task starts 60 s after the first: two tasks in the window.
        assert!(
            analysed(&[at(0, 30, 1), at(30, 60, 2), at(60, 90, 3)])
                .shifts
                .is_empty()
        );
        assert_eq!(
            analysed(&[at(1, 30, 1), at(30, 60, 2), at(60, 90, 3)])
                .shifts
                .len(),
            1
        );
    }

    #[test]
    fn a_pause_longer_than_the_window_forgets() {
        let unproductive = |start, end| Activity {
            productivity: Productivity::Unproductive,
            ..at(start, end, 9)
        };
        // Exactly 60 s after the end still follows; 61 s does not.
        assert_eq!(
            analysed(&[at(0, 10, 1), unproductive(70, 80)]).shifts.len(),
            1
        );
        assert!(
            analysed(&[at(0, 10, 1), unproductive(71, 80)])
                .shifts
                .is_empty()
        );
    }

    #[test]
    fn screens_count_only_when_all_are_known() {
        let titled = |start: i64, screen: Option<i64>| Activity {
            screen,
            ..at(start, start + 5, 1)
        };
        let known: Vec<_> = (0..5).map(|n| titled(n * 5, Some(n))).collect();
        assert_eq!(
            analysed(&known).shifts,
            [Shift {
                at: 4,
                cause: Cause::Screens
            }]
        );
        // An unknown screen never differs, so it enters the list only with another task.
        let mut unknown = known.clone();
        unknown.insert(
            0,
            Activity {
                screen: None,
                ..at(-5, 0, 1)
            },
        );
        assert!(analysed(&unknown).shifts.is_empty());
    }

    #[test]
    fn passive_ones_are_before_but_never_switch() {
        let passive = Activity {
            active: false,
            ..at(20, 40, 2)
        };
        // The passive task does not enter; what follows has another task than it.
        let analysis = analysed(&[at(0, 20, 1), passive, at(40, 50, 1), at(50, 60, 3)]);
        assert!(analysis.shifts.is_empty());
        assert_eq!(analysis.passive_sec[0], 20);
    }

    #[test]
    fn windows_that_touch_merge() {
        let unproductive = |start, end| Activity {
            productivity: Productivity::Unproductive,
            ..at(start, end, 9)
        };
        let day = [
            at(0, 10, 1),
            unproductive(10, 20),
            at(20, 190, 1),
            unproductive(190, 200),
            at(200, 400, 1),
        ];
        let analysis = analysed(&day);
        assert_eq!(analysis.windows, [(10, 370)]);
        // The first in full, the last at most 60.
        assert_eq!(analysis.multitasking_parts, [0, 0, 170, 0, 60]);
    }

    #[test]
    fn bridges_and_minimums() {
        let analysis = analysed(&[at(0, 30, 1), at(90, 120, 1), at(181, 240, 1)]);
        // 60 s bridges, 61 s does not; 59 s are too short to count.
        assert_eq!(
            analysis.productive_sessions,
            [
                Session {
                    first: 0,
                    last: 1,
                    seconds: 60,
                    counts: true
                },
                Session {
                    first: 2,
                    last: 2,
                    seconds: 59,
                    counts: false
                }
            ]
        );
        assert_eq!(analysis.focused_sessions, analysis.productive_sessions);
        assert_eq!(analysis.coverage.len(), 3);
    }

    #[test]
    fn nothing_of_one_day_is_left_for_the_next() {
        let mut analyser = Analyser::new(RULES);
        let busy = [at(0, 20, 1), at(20, 40, 2), at(40, 300, 3)];
        analyser.analyse(&busy);
        assert_eq!(*analyser.analyse(&[]), Analysis::default());
        assert_eq!(*analyser.analyse(&busy), analysed(&busy));
    }
}
