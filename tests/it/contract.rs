//! The 13 views are the contract's, column by column.

use activlake::models::contract;

use crate::place::{Place, block_on};

#[test]
fn all_views_keep_the_contract() {
    block_on(async {
        let place = Place::new(None, &[], "2026-03-15T00:00:00Z");
        let checked = contract::check(&place.setup)
            .await
            .unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(checked.len(), 13);
        let columns: usize = checked.iter().map(|view| view.columns).sum();
        let kept: usize = checked.iter().map(|view| view.kept).sum();
        let differences: Vec<_> = checked.iter().flat_map(|view| &view.differences).collect();
        assert_eq!((columns, kept), (196, 196), "{differences:?}");
    });
}

#[test]
fn an_empty_lake_answers() {
    block_on(async {
        let place = Place::new(None, &[], "2026-03-15T00:00:00Z");
        for (name, text) in place.all_views().await {
            assert_eq!(text.lines().count(), 1, "{name} has rows: {text}");
        }
    });
}

/// `docs/views.md` is what the descriptions say now.
#[test]
fn the_reference_is_current() {
    let library = activlake::models::Library::load(None).unwrap();
    let written =
        std::fs::read_to_string(crate::place::repository().join("docs/views.md")).unwrap();
    assert!(
        written == activlake::cli::reference(&library),
        "docs/views.md is old: activlake views docs > docs/views.md"
    );
}
