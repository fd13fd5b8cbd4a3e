//! What the functions share: the domain (accounts, endpoints, events, deliveries), the decisions
//! (match, sign, classify, plan), and the roads to DynamoDB, SQS and EventBridge Scheduler.
//!
//! Domain types know nothing of AWS; [`store`], [`queue`] and [`wake_up`] are the only modules
//! that do, and convert in one place per item.

pub mod account;
pub mod account_view;
pub mod address_guard;
pub mod api_key;
pub mod aws_endpoint;
pub mod aws_error;
pub mod base32;
pub mod changes;
pub mod clock;
pub mod delivery;
pub mod delivery_message;
pub mod deployment_key;
pub mod dialect;
pub mod digest;
pub mod due;
pub mod endpoint;
pub mod endpoint_url;
pub mod event;
pub mod event_type;
pub mod failure_rate;
pub mod filter;
pub mod header_rules;
pub mod health;
pub mod heavy_work;
pub mod ids;
pub mod key_ring;
pub mod logging;
pub mod masked_url;
pub mod matching;
pub mod metrics;
pub mod network;
pub mod operational;
pub mod own_addresses;
pub mod portal_settings;
pub mod problem;
pub mod queue;
pub mod rate_limit;
pub mod response_rules;
pub mod retry_policy;
pub mod runtime;
pub mod schema;
pub mod sealing;
pub mod secret;
mod sent;
pub mod settings;
pub mod signing;
pub mod stats;
pub mod store;
pub mod stored_event;
pub mod subscription;
pub mod task;
pub mod tenant;
pub mod traces;
pub mod wake_up;
