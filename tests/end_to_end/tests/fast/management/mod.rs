//! The management API.

mod catalog;
mod events;
mod hidden;
mod key_rotation;
mod limits;
mod made_again;
mod quiet;
mod refusals;
mod schemas;
mod seals;
mod secrets;
mod sends;
mod settings;
mod tasks;

use posthorn_end_to_end::Answer;

/// Where a refusal says that something is wrong.
fn pointers(answer: &Answer) -> Vec<&str> {
    let errors = answer.json["errors"].as_array();
    errors.into_iter().flatten().filter_map(|error| error["pointer"].as_str()).collect()
}
