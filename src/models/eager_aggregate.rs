//! Adds up before it looks up. A query that groups events by what their numbers stand for (a program's
//! name, its category, a person's name) joins many rows with a small table and then groups by text. This
//! groups by the numbers first, joins the few groups, and groups again: eager aggregation (Yan and Larson,
//! "Eager aggregation and lazy aggregation", VLDB 1995).
//!
//! Only where the answer is the same in every value: the small side is unique on the join's keys, so that
//! a row is joined at most once, and every aggregate can be made from parts (count, sum of whole numbers,
//! min, max; a condition on the small side may stand before it). Anything else is left alone.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{Column, DFSchema, Result, ScalarValue};
use datafusion::functions_aggregate::expr_fn::{count, max, min, sum};
use datafusion::logical_expr::expr::{AggregateFunction, AggregateFunctionParams};
use datafusion::logical_expr::{
    Aggregate, Expr, ExprSchemable, Join, JoinType, LogicalPlan, Projection, lit, when,
};
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};

use super::lookup::unique_on;

/// The rule.
#[derive(Debug)]
pub struct EagerAggregate;

impl OptimizerRule for EagerAggregate {
    fn name(&self) -> &str {
        "eager_aggregate"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::TopDown)
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        _: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        let LogicalPlan::Aggregate(aggregate) = &plan else {
            return Ok(Transformed::no(plan));
        };
        Ok(match rewritten(aggregate)? {
            Some(better) => Transformed::yes(better),
            None => Transformed::no(plan),
        })
    }
}

/// What a plan gives, column by column, in terms of the join below its projections.
pub(super) fn over_join(plan: &LogicalPlan) -> Result<Option<(Vec<Expr>, &Join)>> {
    Ok(match plan {
        LogicalPlan::Join(join) => {
            let columns = join.schema.iter().map(|field| Expr::Column(field.into()));
            Some((columns.collect(), join))
        }
        LogicalPlan::SubqueryAlias(alias) => over_join(&alias.input)?,
        LogicalPlan::Projection(projection) => {
            let Some((below, join)) = over_join(&projection.input)? else {
                return Ok(None);
            };
            let mut out = Vec::with_capacity(projection.expr.len());
            for expr in &projection.expr {
                let Some(expr) = inlined(expr, projection.input.schema(), &below)? else {
                    return Ok(None);
                };
                out.push(expr);
            }
            Some((out, join))
        }
        _ => None,
    })
}

/// An expression with its columns replaced by what they are made from; none where that could differ.
pub(super) fn inlined(expr: &Expr, schema: &DFSchema, below: &[Expr]) -> Result<Option<Expr>> {
    if expr.is_volatile() || has_subquery(expr)? {
        return Ok(None);
    }
    let mut lost = false;
    let expr = expr.clone().transform(|expr| {
        let Expr::Column(column) = &expr else {
            return Ok(match expr {
                // Names say nothing inside.
                Expr::Alias(alias) => Transformed::yes(*alias.expr),
                expr => Transformed::no(expr),
            });
        };
        match schema
            .maybe_index_of_column(column)
            .and_then(|index| below.get(index))
        {
            // From the leaves up: what stands in its place is not looked at again.
            Some(made) => Ok(Transformed::yes(made.clone())),
            None => {
                lost = true;
                Ok(Transformed::no(expr))
            }
        }
    });
    let expr = expr.data()?;
    Ok((!lost).then_some(expr))
}

fn has_subquery(expr: &Expr) -> Result<bool> {
    expr.exists(|expr| {
        Ok(matches!(
            expr,
            Expr::ScalarSubquery(_)
                | Expr::InSubquery(_)
                | Expr::Exists(_)
                | Expr::OuterReferenceColumn(..)
        ))
    })
}

/// The sides of a join with a small table that has each key once.
pub(super) struct Lookup<'a> {
    /// Whether the small table stands on the left.
    pub left: bool,
    pub small: &'a Arc<LogicalPlan>,
    pub many: &'a Arc<LogicalPlan>,
    /// (small side, many side).
    pub on: Vec<(&'a Expr, &'a Expr)>,
}

