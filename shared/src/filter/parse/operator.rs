//! `{"prefix": …}`, `{"anything-but": …}` and the others: objects with one field inside a list of
//! values.

use super::{LeafPattern, Reader, add_plain};
use crate::filter::number::{Bound, Exact, Range};
use crate::filter::pattern_json::Json;
use crate::filter::value_set::{Operator, ValueSet};
use crate::filter::wildcard::Wildcard;
use crate::network;
use crate::problem::child;

const KNOWN: &str =
    "prefix, suffix, equals-ignore-case, wildcard, anything-but, numeric, exists or cidr";

impl Reader {
    /// Reads an operator and adds it to the leaf's alternatives.
    pub(super) fn operator(
        &mut self,
        fields: Vec<(String, Json)>,
        pointer: &str,
        leaf: &mut LeafPattern,
    ) {
        let Some((name, argument)) = self.only_field(fields, pointer) else {
            return;
        };
        let pointer = child(pointer, &name);
        let operator = match &*name {
            "exists" => {
                match argument {
                    Json::Bool(true) => leaf.present = true,
                    Json::Bool(false) => leaf.absent = true,
                    _ => self.problem(pointer, "exists is true or false"),
                }
                return;
            }
            "anything-but" => self.anything_but(argument, &pointer),
            "numeric" => self.numeric(argument, &pointer),
            _ => self.text_operator(&name, argument, &pointer),
        };
        self.operators += 1;
        leaf.values.operators.extend(operator);
    }

    fn only_field(&mut self, fields: Vec<(String, Json)>, pointer: &str) -> Option<(String, Json)> {
        let count = fields.len();
        let first = fields.into_iter().next();
        if count == 1 {
            return first;
        }
        self.problem(pointer, format!("an operator is an object with one field: {KNOWN}"));
        None
    }

    fn text_operator(&mut self, name: &str, argument: Json, pointer: &str) -> Option<Operator> {
        match (name, argument) {
            ("prefix", Json::Text(text)) => Some(Operator::Prefix(text)),
            ("suffix", Json::Text(text)) => Some(Operator::Suffix(text)),
            ("prefix" | "suffix", Json::Object(fields)) => {
                let text = self.ignoring_case(fields, pointer)?;
                Some(match name {
                    "prefix" => Operator::PrefixIgnoreCase(text.as_str().into()),
                    _ => Operator::SuffixIgnoreCase(text.as_str().into()),
                })
            }
            ("equals-ignore-case", Json::Text(text)) => {
                Some(Operator::EqualsIgnoreCase(text.as_str().into()))
            }
            ("wildcard", Json::Text(text)) => self.wildcard(&text, pointer),
            ("cidr", Json::Text(text)) => self.cidr(&text, pointer),
            ("prefix" | "suffix", _) => {
                let detail = format!("{name} is a text, or {{\"equals-ignore-case\": a text}}");
                self.problem(pointer, detail);
                None
            }
            ("equals-ignore-case" | "wildcard" | "cidr", _) => {
                self.problem(pointer, format!("{name} is a text"));
                None
            }
            _ => {
                self.problem(pointer, format!("unknown operator; use {KNOWN}"));
                None
            }
        }
    }

    fn ignoring_case(&mut self, fields: Vec<(String, Json)>, pointer: &str) -> Option<String> {
        let mut fields = fields.into_iter();
        match (fields.next(), fields.next()) {
            (Some((name, Json::Text(text))), None) if name == "equals-ignore-case" => Some(text),
            _ => {
                self.problem(pointer, "is a text, or {\"equals-ignore-case\": a text}");
                None
            }
        }
    }

    fn wildcard(&mut self, text: &str, pointer: &str) -> Option<Operator> {
        match Wildcard::parse(text) {
            Ok(wildcard) => {
                self.wildcards += 1;
                Some(Operator::Wildcard(wildcard))
            }
            Err(expected) => {
                self.problem(pointer, expected);
                None
            }
        }
    }

    fn cidr(&mut self, text: &str, pointer: &str) -> Option<Operator> {
        let network = network::parse(text);
        if network.is_none() {
            self.problem(pointer, "cidr is a network like 10.0.0.0/24 or fd12:3456::/32");
        }
        network.map(Operator::Cidr)
    }

