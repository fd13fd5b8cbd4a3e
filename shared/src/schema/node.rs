//! A schema as it is kept: a list of nodes, one for each schema in it, that refer to one another by
//! their places in the list.

use std::collections::{HashMap, HashSet};

use serde_json::{Number, Value};

use super::number::Amount;

/// A node's place in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodeId(pub u32);

/// A pattern's place among the schema's patterns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PatternId(pub u32);

/// A part of the schema with a URI: the whole, and what has an `$id` inside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ResourceId(pub u32);

/// One schema: all its checks hold of a valid value.
#[derive(Debug)]
pub struct Node {
    /// In the order in which they are made.
    pub checks: Box<[Check]>,
    pub resource: ResourceId,
    /// One of its checks asks what the others have looked at.
    pub looks_back: bool,
}

/// Names of properties.
pub(super) type Names = Box<[Box<str>]>;

/// One keyword, or several that only make sense together.
#[derive(Debug)]
pub enum Check {
    /// The schema `false`.
    Never,
    Type(Types),
    Enum(Box<Choices>),
    Const(Box<Constant>),
    Minimum(Number),
    ExclusiveMinimum(Number),
    Maximum(Number),
    ExclusiveMaximum(Number),
    MultipleOf(Number),
    MinLength(u64),
    MaxLength(u64),
    Pattern(PatternId),
    MinItems(u64),
    MaxItems(u64),
    UniqueItems,
    MinProperties(u64),
    MaxProperties(u64),
    Required(Names),
    DependentRequired(Box<[(Box<str>, Names)]>),
    PropertyNames(NodeId),
    Reference(NodeId),
    /// A `$dynamicRef` to a `$dynamicAnchor` of this name; the node is what it leads to where no
    /// schema on the way has one.
    Dynamic(Box<str>, NodeId),
    AllOf(Box<[NodeId]>),
    AnyOf(Box<[NodeId]>),
    OneOf(Box<[NodeId]>),
    Not(NodeId),
    If(Box<Condition>),
    DependentSchemas(Box<[(Box<str>, NodeId)]>),
    Members(Box<Members>),
    Elements(Box<Elements>),
    Contains(Box<Contains>),
    UnevaluatedProperties(NodeId),
    UnevaluatedItems(NodeId),
}

/// Types of JSON values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Types(u8);

/// Names of the types, in the order of their bits. Every integer is a number, too.
const TYPES: [&str; 7] = ["null", "boolean", "object", "array", "number", "string", "integer"];

/// `enum`. Most have texts alone, and may have many.
#[derive(Debug)]
pub struct Choices {
    pub texts: HashSet<Box<str>>,
    pub others: Box<[Value]>,
    /// Steps of comparing a value with the others.
    pub steps: u64,
    /// What they are, for a problem.
    pub shown: Box<str>,
}

/// `const`.
#[derive(Debug)]
pub struct Constant {
    pub value: Value,
    /// Steps of comparing a value with it.
    pub steps: u64,
}

/// `if`, `then`, `else`.
#[derive(Debug)]
pub struct Condition {
    pub when: NodeId,
    pub then: Option<NodeId>,
    pub otherwise: Option<NodeId>,
}

/// `properties`, `patternProperties`, `additionalProperties`.
#[derive(Debug)]
pub struct Members {
    pub named: HashMap<Box<str>, NodeId>,
    pub patterns: Box<[(PatternId, NodeId)]>,
    pub others: Option<NodeId>,
}

/// `prefixItems`, `items`.
#[derive(Debug)]
pub struct Elements {
    pub first: Box<[NodeId]>,
    pub others: Option<NodeId>,
}

/// `contains`, `minContains`, `maxContains`.
#[derive(Debug)]
pub struct Contains {
    pub node: NodeId,
    pub min: u64,
    pub max: Option<u64>,
}

/// Where a check leads from a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edge {
    /// To a node for the same value.
    Same(NodeId),
    /// To a node for a value inside it.
    Inside(NodeId),
}

impl Types {
    /// Adds the type of this name; `false`: there is none, or it is there already.
    pub fn add(&mut self, name: &str) -> bool {
        let Some(bit) = TYPES.iter().position(|known| *known == name) else {
            return false;
        };
        let before = self.0;
        self.0 |= 1 << bit;
        self.0 != before
    }

    pub fn has(self, value: &Value) -> bool {
        let bits: u8 = match value {
            Value::Null => 1,
            Value::Bool(_) => 1 << 1,
            Value::Object(_) => 1 << 2,
            Value::Array(_) => 1 << 3,
            Value::Number(number) if Amount::from(number).is_whole() => (1 << 4) | (1 << 6),
            Value::Number(_) => 1 << 4,
            Value::String(_) => 1 << 5,
        };
        self.0 & bits != 0
    }

    /// The names, as in "integer or null".
    pub fn names(self) -> String {
        let named = TYPES.iter().enumerate().filter(|(bit, _)| self.0 & (1 << bit) != 0);
        named.map(|(_, name)| *name).collect::<Vec<_>>().join(" or ")
    }
}

impl Check {
    /// Cheap checks first, and last those that ask what the others have looked at.
    pub fn rank(&self) -> u8 {
        match self {
            Self::Never | Self::Type(_) => 0,
            Self::UnevaluatedProperties(_) | Self::UnevaluatedItems(_) => 4,
            Self::Members(_) | Self::Elements(_) | Self::Contains(_) => 3,
            _ if self.edges().is_empty() => 1,
            _ => 2,
        }
    }

    /// Whether it asks what the other checks of its node have looked at.
    pub fn looks_back(&self) -> bool {
        matches!(self, Self::UnevaluatedProperties(_) | Self::UnevaluatedItems(_))
    }

