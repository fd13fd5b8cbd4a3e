//! Bad destinations, slow destinations, noisy neighbours.

mod aws_port;
mod bounded;
mod circuit;
mod connections;
mod filters;
mod hushed;
mod large_pages;
mod newcomers;
mod operational;
mod own_ports;
mod quotas;
mod receivers_say;
mod schemas;
mod slots;
mod switched_off;
mod web_pages;