/// A join as a look-up, if it is one: every row of the many stays, with at most one partner.
pub(super) fn lookup(join: &Join) -> Option<Lookup<'_>> {
    if join.filter.is_some() {
        return None;
    }
    let as_lookup = |left: bool| {
        let on: Vec<(&Expr, &Expr)> = join
            .on
            .iter()
            .map(|(one, other)| if left { (one, other) } else { (other, one) })
            .collect();
        let (small, many) = match left {
            true => (&join.left, &join.right),
            false => (&join.right, &join.left),
        };
        let keys: Option<Vec<&Column>> = on.iter().map(|(key, _)| key.try_as_col()).collect();
        unique_on(small, &keys?).then_some(Lookup {
            left,
            small,
            many,
            on,
        })
    };
    match join.join_type {
        JoinType::Right => as_lookup(true),
        JoinType::Left => as_lookup(false),
        // An inner join leaves out rows, on which something may be asked that fails.
        _ => None,
    }
}

/// Which side an expression's columns come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Neither,
    Small,
    Many,
    Both,
}

fn side(expr: &Expr, many: &DFSchema) -> Side {
    let (mut of_many, mut of_small) = (false, false);
    for column in expr.column_refs() {
        match many.maybe_index_of_column(column) {
            Some(_) => of_many = true,
            None => of_small = true,
        }
    }
    match (of_small, of_many) {
        (false, false) => Side::Neither,
        (true, false) => Side::Small,
        (false, true) => Side::Many,
        (true, true) => Side::Both,
    }
}

/// The first grouping: by what, and of what parts; each with the name it is known by above.
#[derive(Default)]
struct First {
    group: Vec<(Expr, String)>,
    parts: Vec<(Expr, String)>,
}

impl First {
    /// The name of a group expression, which is added if it is new.
    fn group(&mut self, expr: &Expr) -> Expr {
        Expr::Column(Column::new_unqualified(named(
            &mut self.group,
            expr,
            "__group",
        )))
    }

    fn part(&mut self, expr: &Expr) -> Expr {
        Expr::Column(Column::new_unqualified(named(
            &mut self.parts,
            expr,
            "__part",
        )))
    }

    /// A group expression above the join: columns of the many by the names they have there.
    fn grouped(&mut self, expr: &Expr, many: &DFSchema) -> Result<Expr> {
        if matches!(side(expr, many), Side::Many) {
            return Ok(self.group(expr));
        }
        let expr = expr.clone().transform(|expr| match &expr {
            Expr::Column(column) if many.maybe_index_of_column(column).is_some() => {
                Ok(Transformed::yes(self.group(&expr)))
            }
            _ => Ok(Transformed::no(expr)),
        });
        expr.data()
    }
}

fn named(known: &mut Vec<(Expr, String)>, expr: &Expr, prefix: &str) -> String {
    if let Some((_, name)) = known.iter().find(|(old, _)| old == expr) {
        return name.clone();
    }
    let name = format!("{prefix}_{}", known.len());
    known.push((expr.clone(), name.clone()));
    name
}

/// An instant is a group of its own for nearly every row: grouping by it twice would gain nothing.
fn is_instant(expr: &Expr, schema: &DFSchema) -> Result<bool> {
    Ok(matches!(
        expr.get_type(schema)?,
        DataType::Timestamp(..) | DataType::Time64(_) | DataType::Time32(_)
    ))
}

