use super::*;

const LOCAL: &str = "127.0.0.0/8,::1/128";

fn parse(text: &str, allowed: &str) -> Result<EndpointUrl, InvalidEndpointUrl> {
    EndpointUrl::parse(text, &allowed.parse().unwrap())
}

#[test]
fn legitimate_urls_are_taken_in_normal_form() {
    let table = [
        ("https://example.com", "https://example.com/"),
        ("https://example.com/webhooks", "https://example.com/webhooks"),
        ("HTTPS://Example.COM/A?b=C", "https://example.com/A?b=C"),
        ("https://example.com:8443/x", "https://example.com:8443/x"),
        ("https://example.com:443/", "https://example.com/"),
        ("https://bücher.example/ü?q=ü", "https://xn--bcher-kva.example/%C3%BC?q=%C3%BC"),
        ("https://sub.domain.example.co.uk/a/b/../c", "https://sub.domain.example.co.uk/a/c"),
        ("https://8.8.8.8/hook", "https://8.8.8.8/hook"),
        ("https://[2606:4700:4700::1111]/", "https://[2606:4700:4700::1111]/"),
        ("https://example.com./", "https://example.com./"),
        ("https://localhost.example.com/", "https://localhost.example.com/"),
        ("https://mylocalhost.com/", "https://mylocalhost.com/"),
        ("https://example.com/?token=a@b", "https://example.com/?token=a@b"),
        (
            "https://hooks.example.com/services/T0/B0/x%20y?sig=a%2Fb&v=1|2^3`4",
            "https://hooks.example.com/services/T0/B0/x%20y?sig=a%2Fb&v=1|2^3`4",
        ),
    ];
    for (text, normal) in table {
        let url = parse(text, "").unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!(url.as_str(), normal);
    }
}

#[test]
fn hostile_urls_are_refused() {
    use InvalidEndpointUrl::*;
    type Expected = fn(&InvalidEndpointUrl) -> bool;
    let address: Expected = |e| matches!(e, Address(..));
    let private_name: Expected = |e| matches!(e, PrivateName(_));
    let not_a_url: Expected = |e| matches!(e, NotAUrl(_));
    let scheme: Expected = |e| *e == Scheme;
    let whitespace: Expected = |e| *e == Whitespace;
    let credentials: Expected = |e| *e == Credentials;
    let plain: Expected = |e| *e == PlainHttp;
    let table: [(&str, Expected); 59] = [
        ("", scheme),
        ("example.com", scheme),
        ("//example.com/", scheme),
        ("https:example.com", scheme),
        ("https:/example.com", scheme),
        ("https:///example.com", not_a_url),
        ("https://", not_a_url),
        ("https://?x", not_a_url),
        ("https://:443/", not_a_url),
        ("https://exa mple.com/", whitespace),
        (" https://example.com/", whitespace),
        ("https://example.com/\n", whitespace),
        ("ht\ttps://example.com/", whitespace),
        ("https://example.com\\@evil.example/", whitespace),
        ("https:\\\\example.com", whitespace),
        ("https://example.com/\u{a0}", whitespace),
        ("ftp://example.com/", scheme),
        ("file:///etc/passwd", scheme),
        ("gopher://example.com/", scheme),
        ("javascript:alert(1)", scheme),
        ("data:text/plain,x", scheme),
        ("wss://example.com/", scheme),
        ("x://https://example.com/", scheme),
        ("http://example.com/", plain),
        ("http://8.8.8.8/", plain),
        ("https://user:password@example.com/", credentials),
        ("https://user@example.com/", credentials),
        ("https://@example.com/", credentials),
        ("https://example.com@127.0.0.1/", credentials),
        ("https://example.com/#fragment", |e| *e == Fragment),
        ("https://example.com/#", |e| *e == Fragment),
        ("https://example.com:0/", |e| *e == Port),
        ("https://example.com:65536/", not_a_url),
        ("https://example.com:x/", not_a_url),
        ("https://exa%zzmple.com/", not_a_url),
        ("https://a..b.example/", not_a_url),
        ("https://[::1", not_a_url),
        ("https://[fe80::1%25eth0]/", not_a_url),
        ("https://127.0.0.1/", address),
        ("https://2130706433/", address),
        ("https://0x7f.1/", address),
        ("https://0177.0.0.1/", address),
        ("https://127.1/", address),
        ("https://0/", address),
        ("https://%31%32%37.0.0.1/", address),
        ("https://①②⑦.⓪.⓪.①/", address),
        ("https://10.0.0.1:8443/", address),
        ("https://192.168.1.1/", address),
        ("https://169.254.169.254/latest/meta-data/", address),
        ("https://[::1]/", address),
        ("https://[::ffff:7f00:1]/", address),
        ("https://[64:ff9b::a00:1]/", address),
        ("https://[2002:7f00:1::]/", address),
        ("https://localhost/", private_name),
        ("https://LOCALHOST./", private_name),
        ("https://a.localhost/", private_name),
        ("https://metadata.google.internal/", private_name),
        ("https://printer.local/", private_name),
        ("https://intranet/", private_name),
    ];
    for (text, expected) in table {
        match parse(text, "") {
            Ok(url) => panic!("{text:?} was taken as {url}"),
            Err(error) => assert!(expected(&error), "{text:?}: {error:?}"),
        }
    }
}

