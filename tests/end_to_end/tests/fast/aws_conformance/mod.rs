//! What AWS does, asked of our SQS and Scheduler, and of independent emulators.
//!
//! Every behaviour is a test against ours, in this process. When `POSTHORN_CONFORMANCE_ENDPOINTS`
//! names other implementations (`ministack=http://127.0.0.1:4567,moto=http://127.0.0.1:5000`),
//! the same behaviours run against each of them: a behaviour that we made up fails there. What
//! an emulator is known not to do is in `aws_conformance/exceptions.rs`, with the reason.

mod batches;
mod dynamodb;
mod endpoint;
mod exceptions;
mod messages;
mod queues;
mod schedules;

use endpoint::Endpoint;
use futures::future::BoxFuture;

type Behaviour = fn(Endpoint) -> BoxFuture<'static, ()>;

macro_rules! behaviours {
    ($($module:ident :: $name:ident,)*) => {
        /// Every behaviour by name.
        const BEHAVIOURS: &[(&str, Behaviour)] = &[
            $((concat!(stringify!($module), "::", stringify!($name)), |endpoint| {
                Box::pin($module::$name(endpoint))
            }),)*
        ];

        mod ours {
            $(#[tokio::test]
            async fn $name() {
                super::$module::$name(super::endpoint::ours().await).await;
            })*
        }
    };
}

behaviours! {
    messages::a_message_arrives_as_it_was_sent,
    messages::attributes_come_as_asked_for,
    messages::a_group_is_kept_on_a_standard_queue,
    messages::a_delayed_message_comes_later,
    messages::a_delay_has_a_limit,
    messages::a_message_comes_back_after_its_visibility_timeout,
    messages::visibility_can_be_given_up,
    messages::visibility_of_a_deleted_message_cannot_be_changed,
    messages::a_long_poll_ends_when_a_message_comes,
    messages::a_deleted_message_is_gone,
    batches::a_batch_fails_entry_by_entry,
    batches::a_batch_has_limits,
    messages::a_mebibyte_fits_and_more_does_not,
    messages::characters_outside_xml_are_refused,
    messages::a_bad_receipt_handle_is_refused,
    messages::a_poison_message_moves_to_the_dead_letter_queue,
    queues::creating_a_queue_again_is_fine_with_the_same_attributes,
    queues::an_unknown_queue_is_an_error,
    queues::attributes_can_be_set_and_read,
    queues::invalid_attributes_are_refused,
    queues::messages_are_counted_by_state,
    queues::queues_are_listed_by_prefix,
    queues::a_purged_queue_is_empty,
    schedules::a_schedule_is_kept_as_it_was_made,
    schedules::a_name_can_be_taken_once,
    schedules::an_update_replaces,
    schedules::a_deleted_schedule_is_gone,
    schedules::an_unknown_group_is_an_error,
    schedules::bad_schedules_are_refused,
    schedules::schedules_are_listed_by_group_and_prefix,
    schedules::a_group_goes_with_its_schedules,
}

#[tokio::test]
async fn other_implementations() {
    let mut failures = Vec::new();
    for (name, url) in endpoint::others() {
        let mut kept = 0;
        for (behaviour, run) in BEHAVIOURS {
            if let Some(reason) = exceptions::reason(&name, behaviour) {
                println!("{name}: {behaviour}: left out: {reason}");
                continue;
            }
            match tokio::spawn(run(endpoint::at(&url))).await {
                Ok(()) => kept += 1,
                Err(error) => failures.push(format!("{name}: {behaviour}: {error}")),
            }
        }
        println!("{name}: {kept} of {} behaviours", BEHAVIOURS.len());
    }
    assert!(failures.is_empty(), "not like ours:\n{}", failures.join("\n"));
}
