//! The dispatch function on Lambda.

use std::process::ExitCode;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use posthorn_dispatch::Dispatch;
use posthorn_shared::{logging, runtime::Runtime, settings::Settings};

#[tokio::main]
async fn main() -> ExitCode {
    logging::exit_code(run().await)
}

async fn run() -> Result<(), Error> {
    let settings = Settings::from_env()?;
    logging::init_json(&settings.log_level);
    settings.dialects.check()?;
    let dispatch = Dispatch::new(Runtime::connect(settings).await?);
    let handler = async |event: LambdaEvent<SqsEvent>| {
        Ok::<SqsBatchResponse, Error>(dispatch.handle(event.payload).await)
    };
    lambda_runtime::run(service_fn(handler)).await
}
