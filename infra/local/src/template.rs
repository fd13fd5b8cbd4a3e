//! Reads `template.yaml`, the only description of queues, table, schedules and environment, as far
//! as one machine needs it.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use serde_yaml_ng::{Mapping, Value};

use crate::aws::sqs::{QueueSpec, Redrive};
use crate::aws::{ACCOUNT, REGION};

/// The name under which the one-machine stack deploys itself: `AWS::StackName`.
const STACK_NAME: &str = "posthorn";

/// The template that this binary was built with.
pub const BUILT_IN: &str = include_str!("../../../template.yaml");

/// What the template describes.
#[derive(Debug, Clone)]
pub struct Template {
    pub table: Table,
    pub queues: Vec<QueueSpec>,
    pub schedule_group: String,
    pub schedules: Vec<Schedule>,
    pub functions: Vec<Function>,
}

/// The table's keys: names of string attributes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    pub name: String,
    pub key: Keys,
    pub indexes: Vec<Index>,
    pub ttl_attribute: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys {
    pub hash: String,
    pub range: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    pub name: String,
    pub key: Keys,
}

/// A recurring schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    pub name: String,
    pub expression: String,
    pub target_arn: String,
    pub input: String,
}

/// A function, and the queues it is fed from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// The binary's name: `api`, `dispatch`, `deliver` or `retry`.
    pub name: String,
    pub arn: String,
    pub timeout: Duration,
    /// As Lambda would set it; values that are empty are left out.
    pub environment: BTreeMap<String, String>,
    pub sources: Vec<EventSource>,
}

/// An event source mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventSource {
    pub queue: String,
    pub batch_size: usize,
}

impl Template {
    /// Reads a template. Queue URLs begin with `aws_url`.
    ///
    /// # Errors
    /// When it is no YAML, or lacks something that is needed, with the place.
    pub fn parse(text: &str, aws_url: &str) -> Result<Self> {
        let document: Value = serde_yaml_ng::from_str(text).context("is not YAML")?;
        let reader = Reader { document: &document, aws_url };
        let mut template = Self {
            table: reader.table().context("Table")?,
            queues: Vec::new(),
            schedule_group: reader.resolve(&reference("ScheduleGroup"))?,
            schedules: Vec::new(),
            functions: Vec::new(),
        };
        for (id, resource) in reader.resources()? {
            let kind = text_of(resource, "Type").unwrap_or_default();
            let context = || format!("resource {id}");
            match kind {
                "AWS::SQS::Queue" => {
                    template.queues.push(reader.queue(resource).with_context(context)?);
                }
                "AWS::Scheduler::Schedule" => {
                    template.schedules.push(reader.schedule(id, resource).with_context(context)?);
                }
                "AWS::Serverless::Function" => {
                    template.functions.push(reader.function(id, resource).with_context(context)?);
                }
                _ => {}
            }
        }
        Ok(template)
    }

    /// The function of this name.
    ///
    /// # Errors
    /// When the template has none.
    pub fn function(&self, name: &str) -> Result<&Function> {
        let found = self.functions.iter().find(|function| function.name == name);
        found.ok_or_else(|| anyhow!("the template has no function with the binary {name}"))
    }
}

struct Reader<'t> {
    document: &'t Value,
    aws_url: &'t str,
}

fn reference(name: &str) -> Value {
    let mut mapping = Mapping::new();
    mapping.insert("Ref".into(), name.into());
    Value::Mapping(mapping)
}

fn text_of<'v>(value: &'v Value, name: &str) -> Option<&'v str> {
    value.get(name)?.as_str()
}

fn seconds(value: Option<&Value>, default: u64) -> Duration {
    Duration::from_secs(value.and_then(Value::as_u64).unwrap_or(default))
}

impl<'t> Reader<'t> {
    fn resources(&self) -> Result<Vec<(&'t str, &'t Value)>> {
        let resources = self.document.get("Resources").and_then(Value::as_mapping);
        let resources = resources.context("has no Resources")?;
        Ok(resources.iter().filter_map(|(id, value)| Some((id.as_str()?, value))).collect())
    }

