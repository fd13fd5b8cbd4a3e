"""The template, deployed for real: events in, signed deliveries out, retries through the Scheduler, dead
letters, an update under load, a roll-back, and what each function's role allows against what it does."""

import base64
import fnmatch
import hashlib
import hmac
import json
import threading
import time
import unittest

from deployment import ADMIN_KEY, FOR_MINISTACK, Deployment, Ministack, STACK, eventually
from http_server import Server
from programs import ROOT

# What the emulator does otherwise than AWS, and what that means for these tests.
NOT_AS_ON_AWS = """
- There is no CodeDeploy, and no alarm that does arithmetic on several metrics: both are taken out, so
  that updates are not gradual.
- Its CloudFormation does not turn on the table's expiry: that is done after each deployment.
- Its SAM transform does not know the values of parameters: that of Release is put in its place.
- Layers are not unpacked to /opt: the functions get the directory of the checkout, by the template's
  parameter DialectsDirectory.
- ScalingConfig.MaximumConcurrency from a parameter stays text, and its poller fails on it: it is set
  again as a number after each deployment.
- It wants sqs:SendMessageBatch to be allowed, which on AWS is part of sqs:SendMessage, and looks for
  every schedule in the group "default": each role gets both in a policy of its own, which is not
  looked at.
- Pipes do not run: that operational events reach their topic is not seen here.
- Alarms do not read metrics: their definitions are checked, not their going off.
- It is reached by plain http, which the policies of queues and topic refuse: they are taken out, and checked in
  template.py. Nor does it throttle requests, or compress what it answers.
- Time can't be pressed: retries of a quarter of an hour run with POSTHORN_TIME_SCALE set on the
  functions, which is no parameter of the template.
"""

# Seconds of an hour become three minutes, and a quarter of an hour 45 seconds.
TIME_SCALE = "20"


def signature_of(secret, headers, body):
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


