//! The classification rule behind an activity's category and productivity.

use serde_json::json;

use super::super::World;
use crate::functions::classify::{On, RuleSource};

/// A rule that decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleBehind {
    /// `group`, `account` or `shipped`.
    pub set: &'static str,
    /// Of a group's rule.
    pub group: Option<(i64, String)>,
    /// `site`, `website`, `application`, `executable` or `pattern`.
    pub kind: &'static str,
    /// What the rule looks for, as written.
    pub pattern: String,
    pub order: i64,
    pub category: Option<String>,
    pub productivity: &'static str,
}

impl RuleBehind {
    /// The rule that decides by the settings in force, of site, website, application and
    /// executable; none where nothing matches.
    pub fn find(
        world: &World,
        names: [Option<&str>; 4],
        user_id: i64,
        date: i32,
    ) -> Option<RuleBehind> {
        let classifier = &world.org_tables.functions.classifier;
        let (source, rule) = classifier.rule(names, Some(user_id), Some(date))?;
        let (set, group) = match source {
            RuleSource::Account => ("account", None),
            RuleSource::Shipped => ("shipped", None),
            RuleSource::Group(id) => {
                let named = world.org.groups.iter().find(|group| group.group_id == id);
                let name = named.map(|group| group.group_name.clone());
                ("group", Some((id, name.unwrap_or_default())))
            }
        };
        Some(RuleBehind {
            set,
            group,
            kind: match rule.on {
                On::Site => "site",
                On::Website => "website",
                On::Application => "application",
                On::Executable => "executable",
                On::Pattern => "pattern",
            },
            pattern: rule.value.clone(),
            order: rule.order,
            category: rule.class.category.clone(),
            productivity: rule.class.productivity,
        })
    }

    /// `group 7 'Sales': site example.com, order 10`.
    pub fn text(&self) -> String {
        let set = match &self.group {
            Some((id, name)) => format!("group {id} '{name}'"),
            None => self.set.to_owned(),
        };
        format!(
            "{set}: {} {}, order {}",
            self.kind, self.pattern, self.order
        )
    }

    /// As an object; see the module's documentation.
    pub fn json(&self) -> serde_json::Value {
        json!({
            "set": self.set,
            "group_id": self.group.as_ref().map(|(id, _)| id),
            "group_name": self.group.as_ref().map(|(_, name)| name),
            "kind": self.kind,
            "pattern": self.pattern,
            "order": self.order,
            "category": self.category,
            "productivity": self.productivity,
        })
    }
}