    /// Where it leads.
    pub fn edges(&self) -> Vec<Edge> {
        let same = |nodes: &[NodeId]| nodes.iter().copied().map(Edge::Same).collect();
        match self {
            Self::Reference(node) | Self::Dynamic(_, node) | Self::Not(node) => {
                vec![Edge::Same(*node)]
            }
            Self::AllOf(nodes) | Self::AnyOf(nodes) | Self::OneOf(nodes) => same(nodes),
            Self::If(condition) => {
                let Condition { when, then, otherwise } = **condition;
                [Some(when), then, otherwise].into_iter().flatten().map(Edge::Same).collect()
            }
            Self::DependentSchemas(entries) => {
                entries.iter().map(|(_, node)| Edge::Same(*node)).collect()
            }
            Self::Members(members) => {
                let patterns = members.patterns.iter().map(|(_, node)| node);
                let all = members.named.values().chain(patterns).chain(&members.others);
                all.copied().map(Edge::Inside).collect()
            }
            Self::Elements(elements) => {
                elements.first.iter().chain(&elements.others).copied().map(Edge::Inside).collect()
            }
            Self::Contains(contains) => vec![Edge::Inside(contains.node)],
            Self::PropertyNames(node)
            | Self::UnevaluatedProperties(node)
            | Self::UnevaluatedItems(node) => vec![Edge::Inside(*node)],
            _ => Vec::new(),
        }
    }

    /// Bytes that it has on the heap, to within a quarter.
    fn heap_bytes(&self) -> usize {
        /// What an allocation costs beyond what was asked for.
        const BOX: usize = 16;
        /// An entry of a hash table whose keys are texts.
        const ENTRY: usize = 48;
        let text = |text: &str| BOX + text.len();
        let texts = |texts: &[Box<str>]| texts.iter().map(|one| BOX + text(one)).sum::<usize>();
        match self {
            Self::Enum(choices) => {
                let Choices { texts, others, shown, .. } = &**choices;
                let texts = texts.iter().map(|one| ENTRY + text(one)).sum::<usize>();
                let others = others.iter().map(value_bytes).sum::<usize>();
                size_of::<Choices>() + texts + others + text(shown)
            }
            Self::Const(constant) => size_of::<Constant>() + value_bytes(&constant.value),
            Self::Required(names) => BOX + texts(names),
            Self::DependentRequired(entries) => {
                let entry = |(name, names): &(Box<str>, Box<[Box<str>]>)| {
                    BOX * 2 + text(name) + BOX + texts(names)
                };
                BOX + entries.iter().map(entry).sum::<usize>()
            }
            Self::Dynamic(name, _) => text(name),
            Self::AllOf(nodes) | Self::AnyOf(nodes) | Self::OneOf(nodes) => {
                BOX + size_of_val(&**nodes)
            }
            Self::If(_) => BOX + size_of::<Condition>(),
            Self::DependentSchemas(entries) => {
                BOX + entries.iter().map(|(name, _)| BOX * 2 + text(name)).sum::<usize>()
            }
            Self::Members(members) => {
                let named = members.named.keys().map(|name| ENTRY + text(name)).sum::<usize>();
                BOX * 2 + size_of::<Members>() + named + size_of_val(&*members.patterns)
            }
            Self::Elements(elements) => {
                BOX * 2 + size_of::<Elements>() + size_of_val(&*elements.first)
            }
            Self::Contains(_) => BOX + size_of::<Contains>(),
            _ => 0,
        }
    }
}

impl Node {
    /// A node with these checks, in any order.
    pub fn new(mut checks: Vec<Check>, resource: ResourceId) -> Self {
        checks.sort_by_key(Check::rank);
        let looks_back = checks.iter().any(Check::looks_back);
        Self { checks: checks.into(), resource, looks_back }
    }

    /// Bytes that it takes, to within a quarter.
    pub fn bytes(&self) -> usize {
        let checks = self.checks.iter().map(|check| size_of::<Check>() + check.heap_bytes());
        size_of::<Self>() + checks.sum::<usize>()
    }
}

/// Bytes that a value takes.
fn value_bytes(value: &Value) -> usize {
    let inside = match value {
        Value::String(text) => 16 + text.len(),
        Value::Array(items) => 16 + items.iter().map(value_bytes).sum::<usize>(),
        Value::Object(members) => {
            let member = |(name, value): (&String, &Value)| 56 + name.len() + value_bytes(value);
            32 + members.iter().map(member).sum::<usize>()
        }
        _ => 0,
    };
    size_of::<Value>() + inside
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn integers_are_numbers_and_whole_numbers_are_integers() {
        let types = |names: &[&str]| {
            let mut types = Types::default();
            assert!(names.iter().all(|name| types.add(name)));
            types
        };
        assert!(types(&["integer"]).has(&json!(2.0)) && types(&["number"]).has(&json!(2)));
        assert!(!types(&["integer"]).has(&json!(2.5)) && types(&["number"]).has(&json!(2.5)));
        assert!(types(&["null", "string"]).has(&json!(null)));
        assert!(!types(&["null", "string"]).has(&json!(false)));
        assert_eq!(types(&["string", "null"]).names(), "null or string");
        assert!(!Types::default().add("strnig"));
        assert!(!types(&["null"]).add("null"));
    }

    /// Every value of a schema stays small: there are as many as its text has room for.
    #[test]
    fn a_check_is_small() {
        assert!(size_of::<Check>() <= 32, "{}", size_of::<Check>());
        assert!(size_of::<Node>() <= 32, "{}", size_of::<Node>());
    }
}
