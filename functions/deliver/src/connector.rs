//! Connections to receivers. Names are resolved here, every address is judged, and the connection
//! goes to the very address that was judged: a name that answers differently the second time can't
//! get around the guard.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use http::Uri;
use hyper_util::rt::TokioIo;
use posthorn_shared::address_guard::{self, AllowedNetworks, AllowedPorts};
use posthorn_shared::delivery::ErrorKind;
use posthorn_shared::own_addresses::OwnAddresses;
use tokio::net::TcpStream;

/// How long one address may take when the name has several.
const PER_ADDRESS: Duration = Duration::from_secs(5);

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    #[error("the URL has no host")]
    NoHost,
    #[error("the name {0} does not resolve")]
    Dns(String),
    #[error("the deployment lets no deliveries go to port {0}")]
    Port(u16),
    /// Deliberately says nothing about what the name resolved to.
    #[error("the destination is not a public address")]
    Blocked,
    /// The one-machine stack's own ports, whatever is allowed.
    #[error("the destination is Posthorn itself; change the URL in the endpoint")]
    Own,
    #[error("plain http is allowed only where the deployment allows it; use https")]
    PlainHttp,
    #[error("no connection: {0}")]
    Connect(#[source] io::Error),
}

impl ConnectError {
    /// How the attempt's record names it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NoHost | Self::Connect(_) => ErrorKind::Connect,
            Self::Dns(_) => ErrorKind::Dns,
            Self::Blocked | Self::Own | Self::PlainHttp | Self::Port(_) => ErrorKind::Blocked,
        }
    }
}

/// Where deliveries may go, and how names become addresses.
#[derive(Clone)]
pub struct Roads {
    pub networks: AllowedNetworks,
    pub ports: AllowedPorts,
    /// Where they never go.
    pub own: OwnAddresses,
    pub resolve: Resolve,
}

/// Asks for a name's addresses, once per connection.
pub type Resolve =
    Arc<dyn Fn(String, u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> + Send + Sync>;

/// Opens TCP connections to addresses that the guard lets through.
#[derive(Clone)]
pub struct GuardedConnector(Arc<Roads>);

impl GuardedConnector {
    pub fn new(roads: Roads) -> Self {
        Self(Arc::new(roads))
    }
}

/// As the operating system resolves names.
pub fn system_resolver() -> Resolve {
    Arc::new(|host, port| {
        async move { Ok(tokio::net::lookup_host((host, port)).await?.collect()) }.boxed()
    })
}

impl tower::Service<Uri> for GuardedConnector {
    type Response = TokioIo<TcpStream>;
    type Error = ConnectError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, ConnectError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let roads = Arc::clone(&self.0);
        Box::pin(async move { connect(&uri, &roads).await.map(TokioIo::new) })
    }
}

async fn connect(uri: &Uri, roads: &Roads) -> Result<TcpStream, ConnectError> {
    let allowed = &roads.networks;
    let host = uri.host().ok_or(ConnectError::NoHost)?;
    let plain = uri.scheme_str() == Some("http");
    let port = uri.port_u16().unwrap_or(if plain { 80 } else { 443 });
    if !roads.ports.contains(port) {
        return Err(ConnectError::Port(port));
    }
    let addresses = resolve(roads, host, port).await?;
    let mut addresses: Vec<SocketAddr> = addresses
        .into_iter()
        .filter(|address| address_guard::refusal(address.ip(), allowed).is_none())
        .collect();
    if addresses.is_empty() {
        return Err(ConnectError::Blocked);
    }
    addresses.retain(|address| !roads.own.contain(*address));
    if addresses.is_empty() {
        return Err(ConnectError::Own);
    }
    if plain {
        addresses.retain(|address| allowed.contains(address.ip()));
        if addresses.is_empty() {
            return Err(ConnectError::PlainHttp);
        }
    }
    let mut last = io::Error::from(io::ErrorKind::NotConnected);
    for address in addresses {
        match tokio::time::timeout(PER_ADDRESS, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                if leads_here(&stream, &roads.own).map_err(ConnectError::Connect)? {
                    return Err(ConnectError::Own);
                }
                // Small requests: waiting to fill a segment only adds latency.
                stream.set_nodelay(true).map_err(ConnectError::Connect)?;
                return Ok(stream);
            }
            Ok(Err(error)) => last = error,
            Err(_) => last = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(ConnectError::Connect(last))
}

/// Whether a connection has come out at this very process, by an address that does not tell.
fn leads_here(stream: &TcpStream, own: &OwnAddresses) -> io::Result<bool> {
    Ok(own.are_reached_by(stream.local_addr()?, stream.peer_addr()?))
}

async fn resolve(roads: &Roads, host: &str, port: u16) -> Result<Vec<SocketAddr>, ConnectError> {
    let literal = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
    if let Ok(ip) = literal.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(ip, port)]);
    }
    let unknown = || ConnectError::Dns(host.to_owned());
    let addresses = (roads.resolve)(host.to_owned(), port).await.map_err(|_| unknown())?;
    if addresses.is_empty() { Err(unknown()) } else { Ok(addresses) }
}
