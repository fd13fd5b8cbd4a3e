//! Where in a schema's JSON there are schemas, and what references lead to. Nothing is fetched: a
//! reference leads to a place in the same JSON, or nowhere.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::{Map, Value};
use url::Url;

use super::node::{NodeId, ResourceId};
use crate::problem::{Problem, child, note};

/// What relative URIs are relative to where the schema has no `$id`.
const BASE: &str = "json-schema:///";

/// Keywords whose value is a schema.
const SCHEMA: [&str; 11] = [
    "additionalProperties",
    "contains",
    "contentSchema",
    "else",
    "if",
    "items",
    "not",
    "propertyNames",
    "then",
    "unevaluatedItems",
    "unevaluatedProperties",
];
/// Keywords whose value is a list of schemas.
const LIST: [&str; 4] = ["allOf", "anyOf", "oneOf", "prefixItems"];
/// Keywords whose value has schemas by name. `definitions` is what `$defs` was before 2019, and
/// `dependencies`, which may have lists of names, too, what `dependentSchemas` was.
const BY_NAME: [&str; 6] =
    ["$defs", "definitions", "dependencies", "dependentSchemas", "patternProperties", "properties"];

/// A schema, and where it is.
pub struct Place<'a> {
    pub schema: &'a Value,
    pub resource: ResourceId,
    at: At<'a>,
}

enum At<'a> {
    Root,
    Below {
        parent: NodeId,
        keyword: &'a str,
        member: Option<Member<'a>>,
    },
    /// A place that only a reference says to be a schema.
    Pointer(String),
}

#[derive(Clone, Copy)]
enum Member<'a> {
    Name(&'a str),
    Index(usize),
}

struct Resource<'a> {
    /// What its relative URIs are relative to.
    base: Option<Url>,
    root: &'a Value,
    /// By `$anchor` and `$dynamicAnchor`.
    anchors: HashMap<&'a str, NodeId>,
    /// By `$dynamicAnchor` alone.
    dynamic: HashMap<&'a str, NodeId>,
}

/// What a reference leads to.
pub struct Target<'a> {
    pub node: NodeId,
    /// The name of the `$dynamicAnchor` by which it leads there.
    pub dynamic: Option<&'a str>,
}

/// Why a reference leads nowhere.
#[derive(Debug, thiserror::Error)]
pub enum ReferenceFault {
    #[error("is a URI reference")]
    NoUri,
    #[error(
        "leads to {0}, which is not in this schema; a schema refers to nothing outside itself: \
         copy it into $defs"
    )]
    Outside(String),
    #[error("leads to #{0}, and there is nothing there")]
    Nowhere(String),
}

/// All schemas in a schema's JSON. The first is the whole of it.
pub struct Places<'a> {
    places: Vec<Place<'a>>,
    /// The JSON does not move while it is read, so each of its values has an address of its own.
    by_address: HashMap<*const Value, NodeId>,
    resources: Vec<Resource<'a>>,
    by_uri: HashMap<String, ResourceId>,
}

impl<'a> Places<'a> {
    /// Finds the schemas in `root`, and notes what is wrong with their names.
    pub fn find(root: &'a Value, problems: &mut Vec<Problem>) -> Self {
        let mut places = Self {
            places: Vec::new(),
            by_address: HashMap::new(),
            resources: Vec::new(),
            by_uri: HashMap::new(),
        };
        let whole = places.new_resource(root, Url::parse(BASE).ok());
        places.discover(root, whole, At::Root, problems);
        places
    }

    pub fn len(&self) -> usize {
        self.places.len()
    }

