use http::{HeaderMap, HeaderName};
use posthorn_shared::dialect::Signable;
use posthorn_shared::secret::{Secret, SecretForm};

use super::*;

const SENT: i64 = 1_795_255_201;
const BODY: &str = r#"{"id":"evt-1","type":"job.done","data":{"id":"evt-1","n":1.50}}"#;
const OWN: [(&str, &str); 2] = [
    (
        "github.toml",
        r#"
name = "github"
title = "GitHub"
timeout_seconds = 10
body = "${data}"
retry = { schedule = [] }
secret = { form = "text" }
header = [{ name = "X-GitHub-Delivery", value = "${id}" }]
[[signature]]
header = "X-Hub-Signature-256"
content = "${body}"
encoding = "hex"
each = "sha256=${signature}"
"#,
    ),
    (
        "stripe.toml",
        r#"
name = "stripe"
title = "Stripe"
timeout_seconds = 20
body = '{"id":${id},"type":${type},"data":{"object":${data}}}'
retry = { schedule = [] }
secret = { form = "text" }
[[signature]]
header = "Stripe-Signature"
content = "${unix}.${body}"
encoding = "hex"
each = "v1=${signature}"
separator = ","
value = "t=${unix},${signatures}"
"#,
    ),
];

fn dialects() -> Dialects {
    let folder = tempfile::TempDir::new().unwrap();
    for (name, text) in OWN {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    Dialects::with_directory(folder.path()).unwrap()
}

/// A delivery as it is sent, and who receives it.
struct Sent {
    verifier: Verifier,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Sent {
    fn by(dialect: &Dialect, secret: &Secret, others: &[Secret]) -> Self {
        let headers = sign(dialect, std::slice::from_ref(secret), BODY.as_bytes());
        let secrets = others.iter().chain([secret]).enumerate().map(|(index, secret)| {
            ReceiverSecret::parse(&format!("secret {}", index + 1), secret.reveal(), dialect)
        });
        let verifier = Verifier {
            dialect: dialect.clone(),
            dialects: dialects(),
            secrets: secrets.collect::<Result<_, _>>().unwrap(),
            token: dialect.has_token().then(|| "the-token".to_owned()),
            tolerance: TOLERANCE,
        };
        Self { verifier, headers, body: BODY.as_bytes().to_vec() }
    }

    fn verdict(&self, now: i64) -> Verdict {
        let identity = Identity::read(&self.verifier.dialect, &self.headers, &self.body);
        let now = Timestamp::from_second(now).unwrap();
        self.verifier.verify(&self.headers, &self.body, &identity, now)
    }

    fn refusal(&self) -> Refusal {
        match self.verdict(SENT) {
            Verdict::Refused(refusal) => refusal,
            other => panic!("{}: {other:?}", self.verifier.dialect.name),
        }
    }
}

fn sign(dialect: &Dialect, secrets: &[Secret], body: &[u8]) -> HeaderMap {
    let signable = Signable {
        event_id: "evt-1",
        event_type: "job.done",
        token: Some("the-token"),
        unix: SENT,
        body,
    };
    let headers = dialect.headers(secrets.iter(), signable).into_iter();
    headers
        .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap()))
        .collect()
}

/// As random as a test wants it.
fn secret(form: SecretForm, number: u128) -> Secret {
    form.generate(|| number)
}

fn every_dialect(check: impl Fn(&Dialect, Secret)) {
    for dialect in dialects().all() {
        check(dialect, secret(dialect.secret, 7));
    }
}

#[test]
fn what_was_signed_is_verified_in_every_dialect() {
    every_dialect(|dialect, signer| {
        let sent = Sent::by(dialect, &signer, &[secret(dialect.secret, 8)]);
        let by = "secret 2".to_owned();
        assert_eq!(sent.verdict(SENT), Verdict::Verified { by: by.clone() }, "{}", dialect.name);
        assert_eq!(sent.verdict(SENT + 300), Verdict::Verified { by }, "{}", dialect.name);
    });
}

