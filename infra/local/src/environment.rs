//! The environment variables, as the help explains them. README's table has those of a stack.

use crate::colours::{HEADING, LITERAL};
use crate::options::{
    DEFAULT_ALLOWED_NETWORKS, DEFAULT_AWS_LISTEN, DEFAULT_BODY_SECONDS, DEFAULT_CONNECTIONS,
    DEFAULT_HEAD_SECONDS, DEFAULT_LISTEN, DEFAULTS,
};

struct Variable {
    name: &'static str,
    default: &'static str,
    meaning: &'static str,
}

/// The settings of a stack.
const STACK: &[Variable] = &[
    Variable {
        name: "POSTHORN_LISTEN",
        default: DEFAULT_LISTEN,
        meaning: "Address and port of the API and the portal",
    },
    Variable {
        name: "POSTHORN_AWS_LISTEN",
        default: DEFAULT_AWS_LISTEN,
        meaning: "Address and port of DynamoDB, SQS and Scheduler",
    },
    Variable {
        name: "POSTHORN_DATA_DIR",
        default: DEFAULTS.data_dir,
        meaning: "Directory for data and keys; :memory: (the default of demo) keeps nothing",
    },
    Variable {
        name: "POSTHORN_ADMIN_KEY",
        default: "generated at the first start",
        meaning: "Admin key, 24 characters or more; otherwise printed once and kept",
    },
    Variable {
        name: "POSTHORN_AWS_KEY",
        default: "generated at the first start",
        meaning: "Access key of DynamoDB, SQS and Scheduler, <id>:<secret>; otherwise kept",
    },
    Variable {
        name: "POSTHORN_HOSTS",
        default: "none",
        meaning: "Host names of this machine, with commas; requests to any other are refused",
    },
    Variable {
        name: "POSTHORN_PUBLIC_URL",
        default: "none",
        meaning: "URL of the API and the portal for users, if a proxy changes it; its host is allowed",
    },
    Variable {
        name: "POSTHORN_ALLOWED_NETWORKS",
        default: DEFAULT_ALLOWED_NETWORKS,
        meaning: "Networks that are not public, but may be delivered to: CIDRs, with commas",
    },
    Variable {
        name: "POSTHORN_ALLOWED_PORTS",
        default: "all",
        meaning: "Ports that may be delivered to, like 443,8000-8999",
    },
    Variable {
        name: "POSTHORN_UNPROVEN_PER_SECOND",
        default: "10",
        meaning: "Deliveries a second of an account to endpoints that refused the first; 0: no limit",
    },
    Variable {
        name: "POSTHORN_DIALECTS_DIR",
        default: "none",
        meaning: "Directory with dialects to add to those that are built in, one .toml file each",
    },
    Variable {
        name: "POSTHORN_TIME_SCALE",
        default: DEFAULTS.time_scale,
        meaning: "Divides every retry delay: 1 to 1000000 (the default of demo is 60)",
    },
    Variable {
        name: "POSTHORN_HEAD_SECONDS",
        default: DEFAULT_HEAD_SECONDS,
        meaning: "Time for a client to send the head of a request, 1 to 600",
    },
    Variable {
        name: "POSTHORN_BODY_SECONDS",
        default: DEFAULT_BODY_SECONDS,
        meaning: "Time for a client to send the body of a request, 1 to 600",
    },
    Variable {
        name: "POSTHORN_CONNECTIONS",
        default: DEFAULT_CONNECTIONS,
        meaning: "Connections to each port at a time; above it, the longest silent one is closed",
    },
    Variable {
        name: "POSTHORN_LOG_LEVEL",
        default: "warn",
        meaning: "error, warn, info (a line per request and per attempt), debug or trace",
    },
    Variable {
        name: "POSTHORN_METRICS",
        default: "none",
        meaning: "Name under which metrics are printed, in the format that CloudWatch reads",
    },
    Variable {
        name: "POSTHORN_TRACES_COLLECTOR",
        default: "none",
        meaning: "URL of an OpenTelemetry collector (OTLP over HTTP), like http://127.0.0.1:4318",
    },
    Variable {
        name: "POSTHORN_TRACES_RATIO",
        default: "1",
        meaning: "Share of events that are traced, 0 to 1",
    },
    Variable {
        name: "POSTHORN_AWS_THROTTLE",
        default: "0",
        meaning: "Share of calls to DynamoDB, SQS and Scheduler to refuse, below 1: for tests",
    },
    Variable {
        name: "POSTHORN_TEMPLATE",
        default: "built in",
        meaning: "File with another template.yaml: for development",
    },
];

/// What other commands read besides.
const OTHERS: &[Variable] = &[
    Variable {
        name: "POSTHORN_API_URL",
        default: "the stack on this machine",
        meaning: "URL of the API that listen and doctor call",
    },
    Variable { name: "POSTHORN_API_KEY", default: "none", meaning: "API key of listen --register" },
    Variable {
        name: "WEBHOOK_SECRET",
        default: "none",
        meaning: "Secret that listen verifies deliveries with",
    },
];

/// The section of a help text that lists the settings of a stack.
pub fn of_stack() -> String {
    section(STACK.iter())
}

/// The section of a help text that lists every variable.
pub fn of_all() -> String {
    section(STACK.iter().chain(OTHERS))
}

fn section<'v>(variables: impl Iterator<Item = &'v Variable>) -> String {
    let mut section = format!("{HEADING}Environment:{HEADING:#}");
    for Variable { name, default, meaning } in variables {
        section.push_str(&format!(
            "\n  {LITERAL}{name}{LITERAL:#}\n          {meaning} [default: {default}]"
        ));
    }
    section
}

#[cfg(test)]
mod tests {
    use super::*;

    const README: &str = include_str!("../../../README.md");

    #[test]
    fn the_readme_says_the_same() {
        let rows = README.lines().filter_map(|line| {
            let (name, default) = line.strip_prefix("| `")?.split_once("` | ")?;
            name.starts_with("POSTHORN_").then_some((name, default.trim_start_matches('`')))
        });
        let rows: Vec<(&str, &str)> = rows.collect();
        assert!(rows.len() >= 12, "{rows:?}");
        for (name, default) in rows {
            let variable = STACK.iter().find(|variable| variable.name == name);
            let variable = variable.unwrap_or_else(|| panic!("{name} is not in the help"));
            assert!(default.starts_with(variable.default), "{name}: {default}");
            assert!(of_stack().contains(name) && of_all().contains(name), "{name}");
        }
    }
}
