//! What `posthorn listen` is told.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use clap::Args;
use jiff::SignedDuration;

use super::answers::Answers;
use super::registration;
use crate::dialect_name::DialectName;
use crate::examples;

const EXAMPLES: &str = "\
# An endpoint of the account acme, which is deleted on exit:
posthorn listen --register --account acme

# The same in another deployment, through a tunnel that leads to port 9000:
posthorn listen --register --api \"$API\" --key \"$KEY\" --url \"$TUNNEL\"

# Deliveries of an endpoint that exists, a third of which fail with 503:
posthorn listen --secret \"$WEBHOOK_SECRET\" --fail-rate 0.3 --fail-status 503";

/// The arguments of `posthorn listen`.
#[derive(Args)]
#[command(after_help = examples::section(EXAMPLES))]
pub struct Arguments {
    /// Port to receive deliveries on; 0 takes a free one
    #[arg(long, default_value_t = 9000)]
    pub port: u16,
    /// Address to receive deliveries on
    ///
    /// The page with the deliveries is open to everything that can reach this address.
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST), value_name = "ADDRESS")]
    pub bind: IpAddr,
    /// Secret to verify deliveries with, or public key; may be given more than once
    ///
    /// In the form that the dialect has: whsec_…, whsk_…, whpk_… (a public key), or a text. Without
    /// any secret, deliveries are shown without being verified.
    #[arg(long, env = "WEBHOOK_SECRET", hide_env_values = true, value_name = "SECRET")]
    pub secret: Vec<String>,
    /// Dialect that deliveries are signed in
    ///
    /// One of standard, fltr, filedgr, flowcode, beltic and flexorch, or of the dialects in
    /// POSTHORN_DIALECTS_DIR. The default with --register is the account's, if the key may see it;
    /// otherwise standard.
    #[arg(long, value_parser = DialectName, hide_possible_values = true)]
    pub dialect: Option<String>,
    /// HTTP status to answer with, 200 to 599
    #[arg(long, default_value_t = 200)]
    pub status: u16,
    /// Time to wait before each answer, like 250ms, 2s or 1m; at most 10m
    #[arg(long, default_value = "0s", value_parser = duration, value_name = "TIME")]
    pub delay: Duration,
    /// Share of deliveries to answer with --fail-status, at random: 0 to 1
    #[arg(long, default_value_t = 0.0, value_name = "SHARE")]
    pub fail_rate: f64,
    /// HTTP status to answer those deliveries with, 200 to 599
    #[arg(long, default_value_t = 500, value_name = "STATUS")]
    pub fail_status: u16,
    /// Answer deliveries that fail verification like all others, instead of with 401
    #[arg(long)]
    pub accept_all: bool,
    /// Maximum difference between a signed timestamp and this machine's clock
    #[arg(long, default_value = "5m", value_parser = duration, value_name = "TIME")]
    pub tolerance: Duration,
    /// Show deliveries in the terminal only, without the page
    #[arg(long)]
    pub no_page: bool,
    #[command(flatten)]
    pub registration: registration::Arguments,
}

impl Arguments {
    /// What deliveries are answered at first.
    pub fn answers(&self) -> Answers {
        Answers {
            status: self.status,
            delay_ms: u64::try_from(self.delay.as_millis()).unwrap_or(u64::MAX),
            fail_rate: self.fail_rate,
            fail_status: self.fail_status,
            accept_all: self.accept_all,
        }
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    let read = text.parse::<SignedDuration>().ok().and_then(|read| Duration::try_from(read).ok());
    read.ok_or_else(|| "expected a time like 250ms, 2s or 5m".to_owned())
}

/// The option of a field of [`Answers`].
pub fn option_of(field: &str) -> &str {
    match field {
        "delay_ms" => "--delay",
        "fail_rate" => "--fail-rate",
        "fail_status" => "--fail-status",
        _ => "--status",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_people_write_them() {
        assert_eq!(duration("2s"), Ok(Duration::from_secs(2)));
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("1m30s"), Ok(Duration::from_secs(90)));
        for bad in ["", "2", "-2s", "soon"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }
}
