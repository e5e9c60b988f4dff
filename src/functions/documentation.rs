//! What a function says about itself: the page that `activlake functions docs` and
//! `information_schema.routines` show. It stands beside the function; this file has only its shape.
//!
//! Every example is one query that runs on any lake, an empty one too, with the settings as shipped.

use datafusion::logical_expr::{DocSection, Documentation};

/// Sets of time intervals.
pub(super) const INTERVALS: DocSection = DocSection {
    include: true,
    label: "Intervals",
    description: Some(
        "An interval set is a list of structs with `start` and `end`, both time stamps with a time \
         zone: `array_agg(named_struct('start', …, 'end', …))`. Intervals are half-open, \
         `[start, end)`. In: any order, overlaps allowed; a NULL list gives NULL, a NULL element or \
         an element with a NULL bound is skipped, an empty or negative interval is dropped, other \
         fields of the struct do not matter. Out: ascending, neither overlapping nor touching, in \
         microseconds UTC.",
    ),
};

/// Whose clock shows what, and dates.
pub(super) const LOCAL_TIME: DocSection = DocSection {
    include: true,
    label: "Local time and dates",
    description: Some(
        "A zone is an IANA name in any case, or a fixed offset such as `UTC`, `UTC-5` and \
         `UTC+5:30`; an unknown one is an error.",
    ),
};

/// What depends on the organisation's settings.
pub(super) const ORGANISATION: DocSection = DocSection {
    include: true,
    label: "The organisation's rules",
    description: Some(
        "What these give depends on `org/`, on the shipped tables and on the settings in force; the \
         results below are those of an organisation without any.",
    ),
};

/// Steps of the models, of little use outside.
pub(super) const MODELS: DocSection = DocSection {
    include: true,
    label: "Inside the models",
    description: Some("Internal: made for the models of `sql/`, which keep their preconditions."),
};

/// The sections in the order of the page.
const SECTIONS: [&DocSection; 4] = [&INTERVALS, &LOCAL_TIME, &ORGANISATION, &MODELS];

/// The section of a page and its number in order. What names no section of this house is internal.
pub fn section(page: &Documentation) -> (usize, &'static DocSection) {
    SECTIONS
        .into_iter()
        .enumerate()
        .find(|(_, section)| section.label == page.doc_section.label)
        .unwrap_or((SECTIONS.len() - 1, &MODELS))
}

/// Where a page stands among all; those without one come last.
pub(super) fn place(page: Option<&Documentation>) -> usize {
    page.map_or(SECTIONS.len(), |page| section(page).0)
}

/// A function's page. The description's first sentence is its line in lists; `arguments` are
/// (name, meaning) in order; `example` is one query.
pub(super) fn page(
    section: DocSection,
    syntax: &str,
    description: &str,
    arguments: &[(&str, &str)],
    example: &str,
) -> Documentation {
    let mut builder =
        Documentation::builder(section, description, syntax).with_sql_example(example);
    for (name, meaning) in arguments {
        builder = builder.with_argument(*name, *meaning);
    }
    builder.build()
}

/// A query over one interval set `seen` of 2026-03-02, given as (start, end) by the clock in UTC.
/// `call` is an expression over `seen`; of its result the named fields are shown, those of each
/// element where it is a list (`unnest(…)`), or itself where none is named.
pub(super) fn over_seen(call: &str, fields: &[&str], seen: &[(&str, &str)]) -> String {
    let at = |time: &str| format!("timestamp '2026-03-02T{time}'");
    let rows: Vec<String> = seen
        .iter()
        .map(|(start, end)| format!("    ({}, {})", at(start), at(end)))
        .collect();
    let set = format!(
        "from (\n  select array_agg(named_struct(\n    'start', began at time zone 'UTC', \
         'end', ended at time zone 'UTC'\n  )) as seen\n  from (values\n{}\n  \
         ) as activity(began, ended)\n)",
        rows.join(",\n")
    );
    if fields.is_empty() {
        return format!("select {call} as result\n{set}");
    }
    let fields: Vec<String> = fields
        .iter()
        .map(|field| match *field {
            // A word of the language.
            "end" => "result['end'] as \"end\"".to_owned(),
            field => format!("result['{field}'] as {field}"),
        })
        .collect();
    let inner = format!("select {call} as result\n{set}").replace('\n', "\n  ");
    format!("select {}\nfrom (\n  {inner}\n)", fields.join(", "))
}

/// The interval set of one interval of 2026-03-02, by the clock in UTC.
pub(super) fn one_interval(start: &str, end: &str) -> String {
    let at = |time: &str| format!("timestamp '2026-03-02T{time}' at time zone 'UTC'");
    format!(
        "make_array(named_struct(\n  'start', {},\n  'end', {}))",
        at(start),
        at(end)
    )
}