    fn resource(&self, id: &str) -> Result<&'t Value> {
        let resource = self.document.get("Resources").and_then(|all| all.get(id));
        resource.with_context(|| format!("has no resource {id}"))
    }

    fn properties(&self, resource: &'t Value) -> Result<&'t Value> {
        resource.get("Properties").context("has no Properties")
    }

    fn table(&self) -> Result<Table> {
        let properties = self.properties(self.resource("Table")?)?;
        let ttl = properties.get("TimeToLiveSpecification");
        let indexes = properties.get("GlobalSecondaryIndexes").and_then(Value::as_sequence);
        let index = |value: &Value| -> Result<Index> {
            Ok(Index {
                name: text_of(value, "IndexName").context("an index without name")?.to_owned(),
                key: keys(value)?,
            })
        };
        Ok(Table {
            name: STACK_NAME.to_owned(),
            key: keys(properties)?,
            indexes: indexes.into_iter().flatten().map(index).collect::<Result<_>>()?,
            ttl_attribute: ttl
                .and_then(|ttl| text_of(ttl, "AttributeName"))
                .context("has no TimeToLiveSpecification")?
                .to_owned(),
        })
    }

    fn queue(&self, resource: &'t Value) -> Result<QueueSpec> {
        let properties = self.properties(resource)?;
        let name = self.resolve(properties.get("QueueName").context("has no QueueName")?)?;
        let mut spec = QueueSpec::named(name);
        spec.visibility_timeout = seconds(properties.get("VisibilityTimeout"), 30);
        spec.delay = seconds(properties.get("DelaySeconds"), 0);
        spec.retention = seconds(properties.get("MessageRetentionPeriod"), 345_600);
        if let Some(redrive) = properties.get("RedrivePolicy") {
            let arn = redrive.get("deadLetterTargetArn").context("has no deadLetterTargetArn")?;
            let count = redrive.get("maxReceiveCount").and_then(Value::as_u64);
            spec.redrive = Some(Redrive {
                dead_letter_queue: queue_of_arn(&self.resolve(arn)?)?,
                max_receive_count: u32::try_from(count.context("has no maxReceiveCount")?)?,
            });
        }
        Ok(spec)
    }

    fn schedule(&self, id: &str, resource: &'t Value) -> Result<Schedule> {
        let properties = self.properties(resource)?;
        let target = properties.get("Target").context("has no Target")?;
        Ok(Schedule {
            name: id.to_owned(),
            expression: text_of(properties, "ScheduleExpression")
                .context("has no ScheduleExpression")?
                .to_owned(),
            target_arn: self.resolve(target.get("Arn").context("has no Target.Arn")?)?,
            input: text_of(target, "Input").unwrap_or("{}").to_owned(),
        })
    }

    fn function(&self, id: &str, resource: &'t Value) -> Result<Function> {
        let properties = self.properties(resource)?;
        let build = resource.get("Metadata").and_then(|m| m.get("BuildProperties"));
        let name = build.and_then(|build| text_of(build, "Binary"));
        let name = name.context("has no Metadata.BuildProperties.Binary")?;
        let globals = self.document.get("Globals").and_then(|g| g.get("Function"));
        let mut environment = BTreeMap::new();
        for scope in globals.into_iter().chain([properties]) {
            let variables = scope.get("Environment").and_then(|e| e.get("Variables"));
            for (key, value) in variables.and_then(Value::as_mapping).into_iter().flatten() {
                let key = key.as_str().context("a variable whose name is no text")?;
                let value = self.resolve(value).with_context(|| format!("variable {key}"))?;
                if !value.is_empty() {
                    environment.insert(key.to_owned(), value);
                }
            }
        }
        let events = properties.get("Events").and_then(Value::as_mapping);
        let mut sources = Vec::new();
        for event in events.into_iter().flatten().map(|(_, event)| event) {
            if text_of(event, "Type") == Some("SQS") {
                sources.push(self.event_source(event.get("Properties").context("an event")?)?);
            }
        }
        Ok(Function {
            name: name.to_owned(),
            arn: function_arn(id),
            timeout: seconds(properties.get("Timeout"), 3),
            environment,
            sources,
        })
    }

    fn event_source(&self, properties: &Value) -> Result<EventSource> {
        let batch_size = properties.get("BatchSize").and_then(Value::as_u64).unwrap_or(10);
        // The pollers here delete what succeeded, which is what this setting makes Lambda do.
        let types = properties.get("FunctionResponseTypes").and_then(Value::as_sequence);
        if !types.is_some_and(|types| types.iter().any(|t| t == "ReportBatchItemFailures")) {
            bail!("an SQS event without ReportBatchItemFailures");
        }
        let queue = properties.get("Queue").context("an SQS event without Queue")?;
        Ok(EventSource {
            queue: queue_of_arn(&self.resolve(queue)?)?,
            batch_size: usize::try_from(batch_size)?,
        })
    }

    /// The text that CloudFormation would put in a value's place.
    fn resolve(&self, value: &Value) -> Result<String> {
        match value {
            Value::String(text) => Ok(text.clone()),
            Value::Number(number) => Ok(number.to_string()),
            Value::Bool(flag) => Ok(flag.to_string()),
            Value::Tagged(tagged) => {
                let argument = tagged.value.as_str().context("an intrinsic that is no text")?;
                match tagged.tag.to_string().trim_start_matches('!') {
                    "Ref" => self.reference(argument),
                    "GetAtt" => self.attribute(argument),
                    "Sub" => self.substitute(argument),
                    other => bail!("!{other} is not known here"),
                }
            }
            Value::Mapping(mapping) => match mapping.iter().next() {
                Some((key, Value::String(name))) if key == "Ref" => self.reference(name),
                _ => bail!("a mapping where a text was expected"),
            },
            _ => bail!("a list or null where a text was expected"),
        }
    }

    fn reference(&self, name: &str) -> Result<String> {
        match name {
            "AWS::StackName" => return Ok(STACK_NAME.to_owned()),
            "AWS::AccountId" => return Ok(ACCOUNT.to_owned()),
            "AWS::Region" => return Ok(REGION.to_owned()),
            "AWS::Partition" => return Ok("aws".to_owned()),
            _ => {}
        }
        // SAM's way to name the alias that it makes: here a function has but one version.
        if let Some(function) = name.strip_suffix(".Alias") {
            return Ok(function_arn(function));
        }
        let parameter = self.document.get("Parameters").and_then(|all| all.get(name));
        if let Some(parameter) = parameter {
            let default = parameter.get("Default");
            return self.resolve(default.with_context(|| format!("{name} has no Default"))?);
        }
        let resource = self.resource(name)?;
        match text_of(resource, "Type").unwrap_or_default() {
            "AWS::SQS::Queue" => {
                let queue = self.queue(resource)?.name;
                Ok(format!("{}/{ACCOUNT}/{queue}", self.aws_url))
            }
            "AWS::Scheduler::ScheduleGroup" => {
                let properties = self.properties(resource)?;
                self.resolve(properties.get("Name").context("a group without Name")?)
            }
            _ => Ok(STACK_NAME.to_owned()),
        }
    }

    fn attribute(&self, path: &str) -> Result<String> {
        let (id, attribute) = path.split_once('.').context("!GetAtt without attribute")?;
        match attribute {
            "Arn" => {}
            // Of a secret: the same.
            "Id" => return self.reference(id),
            _ => bail!("!GetAtt {path}: only Arn and Id are known here"),
        }
        let resource = self.resource(id)?;
        Ok(match text_of(resource, "Type").unwrap_or_default() {
            // Only the name: a dead-letter queue's own policy must not be followed in circles.
            "AWS::SQS::Queue" => {
                let name = self.properties(resource)?.get("QueueName").context("no QueueName")?;
                format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{}", self.resolve(name)?)
            }
            "AWS::Serverless::Function" => function_arn(id),
            "AWS::IAM::Role" => format!("arn:aws:iam::{ACCOUNT}:role/{STACK_NAME}-{id}"),
            kind => bail!("!GetAtt {path}: {kind} is not known here"),
        })
    }

    fn substitute(&self, text: &str) -> Result<String> {
        let mut result = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let (name, after) = after.split_once('}').context("!Sub without closing brace")?;
            result.push_str(before);
            result.push_str(&self.reference(name)?);
            rest = after;
        }
        result.push_str(rest);
        Ok(result)
    }
}