#[test]
fn length_counts_before_and_after_encoding() {
    let url = |path: &str| format!("https://example.com/{path}");
    assert!(parse(&url(&"x".repeat(MAX_LENGTH - 20)), "").is_ok());
    for path in ["x".repeat(MAX_LENGTH - 19), "ü".repeat(700)] {
        assert_eq!(parse(&url(&path), ""), Err(InvalidEndpointUrl::TooLong));
    }
}

#[test]
fn allowed_networks_open_plain_http_and_private_hosts() {
    for url in [
        "http://localhost:3000/hook",
        "http://127.0.0.1:3000/",
        "http://[::1]:3000/",
        "https://localhost/",
        "https://receiver.internal/",
    ] {
        assert!(parse(url, LOCAL).is_ok(), "{url}");
    }
    for url in [
        "http://example.com/",
        "http://receiver.internal/",
        "http://8.8.8.8/",
        "http://10.0.0.1/",
        "https://10.0.0.1/",
    ] {
        assert!(parse(url, LOCAL).is_err(), "{url}");
    }
    assert!(parse("http://10.0.0.1/", "10.0.0.0/8").is_ok());
    assert!(parse("http://localhost/", "10.0.0.0/8").is_err());
    assert!(parse("http://169.254.169.254/", "0.0.0.0/0").is_err());
}

#[test]
fn an_origin_is_scheme_host_and_port() {
    let same = EndpointUrl::same_origin;
    assert!(same("https://example.com/a?b=c", "https://EXAMPLE.com:443/d"));
    assert!(same("http://127.1:8080/", "http://127.0.0.1:8080/hook"));
    assert!(same("https://bücher.example/", "https://xn--bcher-kva.example/"));
    for other in [
        "http://example.com/",
        "https://example.com:8443/",
        "https://example.com./",
        "https://www.example.com/",
        "https://example.org/",
        "https://example.com@evil.example/",
        "no url",
        "",
    ] {
        assert!(!same("https://example.com/", other), "{other}");
    }
}

#[test]
fn urls_of_posthorn_itself_are_recognized() {
    let own =
        OwnAddresses::new("127.0.0.1:8080".parse().unwrap(), "127.0.0.1:443".parse().unwrap());
    let is_own = |url: &str| parse(url, "0.0.0.0/0,::/0").unwrap().is_own(&own);
    for url in [
        "http://127.0.0.1:8080/",
        "http://127.1:8080/v1/accounts",
        "http://0x7f000001:8080/",
        "http://[::1]:8080/",
        "http://[::ffff:127.0.0.1]:8080/",
        "http://0.0.0.0:8080/",
        "http://localhost:8080/",
        "http://LOCALHOST.:8080/healthz?a=b",
        "http://a.localhost:8080/",
        // The port that goes without saying.
        "https://127.0.0.1/",
        "https://localhost/healthz",
        "http://127.0.0.1:443/healthz",
    ] {
        assert!(is_own(url), "{url}");
    }
    for url in [
        "http://127.0.0.1:8080/healthz",
        "http://localhost:8080/a/../healthz",
        "http://127.0.0.1:9000/",
        "http://localhost:9000/",
        "http://192.168.0.7:8080/",
        "https://localhost.example.com/",
        "https://example.com/",
    ] {
        assert!(!is_own(url), "{url}");
    }
}
