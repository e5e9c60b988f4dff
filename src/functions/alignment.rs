//! `alignment(user_id, local_date, category)`: whether an activity is core work of the person's
//! primary group that day (`semantics.md` §5, §7).

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, NullBufferBuilder, StringBuilder,
};
use datafusion::arrow::buffer::BooleanBuffer;
use datafusion::arrow::datatypes::{DataType, Date32Type, Int64Type};
use datafusion::common::exec_err;
use datafusion::logical_expr::ScalarUDF;

use super::documentation::{ORGANISATION, page};
use super::ids::texts_hash;
use super::person_days::runs;
use super::{Arguments, scalar};

/// Primary groups over time, and what is core to each group.
#[derive(Clone, Debug, Default)]
pub struct CoreSets {
    /// By user: half-open day ranges with the primary group.
    primary: HashMap<i64, Vec<(i32, i32, i64)>>,
    core: HashMap<i64, CoreSet>,
}

/// What is core to a group.
#[derive(Clone, Debug)]
struct CoreSet {
    group: i64,
    /// Lower-case category names.
    names: HashSet<String>,
    /// The same as numbers: `values_hash` of the name.
    numbers: foldhash::HashSet<i64>,
}

impl CoreSets {
    /// Category names of `core` must be lower case.
    pub fn new(
        primary: HashMap<i64, Vec<(i32, i32, i64)>>,
        core: HashMap<i64, HashSet<String>>,
    ) -> Self {
        let set = |(group, names): (i64, HashSet<String>)| {
            let numbers = names
                .iter()
                .map(|name| texts_hash([Some(name.as_str())]))
                .collect();
            let set = CoreSet {
                group,
                names,
                numbers,
            };
            (group, set)
        };
        CoreSets {
            primary,
            core: core.into_iter().map(set).collect(),
        }
    }

    /// `Core` or `Non-Core`; `None` without a primary group or a core set.
    pub fn alignment(
        &self,
        user_id: i64,
        day: i32,
        category: Option<&str>,
    ) -> Option<&'static str> {
        Some(self.set(user_id, day)?.alignment(category))
    }

    /// The core set of the primary group.
    fn set(&self, user_id: i64, day: i32) -> Option<&CoreSet> {
        let (_, _, group) = self
            .primary
            .get(&user_id)?
            .iter()
            .find(|(from, to, _)| *from <= day && day < *to)?;
        self.core.get(group)
    }
}

impl CoreSet {
    fn alignment(&self, category: Option<&str>) -> &'static str {
        if category.is_some_and(|category| self.names.contains(&category.to_lowercase())) {
            "Core"
        } else {
            "Non-Core"
        }
    }
}

/// The same by the number of the category.
pub fn is_core(sets: Arc<CoreSets>) -> ScalarUDF {
    scalar(
        "is_core",
        page(
            ORGANISATION,
            "is_core(user_id, local_date, category_hash)",
            "Whether `alignment` is `Core`, by the number of a category, \
             `values_hash(lower(category))`: faster over many rows. NULL where `alignment` is.",
            &[
                ("user_id", "uid of the person"),
                ("local_date", "the day in the person's reporting zone"),
                (
                    "category_hash",
                    "the number of a category name; NULL without a category",
                ),
            ],
            "select is_core(1, date '2026-03-02', values_hash(lower('Design'))) as is_core",
        ),
        Arguments::Exactly(vec![DataType::Int64, DataType::Date32, DataType::Int64]),
        DataType::Boolean,
        move |args| {
            let [users, days, categories] = args else {
                return exec_err!("is_core takes a user_id, a date and a number");
            };
            let users = users.as_primitive::<Int64Type>();
            let days = days.as_primitive::<Date32Type>();
            let categories = categories.as_primitive::<Int64Type>();
            let values = categories.values();
            let nulls = categories.nulls();
            let mut core: Vec<bool> = Vec::with_capacity(users.len());
            let mut valid = NullBufferBuilder::new(users.len());
            for (run, whose) in runs(users, days) {
                let Some(set) = whose.and_then(|(user, day)| sets.set(user, day)) else {
                    valid.append_n_nulls(run.len());
                    core.resize(run.end, false);
                    continue;
                };
                valid.append_n_non_nulls(run.len());
                let given = |row: usize| nulls.is_none_or(|nulls| nulls.is_valid(row));
                core.extend(run.map(|row| {
                    let number = values.get(row);
                    number.is_some_and(|number| set.numbers.contains(number)) && given(row)
                }));
            }
            let core = BooleanArray::new(BooleanBuffer::from(core), valid.finish());
            Ok(Arc::new(core) as ArrayRef)
        },
    )
}

/// The SQL function over the sets.
pub fn alignment(sets: Arc<CoreSets>) -> ScalarUDF {
    scalar(
        "alignment",
        page(
            ORGANISATION,
            "alignment(user_id, local_date, category)",
            "Whether a category is core work of a person that day. `Core` when it is in \
             the core set of the group that is then the person's primary one, `Non-Core` \
             when it is not or is NULL; NULL without such a group or set, and for a NULL \
             user or date.",
            &[
                ("user_id", "uid of the person"),
                ("local_date", "the day in the person's reporting zone"),
                ("category", "a category name, in any case"),
            ],
            "select alignment(1, date '2026-03-02', 'Design') as alignment",
        ),
        Arguments::Exactly(vec![DataType::Int64, DataType::Date32, DataType::Utf8]),
        DataType::Utf8,
        move |args| {
            let [users, days, categories] = args else {
                return exec_err!("alignment takes a user_id, a date and a category");
            };
            let users = users.as_primitive::<Int64Type>();
            let days = days.as_primitive::<Date32Type>();
            let categories = categories.as_string::<i32>();
            // A day has few categories.
            let mut known: foldhash::HashMap<(i64, Option<&str>), &'static str> =
                foldhash::HashMap::default();
            let mut out = StringBuilder::with_capacity(users.len(), users.len() * "Non-Core".len());
            for (run, whose) in runs(users, days) {
                let Some(set) = whose.and_then(|(user, day)| sets.set(user, day)) else {
                    run.for_each(|_| out.append_null());
                    continue;
                };
                for row in run {
                    let category = categories.is_valid(row).then(|| categories.value(row));
                    let known = known.entry((set.group, category));
                    out.append_value(known.or_insert_with(|| set.alignment(category)));
                }
            }
            Ok(Arc::new(out.finish()) as ArrayRef)
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn needs_a_primary_group_with_a_core_set() {
        let sets = CoreSets::new(
            HashMap::from([(1, vec![(0, 10, 7), (10, 20, 8)])]),
            HashMap::from([(7, HashSet::from(["design".to_owned()]))]),
        );
        assert_eq!(sets.alignment(1, 9, Some("Design")), Some("Core"));
        assert_eq!(sets.alignment(1, 9, Some("News")), Some("Non-Core"));
        assert_eq!(sets.alignment(1, 9, None), Some("Non-Core"));
        assert_eq!(sets.alignment(1, 10, Some("Design")), None);
        assert_eq!(sets.alignment(2, 9, Some("Design")), None);
    }
}
