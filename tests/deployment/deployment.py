"""A stack, deployed by `sam deploy` into ministack: an emulator of AWS that runs the real bootstraps,
polls the queues for them, fires schedules, serves the REST API and enforces the roles' policies."""

import hashlib
import json
import os
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from samtranslator.yaml_helper import yaml_parse

from programs import BUILD, POSTHORN, ROOT
from recorder import Recorder

ADMIN_KEY = "the-admin-key-of-the-deployment"
STACK = "posthorn"
# It is reached by plain http, which these refuse.
TLS_ONLY = ("AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy")
# The policy for what only the emulator wants.
FOR_MINISTACK = "for-ministack"


class NotFollowed(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
STAYING = urllib.request.build_opener(urllib.request.ProxyHandler({}), NotFollowed)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def eventually(what, ask, seconds=60):
    """Asks until there is an answer that counts as true; `what` may be a function that tells it."""
    deadline = time.monotonic() + seconds
    while True:
        answer = ask()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"{what() if callable(what) else what}: not within {seconds} s")
        time.sleep(0.2)


class Ministack:
    def __init__(self):
        self.directory = tempfile.TemporaryDirectory()
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.recorder = Recorder(self.port)
        self.log = Path(self.directory.name) / "log"
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": self.directory.name,
            "TMPDIR": self.directory.name,
            "AUTH": "true",
            # Where functions find AWS: through the recorder.
            "AWS_ENDPOINT_URL": self.recorder.url,
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self.port),
            "MINISTACK_HOST": "127.0.0.1",
            "IOT_MTLS_ENABLED": "0",
        }
        program = ROOT / ".venv" / "emulators" / "bin" / "ministack"
        self.process = subprocess.Popen(
            [program], env=environment, cwd=self.directory.name, stdout=self.log.open("w"), stderr=subprocess.STDOUT
        )
        eventually("ministack", self.answers)

    def answers(self):
        assert self.process.poll() is None, self.log.read_text()[-2000:]
        try:
            DIRECT.open(self.url, timeout=5)
        except urllib.error.HTTPError:
            pass
        except OSError:
            return False
        return True

    def client(self, service):
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(proxies={}, retries={"max_attempts": 2}),
        )

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.recorder.server.close()
        self.directory.cleanup()


