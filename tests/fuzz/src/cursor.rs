//! `?cursor=` and `?limit=`. The input is taken for a cursor, a limit, and a place to make a cursor
//! of.

use posthorn_api::reading::{PageQuery, encode};
use posthorn_shared::ids::EventKey;

/// Fuzzes the reading of cursors.
///
/// # Panics
/// When a cursor that is taken is not the one we would make for the same place, or when one that we
/// make is not taken.
pub fn cursor(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    read(text);
    make(text);
}

fn read(text: &str) {
    let query = PageQuery::new(Some(text.to_owned()), Some(text.to_owned()));
    if let Ok(limit) = query.limit() {
        assert!((1..=250).contains(&limit), "a limit of {limit}");
    }
    match query.after() {
        Ok(None) => assert!(text.is_empty(), "a cursor was overlooked"),
        Ok(Some(place)) => {
            assert!(
                (1..=160).contains(&place.len()) && place.bytes().all(|b| b.is_ascii_graphic())
            );
            assert_eq!(encode(&place), text, "two cursors for one place");
        }
        Err(refusal) => assert!(refusal.status().is_client_error()),
    }
    if let Ok(Some(key)) = query.after_parsed::<EventKey>() {
        assert_eq!(encode(key.as_str()), text);
        assert!(key.received_at() >= jiff::Timestamp::UNIX_EPOCH);
    }
}

fn make(place: &str) {
    let query = PageQuery::new(None, Some(encode(place)));
    let can_be_one = place.len() <= 160 && place.bytes().all(|b| b.is_ascii_graphic());
    match query.after() {
        Ok(None) => assert!(place.is_empty()),
        Ok(Some(again)) => assert_eq!(again, place),
        Err(_) => assert!(!can_be_one, "our own cursor is refused"),
    }
}
