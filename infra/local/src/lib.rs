//! The one-machine stack: Posthorn whole in one process, on loopback.

pub mod admin;
pub mod admin_key;
pub mod aws;
mod colours;
pub mod data_dir;
pub mod demo;
pub mod deployment_key;
pub mod dlq;
pub mod doctor;
pub mod event_source;
mod kept_text;
pub mod listen;
pub mod options;
pub mod place;
mod plain_text;
pub mod schedules;
pub mod stack;
pub mod table;
pub mod template;
pub mod verification;
mod web;
