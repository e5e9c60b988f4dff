//! `event_list(start, duration_sec, state, agent_id, state_rank, computer_id, event_id)`: events in
//! the order of the clipping rules, each once, for [`super::clip`] (`semantics.md` §4).
//!
//! An aggregate for the few events that reach into another day. The engine's own list aggregate
//! counts the memory of whole batches for each row, and runs out of what it never used.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Int64Array, ListArray, StringArray, StructArray,
    TimestampMicrosecondArray,
};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::datatypes::{
    DataType, Field, FieldRef, Fields, Int64Type, TimestampMicrosecondType,
};
use datafusion::common::{Result, ScalarValue, exec_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Documentation, Signature, Volatility,
};

use super::documentation::{MODELS, page};
use super::local_time::instant;

const NAME: &str = "event_list";

/// The SQL aggregate.
pub fn event_list() -> AggregateUDF {
    AggregateUDF::new_from_impl(EventList {
        signature: Signature::exact(
            vec![
                instant(),
                DataType::Int64,
                DataType::Utf8,
                DataType::Int64,
                DataType::Int64,
                DataType::Int64,
                DataType::Utf8,
            ],
            Volatility::Immutable,
        ),
        documentation: page(
            MODELS,
            "event_list(start, duration_sec, state, agent_id, state_rank, computer_id, event_id)",
            "Events as a list of structs of the first four, in the order of the clipping rules, each \
             once: the neighbours that `clip` takes.",
            &[
                ("start", "the instant at which the event starts"),
                ("duration_sec", "whole seconds of the event"),
                ("state", "`Active`, `Passive` or `Passive Locked`"),
                ("agent_id", "whose record it is"),
                ("state_rank", "0 for active events, which come first"),
                ("computer_id", "the computer"),
                ("event_id", "the event, unique within its agent"),
            ],
            "select cardinality(event_list(\n  \
             arrow_cast(start, 'Timestamp(µs, \"UTC\")'), 60, 'Active', 1, 0, 1, event_id)) as events\n\
             from (values ('2026-03-02T23:59:30Z', 'a'), ('2026-03-02T23:59:30Z', 'a'))\n  \
             as event (start, event_id)",
        ),
    })
}

/// Fields of an event in the list.
pub(super) fn event_fields() -> Fields {
    let fields = [
        ("start", instant()),
        ("duration_sec", DataType::Int64),
        ("state", DataType::Utf8),
        ("agent_id", DataType::Int64),
    ]
    .map(|(name, data_type)| Field::new(name, data_type, true));
    Fields::from(fields.to_vec())
}

/// The type of the list.
pub(super) fn event_list_type() -> DataType {
    DataType::List(Arc::new(Field::new_list_field(
        DataType::Struct(event_fields()),
        true,
    )))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct EventList {
    signature: Signature,
    documentation: Documentation,
}

impl AggregateUDFImpl for EventList {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(event_list_type())
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let columns = self.signature_types().into_iter().enumerate();
        Ok(columns
            .map(|(index, data_type)| {
                let list = DataType::List(Arc::new(Field::new_list_field(data_type, true)));
                Arc::new(Field::new(format!("{}[{index}]", args.name), list, true))
            })
            .collect())
    }

    // The set sorts its events itself.
    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }

    fn accumulator(&self, _: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Events::default()))
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}

impl EventList {
    fn signature_types(&self) -> Vec<DataType> {
        vec![
            instant(),
            DataType::Int64,
            DataType::Utf8,
            DataType::Int64,
            DataType::Int64,
            DataType::Int64,
            DataType::Utf8,
        ]
    }
}

/// An event; the fields stand in the order of the rules.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    start: i64,
    state_rank: i64,
    computer_id: i64,
    event_id: String,
    agent_id: i64,
    duration_sec: i64,
    state: String,
}

#[derive(Debug, Default)]
struct Events {
    set: BTreeSet<Entry>,
}

impl Events {
    fn add(&mut self, columns: [&ArrayRef; 7]) -> Result<()> {
        if columns.iter().any(|column| column.null_count() > 0) {
            return exec_err!("{NAME} takes no NULLs");
        }
        let [starts, durations, states, agents, ranks, computers, ids] = columns;
        let starts = starts.as_primitive::<TimestampMicrosecondType>();
        let durations = durations.as_primitive::<Int64Type>();
        let states = states.as_string::<i32>();
        let agents = agents.as_primitive::<Int64Type>();
        let ranks = ranks.as_primitive::<Int64Type>();
        let computers = computers.as_primitive::<Int64Type>();
        let ids = ids.as_string::<i32>();
        for row in 0..starts.len() {
            self.set.insert(Entry {
                start: starts.value(row),
                state_rank: ranks.value(row),
                computer_id: computers.value(row),
                event_id: ids.value(row).to_owned(),
                agent_id: agents.value(row),
                duration_sec: durations.value(row),
                state: states.value(row).to_owned(),
            });
        }
        Ok(())
    }

