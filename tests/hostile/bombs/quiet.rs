//! No bomb: what the other tenant sees under the same limits, to compare with.

use std::time::Duration;

use super::Scene;
use crate::settings;

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_thrown() {
    let mut scene = Scene::set("no bomb").await;
    let seconds = if settings::is_large() { settings::BOMB_SECONDS } else { 2 };
    scene.goes_on();
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    scene.close().await;
}
