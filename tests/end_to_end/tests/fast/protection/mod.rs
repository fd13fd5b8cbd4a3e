//! Bad destinations, slow destinations, noisy neighbours.

mod bounded;
mod circuit;
mod filters;
mod hushed;
mod operational;
mod own_ports;
mod quotas;
mod receivers_say;
mod slots;
mod switched_off;
