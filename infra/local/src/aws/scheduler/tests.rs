//! What schedules promise to whoever fires them.

use super::*;

const ARN: &str = "arn:aws:lambda:us-east-1:000000000000:function:retry";

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn once(group: &str, at: &str) -> Definition {
    serde_json::from_value(serde_json::json!({
        "GroupName": group,
        "ScheduleExpression": format!("at({at})"),
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {"Arn": ARN, "RoleArn": "arn:aws:iam::000000000000:role/r", "Input": "{\"a\": 1}"},
        "ActionAfterCompletion": "DELETE",
    }))
    .unwrap()
}

fn scheduler(data_dir: &DataDir) -> Scheduler {
    let scheduler = Scheduler::open(data_dir, Meter::default(), Clock::system()).unwrap();
    scheduler.create_group("g").unwrap();
    scheduler
}

fn add(scheduler: &Scheduler, name: &str, definition: Definition) {
    scheduler.lock().put(name, definition, time("2030-01-01T00:00:00Z")).unwrap();
}

#[test]
fn a_firing_is_handed_out_once_and_stays_until_it_is_reported() {
    let directory = tempfile::tempdir().unwrap();
    let data_dir = DataDir::Path(directory.path().to_owned());
    let first = scheduler(&data_dir);
    add(&first, "s", once("g", "2030-01-01T00:01:00"));
    assert_eq!(first.due(time("2030-01-01T00:00:59Z"), 10).unwrap(), []);
    let now = time("2030-01-01T00:01:00Z");
    let due = first.due(now, 10).unwrap();
    assert_eq!((due[0].target_arn.as_str(), due[0].input.as_str()), (ARN, "{\"a\": 1}"));
    assert_eq!(first.due(now, 10).unwrap(), [], "it is handed out already");
    drop(first);

    let second = scheduler(&data_dir);
    assert_eq!(second.due(now, 10).unwrap(), due, "nobody reported it, so it fires again");
    second.completed(&due[0], now).unwrap();
    drop(second);

    let third = scheduler(&data_dir);
    assert_eq!(third.due(time("2031-01-01T00:00:00Z"), 10).unwrap(), []);
    assert!(third.lock().store.get("g", "s").unwrap().is_none(), "it deletes itself");
}

#[test]
fn a_rate_goes_on() {
    let scheduler = scheduler(&DataDir::Memory);
    let definition = Definition {
        schedule_expression: Some("rate(1 minute)".to_owned()),
        ..once("g", "2030-01-01T00:00:00")
    };
    add(&scheduler, "s", definition);
    for minute in 1..4 {
        let now = time(&format!("2030-01-01T00:0{minute}:00Z"));
        let due = scheduler.due(now, 10).unwrap();
        assert_eq!(due[0].scheduled_time, now);
        scheduler.completed(&due[0], now).unwrap();
    }
}

#[test]
fn a_failing_target_is_tried_again_until_its_policy_ends() {
    let scheduler = scheduler(&DataDir::Memory);
    let mut definition = once("g", "2030-01-01T00:00:00");
    if let Some(target) = &mut definition.target {
        target.retry_policy = Some(definition::RetryPolicy {
            maximum_retry_attempts: Some(2),
            maximum_event_age_in_seconds: None,
        });
    }
    add(&scheduler, "s", definition);
    for second in ["00", "01", "03"] {
        let now = time(&format!("2030-01-01T00:00:{second}Z"));
        let due = scheduler.due(now, 10).unwrap();
        assert_eq!(due.len(), 1, "at {second} s");
        scheduler.failed(&due[0], now).unwrap();
        assert_eq!(scheduler.due(now, 10).unwrap(), [], "it waits before the next try");
    }
    assert_eq!(scheduler.due(time("2030-01-02T00:00:00Z"), 10).unwrap(), []);
}

#[test]
fn what_changed_while_it_fired_stays_changed() {
    let scheduler = scheduler(&DataDir::Memory);
    add(&scheduler, "s", once("g", "2030-01-01T00:00:00"));
    let now = time("2030-01-01T00:00:00Z");
    let due = scheduler.due(now, 10).unwrap();
    add(&scheduler, "s", once("g", "2030-01-01T00:05:00"));
    scheduler.completed(&due[0], now).unwrap();
    assert_eq!(scheduler.due(time("2030-01-01T00:05:00Z"), 10).unwrap().len(), 1);
}

#[test]
fn the_templates_schedules_keep_their_rhythm_over_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let data_dir = DataDir::Path(directory.path().to_owned());
    let due_at = |scheduler: &Scheduler| {
        scheduler.put("g", "sweep", "rate(1 minute)", ARN, "{\"sweep\":true}").unwrap();
        scheduler.lock().store.get("g", "sweep").unwrap().and_then(|schedule| schedule.due_at)
    };
    let first = due_at(&scheduler(&data_dir));
    assert!(first.is_some());
    assert_eq!(due_at(&scheduler(&data_dir)), first);
}