fn rewritten(aggregate: &Aggregate) -> Result<Option<LogicalPlan>> {
    let Some((below, join)) = over_join(&aggregate.input)? else {
        return Ok(None);
    };
    let Some(Lookup {
        left,
        small,
        many,
        on,
    }) = lookup(join)
    else {
        return Ok(None);
    };
    if is_grouped(many) {
        return Ok(None);
    }
    let many_schema = many.schema();
    let mut first = First::default();

    let mut group = Vec::with_capacity(aggregate.group_expr.len());
    let mut looks_up = false;
    for expr in &aggregate.group_expr {
        if matches!(expr, Expr::GroupingSet(_)) {
            return Ok(None);
        }
        let Some(expr) = inlined(expr, aggregate.input.schema(), &below)? else {
            return Ok(None);
        };
        looks_up |= matches!(side(&expr, many_schema), Side::Small | Side::Both);
        group.push(first.grouped(&expr, many_schema)?);
    }
    let mut combined = Vec::with_capacity(aggregate.aggr_expr.len());
    for expr in &aggregate.aggr_expr {
        let Some((expr, looked)) = parted(expr, aggregate, &below, many_schema, &mut first)? else {
            return Ok(None);
        };
        looks_up |= looked;
        combined.push(expr);
    }
    // Where nothing of the small table is asked for, the join is not needed at all: see `unused_lookup`.
    if !looks_up {
        return Ok(None);
    }
    let mut keys = Vec::with_capacity(on.len());
    for (small_key, many_key) in on {
        if many_key.is_volatile() {
            return Ok(None);
        }
        let key = first.group(many_key);
        keys.push(match left {
            true => (small_key.clone(), key),
            false => (key, small_key.clone()),
        });
    }
    for (expr, _) in &first.group {
        if is_instant(expr, many_schema)? {
            return Ok(None);
        }
    }

    if !told_apart(first.group.iter().chain(&first.parts).map(|(expr, _)| expr)) {
        return Ok(None);
    }
    let grouped = Arc::new(LogicalPlan::Aggregate(Aggregate::try_new(
        Arc::clone(many),
        first.group.iter().map(|(expr, _)| expr.clone()).collect(),
        first.parts.iter().map(|(expr, _)| expr.clone()).collect(),
    )?));
    let names = first.group.iter().chain(&first.parts).map(|(_, name)| name);
    let renamed = grouped
        .schema()
        .iter()
        .zip(names)
        .map(|(field, name)| Expr::Column(field.into()).alias(name))
        .collect();
    let grouped = Arc::new(LogicalPlan::Projection(Projection::try_new(
        renamed, grouped,
    )?));
    let (one, other) = match left {
        true => (Arc::clone(small), grouped),
        false => (grouped, Arc::clone(small)),
    };
    let joined = LogicalPlan::Join(Join::try_new(
        one,
        other,
        keys,
        None,
        join.join_type,
        join.join_constraint,
        join.null_equality,
        false,
    )?);
    // Different questions may come to the same expression, which is computed once.
    let mut distinct: (Vec<Expr>, Vec<Expr>) = Default::default();
    let mut places = Vec::with_capacity(group.len() + combined.len());
    for expr in group {
        places.push((place(&mut distinct.0, expr), Empty::Null));
    }
    for (sum, empty) in combined {
        places.push((distinct.0.len() + place(&mut distinct.1, sum), empty));
    }
    if !told_apart(distinct.0.iter().chain(&distinct.1)) {
        return Ok(None);
    }
    let again = Arc::new(LogicalPlan::Aggregate(Aggregate::try_new(
        Arc::new(joined),
        distinct.0,
        distinct.1,
    )?));
    // Names and types as they were.
    let mut out = Vec::with_capacity(places.len());
    for ((qualifier, field), (at, empty)) in aggregate.schema.iter().zip(places) {
        let column = Expr::Column(again.schema().qualified_field(at).into());
        let value = match empty {
            Empty::Zero => datafusion::functions::core::expr_fn::coalesce(vec![
                column,
                lit(ScalarValue::Int64(Some(0))),
            ]),
            Empty::Null => column,
        };
        if value.get_type(again.schema())? != *field.data_type() {
            return Ok(None);
        }
        out.push(value.alias_qualified(qualifier.cloned(), field.name()));
    }
    Ok(Some(LogicalPlan::Projection(Projection::try_new(
        out, again,
    )?)))
}

/// Whether the engine can tell expressions apart by their names: a cast has the name of what it casts.
fn told_apart<'a>(exprs: impl IntoIterator<Item = &'a Expr>) -> bool {
    let mut names = HashSet::new();
    let mut bare = HashSet::new();
    exprs.into_iter().all(|expr| {
        names.insert(expr.schema_name().to_string()) && bare.insert(expr.qualified_name().1)
    })
}

/// Where an expression stands among others; at their end if it is new.
fn place(among: &mut Vec<Expr>, expr: Expr) -> usize {
    among
        .iter()
        .position(|old| *old == expr)
        .unwrap_or_else(|| {
            among.push(expr);
            among.len() - 1
        })
}

/// Whether a plan is an aggregation already, as one that this rule made.
fn is_grouped(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Aggregate(_) => true,
        LogicalPlan::Projection(projection) => is_grouped(&projection.input),
        LogicalPlan::SubqueryAlias(alias) => is_grouped(&alias.input),
        LogicalPlan::Filter(filter) => is_grouped(&filter.input),
        _ => false,
    }
}

/// What an aggregate of no rows is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Empty {
    Null,
    Zero,
}

