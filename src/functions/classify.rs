//! `classify(site, website, application, executable, user_id, local_date)`: category and
//! productivity of an activity by the rules in force (`semantics.md` §3).
//!
//! Rule sets are asked in turn: those of the person's groups that day, the account's, the shipped
//! default. Within a set the more exact kind wins before the rule's order.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, StringBuilder, StructArray};
use datafusion::arrow::datatypes::{DataType, Date32Type, Field, Fields, Int64Type};
use datafusion::common::Result;
use datafusion::logical_expr::ScalarUDF;
use xxhash_rust::xxh3::Xxh3Default;

use super::documentation::{ORGANISATION, page};
use super::{Arguments, glob, scalar};

/// What a rule gives.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Class {
    pub category: Option<String>,
    pub productivity: &'static str,
}

/// What a rule looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    Site,
    Website,
    Application,
    Executable,
    Pattern,
}

/// A rule; `order` first, then the order in which rules are added.
#[derive(Clone, Debug)]
pub struct Rule {
    pub order: i64,
    pub on: On,
    /// Compared without case.
    pub value: String,
    pub class: Class,
}

/// One set of rules.
#[derive(Clone, Debug, Default)]
pub struct RuleSet {
    exact: [HashMap<String, Arc<Rule>>; 4],
    patterns: Vec<(String, Arc<Rule>)>,
}

impl RuleSet {
    /// Of the given rules, in file order.
    pub fn new(rules: impl IntoIterator<Item = Rule>) -> Self {
        let mut rules: Vec<Rule> = rules.into_iter().collect();
        rules.sort_by_key(|rule| rule.order);
        let mut set = RuleSet::default();
        for rule in rules {
            let value = rule.value.trim().to_lowercase();
            let rule = Arc::new(rule);
            let slot = match rule.on {
                On::Site => 0,
                On::Website => 1,
                On::Application => 2,
                On::Executable => 3,
                On::Pattern => {
                    set.patterns.push((value, rule));
                    continue;
                }
            };
            if let Some(map) = set.exact.get_mut(slot) {
                map.entry(value).or_insert(rule);
            }
        }
        set
    }

    fn find(&self, key: &Key<'_>) -> Option<&Rule> {
        let [sites, websites, applications, executables] = &self.exact;
        let pattern = |text: &str| {
            self.patterns
                .iter()
                .find(|(pattern, _)| glob::matches(pattern, text))
                .map(|(_, rule)| rule)
        };
        if let Some(site) = key.site {
            return sites
                .get(site)
                .or_else(|| key.website.and_then(|website| websites.get(website)))
                .or_else(|| pattern(site))
                .map(Arc::as_ref);
        }
        key.application
            .and_then(|name| applications.get(name))
            .or_else(|| key.executable.and_then(|name| executables.get(name)))
            .or_else(|| key.application.and_then(pattern))
            .or_else(|| key.executable.and_then(pattern))
            .map(Arc::as_ref)
    }
}

/// Whose set a rule belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleSource {
    /// Of the group with this id.
    Group(i64),
    Account,
    Shipped,
}

/// What is to be classified; names in lower case.
struct Key<'a> {
    site: Option<&'a str>,
    website: Option<&'a str>,
    application: Option<&'a str>,
    executable: Option<&'a str>,
}

/// The groups of a user over time: half-open day ranges, each with group ids in rule order.
pub type GroupsOverTime = HashMap<i64, Vec<(i32, i32, Vec<i64>)>>;

/// All rule sets.
#[derive(Clone, Debug, Default)]
pub struct Classifier {
    groups: HashMap<i64, RuleSet>,
    memberships: GroupsOverTime,
    account: RuleSet,
    shipped: RuleSet,
}

impl Classifier {
    /// `memberships` needs only users with a group that has rules.
    pub fn new(
        groups: HashMap<i64, RuleSet>,
        memberships: GroupsOverTime,
        account: RuleSet,
        shipped: RuleSet,
    ) -> Self {
        Classifier {
            groups,
            memberships,
            account,
            shipped,
        }
    }

