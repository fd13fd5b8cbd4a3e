//! The name of a dialect on the command line. Any text is accepted, since a deployment may have dialects
//! of its own, which only it knows; shells complete those that are built in.

use std::ffi::OsStr;

use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use clap::{Arg, Command};
use posthorn_shared::dialect::Dialects;

/// Reads the name of a dialect.
#[derive(Debug, Clone, Copy)]
pub struct DialectName;

impl TypedValueParser for DialectName {
    type Value = String;

    fn parse_ref(
        &self,
        command: &Command,
        argument: Option<&Arg>,
        value: &OsStr,
    ) -> Result<String, clap::Error> {
        StringValueParser::new().parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(Dialects::built_in_names().map(PossibleValue::new)))
    }
}
