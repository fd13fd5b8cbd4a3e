//! The Standard Webhooks reference libraries, from PyPI and npm, accept what is delivered.
//!
//! `tests/run` installs them and sets `POSTHORN_PYTHON` to a Python that has the library; without
//! that, the test fails and says so.

use posthorn_end_to_end::{Receiver, Stack, python, verdicts};
use serde_json::json;

#[tokio::test]
async fn the_reference_libraries_accept_deliveries_and_refuse_forgeries() {
    let stack = Stack::start().await;
    let receiver = Receiver::start().await;
    let account = stack.account("acme").await;
    let endpoint = json!({ "url": receiver.url("/hook") });
    let (_, secret) = account.endpoint_with_secret(endpoint).await;
    let given = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let endpoint = json!({ "url": receiver.url("/given"), "secret": given });
    let (_, shown) = account.endpoint_with_secret(endpoint).await;
    assert_eq!(shown, given);
    account.post_text(r#"{"type":"a.b","data":{"n":1.50,"u":"\u00e9 ü","z":[ ]}}"#).await;

    let mut deliveries = Vec::new();
    for (path, secret) in [("/hook", secret.as_str()), ("/given", given)] {
        let request = receiver.wait_for(path, 1).await.remove(0);
        let header = |name: &str| json!(request.header(name));
        let delivery = json!({
            "secret": secret,
            "headers": {
                "webhook-id": header("webhook-id"),
                "webhook-timestamp": header("webhook-timestamp"),
                "webhook-signature": header("webhook-signature"),
            },
            "body": String::from_utf8(request.body.to_vec()).unwrap(),
        });
        let mut forged = delivery.clone();
        forged["body"] = json!(forged["body"].as_str().unwrap().replace("1.50", "1.51"));
        let mut stranger = delivery.clone();
        stranger["secret"] = json!("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
        let mut old = delivery.clone();
        let timestamp: i64 = request.header("webhook-timestamp").parse().unwrap();
        old["headers"]["webhook-timestamp"] = json!((timestamp - 360).to_string());
        deliveries.extend([delivery, forged, stranger, old]);
    }
    let python = python();
    for (program, script) in [(python.as_str(), "verify.py"), ("node", "verify.mjs")] {
        let verdicts = verdicts(program, script, &deliveries).await;
        assert_eq!(verdicts.len(), deliveries.len());
        for (index, verdict) in verdicts.iter().enumerate() {
            let expected = index % 4 == 0;
            assert_eq!(verdict == "ok", expected, "{script}, {}: {verdict}", deliveries[index]);
        }
    }
}

#[tokio::test]
async fn an_ed25519_secret_signs_v1a_and_shows_its_public_key() {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use ed25519_dalek::{Signature, Verifier, VerifyingKey};

    let stack = Stack::start().await;
    let receiver = Receiver::start().await;
    let account = stack.account("acme").await;
    let secret = format!("whsk_{}", STANDARD.encode([9u8; 32]));
    let endpoint =
        account.endpoint(json!({ "url": receiver.url("/hook"), "secret": secret })).await;
    account.post_event(json!({ "type": "a.b", "data": {} })).await;
    let request = receiver.wait_for("/hook", 1).await.remove(0);

    let shown = account.get(&format!("/v1/endpoints/{endpoint}")).await;
    let public = shown["public_key"].as_str().unwrap().strip_prefix("whpk_").unwrap();
    let public: [u8; 32] = STANDARD.decode(public).unwrap().try_into().unwrap();
    let signature = request.header("webhook-signature").strip_prefix("v1a,").unwrap();
    let signature = Signature::from_slice(&STANDARD.decode(signature).unwrap()).unwrap();
    let (id, timestamp) = (request.header("webhook-id"), request.header("webhook-timestamp"));
    let signed = [format!("{id}.{timestamp}.").as_bytes(), &request.body].concat();
    VerifyingKey::from_bytes(&public).unwrap().verify(&signed, &signature).unwrap();
}