    fn anything_but(&mut self, argument: Json, pointer: &str) -> Option<Operator> {
        let set = match argument {
            plain @ (Json::Text(_) | Json::Number(_)) => {
                let mut set = ValueSet::default();
                add_plain(&mut set, plain);
                Some(set)
            }
            Json::List(values) => excluded_values(values),
            Json::Object(fields) => self.excluded_by_operator(fields, pointer),
            Json::Null | Json::Bool(_) => None,
        };
        if set.is_none() {
            let detail = "anything-but is a text, a number, a list of only texts or only numbers, \
                          or one of prefix, suffix, equals-ignore-case and wildcard";
            self.problem(pointer, detail);
        }
        set.map(Operator::AnythingBut)
    }

    /// `{"prefix": "a"}`, or with a list, of which none may match.
    fn excluded_by_operator(
        &mut self,
        fields: Vec<(String, Json)>,
        pointer: &str,
    ) -> Option<ValueSet> {
        let mut fields = fields.into_iter();
        let (Some((name, argument)), None) = (fields.next(), fields.next()) else {
            return None;
        };
        if !matches!(&*name, "prefix" | "suffix" | "equals-ignore-case" | "wildcard") {
            return None;
        }
        let pointer = child(pointer, &name);
        let arguments = match argument {
            Json::List(arguments) if !arguments.is_empty() => arguments,
            Json::List(_) => return None,
            one => vec![one],
        };
        let mut set = ValueSet::default();
        for argument in arguments {
            let empty = matches!(&argument, Json::Text(text) if text.is_empty());
            if empty && matches!(&*name, "prefix" | "suffix") {
                self.problem(&pointer, "is not empty: every text starts and ends with nothing");
            }
            self.operators += 1;
            set.operators.extend(self.text_operator(&name, argument, &pointer));
        }
        Some(set)
    }

    fn numeric(&mut self, argument: Json, pointer: &str) -> Option<Operator> {
        let Some((low, high)) = bounds(argument) else {
            let detail = "numeric is one comparison, like [\">=\", 10] or [\"=\", 5], or a range, \
                          like [\">\", 0, \"<=\", 5]";
            self.problem(pointer, detail);
            return None;
        };
        let range = Range::new(low, high);
        if range.is_none() {
            self.problem(pointer, "no number is in this range; the lower end comes first");
        }
        range.map(Operator::Numeric)
    }
}

/// Texts only or numbers only, as in EventBridge.
fn excluded_values(values: Vec<Json>) -> Option<ValueSet> {
    let all_texts = values.iter().all(|value| matches!(value, Json::Text(_)));
    let all_numbers = values.iter().all(|value| matches!(value, Json::Number(_)));
    if values.is_empty() || !(all_texts || all_numbers) {
        return None;
    }
    let mut set = ValueSet::default();
    for value in values {
        add_plain(&mut set, value);
    }
    set.sort();
    Some(set)
}

type Bounds = (Option<Bound>, Option<Bound>);

/// The ends of the range that comparisons describe, if they are such.
fn bounds(argument: Json) -> Option<Bounds> {
    let Json::List(items) = argument else {
        return None;
    };
    let mut items = items.into_iter();
    let mut bounds = (None, None);
    let mut count = 0;
    while let Some(comparison) = items.next() {
        let (Json::Text(sign), Some(Json::Number(number))) = (comparison, items.next()) else {
            return None;
        };
        let at = Exact::from(&number);
        let bound = |inclusive| Some(Bound { at, inclusive });
        count += 1;
        match (&*sign, &bounds) {
            ("=", (None, None)) if items.len() == 0 => bounds = (bound(true), bound(true)),
            (">", (None, _)) => bounds.0 = bound(false),
            (">=", (None, _)) => bounds.0 = bound(true),
            ("<", (_, None)) => bounds.1 = bound(false),
            ("<=", (_, None)) => bounds.1 = bound(true),
            _ => return None,
        }
    }
    (count > 0).then_some(bounds)
}