#[test]
fn forgeries_are_refused_in_every_dialect() {
    every_dialect(|dialect, signer| {
        let mut changed = Sent::by(dialect, &signer, &[]);
        changed.body = BODY.replace("1.50", "1.51").into_bytes();
        assert_eq!(changed.refusal(), Refusal::Differs(Cause::Unknown), "{}", dialect.name);

        let mut stranger = Sent::by(dialect, &signer, &[]);
        stranger.headers = sign(dialect, &[secret(dialect.secret, 9)], BODY.as_bytes());
        assert_eq!(stranger.refusal(), Refusal::Differs(Cause::Unknown), "{}", dialect.name);

        for rule in dialect.signatures() {
            let mut unsigned = Sent::by(dialect, &signer, &[]);
            unsigned.headers.remove(&rule.header);
            let missing = Refusal::Missing { header: rule.header.clone(), looks_like: None };
            assert_eq!(unsigned.refusal(), missing, "{}", dialect.name);
            for value in ["", "v1,", "sha256=", "t=1,v1=", "0", "\u{e9}"] {
                let mut odd = Sent::by(dialect, &signer, &[]);
                odd.headers.insert(
                    rule.header.parse::<HeaderName>().unwrap(),
                    http::HeaderValue::from_bytes(value.as_bytes()).unwrap(),
                );
                odd.refusal();
            }
            let mut twice = Sent::by(dialect, &signer, &[]);
            let value = twice.headers[&rule.header].clone();
            twice.headers.append(rule.header.parse::<HeaderName>().unwrap(), value);
            assert!(matches!(twice.refusal(), Refusal::Unreadable { .. }), "{}", dialect.name);
        }
    });
}

#[test]
fn a_signed_time_that_is_too_far_away_is_refused_and_told() {
    every_dialect(|dialect, signer| {
        let sent = Sent::by(dialect, &signer, &[]);
        let is_signed = dialect.signatures().iter().any(|rule| rule.content.has(Placeholder::Unix));
        for (now, found) in
            [(SENT + 363, "too old: signed 6 min 3 s ago"), (SENT - 301, "too new: 5 min 1 s in")]
        {
            let verdict = sent.verdict(now);
            assert_eq!(matches!(verdict, Verdict::Refused(_)), is_signed, "{}", dialect.name);
            assert!(!is_signed || verdict.headline().contains(found), "{}", verdict.headline());
        }
    });
}

#[test]
fn during_a_rotation_either_secret_verifies() {
    every_dialect(|dialect, new| {
        let former = secret(dialect.secret, 8);
        let mut sent = Sent::by(dialect, &former, &[]);
        sent.headers = sign(dialect, &[new, former], BODY.as_bytes());
        let carries_both = dialect.signatures().iter().all(|rule| rule.separator.is_some());
        let is_verified = matches!(sent.verdict(SENT), Verdict::Verified { .. });
        assert_eq!(is_verified, carries_both, "{}", dialect.name);
    });
}

#[test]
fn the_token_is_checked_where_it_is_known() {
    let dialect = dialects().named("beltic").unwrap().clone();
    let mut sent = Sent::by(&dialect, &secret(dialect.secret, 7), &[]);
    sent.headers.insert("x-webhook-token", "another".parse().unwrap());
    assert_eq!(sent.refusal(), Refusal::Token { header: "X-Webhook-Token".to_owned() });
    sent.headers.remove("x-webhook-token");
    assert!(matches!(sent.refusal(), Refusal::Missing { .. }));
    sent.verifier.token = None;
    assert!(matches!(sent.verdict(SENT), Verdict::Verified { .. }));
}

#[test]
fn an_ed25519_signature_is_verified_with_either_half_of_the_key() {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    let dialect = Dialect::standard();
    let private: Secret = format!("whsk_{}", STANDARD.encode([7u8; 32])).parse().unwrap();
    let mut sent = Sent::by(&dialect, &private, &[]);
    assert!(matches!(sent.verdict(SENT), Verdict::Verified { .. }));
    let public = private.public_key().unwrap();
    sent.verifier.secrets = vec![ReceiverSecret::parse("it", &public, &dialect).unwrap()];
    assert!(matches!(sent.verdict(SENT), Verdict::Verified { .. }));
    sent.body.push(b' ');
    assert_eq!(sent.refusal(), Refusal::Differs(Cause::Unknown));
    sent.body.pop();
    let hmac = secret(SecretForm::Standard, 7);
    sent.verifier.secrets = vec![ReceiverSecret::parse("it", hmac.reveal(), &dialect).unwrap()];
    assert_eq!(sent.refusal(), Refusal::Differs(Cause::SignedByEd25519));
    let mut other = Sent::by(&dialect, &hmac, &[]);
    other.verifier.secrets = vec![ReceiverSecret::parse("it", &public, &dialect).unwrap()];
    assert_eq!(other.refusal(), Refusal::Differs(Cause::SignedByHmac));
}

