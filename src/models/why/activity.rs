//! The activities of one person around a day, read with everything that is told about them.

use datafusion::prelude::SessionContext;

use super::super::{Error, World};
use super::clock::date_text;
use super::rows::{query, required, rows};
use super::rule::RuleBehind;
use crate::clock::Micros;
use crate::functions::day::{self, Productivity};
use crate::functions::interval::{Interval, intersection, normalised, seconds};
use crate::zone::SECOND;

/// One activity: what clipping left of an event.
#[derive(Clone, Debug, PartialEq)]
pub struct Activity {
    pub local_date: i32,
    pub start: Micros,
    pub counted_sec: i64,
    /// Before clipping.
    pub event_start: Micros,
    pub agent_id: i64,
    pub event_id: String,
    pub computer_id: i64,
    /// `Active` or `Passive`.
    pub state: String,
    pub passive_type_id: Option<i64>,
    pub task: Option<String>,
    pub task_hash: Option<i64>,
    pub screen_hash: Option<i64>,
    pub category: Option<String>,
    pub productivity: Productivity,
    pub network_id: Option<String>,
    pub public_ip: Option<String>,
    /// Productive, in one of `metrics.collaboration_categories`.
    pub collaboration: bool,
    /// Of its category, where the primary group has a core set.
    pub core: Option<bool>,
    /// Seconds of it inside the work schedule.
    pub schedule_sec: i64,
    /// The rule that decides by the settings in force now.
    pub rule: Option<RuleBehind>,
    /// Whether that rule gives what is stored; if not, the rules changed since the last run.
    pub rule_agrees: bool,
}

impl Activity {
    /// The first instant after it.
    pub fn end(&self) -> Micros {
        self.start
            .saturating_add(self.counted_sec.saturating_mul(SECOND))
    }

    pub fn interval(&self) -> Interval {
        Interval::new(self.start, self.end())
    }

    pub fn is_active(&self) -> bool {
        self.state == "Active"
    }

    pub fn is_productive(&self) -> bool {
        self.productivity == Productivity::Productive
    }

    /// As the views name it.
    pub fn productivity_name(&self) -> &'static str {
        match self.productivity {
            Productivity::Productive => "Productive",
            Productivity::Unproductive => "Unproductive",
            Productivity::Undefined => "Undefined",
        }
    }

    /// As the analysis of the day takes it.
    pub fn analysed(&self) -> day::Activity {
        day::Activity {
            start_sec: self.start.div_euclid(SECOND),
            counted_sec: self.counted_sec,
            schedule_sec: self.schedule_sec,
            task: self.task_hash,
            screen: self.screen_hash,
            productivity: self.productivity,
            active: self.is_active(),
            collaboration: self.collaboration,
            core: self.core,
        }
    }
}

/// A person's activities of some local dates, by start.
pub async fn read(
    world: &World,
    session: &SessionContext,
    user_id: i64,
    dates: std::ops::RangeInclusive<i32>,
) -> Result<Vec<Activity>, Error> {
    let batches = query(
        session,
        &format!(
            "select
                activities.*,
                applications.executable,
                applications.application,
                applications.site,
                applications.website,
                applications.application_or_site as task
            from stg_applications as applications
            right join int_activities as activities
                on applications.application_id = activities.application_id
            where user_id = {user_id} and local_date between date '{}' and date '{}'
            order by start",
            date_text(*dates.start()),
            date_text(*dates.end())
        ),
    )
    .await?;
    let functions = &world.org_tables.functions;
    let collaboration: Vec<String> = world
        .setup
        .settings
        .metrics
        .collaboration_categories
        .iter()
        .map(|category| category.trim().to_lowercase())
        .collect();
    // Windows of the dates around: an activity may run on past midnight.
    let windows = normalised(
        (dates.start() - 2..=dates.end() + 2)
            .flat_map(|day| functions.schedules.windows(&functions.zones, user_id, day))
            .map(|(start, end)| Interval::new(start, end))
            .collect(),
    );
    let mut out = Vec::new();
    for row in rows(&batches) {
        let local_date = required(row.date("local_date")?, "local_date")?;
        let start = required(row.instant("start")?, "start")?;
        let counted_sec = required(row.integer("counted_sec")?, "counted_sec")?;
        let category = row.text("category")?;
        let productivity = required(row.text("productivity")?, "productivity")?;
        let lower = category.as_deref().map(str::to_lowercase);
        let names = [
            row.text("site")?,
            row.text("website")?,
            row.text("application")?,
            row.text("executable")?,
        ];
        let names = names.each_ref().map(Option::as_deref);
        let rule = RuleBehind::find(world, names, user_id, local_date);
        let rule_agrees = match &rule {
            Some(rule) => rule.category == category && rule.productivity == productivity,
            None => category.is_none() && productivity == "Undefined",
        };
        let alignment = functions
            .core_sets
            .alignment(user_id, local_date, category.as_deref());
        let productivity = Productivity::parse(&productivity)
            .ok_or_else(|| Error::Engine(format!("productivity '{productivity}'")))?;
        out.push(Activity {
            local_date,
            start,
            counted_sec,
            event_start: required(row.instant("event_start")?, "event_start")?,
            agent_id: required(row.integer("agent_id")?, "agent_id")?,
            event_id: required(row.text("event_id")?, "event_id")?,
            computer_id: required(row.integer("computer_id")?, "computer_id")?,
            state: required(row.text("state")?, "state")?,
            passive_type_id: row.integer("passive_type_id")?,
            task: row.text("task")?,
            task_hash: row.integer("task_hash")?,
            screen_hash: row.integer("screen_hash")?,
            productivity,
            network_id: row.text("network_id")?,
            public_ip: row.text("public_ip")?,
            collaboration: productivity == Productivity::Productive
                && lower.is_some_and(|category| collaboration.contains(&category)),
            core: alignment.map(|alignment| alignment == "Core"),
            schedule_sec: {
                let end = start.saturating_add(counted_sec.saturating_mul(SECOND));
                seconds(&intersection(&[Interval::new(start, end)], &windows))
            },
            category,
            rule,
            rule_agrees,
        });
    }
    Ok(out)
}
