//! Checks a value by a schema, step by step, until the steps are used up.
//!
//! The rules are those of JSON Schema 2020-12 core and validation. `format` and `content…` are
//! annotations, as the specification has it.

mod arrays;
mod objects;
mod seen;

use std::cmp::Ordering;

use serde_json::{Number, Value};

use super::Schema;
use super::equality::{self, LOOK_UP, text_steps};
use super::limits::{Budget, MAX_PROBLEMS};
use super::node::{Check, Condition, Node, NodeId, PatternId, ResourceId};
use super::number::{self, Amount};
use super::pattern::Scratch;
use super::steps::{OutOfSteps, Steps};
use crate::problem::{Problem, child};
use seen::Seen;

/// Why a check ends early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    OutOfSteps,
    TooDeep,
    /// There are as many problems as are told.
    Enough,
}

impl From<OutOfSteps> for Stop {
    fn from(_: OutOfSteps) -> Self {
        Self::OutOfSteps
    }
}

/// What came of a check.
#[derive(Debug)]
pub struct Outcome {
    pub problems: Vec<Problem>,
    /// How many it took.
    #[cfg_attr(not(test), expect(dead_code, reason = "tests hold checks to it"))]
    pub steps: u64,
    /// What ended it early.
    pub stop: Option<Stop>,
}

/// One check of one value.
pub struct Run<'s> {
    schema: &'s Schema,
    steps: Steps,
    /// How much deeper it may go.
    depth_left: usize,
    /// What fails may fail, as in `not`: no problem is noted.
    quiet: bool,
    problems: Vec<Problem>,
    /// The resources that the check went through, for `$dynamicRef`.
    scope: Vec<ResourceId>,
    scratch: Scratch,
}

/// Where a value is: parts on the stack, which become a pointer only for a problem.
struct Place<'p> {
    parent: Option<&'p Place<'p>>,
    part: Part<'p>,
}

#[derive(Clone, Copy)]
enum Part<'p> {
    Whole,
    Member(&'p str),
    Element(usize),
}

impl<'s> Run<'s> {
    /// Checks a value by the whole schema.
    pub fn check(schema: &'s Schema, value: &Value, budget: Budget) -> Outcome {
        let mut run = Self {
            schema,
            steps: Steps::new(budget.steps),
            depth_left: budget.depth,
            quiet: false,
            problems: Vec::new(),
            scope: Vec::new(),
            scratch: Scratch::default(),
        };
        let whole = Place { parent: None, part: Part::Whole };
        let stop = run.apply(Schema::ROOT, value, &whole, None).err();
        Outcome { problems: run.problems, steps: run.steps.used(), stop }
    }

    /// Whether a value is valid by a node. Notes in `seen` what was looked at; if the value is not
    /// valid, what is noted means nothing.
    fn apply(
        &mut self,
        id: NodeId,
        value: &Value,
        at: &Place<'_>,
        seen: Option<&mut Seen>,
    ) -> Result<bool, Stop> {
        let node = self.schema.node(id);
        self.steps.spend(1 + node.checks.len() as u64)?;
        self.depth_left = self.depth_left.checked_sub(1).ok_or(Stop::TooDeep)?;
        let enters = self.scope.last() != Some(&node.resource);
        if enters {
            self.scope.push(node.resource);
        }
        let valid = if node.looks_back {
            let mut own = self.none_seen(value)?;
            let valid = self.check_all(node, value, at, Some(&mut own))?;
            if let Some(seen) = seen.filter(|_| valid) {
                seen.add(&own);
            }
            valid
        } else {
            self.check_all(node, value, at, seen)?
        };
        if enters {
            self.scope.pop();
        }
        self.depth_left += 1;
        Ok(valid)
    }

    fn check_all(
        &mut self,
        node: &'s Node,
        value: &Value,
        at: &Place<'_>,
        mut seen: Option<&mut Seen>,
    ) -> Result<bool, Stop> {
        let mut valid = true;
        for check in &node.checks {
            // What a check that failed has looked at means nothing.
            if !valid && (self.quiet || check.looks_back()) {
                break;
            }
            valid &= self.check_one(check, value, at, seen.as_deref_mut())?;
        }
        Ok(valid)
    }