fn keys(value: &Value) -> Result<Keys> {
    let schema = value.get("KeySchema").and_then(Value::as_sequence).context("no KeySchema")?;
    let key = |kind: &str| -> Result<String> {
        let entry = schema.iter().find(|entry| text_of(entry, "KeyType") == Some(kind));
        let name = entry.and_then(|entry| text_of(entry, "AttributeName"));
        Ok(name.with_context(|| format!("no {kind} key"))?.to_owned())
    };
    Ok(Keys { hash: key("HASH")?, range: key("RANGE")? })
}

fn function_arn(id: &str) -> String {
    format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{STACK_NAME}-{id}")
}

fn queue_of_arn(arn: &str) -> Result<String> {
    let name = arn.rsplit(':').next().filter(|_| arn.contains(":sqs:"));
    name.map(str::to_owned).with_context(|| format!("{arn} is no queue's ARN"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built_in() -> Template {
        Template::parse(BUILT_IN, "http://127.0.0.1:4566").unwrap()
    }

    #[test]
    fn the_template_says_everything_that_one_machine_needs() {
        let template = built_in();
        assert_eq!(template.table.key, Keys { hash: "pk".into(), range: "sk".into() });
        assert_eq!(template.table.ttl_attribute, "x");
        assert_eq!(template.table.indexes[0].name, "failed");
        let mut queues: Vec<_> = template.queues.iter().map(|q| q.name.as_str()).collect();
        queues.sort_unstable();
        assert_eq!(
            queues,
            [
                "posthorn-deliveries",
                "posthorn-deliveries-dlq",
                "posthorn-events",
                "posthorn-events-dlq",
                "posthorn-operations",
                "posthorn-tasks",
                "posthorn-tasks-dlq"
            ]
        );
        let deliver = template.function("deliver").unwrap();
        assert_eq!(deliver.sources[0].queue, "posthorn-deliveries");
        assert_eq!(
            deliver.environment["POSTHORN_DELIVERIES_QUEUE_URL"],
            "http://127.0.0.1:4566/000000000000/posthorn-deliveries"
        );
        assert_eq!(deliver.environment["POSTHORN_TABLE"], template.table.name);
        let retry = template.function("retry").unwrap();
        assert_eq!(deliver.environment["POSTHORN_RETRY_FUNCTION_ARN"], retry.arn);
        assert_eq!(template.schedules[0].target_arn, retry.arn);
    }

    #[test]
    fn visibility_timeouts_are_six_times_the_functions_timeout() {
        // https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
        let template = built_in();
        for function in &template.functions {
            for source in &function.sources {
                let queue = template.queues.iter().find(|q| q.name == source.queue).unwrap();
                assert!(queue.visibility_timeout >= function.timeout * 6, "{}", function.name);
            }
        }
    }

    #[test]
    fn says_what_is_wrong_with_a_template() {
        for (text, place) in
            [(":\n- [", "YAML"), ("{}", "Table"), ("Resources: {Table: {}}", "Table")]
        {
            let error = format!("{:#}", Template::parse(text, "http://x").unwrap_err());
            assert!(error.contains(place), "{error}");
        }
    }
}
