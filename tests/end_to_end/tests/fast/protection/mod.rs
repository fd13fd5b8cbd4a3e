//! Bad destinations, slow destinations, noisy neighbours.

mod bounded;
mod circuit;
mod hushed;
mod newcomers;
mod operational;
mod own_ports;
mod quotas;
mod receivers_say;
mod slots;
mod switched_off;

pub use switched_off::aws_config;