    /// A check holds of values of other types than it is about.
    fn check_one(
        &mut self,
        check: &'s Check,
        value: &Value,
        at: &Place<'_>,
        seen: Option<&mut Seen>,
    ) -> Result<bool, Stop> {
        match (check, value) {
            (Check::Never, _) => self.fail(at, || "is not allowed".to_owned()),
            (Check::Type(types), _) => {
                self.hold(types.has(value), at, || format!("is of type {}", types.names()))
            }
            (Check::Enum(choices), Value::String(text)) => {
                self.steps.spend(LOOK_UP + text_steps(text))?;
                let known = choices.texts.contains(text.as_str());
                self.hold(known, at, || format!("is {}", choices.shown))
            }
            (Check::Enum(choices), _) => {
                self.steps.spend(choices.steps)?;
                let known = choices.others.iter().any(|other| equality::same(other, value));
                self.hold(known, at, || format!("is {}", choices.shown))
            }
            (Check::Const(constant), _) => {
                self.steps.spend(constant.steps)?;
                let same = equality::same(&constant.value, value);
                self.hold(same, at, || format!("is {}", constant.value))
            }
            (Check::Minimum(limit), Value::Number(number)) => {
                self.compare(number, limit, Ordering::is_ge, at, "is at least")
            }
            (Check::ExclusiveMinimum(limit), Value::Number(number)) => {
                self.compare(number, limit, Ordering::is_gt, at, "is greater than")
            }
            (Check::Maximum(limit), Value::Number(number)) => {
                self.compare(number, limit, Ordering::is_le, at, "is at most")
            }
            (Check::ExclusiveMaximum(limit), Value::Number(number)) => {
                self.compare(number, limit, Ordering::is_lt, at, "is less than")
            }
            (Check::MultipleOf(unit), Value::Number(value)) => {
                self.steps.spend(number::multiple_steps(value, unit))?;
                let multiple = number::is_multiple(value, unit);
                self.hold(multiple, at, || format!("is a multiple of {unit}"))
            }
            (Check::MinLength(min), Value::String(text)) => {
                let enough = self.characters(text)? >= *min;
                self.hold(enough, at, || format!("has at least {min} characters"))
            }
            (Check::MaxLength(max), Value::String(text)) => {
                let fits = self.characters(text)? <= *max;
                self.hold(fits, at, || format!("has at most {max} characters"))
            }
            (Check::Pattern(pattern), Value::String(text)) => {
                let matches = self.matches(*pattern, text)?;
                let pattern = self.schema.pattern(*pattern);
                self.hold(matches, at, || format!("matches {}", pattern.text))
            }
            (Check::Reference(node), _) => self.apply(*node, value, at, seen),
            (Check::Dynamic(name, node), _) => {
                let node = self.outermost(name)?.unwrap_or(*node);
                self.apply(node, value, at, seen)
            }
            (Check::AllOf(nodes), _) => self.all_of(nodes, value, at, seen),
            (Check::AnyOf(nodes), _) => {
                // Where what they look at counts, all are asked.
                let most = if seen.is_some() { usize::MAX } else { 0 };
                let valid = self.number_valid(nodes, value, at, seen, most)?;
                self.hold(valid > 0, at, || "is valid by a schema of anyOf".to_owned())
            }
            (Check::OneOf(nodes), _) => {
                let valid = self.number_valid(nodes, value, at, seen, 1)?;
                self.hold(valid == 1, at, || match valid {
                    0 => "is valid by a schema of oneOf".to_owned(),
                    _ => "is valid by one schema of oneOf alone, not by several".to_owned(),
                })
            }
            (Check::Not(node), _) => {
                let valid = self.quietly(|run| run.apply(*node, value, at, None))?;
                self.hold(!valid, at, || "is not valid by the schema of not".to_owned())
            }
            (Check::If(condition), _) => self.condition(condition, value, at, seen),
            (Check::DependentSchemas(entries), Value::Object(object)) => {
                self.dependent_schemas(entries, value, object, at, seen)
            }
            (_, Value::Object(object)) => self.check_object(check, object, at, seen),
            (_, Value::Array(items)) => self.check_array(check, items, at, seen),
            _ => Ok(true),
        }
    }

    fn all_of(
        &mut self,
        nodes: &[NodeId],
        value: &Value,
        at: &Place<'_>,
        mut seen: Option<&mut Seen>,
    ) -> Result<bool, Stop> {
        let mut valid = true;
        for node in nodes {
            valid &= self.apply(*node, value, at, seen.as_deref_mut())?;
            if !valid && self.quiet {
                break;
            }
        }
        Ok(valid)
    }

