//! The api function on Lambda.

use lambda_runtime::Error;
use posthorn_shared::{logging, runtime::Runtime, settings::Settings};

#[tokio::main]
async fn main() -> Result<(), Error> {
    let settings = Settings::from_env()?;
    logging::init_json(&settings.log_level);
    let router = posthorn_api::router(Runtime::connect(settings).await?);
    lambda_http::run(router).await
}