    pub fn get(&self, id: NodeId) -> &Place<'a> {
        &self.places[id.0 as usize]
    }

    /// The node of a value that a keyword says to be a schema.
    pub fn known(&self, schema: &Value) -> NodeId {
        self.by_address[&std::ptr::from_ref(schema)]
    }

    /// Where a schema is, as a JSON pointer.
    pub fn pointer(&self, id: NodeId) -> String {
        match &self.get(id).at {
            At::Root => String::new(),
            At::Pointer(pointer) => pointer.clone(),
            At::Below { parent, keyword, member } => {
                let keyword = child(&self.pointer(*parent), keyword);
                match member {
                    None => keyword,
                    Some(Member::Name(name)) => child(&keyword, name),
                    Some(Member::Index(index)) => format!("{keyword}/{index}"),
                }
            }
        }
    }

    /// What schemas have a `$dynamicAnchor`, by its name.
    pub fn dynamic_anchors(&self) -> HashMap<Box<str>, Vec<NodeId>> {
        let mut anchors: HashMap<Box<str>, Vec<NodeId>> = HashMap::new();
        for (name, node) in self.resources.iter().flat_map(|resource| &resource.dynamic) {
            anchors.entry((*name).into()).or_default().push(*node);
        }
        anchors
    }

    /// What a reference in a schema leads to. May find schemas where none were known.
    ///
    /// # Errors
    /// When it leads nowhere.
    pub fn resolve(
        &mut self,
        from: NodeId,
        reference: &str,
        problems: &mut Vec<Problem>,
    ) -> Result<Target<'a>, ReferenceFault> {
        let (uri, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        let mut home = self.get(from).resource;
        if !uri.is_empty() {
            let uri = self.absolute(home, uri).ok_or(ReferenceFault::NoUri)?;
            let known = self.by_uri.get(uri.as_str());
            home = *known.ok_or_else(|| ReferenceFault::Outside(uri.to_string()))?;
        }
        let fragment = decoded(fragment).ok_or(ReferenceFault::NoUri)?;
        let resource = &self.resources[home.0 as usize];
        let nowhere = || ReferenceFault::Nowhere(fragment.clone().into_owned());
        if !fragment.is_empty() && !fragment.starts_with('/') {
            let node = *resource.anchors.get(&*fragment).ok_or_else(nowhere)?;
            let dynamic = resource.dynamic.get_key_value(&*fragment).map(|(name, _)| *name);
            return Ok(Target { node, dynamic });
        }
        let mut value = resource.root;
        let root = self.known(value);
        for part in fragment.split('/').skip(1) {
            let part = part.replace("~1", "/").replace("~0", "~");
            let inside = match value {
                Value::Object(members) => members.get(&part),
                Value::Array(items) => part.parse::<usize>().ok().and_then(|at| items.get(at)),
                _ => None,
            };
            value = inside.ok_or_else(nowhere)?;
            if let Some(known) = self.by_address.get(&std::ptr::from_ref(value)) {
                home = self.get(*known).resource;
            }
        }
        let at = At::Pointer(format!("{}{fragment}", self.pointer(root)));
        Ok(Target { node: self.discover(value, home, at, problems), dynamic: None })
    }

    /// Adds a schema and all in it, unless they are known.
    fn discover(
        &mut self,
        schema: &'a Value,
        resource: ResourceId,
        at: At<'a>,
        problems: &mut Vec<Problem>,
    ) -> NodeId {
        let mut next = self.places.len();
        let id = self.add(schema, resource, at, problems);
        while next < self.places.len() {
            let parent = NodeId(u32::try_from(next).unwrap_or(u32::MAX));
            let Place { schema, resource, .. } = self.places[next];
            for (keyword, member, inside) in schema.as_object().map(inside).unwrap_or_default() {
                self.add(inside, resource, At::Below { parent, keyword, member }, problems);
            }
            next += 1;
        }
        id
    }

    fn add(
        &mut self,
        schema: &'a Value,
        resource: ResourceId,
        at: At<'a>,
        problems: &mut Vec<Problem>,
    ) -> NodeId {
        let address = std::ptr::from_ref(schema);
        if let Some(known) = self.by_address.get(&address) {
            return *known;
        }
        let id = NodeId(u32::try_from(self.places.len()).unwrap_or(u32::MAX));
        self.by_address.insert(address, id);
        self.places.push(Place { schema, resource, at });
        let Some(keywords) = schema.as_object() else {
            return id;
        };
        let mut wrong = Vec::new();
        if let Some(own) = keywords.get("$id") {
            match self.own_resource(schema, resource, own) {
                Ok(own) => self.places[id.0 as usize].resource = own,
                Err(detail) => wrong.push(("$id", detail)),
            }
        }
        let resource = self.get(id).resource.0 as usize;
        for keyword in ["$anchor", "$dynamicAnchor"] {
            let Some(name) = keywords.get(keyword) else {
                continue;
            };
            let Some(name) = name.as_str().filter(|name| is_anchor(name)) else {
                wrong.push((keyword, "is a letter or _, then letters, digits, -, _ and ."));
                continue;
            };
            let Resource { anchors, dynamic, .. } = &mut self.resources[resource];
            if anchors.insert(name, id).is_some_and(|other| other != id) {
                wrong.push((keyword, "is there twice"));
            }
            if keyword == "$dynamicAnchor" {
                dynamic.insert(name, id);
            }
        }
        for (keyword, detail) in wrong {
            note(problems, || Problem::new(child(&self.pointer(id), keyword), detail));
        }
        id
    }

    /// The resource that a schema with this `$id` is.
    fn own_resource(
        &mut self,
        schema: &'a Value,
        parent: ResourceId,
        own: &Value,
    ) -> Result<ResourceId, &'static str> {
        let (uri, fragment) = match own.as_str() {
            Some(own) => own.split_once('#').unwrap_or((own, "")),
            None => return Err("is a URI reference"),
        };
        if !fragment.is_empty() {
            return Err("has no fragment; use $anchor");
        }
        let uri = self.absolute(parent, uri).ok_or("is a URI reference")?;
        // The whole schema is there already, under another URI.
        let whole = self.places.len() == 1;
        match self.by_uri.get(uri.as_str()) {
            Some(known) if whole => Ok(*known),
            Some(_) => Err("is there twice"),
            None => Ok(self.new_resource(schema, Some(uri))),
        }
    }

    fn new_resource(&mut self, root: &'a Value, base: Option<Url>) -> ResourceId {
        let id = ResourceId(u32::try_from(self.resources.len()).unwrap_or(u32::MAX));
        if let Some(base) = &base {
            self.by_uri.insert(base.to_string(), id);
        }
        let (anchors, dynamic) = (HashMap::new(), HashMap::new());
        self.resources.push(Resource { base, root, anchors, dynamic });
        id
    }

    /// A URI without its fragment, as it is meant in a resource.
    fn absolute(&self, resource: ResourceId, uri: &str) -> Option<Url> {
        match &self.resources[resource.0 as usize].base {
            Some(base) => base.join(uri).ok(),
            None => Url::parse(uri).ok(),
        }
    }
}