#[test]
fn mistakes_that_are_made_often_are_named() {
    every_dialect(|dialect, signer| {
        let mut rewritten = Sent::by(dialect, &signer, &[]);
        rewritten.body = BODY.replace("1.50", "1.5").replace(',', ", ").into_bytes();
        rewritten.headers =
            sign(dialect, std::slice::from_ref(&signer), BODY.replace("1.50", "1.5").as_bytes());
        assert_eq!(rewritten.refusal(), Refusal::Differs(Cause::BodyRewritten), "{}", dialect.name);
    });
    let dialect = Dialect::standard();
    let signer = secret(SecretForm::Standard, 7);
    let key = ReceiverSecret::parse("it", signer.reveal(), &dialect).unwrap();
    let key = key.hmac_key().unwrap().to_vec();
    let content = [format!("evt-1.{SENT}.").as_bytes(), BODY.as_bytes()].concat();
    let hex = |key: &[u8], content: &[u8]| -> String {
        let bytes = posthorn_shared::signing::hmac_sha256(key, content);
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    };
    for (signature, cause) in [
        (hex(&key, &content), "written in another form"),
        (hex(&key, BODY.as_bytes()), "only the body was signed"),
        (hex(signer.reveal().as_bytes(), &content), "a key that was misread"),
        ("v1,!".to_owned(), "signature differs"),
        ("v2,abc".to_owned(), "none of the form"),
    ] {
        let mut sent = Sent::by(&dialect, &signer, &[]);
        sent.headers.insert("webhook-signature", signature.parse().unwrap());
        let verdict = sent.verdict(SENT);
        assert!(verdict.headline().contains(cause), "{signature}: {}", verdict.headline());
        assert!(!verdict.advice().is_empty());
    }
}

#[test]
fn a_delivery_of_another_dialect_is_recognised() {
    let dialects = dialects();
    let fltr = dialects.named("fltr").unwrap();
    let mut sent = Sent::by(&Dialect::standard(), &secret(SecretForm::Standard, 7), &[]);
    sent.headers = sign(fltr, &[secret(SecretForm::Text, 7)], BODY.as_bytes());
    let looks_like = Some("fltr".to_owned());
    assert_eq!(
        sent.refusal(),
        Refusal::Missing { header: "webhook-signature".to_owned(), looks_like }
    );
    assert!(sent.verdict(SENT).advice()[0].contains("--dialect fltr"));
}

#[test]
fn a_secret_of_another_form_is_refused_with_the_form() {
    let fltr = dialects().named("fltr").unwrap().clone();
    let refusal = |text: &str, dialect: &Dialect| {
        ReceiverSecret::parse("--secret 1", text, dialect).unwrap_err().to_string()
    };
    let said = refusal("hunter2", &Dialect::standard());
    assert!(said.contains("--secret 1") && said.contains("whsec_<base64"), "{said}");
    assert!(!said.contains("hunter2"));
    assert!(refusal("whsec_!", &Dialect::standard()).contains("base64"));
    assert!(refusal("whpk_AAAA", &Dialect::standard()).contains("Ed25519"));
    assert!(refusal("short", &fltr).contains("16 to 256"));
}

#[test]
fn the_event_is_found_where_the_dialect_has_it() {
    every_dialect(|dialect, signer| {
        let mut sent = Sent::by(dialect, &signer, &[]);
        if dialect.name == "beltic" {
            sent.body = br#"{"data":{"id":"evt-1","attributes":{"event":"job.done"}}}"#.to_vec();
        }
        if dialect.name == "flexorch" {
            sent.body = br#"{"event":"job.done"}"#.to_vec();
        }
        let identity = Identity::read(dialect, &sent.headers, &sent.body);
        assert_eq!(identity.event_id.as_deref(), Some("evt-1"), "{}", dialect.name);
        let tells_type = !matches!(dialect.name.as_str(), "flowcode" | "github");
        assert_eq!(identity.event_type.is_some(), tells_type, "{}", dialect.name);
    });
}