    fn find(
        &self,
        key: &Key<'_>,
        user_id: Option<i64>,
        day: Option<i32>,
    ) -> Option<(RuleSource, &Rule)> {
        if let (Some(user_id), Some(day)) = (user_id, day)
            && let Some(ranges) = self.memberships.get(&user_id)
        {
            let found = ranges
                .iter()
                .filter(|(from, to, _)| *from <= day && day < *to)
                .flat_map(|(_, _, groups)| groups)
                .find_map(|group| {
                    let rule = self.groups.get(group)?.find(key)?;
                    Some((RuleSource::Group(*group), rule))
                });
            if found.is_some() {
                return found;
            }
        }
        let account = self.account.find(key);
        account
            .map(|rule| (RuleSource::Account, rule))
            .or_else(|| Some((RuleSource::Shipped, self.shipped.find(key)?)))
    }

    /// The groups of a person that day whose rules come before the account's, in their order.
    fn groups_with_rules(&self, user_id: i64, day: i32) -> impl Iterator<Item = i64> {
        self.memberships
            .get(&user_id)
            .into_iter()
            .flatten()
            .filter(move |(from, to, _)| *from <= day && day < *to)
            .flat_map(|(_, _, groups)| groups)
            .copied()
            .filter(|group| self.groups.contains_key(group))
    }

    /// A number for the groups whose rules are asked for a person that day: two with the same
    /// number have the same class for the same names. 0 where only the account's rules are.
    pub fn rule_set(&self, user_id: i64, day: i32) -> i64 {
        let mut groups = self.groups_with_rules(user_id, day).peekable();
        if groups.peek().is_none() {
            return 0;
        }
        let mut hash = Xxh3Default::new();
        for group in groups {
            hash.update(&group.to_le_bytes());
        }
        (hash.digest() & (i64::MAX as u64)).max(1) as i64
    }

    /// Every rule set that anybody ever has, with a person and day that has it; the account's
    /// needs none.
    pub fn rule_sets(&self) -> Vec<(i64, Option<(i64, i32)>)> {
        let mut found: BTreeMap<i64, Option<(i64, i32)>> = BTreeMap::from([(0, None)]);
        let mut users: Vec<_> = self.memberships.iter().collect();
        users.sort_unstable_by_key(|(user_id, _)| **user_id);
        for (user_id, spans) in users {
            // The groups change only where a membership begins or ends.
            for day in spans.iter().flat_map(|(from, to, _)| [*from, *to]) {
                found
                    .entry(self.rule_set(*user_id, day))
                    .or_insert(Some((*user_id, day)));
            }
        }
        found.into_iter().collect()
    }

    /// Class of one activity.
    pub fn classify(
        &self,
        site: Option<&str>,
        website: Option<&str>,
        application: Option<&str>,
        executable: Option<&str>,
        user_id: Option<i64>,
        day: Option<i32>,
    ) -> Class {
        self.rule([site, website, application, executable], user_id, day)
            .map_or_else(nothing, |(_, rule)| rule.class.clone())
    }

    /// The rule that decides on one activity, of its site, website, application and executable,
    /// and whose it is; none where nothing matches.
    pub fn rule(
        &self,
        names: [Option<&str>; 4],
        user_id: Option<i64>,
        day: Option<i32>,
    ) -> Option<(RuleSource, &Rule)> {
        let lower = names.map(|name| name.map(str::to_lowercase));
        let [site, website, application, executable] = &lower;
        let key = Key {
            site: site.as_deref(),
            website: website.as_deref(),
            application: application.as_deref(),
            executable: executable.as_deref(),
        };
        self.find(&key, user_id, day)
    }
}

fn nothing() -> Class {
    Class {
        category: None,
        productivity: "Undefined",
    }
}

fn fields() -> Fields {
    Fields::from(vec![
        Field::new("category", DataType::Utf8, true),
        Field::new("productivity", DataType::Utf8, false),
    ])
}

