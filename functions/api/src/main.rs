//! The api function on Lambda.

use std::process::ExitCode;

use lambda_http::request::LambdaRequest;
use lambda_http::{Adapter, Error, tower::ServiceExt};
use lambda_runtime::LambdaEvent;
use posthorn_shared::{logging, runtime::Runtime, settings::Settings};

#[tokio::main]
async fn main() -> ExitCode {
    logging::exit_code(run().await)
}

async fn run() -> Result<(), Error> {
    let settings = Settings::from_env()?;
    logging::init_json(&settings.log_level);
    settings.dialects.check()?;
    let router = posthorn_api::router(Runtime::connect(settings).await?);
    let mended = Adapter::from(router).map_request(|mut event: LambdaEvent<LambdaRequest>| {
        posthorn_api::lambda::mend(&mut event.payload);
        event
    });
    lambda_runtime::run(mended).await
}
