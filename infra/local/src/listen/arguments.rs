//! What `posthorn listen` is told.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use clap::Args;
use jiff::SignedDuration;

use super::answers::Answers;
use super::registration;

#[derive(Args)]
pub struct Arguments {
    /// Where deliveries come, on this machine. 0: a port that is free
    #[arg(long, default_value_t = 9000)]
    pub port: u16,
    /// The address to listen on. Whoever can reach it sees the page, too
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    pub bind: IpAddr,
    /// A secret to verify with, in the dialect's form (whsec_…, or a text), or a public key
    /// (whpk_…). May be given more than once
    #[arg(long, env = "WEBHOOK_SECRET", hide_env_values = true, value_name = "SECRET")]
    pub secret: Vec<String>,
    /// How deliveries are signed: standard, fltr, filedgr, flowcode, beltic, flexorch, or one of
    /// POSTHORN_DIALECTS_DIR. With --register that of the account, where the key may see it;
    /// otherwise standard
    #[arg(long)]
    pub dialect: Option<String>,
    /// What to answer, 200 to 599
    #[arg(long, default_value_t = 200)]
    pub status: u16,
    /// How long to wait before each answer: 250ms, 2s, 1m
    #[arg(long, default_value = "0s", value_parser = duration)]
    pub delay: Duration,
    /// The share of deliveries to answer otherwise, at random: 0 to 1
    #[arg(long, default_value_t = 0.0)]
    pub fail_rate: f64,
    /// What to answer those
    #[arg(long, default_value_t = 500)]
    pub fail_status: u16,
    /// Answer deliveries that don't verify like the others, and not 401
    #[arg(long)]
    pub accept_all: bool,
    /// How far a signed timestamp may be from now
    #[arg(long, default_value = "5m", value_parser = duration)]
    pub tolerance: Duration,
    /// Show nothing but lines in the terminal
    #[arg(long)]
    pub no_page: bool,
    #[command(flatten)]
    pub registration: registration::Arguments,
}

impl Arguments {
    /// What is to be answered at first.
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
    read.ok_or_else(|| "a time is written like 250ms, 2s or 5m".to_owned())
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
