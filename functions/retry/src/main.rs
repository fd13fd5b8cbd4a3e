//! The retry function on Lambda.

use std::process::ExitCode;

use lambda_runtime::{Error, LambdaEvent, service_fn};
use posthorn_retry::{Answer, Call, Retry};
use posthorn_shared::{logging, runtime::Runtime, settings::Settings};

#[tokio::main]
async fn main() -> ExitCode {
    logging::exit_code(run().await)
}

async fn run() -> Result<(), Error> {
    let settings = Settings::from_env()?;
    logging::init_json(&settings.log_level);
    let retry = Retry::new(Runtime::connect(settings).await?);
    let handler = async |event: LambdaEvent<Call>| {
        retry.call(event.payload).await.map_err(Error::from).map(|answer: Answer| answer)
    };
    lambda_runtime::run(service_fn(handler)).await
}
