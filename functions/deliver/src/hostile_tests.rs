//! Destinations that somebody would like us to reach from inside: as URLs, and as answers of a name
//! server. None of them may lead to a connection.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use posthorn_shared::address_guard::AllowedNetworks;
use posthorn_shared::delivery::{AttemptError, ErrorKind};
use posthorn_shared::endpoint_url::EndpointUrl;
use posthorn_shared::own_addresses::OwnAddresses;
use tokio::net::TcpListener;

use crate::connector::{Resolve, Roads};
use crate::exchange::Exchange;

/// A listener on loopback addresses of this machine, and how many connections it has seen.
struct Prey {
    port: u16,
    connections: Arc<AtomicUsize>,
}

impl Prey {
    async fn start() -> Self {
        let connections = Arc::new(AtomicUsize::new(0));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut listeners = vec![listener];
        for more in ["127.0.0.2", "127.255.255.254", "::1"] {
            // Where the machine has IPv6, and the port is free there, too.
            listeners.extend(TcpListener::bind((more, port)).await.ok());
        }
        for listener in listeners {
            let connections = Arc::clone(&connections);
            tokio::spawn(async move {
                while listener.accept().await.is_ok() {
                    connections.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        Self { port, connections }
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// A name server that answers each question for a name with its next answer, the last one for ever.
fn answers(names: HashMap<String, Vec<Vec<IpAddr>>>, asked: Arc<AtomicUsize>) -> Resolve {
    let names = Arc::new(Mutex::new(names));
    Arc::new(move |host, port| {
        asked.fetch_add(1, Ordering::SeqCst);
        let mut names = names.lock().unwrap();
        let answer = match names.get_mut(&host) {
            Some(answers) if answers.len() > 1 => Some(answers.remove(0)),
            Some(answers) => answers.first().cloned(),
            None => None,
        };
        let addresses = answer.map(|ips| ips.into_iter().map(|ip| SocketAddr::new(ip, port)));
        let addresses = addresses.map(Iterator::collect).ok_or(io::ErrorKind::NotFound.into());
        async move { addresses }.boxed()
    })
}

fn exchange(networks: &str, resolve: Resolve) -> Exchange {
    let (networks, ports) = (networks.parse().unwrap(), "".parse().unwrap());
    Exchange::new(Roads { networks, ports, own: OwnAddresses::default(), resolve })
}

async fn post(exchange: &Exchange, url: &str) -> Option<AttemptError> {
    exchange.post(url, &[], Bytes::new(), Duration::from_secs(2)).await.err()
}

/// Hosts, schemes and tricks; `{p}` is the port of the listener that must not be reached.
const HOSTILE_URLS: &str = r"
https://127.0.0.1:{p}/ https://127.0.0.1.:{p}/ https://127.0.0.2:{p}/ https://127.255.255.254:{p}/
https://127.1:{p}/ https://127.0.1:{p}/ https://127.0:{p}/ https://127:{p}/ https://0:{p}/ https://0.0.0.0:{p}/
https://0.0.0.1:{p}/ https://2130706433:{p}/ https://2130706434:{p}/ https://0x7f000001:{p}/ https://0X7F000001:{p}/
https://0x7f.0x0.0x0.0x1:{p}/ https://0x7f.1:{p}/ https://0x7f.0.1:{p}/ https://017700000001:{p}/
https://0177.0.0.1:{p}/ https://0177.0.0.01:{p}/ https://0177.1:{p}/ https://00000177.0.0.1:{p}/
https://127.0.0.0x1:{p}/ https://127.0x0.01:{p}/ https://127.0.0.1%2e:{p}/ https://%31%32%37.0.0.1:{p}/
https://127%2e0%2e0%2e1:{p}/ https://１２７.0.0.1:{p}/ https://①②⑦.⓪.⓪.①:{p}/ https://127。0。0。1:{p}/ https://127．0．0．1:{p}/
https://[::1]:{p}/ https://[0:0:0:0:0:0:0:1]:{p}/ https://[0000:0000::0001]:{p}/ https://[::]:{p}/
https://[::ffff:127.0.0.1]:{p}/ https://[::ffff:7f00:1]:{p}/ https://[0:0:0:0:0:ffff:127.0.0.1]:{p}/
https://[::127.0.0.1]:{p}/ https://[::7f00:1]:{p}/ https://[::ffff:0:127.0.0.1]:{p}/ https://[64:ff9b::127.0.0.1]:{p}/
https://[64:ff9b::7f00:1]:{p}/ https://[64:ff9b:1::7f00:1]:{p}/ https://[2002:7f00:1::]:{p}/ https://[2002:7f00:0001::1]:{p}/
https://[2001:0:7f00:1::]:{p}/ https://[::1%25lo]:{p}/ https://[fe80::1%25eth0]:{p}/ https://[fe80::1]:{p}/
https://[fc00::1]:{p}/ https://[fd00::1]:{p}/ https://[fd00:ec2::254]/ https://[fec0::1]:{p}/ https://[ff02::1]:{p}/
https://[2001:db8::1]:{p}/ https://[100::1]:{p}/ https://[5f00::1]:{p}/ https://[4000::1]:{p}/
https://localhost:{p}/ https://LOCALHOST:{p}/ https://localhost.:{p}/ https://LocalHost.:{p}/ https://a.localhost:{p}/
https://ｌocalhost:{p}/ https://loc%61lhost:{p}/ https://localhost.localdomain:{p}/ https://localhost6.localdomain6:{p}/
https://ip6-localhost:{p}/ https://broadcasthost:{p}/ https://intranet:{p}/ https://router/ https://printer.local/
https://nas.local./ https://metadata.google.internal/ https://metadata.google.internal./computeMetadata/v1/
https://instance-data.ec2.internal/ https://kubernetes.default.svc/ https://box.home.arpa/ https://vault.internal:8200/
https://169.254.169.254/latest/meta-data/ https://169.254.169.254./ https://2852039166/ https://0xa9fea9fe/
https://0xa9.0xfe.0xa9.0xfe/ https://0251.0376.0251.0376/ https://169.254.43518/ https://[::ffff:169.254.169.254]/
https://[::ffff:a9fe:a9fe]/ https://[64:ff9b::a9fe:a9fe]/ https://169.254.170.2/ https://169.254.170.23/ https://169.254.1.1/
https://10.0.0.1/ https://10.255.255.255/ https://012.0.0.1/ https://167772161/ https://172.16.0.1/ https://172.31.255.255/
https://192.168.0.1/ https://192.168.1.1:{p}/ https://3232235777/ https://0xc0a80101/ https://100.64.0.1/ https://100.127.255.255/
https://192.0.0.1/ https://192.0.2.1/ https://192.88.99.1/ https://198.18.0.1/ https://198.19.255.255/ https://198.51.100.1/
https://203.0.113.1/ https://224.0.0.1/ https://239.255.255.255/ https://240.0.0.1/ https://255.255.255.255/ https://4294967295/
https://[::ffff:10.0.0.1]/ https://[::ffff:192.168.1.1]/ https://[64:ff9b::10.0.0.1]/ https://[2002:a00:1::]/
http://127.0.0.1:{p}/ http://localhost:{p}/ http://[::1]:{p}/ http://example.com:{p}/ http://93.184.216.34/
https://user@127.0.0.1:{p}/ https://user:pw@127.0.0.1:{p}/ https://example.com@127.0.0.1:{p}/ https://127.0.0.1:{p}@example.com/
https://example.com:80@127.0.0.1:{p}/ https://example.com%40127.0.0.1:{p}/ https://127.0.0.1:{p}\@example.com/
https://example.com\@127.0.0.1:{p}/ https:\\127.0.0.1:{p}\ https:/127.0.0.1:{p}/ https:127.0.0.1:{p}/ https:///127.0.0.1:{p}/
//127.0.0.1:{p}/ 127.0.0.1:{p} localhost:{p}/hook https://127.0.0.1:{p}#@example.com/ https://127.0.0.1:{p}?@example.com/
ftp://127.0.0.1:{p}/ file:///etc/passwd gopher://127.0.0.1:{p}/_GET dict://127.0.0.1:{p}/ ldap://127.0.0.1:{p}/
ws://127.0.0.1:{p}/ wss://127.0.0.1:{p}/ javascript:alert(1) data:text/plain,hi unix:/var/run/docker.sock jar:https://127.0.0.1!/
https://127.0.0.1:0/ https://127.0.0.1:65536/ https://127.0.0.1:-1/ https://127.0.0.1:{p}:{p}/ https://[127.0.0.1]:{p}/
https://.127.0.0.1:{p}/ https://127..0.0.1:{p}/ https://256.256.256.256/ https://1.2.3.4.5/ https://0x/ https://[::1/ https:// https://?
";

/// What a name server may answer for a name that looks fine.
const HOSTILE_ANSWERS: &str = "
127.0.0.1 127.0.0.2 127.255.255.255 0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.254 100.64.0.1 100.127.255.254 169.254.0.1
169.254.169.254 169.254.170.2 169.254.170.23 172.16.0.1 172.31.255.254 192.0.0.1 192.0.0.170 192.0.2.1 192.88.99.1
192.168.0.1 192.168.255.254 198.18.0.1 198.19.255.254 198.51.100.1 203.0.113.1 224.0.0.1 233.252.0.1 239.255.255.255
240.0.0.1 255.255.255.254 255.255.255.255 :: ::1 ::2 ::127.0.0.1 ::10.0.0.1 ::ffff:127.0.0.1 ::ffff:10.0.0.1
::ffff:169.254.169.254 ::ffff:0:127.0.0.1 64:ff9b::127.0.0.1 64:ff9b::169.254.169.254 64:ff9b:1::127.0.0.1 100::1
2001::1 2001:2::1 2001:db8::1 2002:7f00:1::1 3fff::1 5f00::1 fc00::1 fd00:ec2::254 fd00:ec2::23 fe80::1 fec0::1 ff02::1
";

#[tokio::test]
async fn no_hostile_url_reaches_this_machine() {
    let prey = Prey::start().await;
    let asked = Arc::new(AtomicUsize::new(0));
    // Whatever name it is, it is here.
    let everything_is_here: Resolve = {
        let asked = Arc::clone(&asked);
        Arc::new(move |_, port| {
            asked.fetch_add(1, Ordering::SeqCst);
            let here = ["127.0.0.1", "::1"].map(|ip| SocketAddr::new(ip.parse().unwrap(), port));
            async move { Ok(here.to_vec()) }.boxed()
        })
    };
    let exchange = exchange("", everything_is_here);
    let nothing = AllowedNetworks::default();
    let (mut count, mut passed) = (0, Vec::new());
    for url in HOSTILE_URLS.split_whitespace() {
        let url = url.replace("{p}", &prey.port.to_string());
        passed
            .extend(EndpointUrl::parse(&url, &nothing).ok().map(|as_what| (url.clone(), as_what)));
        // Registered long ago, by a release that knew less.
        let error = post(&exchange, &url).await.unwrap_or_else(|| panic!("{url} was answered"));
        let known = [ErrorKind::Blocked, ErrorKind::Protocol, ErrorKind::Connect, ErrorKind::Dns];
        assert!(known.contains(&error.kind), "{url}: {error:?}");
        assert!(!error.detail.contains("169.254"), "{url}: {error:?}");
        count += 1;
    }
    assert!(passed.is_empty(), "registration lets pass {passed:?}");
    assert!(count >= 150, "{count}");
    assert_eq!(prey.connections(), 0);
}

#[tokio::test]
async fn no_answer_of_a_name_server_leads_to_this_machine() {
    let prey = Prey::start().await;
    let hostile: Vec<IpAddr> =
        HOSTILE_ANSWERS.split_whitespace().map(|ip| ip.parse().unwrap()).collect();
    let mut names: HashMap<String, Vec<Vec<IpAddr>>> = HashMap::new();
    for (index, ip) in hostile.iter().enumerate() {
        names.insert(format!("host-{index}.example.com"), vec![vec![*ip]]);
        // Several at once, none of them better.
        let next = hostile[(index + 1) % hostile.len()];
        names.insert(format!("both-{index}.example.com"), vec![vec![*ip, next]]);
    }
    let all: Vec<String> = names.keys().cloned().collect();
    let exchange = exchange("", answers(names, Arc::default()));
    for name in &all {
        for scheme in ["https", "http"] {
            let url = format!("{scheme}://{name}:{}/", prey.port);
            let error = post(&exchange, &url).await.expect("no answer");
            assert_eq!(error.kind, ErrorKind::Blocked, "{url}");
            // Nobody learns what the name resolves to.
            assert_eq!(error.detail, "the destination is not a public address", "{url}");
        }
    }
    assert!(all.len() > 100);
    assert_eq!(prey.connections(), 0);
}

/// The name is judged and connected to by one and the same answer: a second question, which a
/// rebinding server would answer otherwise, is never asked.
#[tokio::test]
async fn a_name_that_answers_otherwise_the_second_time_gains_nothing() {
    let prey = Prey::start().await;
    let ip = |text: &str| -> IpAddr { text.parse().unwrap() };
    // Allowed, and nobody is there.
    let (fine, here) = (ip("198.18.0.1"), ip("127.0.0.1"));
    let asked = Arc::new(AtomicUsize::new(0));
    let rebinding = vec![vec![fine], vec![here], vec![fine, here], vec![here, fine], vec![here]];
    let names = HashMap::from([("rebind.example.com".to_owned(), rebinding)]);
    let exchange = exchange("198.18.0.0/15", answers(names, Arc::clone(&asked)));
    for attempt in 1..=5 {
        let url = format!("https://rebind.example.com:{}/", prey.port);
        assert!(post(&exchange, &url).await.is_some());
        assert_eq!(asked.load(Ordering::SeqCst), attempt, "one question for one attempt");
    }
    assert_eq!(prey.connections(), 0);
}

#[tokio::test]
async fn posthorn_itself_is_out_of_reach_whatever_is_allowed() {
    let (api, aws) = (Prey::start().await, Prey::start().await);
    let at = |prey: &Prey| SocketAddr::new("127.0.0.1".parse().unwrap(), prey.port);
    let own = OwnAddresses::new(at(&api), at(&aws));
    let here = ["127.0.0.1", "::1", "127.0.0.2"].map(|ip| ip.parse().unwrap());
    let names = HashMap::from([("here.example.com".to_owned(), vec![here.to_vec()])]);
    let (networks, ports) = ("0.0.0.0/0,::/0".parse().unwrap(), "".parse().unwrap());
    let resolve = answers(names, Arc::default());
    let exchange = Exchange::new(Roads { networks, ports, own, resolve });
    for host in
        ["127.0.0.1", "127.0.0.2", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "here.example.com"]
    {
        let urls = [
            format!("http://{host}:{}/", api.port),
            format!("http://{host}:{}/healthz?a", api.port),
            format!("http://{host}:{}/healthz/", api.port),
            format!("https://{host}:{}/", aws.port),
            format!("http://{host}:{}/healthz", aws.port),
        ];
        for url in urls {
            let error = post(&exchange, &url).await.expect("no answer");
            assert_eq!(error.kind, ErrorKind::Blocked, "{url}: {error:?}");
            assert!(error.detail.contains("Posthorn itself"), "{url}: {error:?}");
        }
    }
    assert_eq!((api.connections(), aws.connections()), (0, 0));
    // What nothing but the test delivery of `posthorn doctor` needs.
    let health = format!("http://127.0.0.1:{}/healthz", api.port);
    assert_ne!(post(&exchange, &health).await.expect("it hangs up").kind, ErrorKind::Blocked);
    assert!(api.connections() > 0);
}

#[test]
fn odd_urls_that_are_all_right_pass() {
    let nothing = AllowedNetworks::default();
    for url in [
        "https://example.com",
        "https://EXAMPLE.com/Hook",
        "https://example.com.:8443/",
        "https://example.com:65535/a?b=c&d=%20",
        "https://bücher.example/ümlaut",
        "https://xn--bcher-kva.example/",
        "https://sub_domain.example.com/",
        "https://1.example.com/",
        "https://127.example.com/",
        "https://localhost.example.com/",
        "https://localhost-tools.com/",
        "https://internal.example.com/",
        "https://example.com/http://127.0.0.1/",
        "https://example.com/?url=http://169.254.169.254/",
        "https://example.com/@127.0.0.1",
        "https://8.8.8.8/",
        "https://134744072/",
        "https://93.184.216.34:8443/",
        "https://172.15.255.255/",
        "https://172.32.0.1/",
        "https://100.63.255.255/",
        "https://[2606:2800:220:1:248:1893:25c8:1946]/",
        "https://[2001:4860:4860::8888]:8443/",
        "https://[::ffff:8.8.8.8]/",
        "https://[64:ff9b::8.8.8.8]/",
        "https://hooks.example.co.uk/services/T0/B0/x",
    ] {
        if let Err(error) = EndpointUrl::parse(url, &nothing) {
            panic!("{url}: {error}");
        }
    }
}
