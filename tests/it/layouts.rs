//! Other ways to cut the work must not show: batch sizes, threads, memory, chunks of days, files.

use std::path::Path;

use crate::golden::built;
use crate::place::{Place, block_on, repository};

/// One way to do the same work.
type Way = &'static [(&'static str, &'static str)];

const WAYS: [Way; 6] = [
    &[
        ("limits.batch_rows", "1"),
        ("limits.threads", "1"),
        ("limits.ingest_batch_rows", "7"),
        ("limits.chunk_rows", "20"),
    ],
    &[
        ("limits.batch_rows", "7"),
        ("limits.threads", "2"),
        ("limits.chunk_rows", "1"),
    ],
    &[
        ("limits.batch_rows", "8192"),
        ("limits.threads", "7"),
        ("limits.ingest_batch_rows", "1000"),
    ],
    &[
        ("limits.batch_rows", "7"),
        ("limits.threads", "7"),
        ("limits.row_group_rows", "3"),
    ],
    &[
        ("limits.batch_rows", "8192"),
        ("limits.threads", "1"),
        ("limits.chunk_rows", "100000"),
    ],
    &[
        ("limits.memory", "64MiB"),
        ("limits.batch_rows", "8192"),
        ("limits.threads", "2"),
    ],
];

async fn views(case: &Path, way: Way) -> Vec<(String, String)> {
    let place: Place = built(case, way).await;
    place.all_views().await
}

#[test]
fn no_way_to_cut_the_work_shows() {
    let cases = [
        "slt/fixture",
        "golden/clipping_across_midnight",
        "golden/user_zone_mode",
        "golden/meetings_and_breaks",
        "golden/two_computers_sequence",
        "golden/location_window",
        "golden/late_event_and_rerun",
    ];
    block_on(async {
        for (index, case) in cases.iter().enumerate() {
            let folder = repository().join("tests").join(case);
            let expected = views(&folder, &[]).await;
            assert!(
                expected.iter().any(|(_, text)| text.lines().count() > 1),
                "{case} shows nothing"
            );
            // The first case goes every way, the others two each.
            let ways = WAYS
                .iter()
                .enumerate()
                .filter(|(way, _)| index == 0 || (way + index) % 3 == 0);
            for (number, way) in ways {
                for ((name, got), (_, text)) in views(&folder, way).await.iter().zip(&expected) {
                    assert_eq!(got, text, "{case}, way {number}: {name}");
                }
            }
        }
    });
}
