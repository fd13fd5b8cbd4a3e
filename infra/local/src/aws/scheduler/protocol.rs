//! Scheduler's wire protocol, REST and JSON.

use std::collections::HashMap;

use axum::extract::Query;
use axum::http::{Method, Uri};
use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::definition::{Definition, check_name};
use super::error::SchedulerError;
use super::store::Schedule;
use super::{Scheduler, arn, group_arn};
use crate::aws::http::Answer;

/// Whether a path is one of Scheduler's.
pub fn is_path(path: &str) -> bool {
    let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    matches!(first, "schedules" | "schedule-groups")
}

/// Parameters of the query string.
type Parameters = HashMap<String, String>;

impl Scheduler {
    /// Does one request and answers as Scheduler does.
    pub async fn answer(&self, method: &Method, uri: &Uri, body: Bytes) -> Answer {
        let mut segments = uri.path().trim_matches('/').splitn(2, '/');
        let (resource, name) = (segments.next().unwrap_or_default(), segments.next());
        let Query(query) = Query::<Parameters>::try_from_uri(uri).unwrap_or_default();
        let (operation, result) = match (method.as_str(), resource, name) {
            ("POST", "schedules", Some(name)) => ("CreateSchedule", self.create(name, &body)),
            ("PUT", "schedules", Some(name)) => ("UpdateSchedule", self.update(name, &body)),
            ("GET", "schedules", Some(name)) => ("GetSchedule", self.get(name, &query)),
            ("DELETE", "schedules", Some(name)) => ("DeleteSchedule", self.delete(name, &query)),
            ("GET", "schedules", None) => ("ListSchedules", self.list(&query)),
            ("POST", "schedule-groups", Some(name)) => {
                ("CreateScheduleGroup", self.create_group_action(name))
            }
            ("GET", "schedule-groups", Some(name)) => ("GetScheduleGroup", self.get_group(name)),
            ("DELETE", "schedule-groups", Some(name)) => {
                ("DeleteScheduleGroup", self.delete_group(name))
            }
            ("GET", "schedule-groups", None) => ("ListScheduleGroups", self.list_groups()),
            _ => {
                let message = format!("{method} {} is no operation of Scheduler.", uri.path());
                ("Unknown", Err(SchedulerError::NotFound(message)))
            }
        };
        self.meter.call("scheduler", operation);
        match result {
            Ok(body) => Answer::rest(200, body.to_string().into_bytes()),
            Err(error) => {
                self.meter.error("scheduler", operation);
                let body = json!({"Message": error.to_string()});
                let mut answer = Answer::rest(error.status(), body.to_string().into_bytes());
                answer.error_type = Some(error.name());
                answer
            }
        }
    }

    fn create(&self, name: &str, body: &[u8]) -> Result<Value, SchedulerError> {
        let definition = read(body)?;
        let group = definition.group().to_owned();
        let state = self.lock();
        if let Some(existing) = state.store.get(&group, name)? {
            let token = &existing.definition.client_token;
            if token.is_none() || *token != definition.client_token {
                return Err(SchedulerError::Conflict(format!("Schedule {name} already exists.")));
            }
            // The same request once more.
            return Ok(json!({"ScheduleArn": arn(&group, name)}));
        }
        state.put(name, definition, self.clock.now())?;
        Ok(json!({"ScheduleArn": arn(&group, name)}))
    }

    fn update(&self, name: &str, body: &[u8]) -> Result<Value, SchedulerError> {
        let definition = read(body)?;
        let group = definition.group().to_owned();
        let state = self.lock();
        state.store.get(&group, name)?.ok_or_else(|| no_schedule(name))?;
        state.put(name, definition, self.clock.now())?;
        Ok(json!({"ScheduleArn": arn(&group, name)}))
    }

    fn get(&self, name: &str, query: &Parameters) -> Result<Value, SchedulerError> {
        let group = query.get("groupName").map_or("default", String::as_str);
        let schedule = self.lock().store.get(group, name)?.ok_or_else(|| no_schedule(name))?;
        let mut definition = schedule.definition.clone();
        definition.client_token = None;
        let mut body = serde_json::to_value(definition)?;
        if let (Value::Object(body), Value::Object(rest)) = (&mut body, identity(&schedule)) {
            body.extend(rest);
        }
        Ok(body)
    }