    fn numbers(&self, value: fn(&Entry) -> i64) -> ArrayRef {
        Arc::new(self.set.iter().map(value).collect::<Int64Array>())
    }

    fn texts(&self, value: fn(&Entry) -> &str) -> ArrayRef {
        Arc::new(
            self.set
                .iter()
                .map(|e| Some(value(e)))
                .collect::<StringArray>(),
        )
    }

    fn starts(&self) -> ArrayRef {
        let starts: TimestampMicrosecondArray =
            self.set.iter().map(|entry| Some(entry.start)).collect();
        Arc::new(starts.with_timezone("UTC"))
    }
}

impl Accumulator for Events {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let [a, b, c, d, e, f, g] = values else {
            return exec_err!("{NAME} takes seven arguments");
        };
        self.add([a, b, c, d, e, f, g])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let columns = vec![
            self.starts(),
            self.numbers(|entry| entry.duration_sec),
            self.texts(|entry| &entry.state),
            self.numbers(|entry| entry.agent_id),
        ];
        let events = StructArray::try_new(event_fields(), columns, None)?;
        let list = ListArray::try_new(
            Arc::new(Field::new_list_field(
                DataType::Struct(event_fields()),
                true,
            )),
            OffsetBuffer::from_lengths([self.set.len()]),
            Arc::new(events),
            None,
        )?;
        Ok(ScalarValue::List(Arc::new(list)))
    }

    fn size(&self) -> usize {
        let texts: usize = self
            .set
            .iter()
            .map(|entry| entry.event_id.capacity() + entry.state.capacity())
            .sum();
        size_of_val(self) + self.set.len() * size_of::<Entry>() + texts
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let columns = [
            self.starts(),
            self.numbers(|entry| entry.duration_sec),
            self.texts(|entry| &entry.state),
            self.numbers(|entry| entry.agent_id),
            self.numbers(|entry| entry.state_rank),
            self.numbers(|entry| entry.computer_id),
            self.texts(|entry| &entry.event_id),
        ];
        columns
            .into_iter()
            .map(|column| {
                let list = ListArray::try_new(
                    Arc::new(Field::new_list_field(column.data_type().clone(), true)),
                    OffsetBuffer::from_lengths([column.len()]),
                    column,
                    None,
                )?;
                Ok(ScalarValue::List(Arc::new(list)))
            })
            .collect()
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let rows = states.first().map_or(0, |column| column.len());
        for row in 0..rows {
            let lists: Vec<ArrayRef> = states
                .iter()
                .map(|column| column.as_list::<i32>().value(row))
                .collect();
            let [a, b, c, d, e, f, g] = lists.as_slice() else {
                return exec_err!("{NAME}: a state of another make");
            };
            self.add([a, b, c, d, e, f, g])?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_once_and_in_the_order_of_the_rules_also_when_merged() {
        let column = |starts: &[i64], ids: &[&str]| -> Vec<ArrayRef> {
            let rows = starts.len();
            let number = |value: i64| -> ArrayRef { Arc::new(Int64Array::from(vec![value; rows])) };
            let starts = TimestampMicrosecondArray::from(starts.to_vec()).with_timezone("UTC");
            vec![
                Arc::new(starts),
                number(60),
                Arc::new(StringArray::from(vec!["Active"; rows])),
                number(1),
                number(0),
                number(1),
                Arc::new(StringArray::from(ids.to_vec())),
            ]
        };
        let mut one = Events::default();
        one.update_batch(&column(&[30, 10, 30], &["b", "z", "b"]))
            .unwrap();
        let mut other = Events::default();
        other.update_batch(&column(&[30], &["a"])).unwrap();
        let states: Vec<ArrayRef> = other
            .state()
            .unwrap()
            .iter()
            .map(|state| state.to_array().unwrap())
            .collect();
        one.merge_batch(&states).unwrap();
        let order: Vec<_> = one
            .set
            .iter()
            .map(|entry| (entry.start, entry.event_id.as_str()))
            .collect();
        assert_eq!(order, [(10, "z"), (30, "a"), (30, "b")]);
        let ScalarValue::List(list) = one.evaluate().unwrap() else {
            panic!("no list");
        };
        assert_eq!(list.value(0).len(), 3);
    }
}
