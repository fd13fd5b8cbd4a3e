"""What the template says of limits, logs and who may do what: as SAM transforms it, since that is what CloudFormation gets.
Needs .venv/tools."""

import json
import os
import re
import unittest
from pathlib import Path

os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")

from samtranslator.translator.managed_policy_translator import ManagedPolicyLoader
from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

ROOT = Path(__file__).resolve().parents[2]


class NoManagedPolicies(ManagedPolicyLoader):
    """The template names those that it uses by their ARN."""

    def __init__(self):
        pass

    def load(self):
        return {}


def written():
    return yaml_parse((ROOT / "template.yaml").read_text())


def transformed():
    template = written()
    # As `sam package` leaves it.
    template["Globals"]["Function"]["CodeUri"] = "s3://bucket/code"
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::LayerVersion":
            resource["Properties"]["ContentUri"] = "s3://bucket/layer"
    defaults = {name: parameter.get("Default") for name, parameter in template["Parameters"].items()}
    return transform(template, defaults, NoManagedPolicies())


class Template(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.parameters = written()["Parameters"]
        cls.template = json.loads(json.dumps(transformed()))

    def resources(self, kind):
        return {name: one for name, one in self.template["Resources"].items() if one["Type"] == kind}

    def only(self, kind):
        (resource,) = self.resources(kind).values()
        return resource["Properties"]

    def default(self, value):
        """The value of a parameter that `value` refers to, where nobody says otherwise."""
        return self.parameters[value["Ref"]]["Default"]

    # --- API Gateway --------------------------------------------------------------------------------

    def test_there_is_no_stage_that_settings_do_not_hold_for(self):
        self.assertEqual(self.only("AWS::ApiGateway::Stage")["StageName"], "live")
        self.assertNotIn("StageName", self.only("AWS::ApiGateway::Deployment"))

    def test_every_request_is_throttled_and_pages_more(self):
        settings = {}
        for one in self.only("AWS::ApiGateway::Stage")["MethodSettings"]:
            path = one["ResourcePath"].replace("~1", "/").replace("//", "/", 1)
            settings[path, one["HttpMethod"]] = tuple(
                self.default(one[name]) for name in ("ThrottlingRateLimit", "ThrottlingBurstLimit")
            )
        everything = settings.pop(("/*", "*"))
        self.assertTrue(all(0 < limit <= most for limit, most in zip(everything, (10_000, 5_000))), everything)
        paths = self.only("AWS::ApiGateway::RestApi")["Body"]["paths"]
        methods = {(path, method.upper()) for path, methods in paths.items() for method in methods}
        pages = {one for one in methods if one[0].startswith(("/portal", "/docs"))}
        self.assertEqual(set(settings), pages)
        self.assertEqual({path for path, _ in pages}, {"/portal", "/portal/{proxy+}", "/docs", "/docs/{proxy+}"})
        for one, limits in settings.items():
            self.assertTrue(all(limit < most for limit, most in zip(limits, everything)), one)
        # What has no setting of its own ends up at the others.
        rest = {method for path, method in methods if path == "/{proxy+}"}
        self.assertEqual(rest, {"GET", "POST", "PUT", "PATCH", "DELETE"})

    def test_with_a_domain_there_is_no_way_around_it(self):
        body = json.dumps(self.only("AWS::ApiGateway::RestApi")["Body"])
        self.assertIn('"disableExecuteApiEndpoint": {"Fn::If": ["HasDomain", true, false]}', body)

    def test_what_is_large_is_compressed_and_pages_are_not(self):
        least = self.only("AWS::ApiGateway::RestApi")["MinimumCompressionSize"]
        assets = ROOT / "functions" / "api" / "assets"
        (script,) = assets.glob("redoc-*.js")
        for large in (script, ROOT / "docs" / "openapi.json"):
            self.assertGreater(large.stat().st_size, least, large.name)
        # A page weighs less than 150 KB with all of its files.
        self.assertGreater(least, 150_000)

    def test_the_access_log_has_the_callers_address(self):
        condition, setting, otherwise = self.only("AWS::ApiGateway::Stage")["AccessLogSetting"]["Fn::If"]
        self.assertEqual((condition, otherwise), ("HasAccessLog", {"Ref": "AWS::NoValue"}))
        line = json.loads(setting["Format"])
        self.assertEqual(line["address"], "$context.identity.sourceIp")
        # By it the function's own lines are found.
        self.assertEqual(line["requestId"], "$context.requestId")
        logs = self.template["Resources"][setting["DestinationArn"]["Fn::GetAtt"][0]]
        self.assertEqual((logs["Type"], logs["Condition"]), ("AWS::Logs::LogGroup", "HasAccessLog"))
        self.assertEqual(logs["Properties"]["RetentionInDays"], {"Ref": "LogRetentionDays"})
        # It exists before the stage does, and after the role that writes to it.
        self.assertIn('"Ref": "AccessLogAccount"', json.dumps(logs))
        # An AWS account without such a role, as a new one is, would refuse the stage.
        self.assertEqual(self.parameters["AccessLog"]["Default"], "false")
        # The account's setting outlives the stack, and so does the role that it names.
        for kind in ("AWS::ApiGateway::Account", "AWS::IAM::Role"):
            for one in self.resources(kind).values():
                if one.get("Condition") == "HasAccessLogRole":
                    self.assertEqual(one["DeletionPolicy"], "Retain")

    # --- Lambda -------------------------------------------------------------------------------------

    def test_concurrency_is_reserved_only_where_somebody_says_so(self):
        reserved = {}
        for name, function in self.resources("AWS::Lambda::Function").items():
            if setting := function["Properties"].get("ReservedConcurrentExecutions"):
                _, value, otherwise = setting["Fn::If"]
                self.assertEqual(otherwise, {"Ref": "AWS::NoValue"})
                reserved[name] = self.default(value)
        # A new AWS account may have ten in all.
        self.assertEqual(reserved, {"DispatchFunction": 0, "DeliverFunction": 0})

    # --- secrets, queues, the topic -------------------------------------------------------------------

    def test_what_is_secret_is_not_shown(self):
        secret = {name for name in self.parameters if re.search("Key|Secret|Token|Password", name)}
        self.assertEqual(secret, {"AdminKeySha256"})
        for name in secret:
            self.assertTrue(self.parameters[name]["NoEcho"], name)
        pattern = re.compile(self.parameters["AdminKeySha256"]["AllowedPattern"])
        for value in ("", "0123456789abcdef" * 4):
            self.assertRegex(value, pattern)
        for value in ("hunter2", "0123456789ABCDEF" * 4, "0" * 63, "0" * 65):
            self.assertNotRegex(value, pattern)
        self.assertNotIn("AdminKeySha256", json.dumps(self.template["Outputs"]))

    def test_queues_and_the_topic_refuse_what_is_not_tls(self):
        insecure = {"Bool": {"aws:SecureTransport": "false"}}
        queues = self.only("AWS::SQS::QueuePolicy")
        self.assertEqual({one["Ref"] for one in queues["Queues"]}, set(self.resources("AWS::SQS::Queue")))
        (statement,) = queues["PolicyDocument"]["Statement"]
        self.assertEqual((statement["Effect"], statement["Principal"], statement["Action"]), ("Deny", "*", "sqs:*"))
        self.assertEqual(statement["Condition"], insecure)
        topic = self.only("AWS::SNS::TopicPolicy")
        (name,) = self.resources("AWS::SNS::Topic")
        self.assertEqual(topic["Topics"], [{"Ref": name}])
        allows, denies = topic["PolicyDocument"]["Statement"]
        self.assertEqual((denies["Effect"], denies["Principal"], denies["Condition"]), ("Deny", "*", insecure))
        # Alarms have no role: without this statement nobody hears of them.
        self.assertEqual(allows["Principal"], {"Service": "cloudwatch.amazonaws.com"})
        source = allows["Condition"]["ArnLike"]["aws:SourceArn"]["Fn::Sub"]
        self.assertTrue(source.endswith(":${AWS::Region}:${AWS::AccountId}:alarm:*"), source)
        # https://repost.aws/knowledge-center/cloudwatch-configure-alarm-sns: with the key by default
        # (alias/aws/sns) alarms can't publish.
        self.assertNotEqual(self.only("AWS::SNS::Topic").get("KmsMasterKeyId"), "alias/aws/sns")

    # --- documents ------------------------------------------------------------------------------------

    def test_every_parameter_is_in_the_documents(self):
        operating = (ROOT / "docs" / "OPERATING.md").read_text()
        missing = [name for name in self.parameters if f"`{name}`" not in operating]
        # What it is for: of one use, and in infra/deploy.
        self.assertEqual([name for name in missing if name != "Architecture"], [])

    def test_stages_set_parameters_that_there_are(self):
        for stage in (ROOT / "infra" / "stages").glob("*.toml"):
            overrides = re.search(r'^parameter_overrides = "(.*)"$', stage.read_text(), re.MULTILINE)[1]
            unknown = {one.partition("=")[0] for one in overrides.split()} - set(self.parameters)
            self.assertEqual(unknown, set(), stage.name)


if __name__ == "__main__":
    unittest.main(verbosity=2)
