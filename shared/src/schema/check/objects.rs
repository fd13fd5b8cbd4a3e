//! Checks that are about objects.

use serde_json::{Map, Value};

use super::seen::Seen;
use super::{Part, Place, Run, Stop};
use crate::schema::equality::{LOOK_UP, text_steps};
use crate::schema::node::{Check, Members, NodeId};

type Object = Map<String, Value>;

impl<'s> Run<'s> {
    pub(super) fn check_object(
        &mut self,
        check: &'s Check,
        object: &Object,
        at: &Place<'_>,
        seen: Option<&mut Seen>,
    ) -> Result<bool, Stop> {
        match check {
            Check::MinProperties(min) => {
                let enough = object.len() as u64 >= *min;
                self.hold(enough, at, || format!("has at least {min} properties"))
            }
            Check::MaxProperties(max) => {
                let fits = object.len() as u64 <= *max;
                self.hold(fits, at, || format!("has at most {max} properties"))
            }
            Check::Required(names) => {
                self.has_all(names, object, at, |name| format!("has the property {name}"))
            }
            Check::DependentRequired(entries) => {
                let mut valid = true;
                for (name, names) in entries {
                    self.steps.spend(1 + text_steps(name))?;
                    if object.contains_key(&**name) {
                        valid &= self.has_all(names, object, at, |other| {
                            format!("has the property {other}, since it has {name}")
                        })?;
                    }
                }
                Ok(valid)
            }
            Check::PropertyNames(node) => self.property_names(*node, object, at),
            Check::Members(members) => self.members(members, object, at, seen),
            Check::UnevaluatedProperties(node) => {
                self.unevaluated_properties(*node, object, at, seen)
            }
            _ => Ok(true),
        }
    }

    fn has_all(
        &mut self,
        names: &[Box<str>],
        object: &Object,
        at: &Place<'_>,
        detail: impl Fn(&str) -> String,
    ) -> Result<bool, Stop> {
        let mut valid = true;
        for name in names {
            self.steps.spend(1 + text_steps(name))?;
            valid &= self.hold(object.contains_key(&**name), at, || detail(name))?;
        }
        Ok(valid)
    }

    fn property_names(
        &mut self,
        node: NodeId,
        object: &Object,
        at: &Place<'_>,
    ) -> Result<bool, Stop> {
        let mut valid = true;
        for name in object.keys() {
            self.steps.spend(1 + text_steps(name))?;
            let place = Place { parent: Some(at), part: Part::Member(name) };
            let value = Value::String(name.clone());
            let fits = self.quietly(|run| run.apply(node, &value, &place, None))?;
            let detail = || "has a name that is valid by propertyNames".to_owned();
            valid &= self.hold(fits, &place, detail)?;
            if !valid && self.quiet {
                break;
            }
        }
        Ok(valid)
    }

    pub(super) fn dependent_schemas(
        &mut self,
        entries: &[(Box<str>, NodeId)],
        value: &Value,
        object: &Object,
        at: &Place<'_>,
        mut seen: Option<&mut Seen>,
    ) -> Result<bool, Stop> {
        let mut valid = true;
        for (name, node) in entries {
            self.steps.spend(1 + text_steps(name))?;
            if object.contains_key(&**name) {
                valid &= self.apply(*node, value, at, seen.as_deref_mut())?;
            }
        }
        Ok(valid)
    }

    fn members(
        &mut self,
        members: &Members,
        object: &Object,
        at: &Place<'_>,
        mut seen: Option<&mut Seen>,
    ) -> Result<bool, Stop> {
        let mut valid = true;
        for (index, (name, value)) in object.iter().enumerate() {
            self.steps.spend(LOOK_UP + text_steps(name))?;
            let place = Place { parent: Some(at), part: Part::Member(name) };
            let named = members.named.get(name.as_str());
            if let Some(node) = named {
                valid &= self.apply(*node, value, &place, None)?;
            }
            let mut known = named.is_some();
            for (pattern, node) in &members.patterns {
                if self.matches(*pattern, name)? {
                    known = true;
                    valid &= self.apply(*node, value, &place, None)?;
                }
            }
            if let Some(node) = members.others.filter(|_| !known) {
                known = true;
                valid &= self.apply(node, value, &place, None)?;
            }
            if let Some(seen) = seen.as_deref_mut().filter(|_| known) {
                seen.mark(index);
            }
            if !valid && self.quiet {
                break;
            }
        }
        Ok(valid)
    }

    fn unevaluated_properties(
        &mut self,
        node: NodeId,
        object: &Object,
        at: &Place<'_>,
        seen: Option<&mut Seen>,
    ) -> Result<bool, Stop> {
        let Some(seen) = seen else {
            return Ok(true);
        };
        self.steps.spend(object.len() as u64)?;
        let mut valid = true;
        for (index, (name, value)) in object.iter().enumerate() {
            if !seen.has(index) {
                let place = Place { parent: Some(at), part: Part::Member(name) };
                valid &= self.apply(node, value, &place, None)?;
                seen.mark(index);
            }
            if !valid && self.quiet {
                break;
            }
        }
        Ok(valid)
    }
}
