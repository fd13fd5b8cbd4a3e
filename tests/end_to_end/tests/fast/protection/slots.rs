//! Slots of endpoints whose rate is limited, reserved by many at once.

use std::collections::BTreeMap;

use posthorn_end_to_end::Stack;
use posthorn_shared::ids::EndpointId;
use posthorn_shared::rate_limit::RateLimit;
use posthorn_shared::runtime::Runtime;
use posthorn_shared::settings::Settings;
use posthorn_shared::store::Store;

/// As a function of the stack has it.
async fn store(stack: &Stack) -> Store {
    let table = |name| (name == "POSTHORN_TABLE").then(|| "posthorn".to_owned());
    let mut settings = Settings::from_lookup(table).expect("settings");
    settings.aws_endpoint = Some(stack.aws());
    Store::new(&Runtime::connect(settings).await.expect("a runtime"))
}

#[tokio::test]
async fn sixteen_reserve_at_once_and_no_slot_is_lost_or_given_twice() {
    let stack = Stack::start().await;
    let store = store(&stack).await;
    let endpoint = EndpointId::new(jiff::Timestamp::now(), 7);
    let limit = RateLimit { per_second: Some(7), per_hour: None };
    let reservers = (0..16).map(|_| {
        let (store, endpoint) = (store.clone(), endpoint.clone());
        tokio::spawn(async move {
            let mut slots = Vec::new();
            for _ in 0..5 {
                // A function that gives up comes again with its message.
                slots.extend(loop {
                    if let Ok(slots) = store.reserve_slots(&endpoint, limit, 4, 1.0).await {
                        break slots;
                    }
                });
            }
            slots
        })
    });
    let mut slots = Vec::new();
    for reserver in reservers {
        slots.extend(reserver.await.expect("no panic"));
    }
    assert_eq!(slots.len(), 16 * 5 * 4);
    slots.sort();
    let mut most = BTreeMap::new();
    for slot in &slots {
        let start = slot.as_millisecond();
        let inside = slots.iter().filter(|s| (start..start + 1000).contains(&s.as_millisecond()));
        most.insert(inside.count(), *slot);
    }
    let (most, at) = most.last_key_value().expect("slots");
    assert!(*most <= 7, "{most} in the second from {at}");
    // Nobody waits for what nobody has: all of the limit was given while all were asking.
    let span = slots[319].duration_since(slots[0]).as_secs_f64();
    assert!(span <= 320.0 / 7.0 + 10.0, "{span} s");
}
