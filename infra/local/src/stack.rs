//! The whole system in one process: AWS's services, the event source mappings and schedules that
//! call the functions, and the API.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use aws_lambda_events::sqs::SqsEvent;
use axum::response::IntoResponse;
use futures::FutureExt;
use posthorn_api::Refusal;
use posthorn_deliver::Deliver;
use posthorn_dispatch::Dispatch;
use posthorn_retry::Retry;
use posthorn_shared::aws_endpoint::AwsEndpoint;
use posthorn_shared::digest::sha256_hex;
use posthorn_shared::own_addresses::OwnAddresses;
use posthorn_shared::runtime::Runtime;
use posthorn_shared::settings::Settings;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::admin_key::{self, AdminKey};
use crate::aws::LocalAws;
use crate::aws_key::{self, Found};
use crate::data_dir::DataDir;
use crate::deployment_key;
use crate::door::Door;
use crate::event_source::{Handler, Mapping};
use crate::options::Options;
use crate::schedules::Schedules;
use crate::server::{self, descriptors};
use crate::table;
use crate::template::Template;

/// Batches under way at once: few for dispatch, which only waits for the table; many for deliver,
/// which waits for receivers.
const DISPATCH_CONCURRENCY: usize = 8;
const DELIVER_CONCURRENCY: usize = 64;
const TASK_CONCURRENCY: usize = 2;
/// How long a stop waits for what is under way. What is not done by then is still on its queue.
const PATIENCE: Duration = Duration::from_secs(4);

/// A stack that serves.
pub struct Stack {
    pub api_url: String,
    /// DynamoDB, SQS and Scheduler.
    pub aws: AwsEndpoint,
    /// Where others find the access key of `aws`.
    pub aws_key: Found,
    pub events_queue_url: String,
    pub admin_key: AdminKey,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
    // Held until everything has ended.
    _data_dir: DataDir,
}

impl Stack {
    /// Starts everything. When this returns, the API answers.
    ///
    /// # Errors
    /// A setting, a port, the data directory or the template that can't be used.
    pub async fn start(options: Options) -> Result<Self> {
        let data_dir = DataDir::open(&options.data_dir)?;
        let admin_key = admin_key::obtain(options.admin_key, data_dir.path())?;
        let (key, found) = aws_key::obtain(options.aws_key, data_dir.path())?;
        let limits = options.limits.within(descriptors::raise());
        let api = listen("POSTHORN_LISTEN", options.listen).await?;
        let aws_listener = listen("POSTHORN_AWS_LISTEN", options.aws_listen).await?;
        let own_addresses = OwnAddresses::new(api.local_addr()?, aws_listener.local_addr()?);
        let api_url = format!("http://{}", api.local_addr()?);
        let local = AwsEndpoint { url: format!("http://{}", aws_listener.local_addr()?), key };
        let template = Template::parse(&options.template, &local.url).context("the template")?;

        let mut aws = LocalAws::open(data_dir.for_aws())?;
        aws.throttle = options.aws_throttle;
        aws.sqs.set_endpoint(&local.url);
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        // Not told to stop with the rest: what is under way needs it to the end.
        let router = aws.router(local.key.clone(), options.hosts.clone());
        tokio::spawn(server::serve(aws_listener, router, limits, None));

        let mut settings = settings(&template)?;
        settings.admin_key_sha256 = Some(sha256_hex(&admin_key.key));
        settings.allowed_networks = options.allowed_networks;
        settings.allowed_ports = options.allowed_ports;
        settings.own_addresses = own_addresses;
        settings.public_url = options.public_url;
        settings.unproven_per_second = options.unproven_per_second;
        settings.time_scale = options.time_scale;
        settings.dialects = options.dialects;
        settings.metrics = options.metrics;
        settings.traces = options.traces;
        settings.aws_endpoint = Some(local.clone());
        settings.deployment_key = Some(deployment_key::obtain(data_dir.path()).await?);
        let events_queue_url = settings.events_queue_url.clone();
        let runtime = Runtime::connect(settings).await?;
        create_resources(&aws, &runtime, &template).await?;

        let dispatch = Arc::new(Dispatch::new(runtime.clone()));
        let dispatch: Handler = Arc::new(move |event: SqsEvent| {
            let dispatch = Arc::clone(&dispatch);
            async move { dispatch.handle(event).await }.boxed()
        });
        let deliver = Arc::new(Deliver::new(runtime.clone()));
        let deliver: Handler = Arc::new(move |event: SqsEvent| {
            let deliver = Arc::clone(&deliver);
            async move { deliver.handle(event).await }.boxed()
        });
        let retry = Arc::new(Retry::new(runtime.clone()));
        let pages = Arc::clone(&retry);
        let pages: Handler = Arc::new(move |event: SqsEvent| {
            let pages = Arc::clone(&pages);
            async move { pages.handle_tasks(event).await }.boxed()
        });
        for (name, handler, concurrency) in [
            ("dispatch", dispatch, DISPATCH_CONCURRENCY),
            ("deliver", deliver, DELIVER_CONCURRENCY),
            ("retry", pages, TASK_CONCURRENCY),
        ] {
            let function = template.function(name)?;
            for source in &function.sources {
                let mapping = Mapping {
                    aws: aws.clone(),
                    source: source.clone(),
                    function: function.clone(),
                    concurrency,
                    handler: Arc::clone(&handler),
                };
                tasks.spawn(mapping.run(stopped.clone()));
            }
        }
        let function = template.function("retry")?.clone();
        let schedules = Schedules { aws, function, retry };
        tasks.spawn(schedules.run(stopped.clone()));
        let router = Door::of_api(options.hosts).before(posthorn_api::router(runtime), |closed| {
            Refusal::Forbidden(closed.to_string()).into_response()
        });
        tasks.spawn(server::serve(api, router, limits, Some(stopped)));
        Ok(Self {
            api_url,
            aws: local,
            aws_key: found,
            events_queue_url,
            admin_key,
            stop,
            tasks,
            _data_dir: data_dir,
        })
    }

