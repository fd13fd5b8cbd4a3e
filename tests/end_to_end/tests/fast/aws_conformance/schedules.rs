//! Schedules: EventBridge Scheduler API reference.

use aws_sdk_scheduler::error::{DisplayErrorContext, ProvideErrorMetadata};
use aws_sdk_scheduler::operation::create_schedule::builders::CreateScheduleFluentBuilder;
use aws_sdk_scheduler::types::{
    ActionAfterCompletion, FlexibleTimeWindow, FlexibleTimeWindowMode, RetryPolicy, ScheduleState,
    Target,
};

use super::endpoint::Endpoint;

const ARN: &str = "arn:aws:lambda:us-east-1:000000000000:function:retry";
const ROLE: &str = "arn:aws:iam::000000000000:role/scheduler";
/// Never due while the tests run.
const AT: &str = "at(2099-12-31T23:59:00)";

/// The code of a failed call.
macro_rules! code {
    ($call:expr) => {{
        let error = $call.await.expect_err("an error");
        let code = error.code().map(str::to_owned);
        code.unwrap_or_else(|| format!("no code: {}", DisplayErrorContext(&error)))
    }};
}

async fn group(endpoint: &Endpoint) -> String {
    let name = endpoint.name("group");
    endpoint.scheduler.create_schedule_group().name(&name).send().await.expect("a group");
    name
}

fn target(input: &str) -> Target {
    let policy = RetryPolicy::builder().maximum_retry_attempts(3).build();
    let target = Target::builder().arn(ARN).role_arn(ROLE).input(input).retry_policy(policy);
    target.build().expect("a target")
}

fn window() -> FlexibleTimeWindow {
    FlexibleTimeWindow::builder().mode(FlexibleTimeWindowMode::Off).build().expect("a window")
}

fn create(endpoint: &Endpoint, group: &str, name: &str) -> CreateScheduleFluentBuilder {
    endpoint
        .scheduler
        .create_schedule()
        .group_name(group)
        .name(name)
        .schedule_expression(AT)
        .flexible_time_window(window())
        .target(target("{\"bucket\": \"b\", \"shard\": 3}"))
        .action_after_completion(ActionAfterCompletion::Delete)
}

pub async fn a_schedule_is_kept_as_it_was_made(endpoint: Endpoint) {
    let group = group(&endpoint).await;
    let created = create(&endpoint, &group, "s").send().await.expect("a schedule");
    assert!(created.schedule_arn().ends_with(&format!(":schedule/{group}/s")), "{created:?}");
    let get = endpoint.scheduler.get_schedule().group_name(&group).name("s");
    let got = get.send().await.expect("the schedule");
    assert_eq!((got.name(), got.group_name()), (Some("s"), Some(group.as_str())));
    assert_eq!(got.schedule_expression(), Some(AT));
    assert_eq!(got.action_after_completion(), Some(&ActionAfterCompletion::Delete));
    assert_eq!(got.state(), Some(&ScheduleState::Enabled));
    let target = got.target().expect("its target");
    assert_eq!((target.arn(), target.role_arn()), (ARN, ROLE));
    assert_eq!(target.input(), Some("{\"bucket\": \"b\", \"shard\": 3}"));
    let retries = target.retry_policy().and_then(RetryPolicy::maximum_retry_attempts);
    assert_eq!(retries, Some(3));
}

pub async fn a_name_can_be_taken_once(endpoint: Endpoint) {
    let (first, second) = (group(&endpoint).await, group(&endpoint).await);
    create(&endpoint, &first, "s").send().await.expect("a schedule");
    create(&endpoint, &second, "s").send().await.expect("one in another group");
    let error = create(&endpoint, &first, "s").send().await.expect_err("a conflict");
    let is_conflict = error.as_service_error().is_some_and(|e| e.is_conflict_exception());
    assert!(is_conflict, "{}", DisplayErrorContext(&error));
}

pub async fn an_update_replaces(endpoint: Endpoint) {
    let group = group(&endpoint).await;
    let update = || {
        endpoint
            .scheduler
            .update_schedule()
            .group_name(&group)
            .name("s")
            .schedule_expression("rate(5 minutes)")
            .flexible_time_window(window())
            .target(target("{}"))
            .send()
    };
    assert_eq!(code!(update()), "ResourceNotFoundException");
    create(&endpoint, &group, "s").send().await.expect("a schedule");
    update().await.expect("an update");
    let get = endpoint.scheduler.get_schedule().group_name(&group).name("s");
    let got = get.send().await.expect("the schedule");
    assert_eq!(got.schedule_expression(), Some("rate(5 minutes)"));
    assert_eq!(got.target().and_then(Target::input), Some("{}"));
}

pub async fn a_deleted_schedule_is_gone(endpoint: Endpoint) {
    let group = group(&endpoint).await;
    create(&endpoint, &group, "s").send().await.expect("a schedule");
    let delete = || endpoint.scheduler.delete_schedule().group_name(&group).name("s").send();
    delete().await.expect("a delete");
    assert_eq!(code!(delete()), "ResourceNotFoundException");
    let get = endpoint.scheduler.get_schedule().group_name(&group).name("s").send();
    assert_eq!(code!(get), "ResourceNotFoundException");
    create(&endpoint, &group, "s").send().await.expect("its name is free again");
}

pub async fn an_unknown_group_is_an_error(endpoint: Endpoint) {
    let missing = endpoint.name("missing");
    assert_eq!(code!(create(&endpoint, &missing, "s").send()), "ResourceNotFoundException");
}

pub async fn bad_schedules_are_refused(endpoint: Endpoint) {
    let group = group(&endpoint).await;
    for expression in ["at(tomorrow)", "rate(5 parsecs)", "rate(0 minutes)", "every minute"] {
        let bad = create(&endpoint, &group, "s").schedule_expression(expression);
        assert_eq!(code!(bad.send()), "ValidationException", "{expression}");
    }
    assert_eq!(code!(create(&endpoint, &group, "a b").send()), "ValidationException");
}

pub async fn schedules_are_listed_by_group_and_prefix(endpoint: Endpoint) {
    let group = group(&endpoint).await;
    for name in ["due-1", "due-2", "other"] {
        create(&endpoint, &group, name).send().await.expect("a schedule");
    }
    let list = endpoint.scheduler.list_schedules().group_name(&group);
    let all = list.clone().send().await.expect("a list");
    assert_eq!(all.schedules().len(), 3);
    let some = list.name_prefix("due-").send().await.expect("a list");
    let mut names: Vec<_> =
        some.schedules().iter().filter_map(|schedule| schedule.name()).collect();
    // AWS promises no order.
    names.sort_unstable();
    assert_eq!(names, ["due-1", "due-2"]);
}

pub async fn a_group_goes_with_its_schedules(endpoint: Endpoint) {
    let group = group(&endpoint).await;
    let again = endpoint.scheduler.create_schedule_group().name(&group).send();
    assert_eq!(code!(again), "ConflictException");
    create(&endpoint, &group, "s").send().await.expect("a schedule");
    let delete = endpoint.scheduler.delete_schedule_group().name(&group).send().await;
    delete.expect("a delete");
    let get = endpoint.scheduler.get_schedule().group_name(&group).name("s").send();
    assert_eq!(code!(get), "ResourceNotFoundException");
}
