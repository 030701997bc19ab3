//! Scanning images for requests.

use proptest::prelude::*;
use tine_directboot_model::error::RequestError;
use tine_directboot_model::protocol::{
    BASE_REVISION, COMMON, END_MARKER, Feature, HHDM, MEMORY_MAP, RSDP, START_MARKER,
};
use tine_directboot_model::requests::{MAXIMUM, Requests};

use crate::support::words;

fn tag(revision: u64) -> Vec<u64> {
    vec![BASE_REVISION[0], BASE_REVISION[1], revision]
}

fn request(feature: Feature) -> Vec<u64> {
    vec![COMMON[0], COMMON[1], feature.0, feature.1, 0, 0]
}

fn scan(parts: &[Vec<u64>]) -> (Result<Requests, RequestError>, Vec<u8>) {
    let mut image = words(&parts.concat());
    (Requests::scan(&mut image), image)
}

#[test]
fn revision_2_is_granted_and_newer_ones_are_left() {
    let (requests, image) = scan(&[vec![1], tag(2), request(RSDP)]);
    let requests = requests.expect("good");
    assert_eq!(image[24..32], [0; 8], "granted");
    assert_eq!((requests.find(RSDP), requests.find(HHDM), requests.count()), (Some(32), None, 1));
    let (requests, image) = scan(&[tag(3)]);
    assert!(requests.is_ok());
    assert_eq!(image[16], 3, "left as it was");
}

#[test]
fn older_revisions_are_refused() {
    for parts in [vec![], vec![tag(0)], vec![tag(1), request(RSDP)], vec![request(RSDP)]] {
        assert_eq!(scan(&parts).0.expect_err("refused"), RequestError::OldRevision);
    }
}

#[test]
fn markers_bound_the_scan() {
    let parts = [
        tag(0),
        request(HHDM),
        START_MARKER.to_vec(),
        tag(2),
        request(RSDP),
        END_MARKER.to_vec(),
        request(MEMORY_MAP),
        tag(2),
    ];
    let requests = scan(&parts).0.expect("good");
    assert_eq!(requests.count(), 1);
    assert!(requests.find(RSDP).is_some());
    let first_end = [END_MARKER.to_vec(), tag(2)];
    assert_eq!(scan(&first_end).0.expect_err("nothing found"), RequestError::OldRevision);
}

#[test]
fn conflicts_are_refused() {
    let twice = [tag(2), request(RSDP), request(RSDP)];
    assert_eq!(scan(&twice).0.expect_err("refused"), RequestError::Duplicate(72));
    assert_eq!(scan(&[tag(2), tag(2)]).0.expect_err("refused"), RequestError::DuplicateRevision);
    let cut = [tag(2), request(RSDP)[..5].to_vec()];
    assert_eq!(scan(&cut).0.expect_err("refused"), RequestError::Truncated);
    assert_eq!(scan(&[tag(2)[..2].to_vec()]).0.expect_err("refused"), RequestError::Truncated);
    let many = |count| {
        let each = (0..count).map(|index| request(Feature(index as u64, 1)));
        scan(&std::iter::once(tag(2)).chain(each).collect::<Vec<_>>()).0
    };
    assert_eq!(many(MAXIMUM).expect("good").count(), MAXIMUM);
    assert_eq!(many(MAXIMUM + 1).expect_err("refused"), RequestError::TooMany);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_order_of_magic_words_is_survived(picks in proptest::collection::vec(0usize..16, 0..64), cut in 0usize..9) {
        let magic = [
            BASE_REVISION[0], BASE_REVISION[1], COMMON[0], COMMON[1], END_MARKER[0], END_MARKER[1],
            START_MARKER[0], START_MARKER[1], START_MARKER[2], START_MARKER[3], 2, RSDP.0, RSDP.1,
        ];
        let mut image = words(&picks.iter().map(|&it| *magic.get(it).unwrap_or(&0)).collect::<Vec<_>>());
        image.truncate(image.len().saturating_sub(cut));
        if let Ok(requests) = Requests::scan(&mut image) {
            prop_assert!(requests.find(RSDP).is_none_or(|at| at + 48 <= image.len()));
        }
    }
}