/// The SQL function over a classifier.
pub fn classify(classifier: Arc<Classifier>) -> ScalarUDF {
    let text = DataType::Utf8;
    scalar(
        "classify",
        page(
            ORGANISATION,
            "classify(site, website, application, executable, user_id, local_date)",
            "Category and productivity of an activity by the rules in force, as a struct \
             of `category` and `productivity`. What has a site is matched by the rules on \
             sites, websites and patterns, all else by those on applications, executables \
             and patterns; the rules of the person's groups that day come before the \
             account's, those before the shipped ones. Where nothing matches, the \
             category is NULL and the productivity `Undefined`.",
            &[
                (
                    "site",
                    "host without `www.`; NULL for what is not web activity",
                ),
                ("website", "registrable domain of the site"),
                ("application", "name of the program"),
                ("executable", "base name of the program as reported"),
                (
                    "user_id",
                    "uid of the person, or NULL for nobody in particular",
                ),
                (
                    "local_date",
                    "the day in the reporting zone, which decides on the groups, or NULL",
                ),
            ],
            "select class['category'] as category, class['productivity'] as productivity\n\
             from (select classify(NULL, NULL, 'Microsoft Excel', 'EXCEL.EXE', NULL, NULL) as class\n  \
             union all select classify('nowhere.example', 'nowhere.example', NULL, NULL, NULL, NULL))\n\
             order by category",
        ),
        Arguments::Exactly(vec![
            text.clone(),
            text.clone(),
            text.clone(),
            text,
            DataType::Int64,
            DataType::Date32,
        ]),
        DataType::Struct(fields()),
        move |args| evaluate(&classifier, args),
    )
}

/// Names, and the user and date where groups have rules.
type Known<'a> = ([Option<&'a str>; 4], Option<(i64, i32)>);