/// An aggregate made from parts, and whether it asks for something of the small table; none if that
/// cannot be.
#[allow(clippy::type_complexity)]
fn parted(
    expr: &Expr,
    aggregate: &Aggregate,
    below: &[Expr],
    many: &DFSchema,
    first: &mut First,
) -> Result<Option<((Expr, Empty), bool)>> {
    let expr = match expr {
        Expr::Alias(alias) => alias.expr.as_ref(),
        expr => expr,
    };
    let Expr::AggregateFunction(AggregateFunction { func, params }) = expr else {
        return Ok(None);
    };
    let AggregateFunctionParams {
        args,
        distinct: false,
        filter,
        order_by,
        null_treatment: None,
    } = params
    else {
        return Ok(None);
    };
    let ([argument], true) = (args.as_slice(), order_by.is_empty()) else {
        return Ok(None);
    };
    let schema = aggregate.input.schema();
    let Some(argument) = inlined(argument, schema, below)? else {
        return Ok(None);
    };
    let condition = match filter {
        None => None,
        Some(filter) => match inlined(filter, schema, below)? {
            Some(filter) => Some(filter),
            None => return Ok(None),
        },
    };
    // `sum(case when C then X end)` is `sum(X) filter (where C)`, which matters where C is not of the many.
    let (argument, condition, otherwise) = match (conditional(&argument), &condition) {
        (Some((value, case, otherwise)), None) if side(&case, many) == Side::Small => {
            (value, Some(case), otherwise)
        }
        _ => (argument, condition, None),
    };
    let of_condition = condition.as_ref().map_or(Side::Neither, |c| side(c, many));
    // Without its condition an argument is asked of more rows: it must be one that cannot fail.
    let is_plain = |expr: &Expr| matches!(expr, Expr::Column(_) | Expr::Literal(..));
    if of_condition == Side::Small && !is_plain(&argument) {
        return Ok(None);
    }
    let of_argument = side(&argument, many);
    // A condition on the many goes with its part; one on the small table waits for the join.
    let (inside, outside) = match of_condition {
        Side::Neither | Side::Many => (condition, None),
        Side::Small => (None, condition),
        Side::Both => return Ok(None),
    };
    let looked = outside.is_some() || of_argument == Side::Small;
    let filtered = |call: Expr| -> Expr {
        match (&inside, call) {
            (Some(inside), Expr::AggregateFunction(mut call)) => {
                call.params.filter = Some(Box::new(inside.clone()));
                Expr::AggregateFunction(call)
            }
            (_, call) => call,
        }
    };
    let rows = || filtered(count(lit(ScalarValue::Int64(Some(1)))));
    let chosen = |value: Expr, none: Option<Expr>| -> Result<Expr> {
        match &outside {
            None => Ok(value),
            Some(outside) => {
                let mut case = when(outside.clone(), value);
                match none {
                    Some(none) => case.otherwise(none),
                    None => case.end(),
                }
            }
        }
    };
    let zero = || lit(ScalarValue::Int64(Some(0)));
    let made = match (func.name(), of_argument) {
        (_, Side::Both) => return Ok(None),
        ("count", Side::Neither | Side::Many) if otherwise.is_none() => {
            let part = first.part(&filtered(count(argument)));
            (sum(chosen(part, Some(zero()))?), Empty::Zero)
        }
        ("count", Side::Small) if otherwise.is_none() => {
            let known = when(argument.is_not_null(), first.part(&rows())).otherwise(zero())?;
            (sum(chosen(known, Some(zero()))?), Empty::Zero)
        }
        ("sum", Side::Neither | Side::Many) if is_whole(&argument, many) => {
            let part = first.part(&filtered(sum(argument)));
            (sum(chosen(part, otherwise)?), Empty::Null)
        }
        ("min", Side::Neither | Side::Many) if otherwise.is_none() => {
            let part = first.part(&filtered(min(argument)));
            (min(chosen(part, None)?), Empty::Null)
        }
        ("max", Side::Neither | Side::Many) if otherwise.is_none() => {
            let part = first.part(&filtered(max(argument)));
            (max(chosen(part, None)?), Empty::Null)
        }
        ("min", Side::Small) if otherwise.is_none() && inside.is_none() => {
            (min(chosen(argument, None)?), Empty::Null)
        }
        ("max", Side::Small) if otherwise.is_none() && inside.is_none() => {
            (max(chosen(argument, None)?), Empty::Null)
        }
        _ => return Ok(None),
    };
    Ok(Some((made, looked)))
}

/// Whole numbers add up to the same in any order.
fn is_whole(expr: &Expr, schema: &DFSchema) -> bool {
    matches!(expr.get_type(schema), Ok(DataType::Int64))
}