class Deployed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.seen = []
        cls.replies = {}
        cls.receiver = Server(cls.receive)
        cls.addClassCleanup(cls.receiver.close)
        cls.ministack = Ministack()
        cls.addClassCleanup(cls.ministack.close)
        cls.stack = Deployment(cls.ministack)
        code, output = cls.stack.deploy()
        assert code == 0, output[-4000:]
        cls.stack.request("POST", "/v1/accounts", {"id": "acme", "name": "Acme"}, status=201)
        key = {"name": "tests", "scopes": ["manage", "publish"]}
        cls.key = cls.stack.request("POST", "/v1/accounts/acme/keys", key, status=201)["key"]

    @classmethod
    def receive(cls, _method, path, headers, body):
        status = cls.replies.get(path, []).pop(0) if cls.replies.get(path) else 200
        cls.seen.append((path, {name.lower(): value for name, value in headers.items()}, body, status))
        return status, {}, b""

    def call(self, method, path, body=None, status=None):
        return self.stack.request(method, path, body, key=self.key, status=status)

    def endpoint(self, path, **fields):
        hook = {"url": f"{self.receiver.url}{path}", **fields}
        return self.call("POST", "/v1/endpoints", hook, status=201)["id"]

    def requests(self, path):
        return [one for one in self.seen if one[0] == path]

    def wait_for(self, path, count, seconds=60):
        eventually(f"{count} requests at {path}", lambda: len(self.requests(path)) >= count, seconds)
        return self.requests(path)

    def queue(self, name):
        return f"{self.ministack.url}/000000000000/{STACK}-{name}"

    # --- in order: each goes on from what the one before left behind -----------------------------

    def test_1_an_event_in_a_signed_delivery_out(self):
        endpoint = self.endpoint("/first")
        secret = self.call("GET", f"/v1/endpoints/{endpoint}/secret", status=200)["secret"]
        # An endpoint is known to all functions within a second.
        time.sleep(1.5)
        posted = self.call("POST", "/v1/events", {"type": "a.b", "data": {"by": "POST"}}, status=202)["id"]
        mine = json.dumps({"account": "acme", "id": "mine", "type": "a.b", "data": {"by": "SQS"}})
        # Its id counts once.
        self.stack.push(mine)
        self.stack.push(mine)
        for _, headers, body, _ in self.wait_for("/first", 2):
            self.assertEqual(headers["webhook-signature"], signature_of(secret, headers, body))
        self.assertEqual({headers["webhook-id"] for _, headers, _, _ in self.requests("/first")}, {posted, "mine"})
        for event in (posted, "mine"):
            path = f"/v1/events/{event}/deliveries/{endpoint}"
            eventually("on record", lambda: (self.call("GET", path) or {}).get("status") == "delivered")
        self.call("DELETE", f"/v1/endpoints/{endpoint}", status=204)

    def test_2_what_is_no_event_is_a_dead_letter(self):
        self.stack.push("no event")
        letters = self.stack.output("EventsDeadLetterQueueUrl")

        def letter():
            return self.stack.sqs.receive_message(QueueUrl=letters, MessageAttributeNames=["All"]).get("Messages")

        (letter,) = eventually("a dead letter", letter)
        self.assertEqual(letter["Body"], "no event")
        self.assertIn("JSON", letter["MessageAttributes"]["reason"]["StringValue"])
        self.stack.sqs.delete_message(QueueUrl=letters, ReceiptHandle=letter["ReceiptHandle"])
        # And the way back: by the account that was missing.
        self.stack.push(json.dumps({"account": "later", "type": "a.b", "data": {}}))
        eventually("a dead letter", lambda: self.stack.count(letters) == 1)
        self.assertIn("there is no account later", self.stack.posthorn("dlq", "show", "events"))
        self.stack.request("POST", "/v1/accounts", {"id": "later", "name": "Later"}, status=201)
        time.sleep(1.5)
        self.assertIn("1 sent back to events", self.stack.posthorn("dlq", "redrive", "events"))
        eventually("sent back", lambda: self.stack.count(letters) == 0)
        key = {"name": "tests", "scopes": ["read"]}
        key = self.stack.request("POST", "/v1/accounts/later/keys", key, status=201)["key"]
        eventually("accepted", lambda: self.stack.request("GET", "/v1/events", key=key)["data"])
        self.stack.sqs.send_message(QueueUrl=self.queue("deliveries"), MessageBody="no delivery")
        letters = self.stack.output("DeliveriesDeadLetterQueueUrl")
        eventually("a dead letter", letter_of(self.stack.sqs, letters))

    def test_3_retries_come_by_the_queue_and_by_the_scheduler(self):
        self.press_time(TIME_SCALE)
        self.replies["/retried"] = [500, 503]
        endpoint = self.endpoint("/retried", retry={"schedule": ["5s", "20m"]})
        time.sleep(1.5)
        event = self.call("POST", "/v1/events", {"type": "a.b", "data": {}}, status=202)["id"]
        path = f"/v1/events/{event}/deliveries/{endpoint}"
        self.wait_for("/retried", 2)
        schedules = self.ministack.client("scheduler")

        def scheduled():
            found = schedules.list_schedules(GroupName=STACK, NamePrefix="due-")["Schedules"]
            return found or len(self.requests("/retried")) > 2

        eventually("a schedule", scheduled)
        self.wait_for("/retried", 3, seconds=300)
        delivery = eventually(
            "on record", lambda: (d := self.call("GET", path, status=200))["status"] == "delivered" and d
        )
        self.assertEqual([one["status_code"] for one in delivery["attempts"]], [500, 503, 200])
        self.call("DELETE", f"/v1/endpoints/{endpoint}", status=204)
        self.press_time(None)

    def test_4_everything_else_that_functions_do(self):
        """What is needed for every action that a role allows to be seen."""
        told = ["posthorn.endpoint.disabled", "posthorn.secret.rotation_due"]
        operations = self.endpoint("/operations", event_types=told)
        self.replies["/gone"] = [410]
        gone = self.endpoint("/gone", event_types=["gone.now"])
        limited = self.endpoint("/limited", event_types=["a.limited"], rate_limit={"per_second": 1})
        failing = self.endpoint("/failing", event_types=["a.failing"], retry={"schedule": []})
        self.replies["/failing"] = [500] * 12
        large = self.endpoint("/large", event_types=["a.large"])
        time.sleep(1.5)
        events = [{"type": "gone.now", "data": {}}, {"type": "a.large", "data": {"text": "x" * 20_000}}]
        events += [{"type": "a.limited", "data": {}}] * 3 + [{"type": "a.failing", "data": {}}] * 12
        self.call("POST", "/v1/events", {"events": events}, status=202)
        self.wait_for("/gone", 1)
        self.wait_for("/limited", 3)
        self.wait_for("/large", 1)
        self.wait_for("/failing", 12)
        failed = f"/v1/endpoints/{failing}/deliveries?status=failed"
        eventually("12 failures", lambda: len(self.call("GET", failed, status=200)["data"]) == 12)
        eventually(
            "switched off", lambda: self.call("GET", f"/v1/endpoints/{gone}")["disabled_reason"] == "gone"
        )
        test = {"event_type": "a.large", "data": {}}
        self.call("POST", f"/v1/endpoints/{large}/test", test, status=202)
        self.wait_for("/large", 2)
        # While more than 500 deliveries wait, recovers go on in small pages: with a message for each.
        deliveries = self.mapping("deliveries")
        self.stack.functions.update_event_source_mapping(UUID=deliveries, Enabled=False)
        for _ in range(51):
            entries = [{"Id": str(n), "MessageBody": "no delivery"} for n in range(10)]
            self.stack.sqs.send_message_batch(QueueUrl=self.queue("deliveries"), Entries=entries)
        window = {"since": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 3600))}
        task = self.call("POST", f"/v1/endpoints/{failing}/recover", window, status=202)["task_id"]
        eventually("recovered", lambda: self.call("GET", f"/v1/tasks/{task}")["status"] == "completed")
        self.stack.functions.update_event_source_mapping(UUID=deliveries, Enabled=True)
        self.wait_for("/failing", 24, seconds=120)
        # A secret that is old: its owner and the platform team are reminded.
        self.wait_for("/operations", 1)
        self.let_secret_age(limited, days=90)
        self.stack.functions.invoke(
            FunctionName=self.stack.resources("AWS::Lambda::Function")["RetryFunction"],
            Payload=json.dumps({"rotation": True}),
        )
        self.wait_for("/operations", 2)
        # A type with a schema; as long as there is one, others are refused.
        schema = {"type": "object", "required": ["n"]}
        self.call("POST", "/v1/event-types", {"name": "a.large", "schema": schema}, status=201)
        time.sleep(1.5)
        self.stack.push(json.dumps({"account": "acme", "type": "a.large", "data": {"n": 1}}))
        self.wait_for("/large", 3)
        self.call("DELETE", "/v1/event-types/a.large", status=204)
        self.visit_the_platforms_pages()
        for endpoint in (operations, gone, limited, failing, large):
            self.call("DELETE", f"/v1/endpoints/{endpoint}", status=204)
        time.sleep(1.5)

    def test_5_an_update_with_deliveries_in_flight_loses_nothing(self):
        path = "/updated"
        self.replies[path] = [500 if n % 5 == 0 else 200 for n in range(400)]
        before = self.call("POST", "/v1/events", {"type": "a.b", "data": {}}, status=202)["id"]
        endpoint = self.endpoint(path, retry={"schedule": ["5s"] * 8})
        time.sleep(1.5)
        of_last_release = self.send_as_the_last_release_did(endpoint, before)
        sent, stop = [], threading.Event()

        def produce():
            while not stop.is_set():
                number = len(sent)
                self.stack.push(json.dumps({"account": "acme", "id": f"u{number}", "type": "a.b", "data": {}}))
                sent.append(f"u{number}")
                time.sleep(0.1)

        producer = threading.Thread(target=produce)
        producer.start()
        code, output = self.stack.deploy(LogLevel="debug", RetentionDays="31")
        stop.set()
        producer.join()
        self.assertEqual(code, 0, output[-4000:])
        self.assertEqual(self.stack.describe()["StackStatus"], "UPDATE_COMPLETE")
        function = self.stack.resources("AWS::Lambda::Function")["DeliverFunction"]
        # What everybody calls has it, not only the newest version.
        live = {"FunctionName": function, "Qualifier": "live"}
        environment = self.stack.functions.get_function_configuration(**live)["Environment"]
        self.assertEqual(environment["Variables"]["POSTHORN_RETENTION_DAYS"], "31")

        def missing():
            accepted = {headers["webhook-id"] for _, headers, _, status in self.requests(path) if status == 200}
            return {*sent, *of_last_release} - accepted

        # What a function had in hand when it was replaced comes back when its time is over.
        eventually(lambda: f"{len(missing())} of {len(sent)} events", lambda: not missing(), seconds=480)
        print(f"{len(sent)} events during the update, {len(self.requests(path))} requests, none lost")
        self.call("DELETE", f"/v1/endpoints/{endpoint}", status=204)

    def test_6_a_template_that_is_broken_is_rolled_back(self):
        # What only SQS finds wrong, after other resources have been updated.
        queue = {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": 99_999_999}}
        code, output = self.stack.deploy(more_resources={"Broken": queue}, LogLevel="error")
        self.assertNotEqual(code, 0, output[-2000:])
        self.assertEqual(self.stack.describe()["StackStatus"], "UPDATE_ROLLBACK_COMPLETE")
        endpoint = self.endpoint("/after")
        time.sleep(1.5)
        self.call("POST", "/v1/events", {"type": "a.b", "data": {}}, status=202)
        self.wait_for("/after", 1)
        self.call("DELETE", f"/v1/endpoints/{endpoint}", status=204)

    def test_7_the_commands_of_an_operator(self):
        # A key that nobody was given before.
        printed = self.stack.posthorn("admin", "create-key", "--name", "first")
        key = printed.removeprefix("admin key: ").split(" ")[0]
        self.assertIn("acme", [one["id"] for one in self.stack.request("GET", "/v1/accounts", key=key)["data"]])
        self.assertIn("first", self.stack.posthorn("admin", "list-keys"))
        self.stack.posthorn("admin", "create-account", "vaults", "--dialect", "fltr")
        url = f"{self.ministack.url}/_aws/execute-api/{self.stack.api_id()}/live"
        printed = self.stack.posthorn("doctor", "--api-url", url)
        self.assertTrue(printed.endswith("all well\n"), printed)
        self.assertIn("test delivery: on record", printed)
        # The deployment key is replaced while functions run that read the former one.
        endpoint = self.endpoint("/sealed", event_types=["a.sealed"])
        path = f"/v1/endpoints/{endpoint}/secret"
        secret = self.call("GET", path, status=200)["secret"]
        key = self.stack.output("DeploymentKeyArn")
        printed = self.stack.posthorn("admin", "rotate-deployment-key", "--secret-id", key)
        self.assertIn("made key 2 beside key 1", printed)
        self.assertRegex(printed, r"sealed ([0-9]+) of \1 endpoints anew, with key 2")
        self.assertEqual(self.call("GET", path, status=200)["secret"], secret)
        self.call("POST", "/v1/events", {"type": "a.sealed", "data": {}}, status=202)
        ((_, headers, body, _),) = self.wait_for("/sealed", 1)
        self.assertEqual(headers["webhook-signature"], signature_of(secret, headers, body))
        self.call("DELETE", f"/v1/endpoints/{endpoint}", status=204)

    def test_8_monitoring_is_deployed_beside_it(self):
        code, output = self.stack.deploy_monitoring()
        self.assertEqual(code, 0, output[-4000:])
        cloudwatch = self.ministack.client("cloudwatch")
        dashboard = json.loads(cloudwatch.get_dashboard(DashboardName=STACK)["DashboardBody"])
        self.assertGreater(len(dashboard["widgets"]), 5)
        topic = self.stack.output("OperationsTopicArn")
        queues = {url.rpartition("/")[2] for url in self.stack.sqs.list_queues()["QueueUrls"]}
        alarms = cloudwatch.describe_alarms()["MetricAlarms"]
        self.assertGreater(len(alarms), 8)
        for alarm in alarms:
            with self.subTest(alarm["AlarmName"]):
                self.assertEqual(alarm["AlarmActions"], [topic])
                for dimension in alarm["Dimensions"]:
                    # It looks at something that there is.
                    if dimension["Name"] == "QueueName":
                        self.assertIn(dimension["Value"], queues)
                    if dimension["Name"] == "FunctionName":
                        self.stack.functions.get_function(FunctionName=dimension["Value"])

    def test_9_nobody_else_may_do_anything(self):
        """What is not a function's role: queues, the deployment key, the roles of Scheduler and the pipe."""
        attributes = ["Policy", "SqsManagedSseEnabled", "KmsMasterKeyId"]
        for url in self.stack.sqs.list_queues()["QueueUrls"]:
            got = self.stack.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=attributes).get("Attributes", {})
            # No policy: only this account's roles get in. Encrypted with SQS's own key: no grant is needed.
            self.assertNotIn("Policy", got, url)
            self.assertNotIn("KmsMasterKeyId", got, url)
        iam, roles = self.ministack.client("iam"), self.stack.resources("AWS::IAM::Role")
        retry = self.stack.resources("AWS::Lambda::Function")["RetryFunction"]
        expected = {
            "SchedulerRole": {("lambda:InvokeFunction", f"arn:aws:lambda:us-east-1:000000000000:function:{retry}:live")},
            "OperationsPipeRole": {
                *(
                    (f"sqs:{action}", f"arn:aws:sqs:us-east-1:000000000000:{STACK}-operations")
                    for action in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")
                ),
                ("sns:Publish", self.stack.output("OperationsTopicArn")),
            },
        }
        functions = {f"{name}Role" for name in ("Api", "Dispatch", "Deliver", "Retry")}
        self.assertEqual(set(roles), functions | set(expected))
        for name, allowed in expected.items():
            policies = [
                iam.get_role_policy(RoleName=roles[name], PolicyName=policy)["PolicyDocument"]
                for policy in iam.list_role_policies(RoleName=roles[name])["PolicyNames"]
                if policy != FOR_MINISTACK
            ]
            self.assertEqual(allowed_by(policies), allowed, name)
        for name, role in roles.items():
            trust = iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]["Statement"]
            for statement in trust:
                service = statement["Principal"]["Service"]
                wanted = {"SchedulerRole": "scheduler", "OperationsPipeRole": "pipes"}.get(name, "lambda")
                self.assertEqual(service, f"{wanted}.amazonaws.com", name)
                if wanted != "lambda":
                    # Another account's schedule can't use it.
                    self.assertIn("aws:SourceAccount", json.dumps(statement["Condition"]))

    def test_91_roles_allow_what_functions_do_and_nothing_else(self):
        functions = self.stack.resources("AWS::Lambda::Function")
        roles = self.stack.resources("AWS::IAM::Role")
        iam = self.ministack.client("iam")
        self.assertEqual(self.ministack.recorder.denied, [])
        for name in ("Api", "Dispatch", "Deliver", "Retry"):
            with self.subTest(name):
                configuration = self.stack.functions.get_function_configuration(
                    FunctionName=functions[f"{name}Function"]
                )
                role = roles[f"{name}Role"]
                self.assertEqual(configuration["Role"].rpartition("/")[2], role)
                calls = self.calls_of(configuration)
                policies = [
                    iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
                    for policy in iam.list_role_policies(RoleName=role)["PolicyNames"]
                    if policy != FOR_MINISTACK
                ]
                self.assertEqual(iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"], [])
                self.check(name, calls, allowed_by(policies))

    # --- what these stand on --------------------------------------------------------------------

    def send_as_the_last_release_did(self, endpoint, key):
        """An event, and a delivery that is in flight, as tests/end_to_end/formats has them; their ids."""
        files = (ROOT / "tests" / "end_to_end" / "formats").glob("*.json")
        newest = max(files, key=lambda file: [int(part) for part in file.stem.split(".")])
        then = json.loads(newest.read_text())
        self.stack.push(then["event"])
        message = {**json.loads(then["deliveries"][0]), "a": "acme", "e": endpoint, "k": key}
        self.stack.sqs.send_message(QueueUrl=self.queue("deliveries"), MessageBody=json.dumps(message))
        return json.loads(then["event"])["id"], message["i"]

    def visit_the_platforms_pages(self):
        """Signs in with the admin key: their first page asks each queue how many messages wait on it."""
        status, headers, text = self.stack.page("POST", "/portal/platform/enter", {"key": ADMIN_KEY})
        self.assertEqual((status, headers["location"]), (303, "/live/portal/platform"), text)
        cookie = headers["set-cookie"].partition(";")[0]
        status, _, text = self.stack.page("GET", "/portal/platform", cookie=cookie)
        self.assertEqual(status, 200, text)
        for queue in ("events", "deliveries", "tasks"):
            self.assertIn(f"{STACK}-{queue}<", text)
            self.assertIn(f"{STACK}-{queue}-dlq<", text)
        self.assertNotIn("can't be read", text)
        self.assertIn("/live/portal/platform/accounts/acme", text)
        self.assertEqual(self.stack.page("GET", "/portal/platform/accounts")[0], 401)

    def check(self, name, calls, allowed):
        for action, resource in sorted(calls):
            fits = [one for one in allowed if one[0] == action and fnmatch.fnmatchcase(resource, one[1])]
            self.assertTrue(fits, f"{name} did {action} on {resource}, which its role does not say")
        unused = [
            (action, pattern)
            for action, pattern in allowed
            if not by_lambda(name, action)
            and not any(action == done and fnmatch.fnmatchcase(to, pattern) for done, to in calls)
        ]
        self.assertEqual(unused, [], f"{name}: allowed, and never done")
        wide = [one for one in allowed if "*" in one[1] and not one[1].endswith((f":schedule/{STACK}/*", ":*"))]
        self.assertEqual(wide, [], f"{name}: too wide")
        print(f"{name}: {len(calls)} kinds of calls, {len(allowed)} allowed")

    def calls_of(self, configuration):
        name, role = configuration["FunctionName"], configuration["Role"]
        versions = self.stack.functions.list_versions_by_function(FunctionName=name)["Versions"]
        keys = set()
        for arn in {configuration["FunctionArn"], *(version["FunctionArn"] for version in versions)}:
            # How ministack makes up the credentials of a function.
            digest = hashlib.sha256(f"{arn}:{role}".encode()).hexdigest()
            keys.add(f"ASIA{digest[:16].upper()}")
        return {(action, to) for key, action, to in self.ministack.recorder.calls if key in keys}

    def press_time(self, scale):
        for function in self.stack.resources("AWS::Lambda::Function").values():
            configuration = self.stack.functions.get_function_configuration(FunctionName=function)
            variables = configuration["Environment"]["Variables"]
            variables.pop("POSTHORN_TIME_SCALE", None)
            if scale:
                variables["POSTHORN_TIME_SCALE"] = scale
            self.stack.functions.update_function_configuration(
                FunctionName=function, Environment={"Variables": variables}
            )
            # As a deployment does: a version, and the alias that everybody calls.
            version = self.stack.functions.publish_version(FunctionName=function)["Version"]
            self.stack.functions.update_alias(FunctionName=function, Name="live", FunctionVersion=version)

    def mapping(self, queue):
        arn = f"arn:aws:sqs:us-east-1:000000000000:{STACK}-{queue}"
        (mapping,) = self.stack.functions.list_event_source_mappings(EventSourceArn=arn)["EventSourceMappings"]
        return mapping["UUID"]

    def let_secret_age(self, endpoint, days):
        table = self.ministack.client("dynamodb")
        name = self.stack.output("TableName")
        for page in table.get_paginator("scan").paginate(TableName=name):
            for item in page["Items"]:
                if item["sk"]["S"].endswith(endpoint) and "d" in item:
                    document = json.loads(item["d"]["S"])
                    if "secret_created_at" in document:
                        then = time.gmtime(time.time() - days * 86_400 - 3_600)
                        document["secret_created_at"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", then)
                        item["d"]["S"] = json.dumps(document)
                        table.put_item(TableName=name, Item=item)
                        return
        self.fail("no item of the endpoint")


def letter_of(sqs, url):
    return lambda: sqs.receive_message(QueueUrl=url).get("Messages")


def by_lambda(function, action):
    """What Lambda does in the function's name, before and after it runs; for the API it reads no queue."""
    reads = ("sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage")
    return action.startswith("logs:") or (function != "Api" and action in reads)


def allowed_by(policies):
    listed = lambda value: value if isinstance(value, list) else [value]
    return {
        (action, resource)
        for policy in policies
        for statement in listed(policy["Statement"])
        for action in listed(statement["Action"])
        for resource in listed(statement["Resource"])
    }


if __name__ == "__main__":
    unittest.main(verbosity=2)