fn evaluate(classifier: &Classifier, args: &[ArrayRef]) -> Result<ArrayRef> {
    let [site, website, application, executable, user_id, day] = args else {
        return datafusion::common::exec_err!("classify takes six arguments");
    };
    let texts = [site, website, application, executable].map(|array| array.as_string::<i32>());
    let users = user_id.as_primitive::<Int64Type>();
    let days = day.as_primitive::<Date32Type>();
    // Rules look at few distinct names: what was found once in this batch is found again.
    let mut known: foldhash::HashMap<Known<'_>, Class> = foldhash::HashMap::default();
    let mut categories = StringBuilder::new();
    let mut productivities = StringBuilder::new();
    for row in 0..site.len() {
        let names = texts.map(|array| array.is_valid(row).then(|| array.value(row)));
        let user = users.is_valid(row).then(|| users.value(row));
        let date = days.is_valid(row).then(|| days.value(row));
        let who = user
            .zip(date)
            .filter(|(user, _)| classifier.memberships.contains_key(user));
        let class = known.entry((names, who)).or_insert_with(|| {
            let [site, website, application, executable] = names;
            classifier.classify(site, website, application, executable, user, date)
        });
        categories.append_option(class.category.as_deref());
        productivities.append_value(class.productivity);
    }
    Ok(Arc::new(StructArray::try_new(
        fields(),
        vec![
            Arc::new(categories.finish()),
            Arc::new(productivities.finish()),
        ],
        None,
    )?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(order: i64, on: On, value: &str, category: &str) -> Rule {
        Rule {
            order,
            on,
            value: value.into(),
            class: Class {
                category: Some(category.into()),
                productivity: "Productive",
            },
        }
    }

    #[test]
    fn people_with_the_same_groups_share_a_rule_set() {
        let own = |category| RuleSet::new([rule(1, On::Application, "a", category)]);
        let classifier = Classifier::new(
            HashMap::from([(1, own("one")), (2, own("two"))]),
            HashMap::from([
                (7, vec![(0, 10, vec![1]), (5, 20, vec![2])]),
                (8, vec![(0, 10, vec![2])]),
                // A group without rules.
                (9, vec![(0, 10, vec![3])]),
            ]),
            RuleSet::default(),
            RuleSet::default(),
        );
        let set = |user, day| classifier.rule_set(user, day);
        assert_eq!(set(8, 0), set(7, 15));
        assert_ne!(set(7, 0), set(7, 5));
        assert_eq!([set(9, 0), set(8, 10), set(6, 0), set(7, -1)], [0; 4]);
        let sets = classifier.rule_sets();
        assert_eq!(sets.len(), 4, "none, 1, 2, 1 and 2: {sets:?}");
        for (number, who) in sets {
            assert_eq!(who.map_or(0, |(user, day)| set(user, day)), number);
        }
    }

    #[test]
    fn exact_before_pattern_and_site_before_website() {
        let account = RuleSet::new([
            rule(1, On::Pattern, "*", "any"),
            rule(9, On::Website, "Example.com", "website"),
            rule(9, On::Site, "mail.example.com", "site"),
            rule(5, On::Executable, "word.exe", "executable"),
            rule(7, On::Application, "Word", "application"),
        ]);
        let shipped = RuleSet::new([rule(1, On::Site, "never.example", "shipped")]);
        let all = Classifier::new(HashMap::new(), HashMap::new(), account, shipped);
        let class = |site, website, application, executable| {
            all.classify(site, website, application, executable, Some(1), Some(0))
                .category
                .unwrap()
        };
        let browser = (Some("Chrome"), Some("chrome.exe"));
        assert_eq!(
            class(
                Some("mail.example.com"),
                Some("example.com"),
                browser.0,
                browser.1
            ),
            "site"
        );
        assert_eq!(
            class(
                Some("a.example.com"),
                Some("example.com"),
                browser.0,
                browser.1
            ),
            "website"
        );
        assert_eq!(
            class(Some("x.org"), Some("x.org"), browser.0, browser.1),
            "any"
        );
        assert_eq!(
            class(None, None, Some("WORD"), Some("word.exe")),
            "application"
        );
        assert_eq!(
            class(None, None, Some("other"), Some("Word.EXE")),
            "executable"
        );
    }

    #[test]
    fn groups_come_first_and_only_on_their_days() {
        let groups = HashMap::from([
            (7, RuleSet::new([rule(1, On::Site, "x.org", "seven")])),
            (8, RuleSet::new([rule(1, On::Pattern, "*.org", "eight")])),
        ]);
        let memberships = HashMap::from([(1, vec![(0, 10, vec![8, 7]), (10, 20, vec![7])])]);
        let account = RuleSet::new([rule(1, On::Site, "x.org", "account")]);
        let all = Classifier::new(groups, memberships, account, RuleSet::default());
        let class = |user, day| {
            all.classify(
                Some("x.org"),
                Some("x.org"),
                None,
                None,
                Some(user),
                Some(day),
            )
            .category
            .unwrap()
        };
        assert_eq!(class(1, 9), "eight");
        assert_eq!(class(1, 10), "seven");
        assert_eq!(class(1, 20), "account");
        assert_eq!(class(2, 0), "account");
    }

    #[test]
    fn the_deciding_rule_can_be_told() {
        let groups = HashMap::from([(7, RuleSet::new([rule(3, On::Website, "X.org", "seven")]))]);
        let memberships = HashMap::from([(1, vec![(0, 10, vec![7])])]);
        let account = RuleSet::new([
            rule(5, On::Pattern, "*.org", "later"),
            rule(2, On::Pattern, "?.org", "first"),
        ]);
        let shipped = RuleSet::new([rule(1, On::Site, "y.example", "shipped")]);
        let all = Classifier::new(groups, memberships, account, shipped);
        let told = |site, day| {
            let (source, rule) =
                all.rule([Some(site), Some(site), None, None], Some(1), Some(day))?;
            Some((source, rule.on, rule.order, rule.value.as_str()))
        };
        let group = RuleSource::Group(7);
        assert_eq!(told("x.org", 1), Some((group, On::Website, 3, "X.org")));
        let account = RuleSource::Account;
        assert_eq!(told("x.org", 11), Some((account, On::Pattern, 2, "?.org")));
        let shipped = RuleSource::Shipped;
        assert_eq!(
            told("Y.example", 1),
            Some((shipped, On::Site, 1, "y.example"))
        );
        assert_eq!(told("z.example", 1), None);
    }

    #[test]
    fn a_browser_rule_is_no_fall_back_for_a_site() {
        let account = RuleSet::new([rule(1, On::Application, "chrome", "browser")]);
        let all = Classifier::new(HashMap::new(), HashMap::new(), account, RuleSet::default());
        let found = all.classify(
            Some("x.org"),
            Some("x.org"),
            Some("Chrome"),
            None,
            None,
            None,
        );
        assert_eq!(found, nothing());
    }
}
