//! `posthorn listen`: the receiver that a developer runs while integrating. Verifies what comes,
//! shows it here and on a page, and answers as it is told.

mod answers;
mod arguments;
mod book;
mod curl;
mod delivery;
mod layout;
mod line;
mod page;
mod receive;
mod registration;

use std::fmt::Display;
use std::future::Future;
use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use axum::Router;
use posthorn_shared::clock::Clock;
use posthorn_shared::dialect::Dialects;
use serde_json::{Value, json};
use tokio::net::TcpListener;

pub use self::arguments::Arguments;
use self::book::Book;
use self::registration::Registration;
use crate::colours::{EMPHASIS, FAINT, WAITING};
use crate::door::Door;
use crate::options;
use crate::plain_text::plain;
use crate::server::{self, descriptors};
use crate::usage::{OrUsage, Usage};
use crate::verification::{ReceiverSecret, Verifier};

/// What receiving takes.
pub struct Listener {
    /// `http://<address>`, without a slash at the end.
    base: String,
    verifier: Verifier,
    book: Book,
    clock: Clock,
    /// The endpoint that was registered.
    endpoint: Option<String>,
}

/// Runs until `stop`.
///
/// # Errors
/// [`Usage`] when an argument is wrong; another error when the port can't be had, or the API
/// refuses.
pub async fn run(
    arguments: Arguments,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<()> {
    // From here on, Ctrl-C leaves no endpoint behind.
    let mut stop = tokio::spawn(stop);
    let answers = arguments.answers();
    if let Some((field, detail)) = answers.problems().first() {
        let problem = format!("{} {detail}", arguments::option_of(field));
        return Err(Usage::argument(problem).into());
    }
    let (hosts, limits) = (options::hosts()?, options::limits()?);
    let dialects = match options::set("POSTHORN_DIALECTS_DIR") {
        Some(directory) => {
            Dialects::with_directory(Path::new(&directory)).context("POSTHORN_DIALECTS_DIR")?
        }
        None => Dialects::built_in(),
    };
    let mut verifier = Verifier {
        dialect: match &arguments.dialect {
            Some(name) => registration::named(&dialects, name).wrong_argument("--dialect")?,
            None => dialects.standard().clone(),
        },
        dialects,
        secrets: Vec::new(),
        token: None,
        tolerance: arguments.tolerance,
    };
    if !arguments.registration.is_wanted() {
        add_secrets(&mut verifier, &arguments.secret)?;
    }
    let (listener, address) = bind(arguments.bind, arguments.port).await?;
    let base = format!("http://{}", reachable(address));
    let (wanted, here) = (arguments.registration, format!("{base}/"));
    let dialect = arguments.dialect.as_deref();
    let registration = Registration::create(wanted, &here, dialect, &verifier.dialects).await?;
    let served = async {
        if let Some(registration) = &registration {
            verifier.dialect = registration.dialect.clone();
            verifier.token = registration.token.clone();
            let label = format!("the secret of {}", registration.endpoint);
            let secret = ReceiverSecret::parse(&label, &registration.secret, &verifier.dialect)?;
            verifier.secrets.push(secret);
            add_secrets(&mut verifier, &arguments.secret)?;
        }
        let listening = Arc::new(Listener {
            base,
            verifier,
            book: Book::new(answers),
            clock: Clock::system(),
            endpoint: registration.as_ref().map(|made| made.endpoint.clone()),
        });
        listening.introduce(registration.as_ref(), address, !arguments.no_page);
        let mut router = Router::new().fallback(receive::receive);
        if !arguments.no_page {
            router = router.merge(page::routes(Door::of_page(hosts)));
        }
        let limits = limits.within(descriptors::raise());
        let serve = server::serve(listener, router.with_state(listening), limits, None);
        // Not dropped at the stop: what is being answered goes on while the endpoint is deleted.
        tokio::select! {
            ended = tokio::spawn(serve) => ended.context("the receiver failed"),
            _ = &mut stop => Ok(()),
        }
    };
    let outcome = served.await;
    if let Some(registration) = registration
        && registration.withdraw().await?
    {
        // Nobody reads it, maybe.
        let _ = writeln!(anstream::stdout(), "endpoint {} deleted", registration.endpoint);
    }
    outcome
}

fn add_secrets(verifier: &mut Verifier, given: &[String]) -> Result<(), Usage> {
    for (index, text) in given.iter().enumerate() {
        let label = format!("--secret {}", index + 1);
        let secret = ReceiverSecret::parse(&label, text, &verifier.dialect);
        let secret = secret.map_err(|error| {
            let hint = "if deliveries are signed in another dialect, name it with --dialect";
            Usage::argument(format!("{error}; {hint}"))
        })?;
        verifier.secrets.push(secret);
    }
    Ok(())
}

async fn bind(address: IpAddr, port: u16) -> Result<(TcpListener, SocketAddr)> {
    let wanted = SocketAddr::new(address, port);
    let listener = TcpListener::bind(wanted)
        .await
        .with_context(|| format!("can't listen on {wanted}; choose another port with --port"))?;
    let address = listener.local_addr().context("can't read the receiver's address")?;
    Ok((listener, address))
}

/// How this machine reaches itself there.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => std::net::Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => std::net::Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

impl Listener {
    /// Shows a line. A terminal that is gone is no reason to stop answering.
    fn print(&self, line: impl Display) {
        let _ = writeln!(anstream::stdout().lock(), "{line}");
    }

    /// What the page says of it.
    fn introduction(&self) -> Value {
        json!({
            "url": format!("{}/", self.base),
            "dialect": self.verifier.dialect.title,
            "endpoint": self.endpoint,
            "secrets": self.verifier.secrets.len(),
            "kept": book::MAX_DELIVERIES,
        })
    }

    fn introduce(&self, registration: Option<&Registration>, at: SocketAddr, has_page: bool) {
        let Self { base, verifier, .. } = self;
        if let Some(Registration { endpoint, url, .. }) = registration {
            self.print(format!("endpoint:  {endpoint}, which leads to {}", plain(url)));
        }
        self.print(format!("dialect:   {}", plain(&verifier.dialect.title)));
        let labels: Vec<&str> = verifier.secrets.iter().map(|it| it.label.as_str()).collect();
        let none = "none, so nothing is verified: --secret, or --register";
        self.print(match labels[..] {
            [] => format!("secret:    {WAITING}{none}{WAITING:#}"),
            _ => format!("secret:    {}", labels.join(", ")),
        });
        if has_page {
            self.print(format!("page:      {EMPHASIS}{base}{}/{EMPHASIS:#}", page::PREFIX));
        }
        if !at.ip().is_loopback() {
            self.print(format!("{WAITING}open to:   everything that can reach {at}{WAITING:#}"));
        }
        self.print(format!("posthorn listening: {base}/ {FAINT}(any path){FAINT:#}"));
    }
}
