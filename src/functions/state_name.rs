//! `state_name(rank)`: the name of an event's state, of which models keep the rank.

use std::sync::Arc;

use datafusion::arrow::array::{AsArray, StringBuilder};
use datafusion::arrow::datatypes::{DataType, Int64Type};
use datafusion::common::{Result, ScalarValue, exec_err};
use datafusion::logical_expr::interval_arithmetic::Interval;
use datafusion::logical_expr::preimage::PreimageResult;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{
    ColumnarValue, Documentation, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

use super::documentation::{MODELS, page};

/// By rank. Their order by the alphabet is that of the ranks, on which [`StateName::preimage`] rests.
const NAMES: [&str; 3] = ["Active", "Passive", "Passive Locked"];

/// The SQL function.
pub fn state_name() -> ScalarUDF {
    ScalarUDF::new_from_impl(StateName {
        documentation: page(
            MODELS,
            "state_name(rank)",
            "The name of an event's state by its rank: `Active` for 0, `Passive` for 1, `Passive Locked` \
             for 2. Another number is an error. Where a name is compared, the engine compares ranks.",
            &[("rank", "0, 1 or 2")],
            "select rank, state_name(rank) as state from (values (0), (1), (2)) as ranks(rank)",
        ),
        signature: Signature::exact(vec![DataType::Int64], Volatility::Immutable),
    })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct StateName {
    documentation: Documentation,
    signature: Signature,
}

fn name_of(rank: i64) -> Result<&'static str> {
    let name = usize::try_from(rank).ok().and_then(|rank| NAMES.get(rank));
    match name {
        Some(name) => Ok(name),
        None => exec_err!("state_name knows no state {rank}"),
    }
}

impl ScalarUDFImpl for StateName {
    fn name(&self) -> &str {
        "state_name"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [ranks] = args.args.as_slice() else {
            return exec_err!("state_name takes a rank");
        };
        let ranks = match ranks {
            ColumnarValue::Scalar(ScalarValue::Int64(rank)) => {
                let name = rank.map(name_of).transpose()?;
                let name = ScalarValue::Utf8(name.map(str::to_owned));
                return Ok(ColumnarValue::Scalar(name));
            }
            other => other.to_array(args.number_rows)?,
        };
        let ranks = ranks.as_primitive::<Int64Type>();
        let mut names = StringBuilder::with_capacity(ranks.len(), ranks.len() * "Passive".len());
        for rank in ranks {
            match rank {
                Some(rank) => names.append_value(name_of(rank)?),
                None => names.append_null(),
            }
        }
        Ok(ColumnarValue::Array(Arc::new(names.finish())))
    }

    fn preimage(&self, args: &[Expr], name: &Expr, _: &SimplifyContext) -> Result<PreimageResult> {
        let ([rank], Some(name)) = (args, name.as_literal()) else {
            return Ok(PreimageResult::None);
        };
        let name = name.try_as_str().flatten();
        let Some(place) = NAMES.iter().position(|known| Some(*known) == name) else {
            return Ok(PreimageResult::None);
        };
        let bound = |place: usize| ScalarValue::Int64(i64::try_from(place).ok());
        Ok(PreimageResult::Range {
            expr: rank.clone(),
            interval: Box::new(Interval::try_new(bound(place), bound(place + 1))?),
        })
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::util::pretty::pretty_format_batches;
    use datafusion::prelude::SessionContext;

    use super::*;

    /// What a query over the three ranks and NULL gives, and its plan.
    fn asked(query: &str) -> (String, String) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(async {
            let session = SessionContext::new();
            session.register_udf(state_name());
            let ranks =
                "create table ranks as select column1 as rank from (values (0), (1), (2), (null))";
            session.sql(ranks).await.unwrap().collect().await.unwrap();
            let frame = session.sql(query).await.unwrap();
            let plan = frame.clone().into_optimized_plan().unwrap().to_string();
            let found = frame.collect().await.unwrap();
            (pretty_format_batches(&found).unwrap().to_string(), plan)
        })
    }

    #[test]
    fn names_are_in_the_order_of_their_ranks() {
        assert!(NAMES.is_sorted());
    }

    #[test]
    fn a_comparison_with_a_name_is_one_of_ranks() {
        for operator in [
            "=",
            "<>",
            "<",
            "<=",
            ">",
            ">=",
            "is distinct from",
            "is not distinct from",
        ] {
            for name in NAMES {
                let query = |made: &str| {
                    format!("select rank from ranks where {made} {operator} '{name}' order by rank")
                };
                let (ours, plan) = asked(&query("state_name(rank)"));
                assert!(!plan.contains("state_name"), "{plan}");
                // The function's result as a text that nobody sees through.
                let (seen, plan) = asked(&query("concat(state_name(rank), '')"));
                assert!(plan.contains("state_name"), "{plan}");
                // But for NULL, of which concat makes an empty text.
                let ranks = |table: &str| {
                    let lines = table.lines().filter(|line| line.contains(char::is_numeric));
                    lines.map(str::to_owned).collect::<Vec<_>>()
                };
                assert_eq!(ranks(&ours), ranks(&seen), "{operator} {name}");
            }
        }
        let (other, plan) = asked("select rank from ranks where state_name(rank) < 'B'");
        assert!(
            plan.contains("state_name") && other.contains("| 0    |"),
            "{plan}\n{other}"
        );
    }

    #[test]
    fn another_rank_is_an_error() {
        assert!(name_of(3).is_err() && name_of(-1).is_err());
    }
}
