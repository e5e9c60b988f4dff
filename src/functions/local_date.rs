//! `local_date(user_id, instant)`: the day of a person at an instant, in the zone in which the
//! person's days are counted (`semantics.md` §2).

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Date32Array};
use datafusion::arrow::datatypes::{DataType, Int64Type, TimestampMicrosecondType};
use datafusion::common::exec_err;
use datafusion::logical_expr::ScalarUDF;

use super::documentation::{ORGANISATION, page};
use super::local_time::{Clocks, ReportingZones, instant};
use super::{Arguments, scalar};
use crate::zone::DAY;

/// The SQL function over the reporting zones.
pub fn local_date(zones: Arc<ReportingZones>) -> ScalarUDF {
    scalar(
        "local_date",
        page(
            ORGANISATION,
            "local_date(user_id, instant)",
            "The date that a wall clock shows at an instant in the zone in which a person's days \
             are counted: what `cast(to_local(instant, reporting_zone(user_id, instant)) as date)` \
             gives, and faster. NULL if either is.",
            &[
                ("user_id", "uid of the person"),
                ("instant", "when; a person's zone may change in time"),
            ],
            "select local_date(1, timestamp '2026-03-02T23:30:00' at time zone 'UTC') as day",
        ),
        Arguments::Exactly(vec![DataType::Int64, instant()]),
        DataType::Date32,
        move |args| {
            let [users, instants] = args else {
                return exec_err!("local_date takes a user_id and an instant");
            };
            let users = users.as_primitive::<Int64Type>();
            let instants = instants.as_primitive::<TimestampMicrosecondType>();
            let mut clocks = Clocks::new(&zones);
            let out: Date32Array = users
                .iter()
                .zip(instants)
                .map(|(user, instant)| {
                    let local = clocks.local(user?, instant?);
                    i32::try_from(local.div_euclid(DAY)).ok()
                })
                .collect();
            Ok(Arc::new(out) as ArrayRef)
        },
    )
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use datafusion::arrow::array::{Int64Array, TimestampMicrosecondArray};
    use datafusion::arrow::datatypes::Field;
    use datafusion::config::ConfigOptions;
    use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs};

    use super::*;
    use crate::zone::ZoneNames;

    #[test]
    fn each_person_s_day_in_the_zone_of_that_moment() {
        let zone = |name: &str| ZoneNames::default().parse(name).unwrap();
        let zones = Arc::new(ReportingZones::new(
            zone("America/New_York"),
            HashMap::from([(
                2,
                vec![(0, zone("Asia/Kolkata")), (5 * DAY, zone("UTC-11"))],
            )]),
        ));
        let hour = DAY / 24;
        let rows = [
            (1, 3 * DAY + 5 * hour - 1),
            (1, 3 * DAY + 5 * hour),
            (2, 3 * DAY + 18 * hour + hour / 2 - 1),
            (2, 3 * DAY + 18 * hour + hour / 2),
            (2, 5 * DAY + 11 * hour - 1),
            (2, 5 * DAY + 11 * hour),
            (1, -1 - 20 * hour),
        ];
        let users = Int64Array::from_iter_values(rows.iter().map(|row| row.0));
        let instants = TimestampMicrosecondArray::from_iter_values(rows.iter().map(|row| row.1));
        let field = |data_type| Arc::new(Field::new("x", data_type, true));
        let days = local_date(Arc::clone(&zones))
            .invoke_with_args(ScalarFunctionArgs {
                args: vec![
                    ColumnarValue::Array(Arc::new(users)),
                    ColumnarValue::Array(Arc::new(instants.with_timezone("UTC"))),
                ],
                arg_fields: vec![field(DataType::Int64), field(instant())],
                number_rows: rows.len(),
                return_field: field(DataType::Date32),
                config_options: Arc::new(ConfigOptions::default()),
            })
            .unwrap()
            .into_array(rows.len())
            .unwrap();
        let days: Vec<i32> = days
            .as_primitive::<datafusion::arrow::datatypes::Date32Type>()
            .values()
            .to_vec();
        assert_eq!(days, [2, 3, 3, 4, 4, 5, -2]);
        for (row, day) in rows.iter().zip(&days) {
            assert_eq!(zones.zone(row.0, row.1).local_day(row.1), *day);
        }
    }
}
