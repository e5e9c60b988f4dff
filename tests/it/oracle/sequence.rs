//! What the order of a day's activities says: sessions, attention shifts, multitasking, focus.

use super::Settings;

#[derive(Clone, Debug)]
pub struct Step {
    pub start: i64,
    pub end: i64,
    pub active: bool,
    /// `Productive`, `Unproductive`, `Undefined`.
    pub productivity: String,
    pub collaboration: bool,
    /// Lower case.
    pub task: Option<String>,
    /// Known only with a title.
    pub title: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sequence {
    pub sessions: i64,
    pub session_seconds: i64,
    pub shifts: i64,
    pub multitasking: i64,
    pub focused: i64,
    pub focused_sessions: i64,
    pub focused_session_seconds: i64,
}

impl Step {
    fn seconds(&self) -> i64 {
        self.end - self.start
    }

    fn productive(&self) -> bool {
        self.productivity == "Productive"
    }

    fn focusable(&self) -> bool {
        self.productive() && !self.collaboration
    }

    fn screen(&self) -> Option<(&Option<String>, &str)> {
        Some((&self.task, self.title.as_deref()?))
    }
}

/// Instants of the day's attention shifts.
fn shifts(settings: &Settings, day: &[Step]) -> Vec<i64> {
    let mut found = Vec::new();
    let mut list: Vec<&Step> = Vec::new();
    for (index, step) in day.iter().enumerate() {
        let mut before = index.checked_sub(1).map(|index| &day[index]);
        if before.is_none_or(|before| step.start - before.end > settings.shift_window) {
            list.clear();
            before = None;
        }
        if !step.active {
            continue;
        }
        match step.productivity.as_str() {
            "Productive" => {
                let switches = match before {
                    None => true,
                    Some(before) => {
                        let screens = before.screen().zip(step.screen());
                        before.task != step.task || screens.is_some_and(|(one, two)| one != two)
                    }
                };
                if !switches {
                    continue;
                }
                list.retain(|entry| entry.start > step.start - settings.shift_window);
                list.push(step);
                let mut tasks: Vec<_> = list.iter().map(|entry| &entry.task).collect();
                tasks.sort();
                tasks.dedup();
                let screens: Option<Vec<_>> = list.iter().map(|entry| entry.screen()).collect();
                let distinct = screens.map_or(0, |mut screens| {
                    screens.sort();
                    screens.dedup();
                    screens.len()
                });
                if tasks.len() > settings.shift_apps || distinct > settings.shift_screens {
                    found.push(step.start);
                    list = vec![step];
                }
            }
            "Unproductive" if before.is_some_and(Step::productive) => {
                found.push(step.start);
                list.clear();
            }
            _ => {}
        }
    }
    found
}

/// Seconds of each activity that count as multitasking.
fn multitasking(settings: &Settings, day: &[Step], shifts: &[i64]) -> Vec<i64> {
    let spans: Vec<(i64, i64)> = shifts
        .iter()
        .map(|shift| (*shift, shift + settings.residue))
        .collect();
    let mut out = vec![0; day.len()];
    for (begin, end) in super::spans::union(&spans) {
        let inside: Vec<usize> = (0..day.len())
            .filter(|index| {
                let step = &day[*index];
                step.active && step.focusable() && step.start >= begin && step.start < end
            })
            .collect();
        for index in &inside {
            out[*index] = day[*index].seconds();
        }
        if let Some(last) = inside.last() {
            out[*last] = out[*last].min(settings.last_activity_cap);
        }
    }
    out
}

/// The figures of one day, its activities in order.
pub fn sequence(settings: &Settings, day: &[Step]) -> Sequence {
    let shifts = shifts(settings, day);
    let multi = multitasking(settings, day, &shifts);
    let mut out = Sequence {
        shifts: shifts.len() as i64,
        multitasking: multi.iter().sum(),
        ..Sequence::default()
    };
    let sum = |wanted: fn(&Step) -> bool| -> i64 {
        day.iter()
            .filter(|step| wanted(step))
            .map(Step::seconds)
            .sum()
    };
    out.focused = sum(Step::focusable) - out.multitasking;
    assert!(out.focused >= 0, "focused below 0");

    // Runs: a list of lists of positions.
    let runs = |goes_on: &dyn Fn(Option<&Step>, &Step) -> bool, wanted: fn(&Step) -> bool| {
        let mut runs: Vec<Vec<usize>> = Vec::new();
        for (index, step) in day.iter().enumerate() {
            if !wanted(step) {
                continue;
            }
            let before = index.checked_sub(1).map(|index| &day[index]);
            if before.is_some_and(wanted) && goes_on(before, step) {
                runs.last_mut().unwrap().push(index);
            } else {
                runs.push(vec![index]);
            }
        }
        runs
    };
    let near = |before: Option<&Step>, step: &Step| {
        before.is_some_and(|before| step.start - before.end <= settings.bridge)
    };
    for run in runs(&near, Step::productive) {
        let seconds: i64 = run.iter().map(|index| day[*index].seconds()).sum();
        if seconds >= settings.session_min {
            out.sessions += 1;
            out.session_seconds += seconds;
        }
    }
    let same = |before: Option<&Step>, step: &Step| {
        near(before, step) && before.is_some_and(|before| before.task == step.task)
    };
    for run in runs(&same, Step::focusable) {
        let seconds: i64 = run
            .iter()
            .map(|index| day[*index].seconds() - multi[*index])
            .sum();
        if seconds >= settings.session_min {
            out.focused_sessions += 1;
            out.focused_session_seconds += seconds;
        }
    }
    out
}

/// (count, seconds) of breaks: gaps of coverage inside the day, less the offline spans.
pub fn breaks(
    settings: &Settings,
    coverage: &[super::spans::Span],
    day: &[super::spans::Span],
    offline: &[super::spans::Span],
) -> (i64, i64) {
    let (Some(first), Some(last)) = (coverage.first(), coverage.last()) else {
        return (0, 0);
    };
    let inside = super::spans::meet(&[(first.0, last.1)], day);
    let gaps = super::spans::minus(&super::spans::minus(&inside, coverage), offline);
    let counted: Vec<i64> = gaps
        .iter()
        .map(|(begin, end)| end - begin)
        .filter(|length| *length > settings.break_min && *length <= settings.break_max_gap)
        .collect();
    let seconds = counted
        .iter()
        .map(|length| (*length).min(settings.break_cap));
    (counted.len() as i64, seconds.sum())
}