    /// Stops cleanly: takes nothing new, lets what is under way end, and leaves the rest on its
    /// queue.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(PATIENCE, ended).await.is_err() {
            tracing::warn!(
                "attempts under way were broken off; they are made again at the next start"
            );
        }
    }
}

async fn listen(setting: &str, address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => anyhow::anyhow!(
            "{address} is in use by another program; stop it, or set {setting} to another address"
        ),
        _ => anyhow::Error::new(error)
            .context(format!("can't listen on {address}; set {setting} to another address")),
    })
}

/// The functions' environments put together: no two of them say different things.
///
/// # Errors
/// A variable that doesn't parse.
pub fn settings(template: &Template) -> Result<Settings> {
    let mut environment: BTreeMap<&str, &String> = BTreeMap::new();
    for function in &template.functions {
        environment.extend(function.environment.iter().map(|(name, value)| (name.as_str(), value)));
    }
    // A layer's folder, which only Lambda has. Here the options say.
    environment.remove("POSTHORN_DIALECTS_DIR");
    Ok(Settings::from_lookup(|name| environment.get(name).map(|value| (*value).clone()))?)
}

/// Makes sure of the template's queues, table and schedules.
///
/// # Errors
/// What can't be created.
pub async fn create_resources(
    aws: &LocalAws,
    runtime: &Runtime,
    template: &Template,
) -> Result<()> {
    // Dead-letter queues first: the others name them.
    let (with_redrive, without): (Vec<_>, Vec<_>) =
        template.queues.iter().partition(|queue| queue.redrive.is_some());
    for queue in without.into_iter().chain(with_redrive) {
        aws.sqs.create_queue(queue).await.with_context(|| format!("queue {}", queue.name))?;
    }
    table::create(&runtime.dynamodb, &template.table).await?;
    aws.scheduler.create_group(&template.schedule_group)?;
    for schedule in &template.schedules {
        aws.scheduler
            .put(
                &template.schedule_group,
                &schedule.name,
                &schedule.expression,
                &schedule.target_arn,
                &schedule.input,
            )
            .with_context(|| format!("schedule {}", schedule.name))?;
    }
    Ok(())
}