    fn delete(&self, name: &str, query: &Parameters) -> Result<Value, SchedulerError> {
        let group = query.get("groupName").map_or("default", String::as_str);
        match self.lock().store.delete(group, name)? {
            true => Ok(json!({})),
            false => Err(no_schedule(name)),
        }
    }

    fn list(&self, query: &Parameters) -> Result<Value, SchedulerError> {
        let text = |name: &str| query.get(name).map_or("", String::as_str);
        let page = text("MaxResults").parse().unwrap_or(100_usize).clamp(1, 100);
        let after = text("NextToken").split_once('/').unwrap_or_default();
        let group = query.get("ScheduleGroup").map(String::as_str);
        let mut found = self.lock().store.list(group, text("NamePrefix"), after, page + 1)?;
        let more = found.len() > page;
        found.truncate(page);
        let token = found.last().filter(|_| more).map(|s| format!("{}/{}", s.group, s.name));
        let summaries: Vec<_> = found.iter().map(summary).collect();
        Ok(match token {
            Some(token) => json!({"Schedules": summaries, "NextToken": token}),
            None => json!({"Schedules": summaries}),
        })
    }

    fn create_group_action(&self, name: &str) -> Result<Value, SchedulerError> {
        check_name("name", name)?;
        match self.lock().store.create_group(name, self.clock.now())? {
            true => Ok(json!({"ScheduleGroupArn": group_arn(name)})),
            false => {
                Err(SchedulerError::Conflict(format!("Schedule group {name} already exists.")))
            }
        }
    }

    fn get_group(&self, name: &str) -> Result<Value, SchedulerError> {
        let groups = self.lock().store.groups()?;
        let found = groups.iter().find(|(group, _)| group == name);
        found.map(|(name, created_at)| show_group(name, *created_at)).ok_or_else(|| no_group(name))
    }

    fn delete_group(&self, name: &str) -> Result<Value, SchedulerError> {
        if name == "default" {
            let message = "The default schedule group can't be deleted.".to_owned();
            return Err(SchedulerError::Validation(message));
        }
        match self.lock().store.delete_group(name)? {
            true => Ok(json!({})),
            false => Err(no_group(name)),
        }
    }

    fn list_groups(&self) -> Result<Value, SchedulerError> {
        let groups = self.lock().store.groups()?;
        let shown: Vec<_> = groups.iter().map(|(name, at)| show_group(name, *at)).collect();
        Ok(json!({"ScheduleGroups": shown}))
    }
}

fn read(body: &[u8]) -> Result<Definition, SchedulerError> {
    serde_json::from_slice(body)
        .map_err(|error| SchedulerError::Validation(format!("The request can't be read: {error}")))
}

/// Seconds since the epoch.
fn epoch(time: Timestamp) -> Value {
    json!(time.as_millisecond() as f64 / 1_000.0)
}

fn identity(schedule: &Schedule) -> Value {
    json!({
        "Arn": arn(&schedule.group, &schedule.name),
        "Name": schedule.name,
        "CreationDate": epoch(schedule.created_at),
        "LastModificationDate": epoch(schedule.modified_at),
    })
}

fn summary(schedule: &Schedule) -> Value {
    let target = schedule.definition.target.as_ref().and_then(|target| target.arn.as_deref());
    json!({
        "Arn": arn(&schedule.group, &schedule.name),
        "GroupName": schedule.group,
        "Name": schedule.name,
        "State": schedule.definition.state,
        "Target": {"Arn": target},
        "CreationDate": epoch(schedule.created_at),
        "LastModificationDate": epoch(schedule.modified_at),
    })
}

fn show_group(name: &str, created_at: Timestamp) -> Value {
    json!({
        "Arn": group_arn(name),
        "Name": name,
        "State": "ACTIVE",
        "CreationDate": epoch(created_at),
        "LastModificationDate": epoch(created_at),
    })
}

fn no_schedule(name: &str) -> SchedulerError {
    SchedulerError::NotFound(format!("Schedule {name} does not exist."))
}

fn no_group(name: &str) -> SchedulerError {
    SchedulerError::NotFound(format!("Schedule group {name} does not exist."))
}