/// `case when C then X [else 0] end` as X, C and the 0.
fn conditional(argument: &Expr) -> Option<(Expr, Expr, Option<Expr>)> {
    let Expr::Case(case) = argument else {
        return None;
    };
    let (None, [(condition, value)]) = (&case.expr, case.when_then_expr.as_slice()) else {
        return None;
    };
    let otherwise = match case.else_expr.as_deref() {
        None => None,
        Some(Expr::Literal(value, _)) if value.is_null() => None,
        Some(zero @ Expr::Literal(ScalarValue::Int64(Some(0)), _)) => Some(zero.clone()),
        Some(_) => return None,
    };
    Some((
        value.as_ref().clone(),
        condition.as_ref().clone(),
        otherwise,
    ))
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::util::pretty::pretty_format_batches;
    use datafusion::catalog::TableProvider;
    use datafusion::datasource::ViewTable;
    use datafusion::prelude::{SessionConfig, SessionContext};

    use super::super::lookup::{ComputedOnce, Keyed, UnusedLookup};
    use super::*;

    /// Rows of the many: some of no program, some of none that is known, some with NULLs.
    const MANY: &str = "
        create table many as
        select
            value % 7 as who,
            case when value % 11 = 0 then null else value % 5 end as app,
            case when value % 13 = 0 then null else value * 37 % 101 end as seconds,
            case when value % 3 = 0 then 'Active' else 'Passive' end as state,
            cast(value * 1.5 as double) as share
        from generate_series(1, 500) as numbers(value)";

    /// Program 4 is not known, program 3 has no category.
    const SMALL: &str = "
        select *
        from (values
            (0, 'editor', 'Work', 10), (1, 'mail', 'Talk', 20), (2, 'Editor', 'Work', 30), (3, 'game', null, 40)
        ) as apps(app, name, category, weight)";

    async fn session(rules: bool, join: &str) -> SessionContext {
        let session =
            SessionContext::new_with_config(SessionConfig::new().with_target_partitions(2));
        if rules {
            session.add_optimizer_rule(Arc::new(UnusedLookup));
            session.add_optimizer_rule(Arc::new(EagerAggregate));
        }
        session.sql(MANY).await.unwrap().collect().await.unwrap();
        let small = session.sql(SMALL).await.unwrap();
        let small = small.into_unoptimized_plan();
        // The plain session knows nothing of keys.
        let small: Arc<dyn TableProvider> = match rules {
            true => {
                let small = Arc::new(ComputedOnce::new(small));
                Arc::new(Keyed::new(small, &["app".to_owned()]))
            }
            false => Arc::new(ViewTable::new(small, None)),
        };
        session.register_table("small", small).unwrap();
        let view = format!(
            "create view seen as
             with named as (
                 select many.*, small.name, small.category, small.weight
                 from small {join} join many on small.app = many.app
             )
             select
                 who, seconds, state, share, name, category, weight,
                 case when category is null then 'no' else 'yes' end as sorted,
                 concat(category, ' ', state) as both
             from named"
        );
        session.sql(&view).await.unwrap().collect().await.unwrap();
        let keyed = format!(
            "create view keyed as
             select many.app, many.seconds, small.name from small {join} join many on small.app = many.app"
        );
        session.sql(&keyed).await.unwrap().collect().await.unwrap();
        session
    }

    async fn answer(session: &SessionContext, sql: &str) -> (String, String) {
        let frame = session.sql(sql).await.unwrap();
        let plan = frame.clone().into_optimized_plan().unwrap();
        let rows = frame
            .collect()
            .await
            .unwrap_or_else(|e| panic!("{e}\n{sql}\n{plan}"));
        let rows = pretty_format_batches(&rows).unwrap().to_string();
        (rows, plan.display_indent().to_string())
    }

    /// (query, whether it adds up first).
    const QUERIES: [(&str, bool); 27] = [
        (
            "select name, count(*), sum(seconds) from seen group by name order by name",
            true,
        ),
        (
            "select category, who, min(seconds), max(seconds), count(seconds) from seen group by 1, 2 order by 1, 2",
            true,
        ),
        (
            "select count(*), count(category), sum(seconds), min(name), max(weight) from seen",
            true,
        ),
        (
            "select sorted, both, sum(seconds) as s from seen group by sorted, both order by sorted, both",
            true,
        ),
        (
            "select sum(case when category = 'Work' then seconds end) from seen",
            true,
        ),
        (
            "select who, sum(case when category = 'Work' then seconds else 0 end) as w, sum(seconds) filter (where category is null) as n from seen group by who order by who",
            true,
        ),
        (
            "select name, count(*) filter (where state = 'Active') as n, max(seconds) filter (where state = 'Active') as m from seen group by name order by name",
            true,
        ),
        (
            "select category, sum(case when state = 'Active' then seconds else 0 end) as s from seen group by category order by category",
            true,
        ),
        (
            "select upper(name), count(case when category = 'Work' then seconds end) as n from seen group by upper(name) order by 1",
            true,
        ),
        (
            "select category, count(*) as n from seen where seconds > 20 and who in (1, 2) group by category having count(*) > 3 order by category",
            true,
        ),
        (
            "select count(*), sum(seconds), count(category) from seen where who = 99",
            true,
        ),
        // These cannot be made from parts, or would gain nothing.
        (
            "select name, count(distinct who) as n from seen group by name order by name",
            true,
        ),
        (
            "select name, sum(share) as s from seen group by name order by name",
            false,
        ),
        (
            "select name, avg(seconds) as s from seen group by name order by name",
            false,
        ),
        (
            "select name, sum(weight) as s from seen group by name order by name",
            false,
        ),
        (
            "select who, sum(seconds) as s from seen group by who order by who",
            false,
        ),
        (
            "select name, category, seconds from seen where who = 3 order by 1, 2, 3",
            false,
        ),
        ("with e as (select cast(who as varchar) as who, name, seconds from seen)
          select who, name, sum(seconds) as s from e group by 1, 2 order by 1, 2", true),
        ("select count(category) as a, count(*) filter (where category is not null) as b from seen", true),
        ("select sum(case when category = 'Work' then seconds end) as a,
            sum(seconds) filter (where category = 'Work') as b from seen", true),
        ("with e as (select name as one, name as other, seconds from seen)
          select one, other, count(*) as n from e group by one, other order by one", true),
        ("select name as x, who as y, who as z, min(name) as m from seen group by name, who order by 1, 2", true),
        // A name that collides with the join's key.
        ("with e as (select cast(app as varchar) as app, name, seconds from keyed)
          select app, name, sum(seconds) as s from e group by 1, 2 order by 1, 2", false),
        // The condition may guard what fails without it.
        ("select sum(case when category = 'Work' then cast(share as bigint) end) from seen", false),
        // A key does not stay one behind a join or a grouping.
        ("with g as (select small.app, many.who, count(*) as n from small join many on small.app = many.app group by 1, 2)
          select count(*) as n from many left join g on g.app = many.app", false),
        ("select distinct small.app, many.who from small join many on small.app = many.app order by 1, 2", false),
        ("select app, count(*) as n from (select distinct app, who from (
            select small.app, many.who, many.state, count(*) as n from small join many on small.app = many.app group by 1, 2, 3
          ) as a) as b group by app order by app", false),
    ];

    #[tokio::test]
    async fn the_answers_are_those_of_the_plain_plan() {
        for join in ["right", "inner"] {
            let (plain, eager) = (session(false, join).await, session(true, join).await);
            for (sql, adds_up_first) in QUERIES {
                let (expected, _) = answer(&plain, sql).await;
                let (found, plan) = answer(&eager, sql).await;
                assert_eq!(expected, found, "{join} join: {sql}\n{plan}");
                let adds_up_first = adds_up_first && join == "right";
                assert_eq!(plan.contains("__group_"), adds_up_first, "{sql}\n{plan}");
            }
        }
    }

    #[tokio::test]
    async fn a_look_up_that_nothing_is_asked_of_is_left_out() {
        let sql = "select who, sum(seconds) as s from seen group by who order by who";
        let (_, plan) = answer(&session(true, "right").await, sql).await;
        assert!(!plan.contains("Join"), "{plan}");
        // An inner join leaves rows out.
        let (_, plan) = answer(&session(true, "inner").await, sql).await;
        assert!(plan.contains("Join"), "{plan}");
        let (_, plan) = answer(&session(true, "right").await, "select who, state from seen").await;
        assert!(!plan.contains("Join"), "{plan}");
    }

    #[tokio::test]
    async fn without_a_key_nothing_is_done() {
        let session = session(true, "right").await;
        let small = session.sql(SMALL).await.unwrap();
        let small = ComputedOnce::new(small.into_unoptimized_plan());
        session.register_table("loose", Arc::new(small)).unwrap();
        let sql = "select loose.name, count(*) as n from loose right join many on loose.app = many.app \
                   group by loose.name order by 1";
        let (_, plan) = answer(&session, sql).await;
        assert!(!plan.contains("__part"), "{plan}");
    }
}