    /// By how many nodes a value is valid; more than `most` are not told apart.
    fn number_valid(
        &mut self,
        nodes: &[NodeId],
        value: &Value,
        at: &Place<'_>,
        mut seen: Option<&mut Seen>,
        most: usize,
    ) -> Result<usize, Stop> {
        let mut number = 0;
        for node in nodes {
            number += usize::from(self.branch(*node, value, at, seen.as_deref_mut())?);
            if number > most {
                break;
            }
        }
        Ok(number)
    }

    fn condition(
        &mut self,
        condition: &Condition,
        value: &Value,
        at: &Place<'_>,
        mut seen: Option<&mut Seen>,
    ) -> Result<bool, Stop> {
        let holds = self.branch(condition.when, value, at, seen.as_deref_mut())?;
        match if holds { condition.then } else { condition.otherwise } {
            Some(node) => self.apply(node, value, at, seen),
            None => Ok(true),
        }
    }

    /// Whether a value is valid by a node by which it need not be. What the node looks at counts
    /// only if it is.
    fn branch(
        &mut self,
        node: NodeId,
        value: &Value,
        at: &Place<'_>,
        seen: Option<&mut Seen>,
    ) -> Result<bool, Stop> {
        let Some(seen) = seen else {
            return self.quietly(|run| run.apply(node, value, at, None));
        };
        let mut own = self.none_seen(value)?;
        let valid = self.quietly(|run| run.apply(node, value, at, Some(&mut own)))?;
        if valid {
            seen.add(&own);
        }
        Ok(valid)
    }

    fn quietly<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T, Stop>) -> Result<T, Stop> {
        let before = std::mem::replace(&mut self.quiet, true);
        let result = work(self);
        self.quiet = before;
        result
    }

    /// The node with this `$dynamicAnchor` in the outermost resource that has one.
    fn outermost(&mut self, name: &str) -> Result<Option<NodeId>, Stop> {
        let anchors = self.schema.dynamic_anchors(name);
        self.steps.spend((self.scope.len() * anchors.len()) as u64)?;
        let of = |resource: &ResourceId| {
            anchors.iter().find(|node| self.schema.node(**node).resource == *resource)
        };
        Ok(self.scope.iter().find_map(of).copied())
    }

    fn compare(
        &mut self,
        number: &Number,
        limit: &Number,
        holds: fn(Ordering) -> bool,
        at: &Place<'_>,
        words: &str,
    ) -> Result<bool, Stop> {
        let order = Amount::from(number).compare(Amount::from(limit));
        self.hold(holds(order), at, || format!("{words} {limit}"))
    }

    fn characters(&mut self, text: &str) -> Result<u64, Stop> {
        self.steps.spend(text_steps(text))?;
        Ok(text.chars().count() as u64)
    }

    fn matches(&mut self, pattern: PatternId, text: &str) -> Result<bool, Stop> {
        let pattern = self.schema.pattern(pattern);
        Ok(pattern.matches(text, &mut self.scratch, &mut self.steps)?)
    }

    fn none_seen(&mut self, value: &Value) -> Result<Seen, Stop> {
        let none = Seen::none(value);
        self.steps.spend(none.steps())?;
        Ok(none)
    }

    /// Notes a problem, unless the check holds.
    fn hold(
        &mut self,
        holds: bool,
        at: &Place<'_>,
        detail: impl FnOnce() -> String,
    ) -> Result<bool, Stop> {
        if holds { Ok(true) } else { self.fail(at, detail) }
    }

    fn fail(&mut self, at: &Place<'_>, detail: impl FnOnce() -> String) -> Result<bool, Stop> {
        if !self.quiet {
            self.problems.push(Problem::new(at.pointer(), detail()));
            if self.problems.len() == MAX_PROBLEMS {
                return Err(Stop::Enough);
            }
        }
        Ok(false)
    }
}

impl Place<'_> {
    fn pointer(&self) -> String {
        let parent = self.parent.map(Place::pointer).unwrap_or_default();
        match self.part {
            Part::Whole => parent,
            Part::Member(name) => child(&parent, name),
            Part::Element(index) => format!("{parent}/{index}"),
        }
    }
}