class Deployment:
    def __init__(self, ministack):
        self.ministack = ministack
        self.cloudformation = ministack.client("cloudformation")
        self.functions = ministack.client("lambda")
        self.sqs = ministack.client("sqs")

    def deploy(self, more_resources=None, **parameters):
        """`sam deploy`, as the README says it; answers how it ended and what it printed."""
        template = yaml_parse((BUILD / "template.yaml").read_text())
        # What ministack does not have.
        del template["Globals"]["Function"]["DeploymentPreference"]
        resources = {
            name: resource
            for name, resource in template["Resources"].items()
            if "Metrics" not in resource.get("Properties", {}) and resource["Type"] not in TLS_ONLY
        }
        # Its transform does not know the parameters' values.
        release = str(int(time.time()))
        for resource in resources.values():
            if resource["Type"] == "AWS::Serverless::Function":
                assert resource["Properties"]["AutoPublishCodeSha256"] == {"Ref": "Release"}
                resource["Properties"]["AutoPublishCodeSha256"] = release
        template["Resources"] = {**resources, **(more_resources or {})}
        file = BUILD / "for-ministack.json"
        file.write_text(json.dumps(template))
        parameters = {
            "Architecture": "x86_64" if os.uname().machine == "x86_64" else "arm64",
            "AdminKeySha256": hashlib.sha256(ADMIN_KEY.encode()).hexdigest(),
            "AllowedNetworks": "127.0.0.0/8",
            # ministack does not unpack layers to /opt.
            "DialectsDirectory": str(ROOT / "infra" / "layer" / "dialects"),
            # As infra/deploy does.
            "Release": release,
            **parameters,
        }
        command = [ROOT / ".venv" / "tools" / "bin" / "sam", "deploy", "--template-file", file]
        command += ["--stack-name", STACK, "--resolve-s3", "--capabilities", "CAPABILITY_IAM"]
        command += ["--no-confirm-changeset", "--no-fail-on-empty-changeset", "--parameter-overrides"]
        command += [f"{name}={value}" for name, value in parameters.items()]
        done = subprocess.run(
            command, env=self.aws_environment(), cwd=self.ministack.directory.name, capture_output=True, text=True, timeout=600
        )
        if done.returncode == 0:
            self.bring_up_to_aws()
        return done.returncode, done.stdout + done.stderr + "\n".join(self.failures())

    def deploy_monitoring(self):
        """infra/monitoring.yaml, as a stack of its own; without the alarms that ministack does not have."""
        template = yaml_parse((ROOT / "infra" / "monitoring.yaml").read_text())
        template["Resources"] = {
            name: resource for name, resource in template["Resources"].items() if "Metrics" not in resource["Properties"]
        }
        for resource in template["Resources"].values():
            # It knows the plain statistics.
            if resource["Properties"].pop("ExtendedStatistic", None):
                resource["Properties"]["Statistic"] = "Maximum"
        file = BUILD / "monitoring.json"
        file.write_text(json.dumps(template))
        command = [ROOT / ".venv" / "tools" / "bin" / "sam", "deploy", "--template-file", file]
        command += ["--stack-name", f"{STACK}-monitoring", "--no-confirm-changeset"]
        command += ["--parameter-overrides", f"Deployment={STACK}"]
        done = subprocess.run(
            command, env=self.aws_environment(), cwd=self.ministack.directory.name, capture_output=True, text=True, timeout=600
        )
        return done.returncode, done.stdout + done.stderr

    def failures(self):
        """What CloudFormation says went wrong."""
        try:
            events = self.cloudformation.describe_stack_events(StackName=STACK)["StackEvents"]
        except ClientError:
            return []
        return [
            f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason')}"
            for event in events
            if event["ResourceStatus"].endswith("_FAILED")
        ]

    def aws_environment(self):
        return {
            "PATH": os.environ["PATH"],
            "HOME": self.ministack.directory.name,
            "AWS_ENDPOINT_URL": self.ministack.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_REGION": "us-east-1",
            "SAM_CLI_TELEMETRY": "0",
        }

    def bring_up_to_aws(self):
        """What ministack does otherwise than AWS (NOT_AS_ON_AWS in deployed.py)."""
        iam = self.ministack.client("iam")
        for role in self.resources("AWS::IAM::Role").values():
            schedules = "arn:aws:scheduler:us-east-1:000000000000:schedule/default/*"
            statements = [
                {"Effect": "Allow", "Action": "sqs:SendMessageBatch", "Resource": "*"},
                {"Effect": "Allow", "Action": "scheduler:CreateSchedule", "Resource": schedules},
            ]
            document = json.dumps({"Version": "2012-10-17", "Statement": statements})
            iam.put_role_policy(RoleName=role, PolicyName=FOR_MINISTACK, PolicyDocument=document)
        # Its CloudFormation leaves this out.
        table = {"TableName": self.output("TableName")}
        expiry = {"AttributeName": "x", "Enabled": True}
        dynamodb = self.ministack.client("dynamodb")
        if dynamodb.describe_time_to_live(**table)["TimeToLiveDescription"]["TimeToLiveStatus"] != "ENABLED":
            dynamodb.update_time_to_live(**table, TimeToLiveSpecification=expiry)
        for mapping in self.functions.list_event_source_mappings()["EventSourceMappings"]:
            concurrency = (mapping.get("ScalingConfig") or {}).get("MaximumConcurrency")
            if concurrency is not None:
                self.functions.update_event_source_mapping(
                    UUID=mapping["UUID"], ScalingConfig={"MaximumConcurrency": int(concurrency)}
                )

    def describe(self):
        return self.cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]

    def output(self, name):
        outputs = {output["OutputKey"]: output["OutputValue"] for output in self.describe()["Outputs"]}
        return outputs[name]

    def resources(self, kind):
        """Logical and physical ids of the stack's resources of a kind."""
        found = self.cloudformation.describe_stack_resources(StackName=STACK)["StackResources"]
        return {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in found if one["ResourceType"] == kind}

    def api_id(self):
        return self.output("ApiUrl").split("//")[1].split(".")[0]

    def request(self, method, path, body=None, key=ADMIN_KEY, status=None):
        """A request to the deployed REST API."""
        host = self.api_id()
        request = urllib.request.Request(
            f"{self.ministack.url}/live{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                # By this name ministack knows the API.
                "host": f"{host}.execute-api.127.0.0.1",
                "authorization": f"Bearer {key}",
                "content-type": "application/json",
            },
        )
        try:
            with DIRECT.open(request, timeout=60) as response:
                answered, text = response.status, response.read()
        except urllib.error.HTTPError as error:
            answered, text = error.code, error.read()
        if status is not None:
            assert answered == status, f"{method} {path}: {answered} {text[:2000]}"
        return json.loads(text) if text else None

    def page(self, method, path, form=None, cookie=None):
        """A request to a page of the portal, as a browser sends it: status, headers and text."""
        session = {"cookie": cookie} if cookie else {}
        request = urllib.request.Request(
            f"{self.ministack.url}/live{path}",
            method=method,
            data=None if form is None else urllib.parse.urlencode(form).encode(),
            headers={
                "host": f"{self.api_id()}.execute-api.127.0.0.1",
                "content-type": "application/x-www-form-urlencoded",
                **session,
            },
        )
        try:
            with STAYING.open(request, timeout=60) as response:
                return response.status, response.headers, response.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read().decode()

    def posthorn(self, *arguments):
        """What the command prints when it is pointed at the stack."""
        environment = dict(self.aws_environment(), POSTHORN_DATA_DIR=self.ministack.directory.name)
        command = [POSTHORN, *arguments, "--stack", STACK]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def count(self, url):
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        attributes = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return sum(int(attributes[name]) for name in names)

    def push(self, body):
        self.sqs.send_message(QueueUrl=self.output("EventsQueueUrl"), MessageBody=body)
