//! The real `posthorn` binary on free ports and a directory of its own.

use aws_sdk_scheduler::types::{FlexibleTimeWindow, FlexibleTimeWindowMode, Target};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_sqs::types::QueueAttributeName;
use posthorn_shared::aws_endpoint::{AwsEndpoint, AwsKey};
use serde_json::json;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::client::{Account, Client};
use crate::output::Output;
use crate::{DEADLINE, eventually};

/// The admin key of every stack of the tests.
pub const ADMIN_KEY: &str = "an-admin-key-for-the-tests-only";

/// How to start a stack.
#[derive(Debug, Clone)]
pub struct StackOptions {
    pub time_scale: f64,
    pub data_dir: PathBuf,
    /// More settings.
    pub environment: Vec<(&'static str, String)>,
}

/// A start that failed.
#[derive(Debug)]
pub struct Failure {
    pub exit_code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl From<std::process::Output> for Failure {
    fn from(output: std::process::Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self {
            exit_code: output.status.code(),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }
}

/// As the template's function is called here.
const RETRY_FUNCTION: &str =
    "arn:aws:lambda:us-east-1:000000000000:function:posthorn-RetryFunction";

/// A running stack. It is killed when it is dropped.
pub struct Stack {
    pub api_url: String,
    pub aws_url: String,
    /// The access key of its AWS services.
    pub aws_key: AwsKey,
    pub options: StackOptions,
    child: Child,
    log: Output,
    printed: Output,
    _directory: Option<TempDir>,
}

/// The binary beside the test's own, where one build of the workspace puts them.
pub(crate) fn binary() -> PathBuf {
    let test = std::env::current_exe().expect("the test's own path");
    let folder = test.parent().and_then(Path::parent).expect("target/<profile>/deps");
    let binary = folder.join("posthorn");
    assert!(binary.exists(), "{} is missing: cargo build -p posthorn", binary.display());
    binary
}

/// The setting of the access key.
const AWS_KEY: &str = "POSTHORN_AWS_KEY";

fn given_key(options: &StackOptions) -> Option<&str> {
    let mut given = options.environment.iter().filter(|(name, _)| *name == AWS_KEY);
    given.next().map(|(_, key)| key.as_str())
}

/// The key that a stack was given, or keeps in its data directory.
fn aws_key(options: &StackOptions) -> AwsKey {
    if let Some(key) = given_key(options) {
        return key.parse().expect("an access key");
    }
    let file = options.data_dir.join("aws-credentials");
    AwsKey::from_file(&std::fs::read_to_string(file).expect("a file")).expect("an access key")
}

/// Presses Ctrl-C and answers the exit code.
pub(crate) async fn interrupt(child: &mut Child) -> Option<i32> {
    let pid = child.id().expect("it was running");
    let sent = Command::new("kill").args(["-INT", &pid.to_string()]).status().await;
    assert!(sent.expect("kill runs").success());
    let ended = tokio::time::timeout(DEADLINE, child.wait()).await;
    ended.expect("it ends").expect("its status").code()
}

impl Stack {
    /// A stack as a developer starts it.
    pub async fn start() -> Self {
        Self::with_time_scale(1.0).await
    }

    /// A stack whose retries come faster.
    pub async fn with_time_scale(time_scale: f64) -> Self {
        Self::with_environment(time_scale, Vec::new()).await
    }

    /// A stack on which new endpoints may fail as often as they like.
    pub async fn without_newcomers_limit() -> Self {
        let environment = vec![("POSTHORN_UNPROVEN_PER_SECOND", "0".to_owned())];
        Self::with_environment(1.0, environment).await
    }

    /// A stack with more settings.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn with_environment(
        time_scale: f64,
        environment: Vec<(&'static str, String)>,
    ) -> Self {
        let directory = TempDir::new().expect("a temporary directory");
        let data_dir = directory.path().join("data");
        let options = StackOptions { time_scale, data_dir, environment };
        let mut stack = Self::try_start(options).await.expect("a stack that starts");
        stack._directory = Some(directory);
        stack
    }

    /// A start that may fail.
    ///
    /// # Errors
    /// With what it said, when it does.
    ///
    /// # Panics
    /// When there is no such program, or it says neither.
    pub async fn try_start(options: StackOptions) -> Result<Self, Failure> {
        Self::spawn(Command::new(binary()), options).await
    }

    /// The same by a program that ends in the stack's place, under limits of its making: `launcher`
    /// and its arguments, behind which the stack's own command line is put.
    ///
    /// # Errors
    /// With what it said, when it does not start.
    ///
    /// # Panics
    /// When there is no such program, or it says neither.
    pub async fn try_start_by(launcher: &[String], options: StackOptions) -> Result<Self, Failure> {
        let (program, arguments) = launcher.split_first().expect("a program");
        let mut command = Command::new(program);
        command.args(arguments).arg(binary());
        Self::spawn(command, options).await
    }

    async fn spawn(mut command: Command, options: StackOptions) -> Result<Self, Failure> {
        command
            .env("POSTHORN_LISTEN", "127.0.0.1:0")
            .env("POSTHORN_AWS_LISTEN", "127.0.0.1:0")
            .env("POSTHORN_DATA_DIR", &options.data_dir)
            .env("POSTHORN_ADMIN_KEY", ADMIN_KEY)
            .env("POSTHORN_TIME_SCALE", options.time_scale.to_string())
            .envs(options.environment.iter().map(|(name, value)| (name, value)))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn().expect("the program starts");
        let stdout = child.stdout.take().expect("a pipe");
        let mut lines = BufReader::new(stdout).lines();
        let (mut api_url, mut aws_url) = (None, None);
        let read = async {
            while let Ok(Some(line)) = lines.next_line().await {
                if let Some((_, url)) = line.split_once("events queue: ") {
                    aws_url = url.find("/000000000000/").map(|end| url[..end].to_owned());
                }
                if let Some((_, url)) = line.split_once("posthorn ready: ") {
                    api_url = Some(url.to_owned());
                    break;
                }
            }
        };
        tokio::time::timeout(DEADLINE, read).await.expect("it is ready, or ends");
        let Some((api_url, aws_url)) = api_url.zip(aws_url) else {
            return Err(child.wait_with_output().await.expect("its output").into());
        };
        let stderr = BufReader::new(child.stderr.take().expect("a pipe")).lines();
        let log = Output::keep(Vec::new(), stderr, |line| {
            // What it logs goes on to the test's own output; such detail is for a test that reads it.
            if !line.contains(" TRACE ") && !line.contains(" DEBUG ") {
                eprintln!("posthorn: {line}");
            }
        });
        let printed = Output::keep(Vec::new(), lines, |_| ());
        let aws_key = aws_key(&options);
        Ok(Self { api_url, aws_url, aws_key, options, child, log, printed, _directory: None })
    }

    /// Runs a command of the program, like `dlq list`, beside this stack; answers what it printed.
    ///
    /// # Errors
    /// With what it said, when it fails.
    ///
    /// # Panics
    /// When there is no such program.
    pub async fn command(&self, arguments: &[&str]) -> Result<String, Failure> {
        let output = self.prepared(arguments).output().await.expect("the program starts");
        if !output.status.success() {
            return Err(output.into());
        }
        Ok(String::from_utf8(output.stdout).expect("text"))
    }

    /// The same, ended as a power cut would end it unless it takes less than this time; answers whether
    /// it came to its end.
    ///
    /// # Panics
    /// When there is no such program, or it fails.
    pub async fn command_cut_off(&self, arguments: &[&str], after: Duration) -> bool {
        let mut command = self.prepared(arguments);
        let mut child = command.stdout(Stdio::null()).spawn().expect("the program starts");
        match tokio::time::timeout(after, child.wait()).await {
            Ok(ended) => {
                assert!(ended.expect("its status").success(), "{arguments:?}");
                true
            }
            Err(_) => {
                child.kill().await.expect("it was running");
                false
            }
        }
    }

    fn prepared(&self, arguments: &[&str]) -> Command {
        let listen = self.aws_url.strip_prefix("http://").expect("a URL of ours");
        let mut command = Command::new(binary());
        command
            .args(arguments)
            .env("POSTHORN_AWS_LISTEN", listen)
            .env("POSTHORN_DATA_DIR", &self.options.data_dir)
            .envs(given_key(&self.options).map(|key| (AWS_KEY, key)))
            .kill_on_drop(true);
        command
    }

    /// The process; `None`: it was ended.
    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// What it has logged so far, or as a whole when it has ended.
    pub fn log(&self) -> Vec<String> {
        self.log.so_far()
    }

    /// Waits until so many lines of the log contain all of these.
    pub async fn wait_for_log(&self, count: usize, parts: &[&str]) {
        eventually(&format!("{count} lines of the log with {parts:?}"), async || {
            let mut lines = self.log();
            lines.retain(|line| parts.iter().all(|part| line.contains(part)));
            if lines.len() == count { Ok(()) } else { Err(lines.join("\n")) }
        })
        .await;
    }

    /// What it has printed since it was ready: metrics, where they are on.
    pub fn printed(&self) -> Vec<String> {
        self.printed.so_far()
    }

    /// Ends it as a power cut ends a process.
    ///
    /// # Panics
    /// When it has ended before.
    pub async fn kill9(&mut self) {
        self.child.kill().await.expect("it was running");
        self.output_ends().await;
    }

    /// Starts it again over the same data, on other ports.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn restart(&mut self) {
        let directory = self._directory.take();
        *self = Self::try_start(self.options.clone()).await.expect("a stack that starts");
        self._directory = directory;
    }

    /// Presses Ctrl-C and answers the exit code.
    ///
    /// # Panics
    /// When it does not end.
    pub async fn interrupt(&mut self) -> Option<i32> {
        let code = interrupt(&mut self.child).await;
        self.output_ends().await;
        code
    }

    async fn output_ends(&mut self) {
        self.log.end().await;
        self.printed.end().await;
    }

    /// A client with the admin key.
    pub fn admin(&self) -> Client {
        Client::new(&self.api_url, ADMIN_KEY)
    }

    /// Creates an account, and a key with every scope.
    ///
    /// # Panics
    /// When that is refused.
    pub async fn account(&self, id: &str) -> Account {
        self.account_speaking(id, "standard").await
    }

    /// The same for an account that speaks a dialect.
    ///
    /// # Panics
    /// When that is refused.
    pub async fn account_speaking(&self, id: &str, dialect: &str) -> Account {
        let admin = self.admin();
        let account = json!({ "id": id, "name": id, "dialect": dialect });
        let answer = admin.post("/v1/accounts", account).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        let key = json!({ "name": "tests", "scopes": ["manage", "publish", "read"] });
        let answer = admin.post(&format!("/v1/accounts/{id}/keys"), key).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        let key = answer.json["key"].as_str().expect("a key").to_owned();
        self.account_with_key(id, &key)
    }

    /// An account that exists, with a key of it (after a restart, say).
    pub fn account_with_key(&self, id: &str, key: &str) -> Account {
        let client = Client::new(&self.api_url, key);
        Account { id: id.to_owned(), key: key.to_owned(), client }
    }

    /// Calls the retry function as a schedule would.
    ///
    /// # Panics
    /// When the schedule is refused.
    pub async fn call_retry(&self, input: &str) {
        let target =
            Target::builder().arn(RETRY_FUNCTION).role_arn("arn:aws:iam::000000000000:role/any");
        let exact = FlexibleTimeWindow::builder().mode(FlexibleTimeWindowMode::Off).build();
        let at = jiff::Timestamp::now().strftime("at(%Y-%m-%dT%H:%M:%S)").to_string();
        aws_sdk_scheduler::Client::new(&self.aws_config().await)
            .create_schedule()
            .name(format!("due-{}", jiff::Timestamp::now().as_nanosecond()))
            .group_name("posthorn")
            .schedule_expression(at)
            .flexible_time_window(exact.expect("a window"))
            .target(target.input(input).build().expect("a target"))
            .send()
            .await
            .expect("a schedule");
    }

    /// Its AWS services, and what they take.
    pub fn aws(&self) -> AwsEndpoint {
        AwsEndpoint { url: self.aws_url.clone(), key: self.aws_key.clone() }
    }

    /// For stock clients of its AWS services.
    pub async fn aws_config(&self) -> SdkConfig {
        self.aws_config_with(&self.aws_key).await
    }

    /// The same with another key.
    pub async fn aws_config_with(&self, key: &AwsKey) -> SdkConfig {
        aws_config::defaults(BehaviorVersion::latest())
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .endpoint_url(&self.aws_url)
            .region(Region::new("us-east-1"))
            .credentials_provider(key.credentials())
            .load()
            .await
    }

    /// A stock AWS SDK client for SQS.
    pub async fn sqs(&self) -> aws_sdk_sqs::Client {
        aws_sdk_sqs::Client::new(&self.aws_config().await)
    }

    /// The URL of one of its queues, like `events` or `deliveries-dlq`.
    pub fn queue_url(&self, name: &str) -> String {
        format!("{}/000000000000/posthorn-{name}", self.aws_url)
    }

    /// The URL of the events queue.
    pub fn events_queue_url(&self) -> String {
        self.queue_url("events")
    }

    /// Messages of a queue: visible, in flight and delayed.
    ///
    /// # Panics
    /// When SQS does not answer.
    pub async fn queue_depth(&self, name: &str) -> usize {
        let counts = [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
            QueueAttributeName::ApproximateNumberOfMessagesDelayed,
        ];
        let sqs = self.sqs().await;
        let request = sqs.get_queue_attributes().queue_url(self.queue_url(name));
        let answer = request.set_attribute_names(Some(counts.to_vec())).send().await;
        let attributes = answer.expect("an answer").attributes.unwrap_or_default();
        attributes.values().map(|count| count.parse::<usize>().unwrap_or_default()).sum()
    }

    /// How often an operation of an AWS service was called, like `dynamodb` and `Query`, by whoever it
    /// was.
    ///
    /// # Panics
    /// When the meter does not answer.
    pub async fn calls(&self, service: &str, operation: &str) -> u64 {
        let counts =
            Client::new(&self.aws_url, self.aws_key.secret()).get("/_posthorn/meter").await;
        counts["calls"][service][operation]["calls"].as_u64().unwrap_or(0)
    }

    /// Waits until nothing is on its way: both queues are empty, delayed messages included.
    pub async fn wait_until_idle(&self) {
        eventually("empty queues", async || {
            let depths = (self.queue_depth("events").await, self.queue_depth("deliveries").await);
            if depths == (0, 0) { Ok(()) } else { Err(format!("{depths:?} messages")) }
        })
        .await;
    }

    /// Takes all messages of a queue: body and string attributes.
    ///
    /// # Panics
    /// When SQS does not answer.
    pub async fn drain(&self, name: &str) -> Vec<(String, Vec<(String, String)>)> {
        let (sqs, url) = (self.sqs().await, self.queue_url(name));
        let mut all = Vec::new();
        loop {
            let receive = sqs
                .receive_message()
                .queue_url(&url)
                .max_number_of_messages(10)
                .message_attribute_names("All");
            let received = receive.send().await.expect("an answer").messages.unwrap_or_default();
            if received.is_empty() {
                return all;
            }
            for message in received {
                let handle = message.receipt_handle.unwrap_or_default();
                let delete = sqs.delete_message().queue_url(&url).receipt_handle(handle);
                delete.send().await.expect("an answer");
                let attributes = message.message_attributes.unwrap_or_default();
                let mut attributes: Vec<(String, String)> = attributes
                    .into_iter()
                    .map(|(name, value)| (name, value.string_value.unwrap_or_default()))
                    .collect();
                attributes.sort();
                all.push((message.body.unwrap_or_default(), attributes));
            }
        }
    }
}