/// The schemas right inside a schema.
fn inside<'a>(keywords: &'a Map<String, Value>) -> Vec<(&'a str, Option<Member<'a>>, &'a Value)> {
    let mut inside = Vec::new();
    for (keyword, value) in keywords {
        let keyword = keyword.as_str();
        match value {
            value if SCHEMA.contains(&keyword) => inside.push((keyword, None, value)),
            Value::Array(schemas) if LIST.contains(&keyword) => {
                let schemas = schemas.iter().enumerate();
                inside.extend(schemas.map(|(at, one)| (keyword, Some(Member::Index(at)), one)));
            }
            Value::Object(schemas) if BY_NAME.contains(&keyword) => {
                let is_schema = |one: &Value| keyword != "dependencies" || !one.is_array();
                let schemas = schemas.iter().filter(|(_, one)| is_schema(one));
                inside.extend(schemas.map(|(name, one)| (keyword, Some(Member::Name(name)), one)));
            }
            _ => {}
        }
    }
    inside
}

/// Whether a text is an anchor's name, as the meta-schema has it.
fn is_anchor(name: &str) -> bool {
    let bytes = name.as_bytes();
    bytes.first().is_some_and(|first| first.is_ascii_alphabetic() || *first == b'_')
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
}

/// A fragment without its percent-encoding; `None`: it is not UTF-8.
fn decoded(fragment: &str) -> Option<Cow<'_, str>> {
    if !fragment.contains('%') {
        return Some(fragment.into());
    }
    let mut bytes = Vec::with_capacity(fragment.len());
    let mut rest = fragment.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..2).filter(|_| *first == b'%');
        let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).ok().map(Cow::Owned)
}
