use posthorn_shared::event;
use std::time::Instant;
fn time(name: &str, n: u32, mut f: impl FnMut()) {
    let t = Instant::now();
    for _ in 0..n {
        f();
    }
    println!("{name}: {:?} each", t.elapsed() / n);
}
fn main() {
    let data = format!(
        r#"{{"vaultId":"vault_xyz789","note":"{}","n":[1,2.5,{{"a":true}}],"s":"x\u00e9"}}"#,
        "abc def ".repeat(45)
    );
    for _ in 0..3 {
        let body = format!(
            r#"{{"account":"acme","type":"vault.created","timestamp":"2026-11-21T10:00:00Z","data":{data}}}"#
        );
        time("queue body", 500_000, || {
            std::hint::black_box(event::parse_queue_body(&body).unwrap());
        });
        let body = format!(r#"{{"type":"a","data":{data}}}"#);
        time("no time", 500_000, || {
            std::hint::black_box(event::parse_native(&body).unwrap());
        });
    }
}
