"""The dashboard of infra/monitoring.yaml: checks it, and draws it as docs/dashboard.svg.

    dashboard.py --check     checks the templates and docs/OPERATING.md; starts nothing
    dashboard.py             runs the one-machine stack under load for --seconds, and draws what it measured

The metrics are those that the stack prints, the depths of queues those that its SQS answers. What only AWS
measures stays empty, and says so."""

import argparse
import datetime
import http.client
import json
import math
import os
import random
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from html import escape

import boto3
from botocore.config import Config

from samtranslator.yaml_helper import yaml_parse

from http_server import Server
from programs import POSTHORN, ROOT

MONITORING = ROOT / "infra" / "monitoring.yaml"
TEMPLATE = ROOT / "template.yaml"
METRICS = ROOT / "shared" / "src" / "metrics.rs"
HANDBOOK = ROOT / "docs" / "OPERATING.md"
PICTURE = ROOT / "docs" / "dashboard.svg"

STACK = "posthorn"
ADMIN_KEY = "the-admin-key-of-the-dashboard"
AWS_KEY, AWS_SECRET = "dashboard", "the-aws-secret-of-the-dashboard"
# Columns of a CloudWatch dashboard.
COLUMNS = 24
# Seconds that a point of the picture stands for. On CloudWatch it is a minute; here time is pressed.
PERIOD = 5
TIME_SCALE = 60
# CloudWatch's names, and SQS's.
DEPTHS = {
    "ApproximateNumberOfMessagesVisible": "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed": "ApproximateNumberOfMessagesDelayed",
}


# --- what the templates say -------------------------------------------------------------------------


def resources(file, kind):
    found = yaml_parse(file.read_text())["Resources"]
    return [one["Properties"] for one in found.values() if one["Type"] == kind]


def named(value):
    """A name that may be `!Sub ${Deployment}-…` or `${AWS::StackName}-…`, for the stack."""
    text = value["Fn::Sub"] if isinstance(value, dict) else value
    return re.sub(r"\$\{(Deployment|AWS::StackName)\}", STACK, text).replace("${AWS::Region}", "us-east-1")


def widgets():
    (dashboard,) = resources(MONITORING, "AWS::CloudWatch::Dashboard")
    return json.loads(named(dashboard["DashboardBody"]))["widgets"]


def series_of(properties):
    """A widget's metrics written out: namespace, name, dimensions, options, of what is short for «as above»."""
    found, above = [], []
    for row in properties["metrics"]:
        options = row[-1] if isinstance(row[-1], dict) else {}
        parts = [part for part in row if not isinstance(part, dict)]
        if "expression" in options:
            search = re.match(r"SEARCH\('\{(\w+),([\w,]+)\} MetricName=\"(\w+)\"", options["expression"])
            namespace, dimensions, name = search.groups()
            found.append((namespace, name, {"by": dimensions.split(",")[-1]}, {"stat": "Sum", **options}))
            continue
        if parts[0] == "...":
            parts = above[: len(above) - len(parts) + 1] + parts[1:]
        parts = [above[at] if part == "." else part for at, part in enumerate(parts)]
        above = parts
        dimensions = dict(zip(parts[2::2], parts[3::2]))
        found.append((parts[0], parts[1], dimensions, {"stat": properties.get("stat"), **options}))
    return found


def alarms(file):
    """Suffix, description, and the metrics of each alarm."""
    for alarm in resources(file, "AWS::CloudWatch::Alarm"):
        metrics = [one["MetricStat"]["Metric"] for one in alarm.get("Metrics", [alarm]) if "MetricStat" in one]
        metrics = metrics or [alarm]
        yield named(alarm["AlarmName"]).removeprefix(f"{STACK}-"), alarm["AlarmDescription"], metrics


# --- the checks ---------------------------------------------------------------------------------------


def emitted():
    """The metrics that the code can write: the variants of two enumerations."""
    text = METRICS.read_text()
    bodies = [re.search(rf"pub enum {name} \{{(.*?)\n\}}", text, re.DOTALL).group(1) for name in ("Count", "Span")]
    return {name for body in bodies for name in re.findall(r"^\s*([A-Z]\w+),", body, re.MULTILINE)}


def check():
    """What is wrong, a line each."""
    try:
        panels = widgets()
    except ValueError as error:
        return [f"the dashboard is no JSON: {error}"]
    known = emitted()
    queues = {named(queue["QueueName"]) for queue in resources(TEMPLATE, "AWS::SQS::Queue")}
    functions = {named(one["FunctionName"]) for one in resources(TEMPLATE, "AWS::Serverless::Function")}
    wrong = list(overlaps(panels))

    def look(where, namespace, name, dimensions):
        if namespace == "Posthorn" and name not in known:
            wrong.append(f"{where}: shared/src/metrics.rs has no {name}")
        for dimension, all_of_them in (("QueueName", queues), ("FunctionName", functions)):
            if dimension in dimensions and dimensions[dimension] not in all_of_them:
                wrong.append(f"{where}: template.yaml has no {dimensions[dimension]}")

    for panel in panels:
        for namespace, name, dimensions, _ in series_of(panel["properties"]):
            look(panel["properties"]["title"], namespace, name, dimensions)
    headings = set(re.findall(r"^#+ (.+)$", HANDBOOK.read_text(), re.MULTILINE))
    for file in (TEMPLATE, MONITORING):
        for alarm, description, metrics in alarms(file):
            if alarm not in headings:
                wrong.append(f"docs/OPERATING.md has no heading {alarm}")
            for page in re.findall(r"docs/OPERATING\.md, ([\w-]+)", description):
                if page != alarm:
                    wrong.append(f"the alarm {alarm} sends people to {page}")
            for metric in metrics:
                text = (one for one in metric["Dimensions"] if "Fn::GetAtt" not in one["Value"])
                dimensions = {one["Name"]: named(one["Value"]) for one in text if "Ref" not in one["Value"]}
                look(f"the alarm {alarm}", metric["Namespace"], metric["MetricName"], dimensions)
    return wrong


def overlaps(panels):
    taken = {}
    for panel in panels:
        title = panel["properties"]["title"]
        if panel["x"] + panel["width"] > COLUMNS:
            yield f"{title}: wider than the dashboard"
        for x in range(panel["x"], panel["x"] + panel["width"]):
            for y in range(panel["y"], panel["y"] + panel["height"]):
                if (x, y) in taken:
                    yield f"{title}: lies over {taken[x, y]}"
                    return
                taken[x, y] = title


# --- what is measured ---------------------------------------------------------------------------------


class Measured:
    """Values by metric and period: how often each was seen."""

    def __init__(self):
        self.began = time.time()
        self.values = defaultdict(lambda: defaultdict(lambda: defaultdict(int)))

    def add(self, namespace, name, dimensions, at, value, times=1):
        period = int((at - self.began) // PERIOD)
        self.values[namespace, name, frozenset(dimensions.items())][period][value] += times

    def take_line(self, line):
        """A line in CloudWatch's embedded metric format."""
        head = line["_aws"]
        for directive in head["CloudWatchMetrics"]:
            for names in directive["Dimensions"]:
                dimensions = {name: line[name] for name in names}
                for metric in directive["Metrics"]:
                    value = line[metric["Name"]]
                    if not isinstance(value, dict):
                        value = {"Values": [value], "Counts": [1]}
                    for one, times in zip(value["Values"], value["Counts"]):
                        where = (directive["Namespace"], metric["Name"], dimensions)
                        self.add(*where, head["Timestamp"] / 1000, one, times)

    def points(self, namespace, name, dimensions, stat):
        """Period and value, of periods that have one."""
        periods = self.values.get((namespace, name, frozenset(dimensions.items())), {})
        return [(period, statistic(values, stat)) for period, values in sorted(periods.items())]


def statistic(values, stat):
    if stat == "Sum":
        return sum(value * times for value, times in values.items())
    if stat == "Maximum":
        return max(values)
    left = float(stat.removeprefix("p")) / 100 * sum(values.values())
    for value, times in sorted(values.items()):
        left -= times
        if left <= 0:
            return value
    return max(values)


class Stack:
    """The one-machine stack on free ports, in memory."""

    def __init__(self, measured):
        self.measured = measured
        self.directory = tempfile.TemporaryDirectory()
        environment = {
            "PATH": os.environ["PATH"],
            "POSTHORN_LISTEN": "127.0.0.1:0",
            "POSTHORN_AWS_LISTEN": "127.0.0.1:0",
            "POSTHORN_DATA_DIR": ":memory:",
            "POSTHORN_ADMIN_KEY": ADMIN_KEY,
            "POSTHORN_AWS_KEY": f"{AWS_KEY}:{AWS_SECRET}",
            "POSTHORN_TIME_SCALE": str(TIME_SCALE),
            "POSTHORN_METRICS": STACK,
            # So that there is something to see of what AWS refuses, too.
            "POSTHORN_AWS_THROTTLE": "0.003",
            "POSTHORN_LOG_LEVEL": "error",
        }
        # Its log, on standard error, is nobody's business here: it says what is refused on purpose.
        self.process = subprocess.Popen(
            [POSTHORN], env=environment, cwd=self.directory.name, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self.urls, self.ready = {}, threading.Event()
        threading.Thread(target=self.read, daemon=True).start()
        if not self.ready.wait(30):
            self.close()
            raise SystemExit(f"{POSTHORN} does not start")
        queues, config = self.urls["events queue"], Config(proxies={}, retries={"max_attempts": 5})
        self.aws_url = queues[: queues.index("/", len("http://"))]
        key = {"aws_access_key_id": AWS_KEY, "aws_secret_access_key": AWS_SECRET}
        self.sqs = boto3.client("sqs", endpoint_url=self.aws_url, region_name="us-east-1", config=config, **key)

    def read(self):
        for line in self.process.stdout:
            text = line.decode()
            if text.startswith("{"):
                self.measured.take_line(json.loads(text))
            elif ": " in text:
                name, url = text.strip().split(": ", 1)
                self.urls[name] = url
                if name == "posthorn ready":
                    self.ready.set()

    def queue(self, name):
        return f"{self.aws_url}/000000000000/{name}"

    def call(self, path, body, account):
        """A POST; what is refused as if AWS were busy is asked again."""
        host = self.urls["posthorn ready"].removeprefix("http://")
        headers = {"authorization": f"Bearer {ADMIN_KEY}", "content-type": "application/json"}
        for _ in range(10):
            connection = http.client.HTTPConnection(host, timeout=30)
            try:
                connection.request("POST", path, json.dumps(body), {**headers, "posthorn-account": account})
                response = connection.getresponse()
                text = response.read()
            finally:
                connection.close()
            if response.status < 500:
                assert response.status < 300, f"{path}: {response.status} {text[:500]}"
                return json.loads(text)
        raise SystemExit(f"{path}: {response.status} {text[:500]}")

    def poll(self, names):
        for name in names:
            asked = self.sqs.get_queue_attributes(QueueUrl=self.queue(name), AttributeNames=["All"])
            for metric, attribute in DEPTHS.items():
                depth = int(asked["Attributes"][attribute])
                self.measured.add("AWS/SQS", metric, {"QueueName": name}, time.time(), depth)

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.directory.cleanup()


# --- the load -------------------------------------------------------------------------------------------

# Events that come at once.
BURST = 200
# Path, seconds that an answer takes, share of 500s.
RECEIVERS = {"/well": (0.04, 0), "/slow": (0.4, 0), "/shaky": (0.08, 0.2), "/broken": (0.02, 1)}


def receive(_method, path, _headers, _body):
    seconds, failing = RECEIVERS[path]
    time.sleep(seconds * random.uniform(0.5, 1.5))
    return (500 if random.random() < failing else 204), {}, b""


def prepare(stack, receiver):
    for account, dialect in (("acme", "standard"), ("globex", "fltr"), ("initech", "flexorch")):
        stack.call("/v1/accounts", {"id": account, "name": account, "dialect": dialect}, account)
    hooks = [("acme", "/well", {"event_types": ["vault.*"]}), ("acme", "/slow", {"event_types": ["bulk.*"]})]
    hooks += [("globex", "/well", {}), ("globex", "/broken", {"retry": {"schedule": ["5s", "5m"]}})]
    hooks += [("initech", "/shaky", {})]
    for account, path, fields in hooks:
        stack.call("/v1/endpoints", {"url": f"{receiver.url}{path}", **fields}, account)
    # Nobody listens on port 9: a circuit opens.
    stack.call("/v1/endpoints", {"url": "http://127.0.0.1:9/", "event_types": ["dead.*"]}, "acme")
    time.sleep(1.5)


def load(stack, seconds, stop):
    """About six requests a second, in waves; by the queue what opens a circuit, a burst, and what is no event."""
    event = lambda kind: json.dumps({"account": "acme", "type": kind, "data": {}})
    pushes = [(0.15, [event("dead.one")] * 5), (0.4, [event("bulk.one")] * BURST), (0.65, ["no event"] * 3)]
    began = time.monotonic()
    while not stop.is_set() and (passed := time.monotonic() - began) < seconds:
        account = random.choice(["acme", "acme", "globex", "initech"])
        kind = random.choice(["vault.created", "vault.created", "bulk.one"])
        stack.call("/v1/events", {"type": kind, "data": {}}, account)
        if pushes and passed > pushes[0][0] * seconds:
            push(stack, pushes.pop(0)[1])
        time.sleep(1 / (6 + 4 * math.sin(passed / 9)))


def push(stack, bodies):
    for at in range(0, len(bodies), 10):
        entries = [{"Id": str(n), "MessageBody": body} for n, body in enumerate(bodies[at : at + 10])]
        stack.sqs.send_message_batch(QueueUrl=stack.urls["events queue"], Entries=entries)


def measure(seconds):
    measured = Measured()
    receiver, stack, stop = Server(receive), Stack(measured), threading.Event()
    names = {
        dimensions["QueueName"]
        for panel in widgets()
        for _, _, dimensions, _ in series_of(panel["properties"])
        if "QueueName" in dimensions
    }
    try:
        prepare(stack, receiver)
        measured.began = time.time()
        measured.values.clear()
        loading = threading.Thread(target=load, args=(stack, seconds, stop))
        loading.start()
        while loading.is_alive():
            stack.poll(sorted(names))
            loading.join(timeout=1)
    finally:
        stop.set()
        stack.close()
        receiver.close()
    return measured


# --- the picture ------------------------------------------------------------------------------------------

COLUMN, ROW, GAP, HEAD = 50, 36, 8, 56
STYLE = """
.page{fill:#f4f5f7}.panel{fill:#fff;stroke:#d5d9de}.grid{stroke:#e4e7eb}
text{font:11px system-ui,sans-serif;fill:#57606a}.title{font-size:12.5px;font-weight:600;fill:#1f2328}
.name{font-size:17px;font-weight:600;fill:#1f2328}.legend{fill:#1f2328}.none{font-style:italic}
.line{fill:none;stroke-width:1.7;stroke-linejoin:round}
.c0{stroke:#0b6bcb;fill:#0b6bcb}.c1{stroke:#1a8754;fill:#1a8754}.c2{stroke:#c05600;fill:#c05600}.c3{stroke:#b3261e;fill:#b3261e}
@media (prefers-color-scheme:dark){
.page{fill:#0d1117}.panel{fill:#161b22;stroke:#30363d}.grid{stroke:#272d35}text{fill:#9da7b3}
.title,.name,.legend{fill:#e6edf3}
.c0{stroke:#58a6ff;fill:#58a6ff}.c1{stroke:#3fb950;fill:#3fb950}.c2{stroke:#f0883e;fill:#f0883e}.c3{stroke:#ff7b72;fill:#ff7b72}}
.line{fill:none}
"""


def lines_of(panel, measured):
    """Label and points of each line; `None` for points that nothing here measures."""
    lines = []
    for namespace, name, dimensions, options in series_of(panel["properties"]):
        if "by" in dimensions:
            found = {key for key in measured.values if key[:2] == (namespace, name)}
            of = sorted(dict(key[2])[dimensions["by"]] for key in found if dimensions["by"] in dict(key[2]))
            for one in of:
                where = {"Deployment": STACK, dimensions["by"]: one}
                lines.append((one, measured.points(namespace, name, where, "Sum")))
        elif namespace == "Posthorn" or name in DEPTHS:
            points = measured.points(namespace, name, dimensions, options["stat"])
            lines.append((options["label"], points))
        else:
            lines.append((options["label"], None))
    return lines


def draw(measured, seconds):
    panels = widgets()
    width = COLUMNS * COLUMN + GAP
    height = HEAD + max(panel["y"] + panel["height"] for panel in panels) * ROW + GAP
    date = datetime.date.today().isoformat()
    about = (
        f"{seconds} s of the one-machine stack on {date}: a point is {PERIOD} s, retries come {TIME_SCALE} times as "
        f"fast, an endpoint is down, one always answers 500, {BURST} events come at once, three messages are no events."
    )
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">',
        f"<title>The dashboard of Posthorn</title><desc>{escape(about)}</desc><style>{STYLE}</style>",
        f'<rect class="page" width="{width}" height="{height}"/>',
        f'<text class="name" x="{GAP}" y="24">{STACK}</text><text x="{GAP}" y="44">{escape(about)}</text>',
    ]
    for panel in panels:
        parts += draw_panel(panel, measured, seconds)
    return "\n".join([*parts, "</svg>\n"])


def draw_panel(panel, measured, seconds):
    x, y = panel["x"] * COLUMN + GAP, HEAD + panel["y"] * ROW
    width, height = panel["width"] * COLUMN - GAP, panel["height"] * ROW - GAP
    title = escape(panel["properties"]["title"])
    yield f'<g transform="translate({x} {y})"><rect class="panel" width="{width}" height="{height}" rx="4"/>'
    yield f'<text class="title" x="12" y="20">{title}</text>'
    lines = lines_of(panel, measured)
    if all(points is None for _, points in lines):
        namespaces = {namespace for namespace, *_ in series_of(panel["properties"])}
        yield f'<text class="none" x="{width / 2}" y="{height / 2}" text-anchor="middle">'
        yield f"{', '.join(sorted(namespaces))}: only AWS measures this</text></g>"
        return
    labels = [label if points else f"{label} (none)" for label, points in lines]
    rows = legend_rows(labels, width - 24)
    left, top, right = 50, 32, width - 22
    bottom = height - 24 - 16 * len(rows)
    most, step = scale(max((value for _, points in lines for _, value in points or []), default=1))
    for tick in range(round(most / step) + 1):
        at = round(bottom - (bottom - top) * tick * step / most, 1)
        yield f'<path class="grid" d="M{left} {at}H{right}"/>'
        yield f'<text x="{left - 6}" y="{at + 4}" text-anchor="end">{tick * step:,g}</text>'
    minutes = range(0, seconds + 1, 30)
    for second in minutes:
        at = round(left + (right - left) * second / seconds, 1)
        yield f'<text x="{at}" y="{bottom + 15}" text-anchor="middle">{second // 60}:{second % 60:02}</text>'
    for color, (_, points) in enumerate(lines):
        for run in runs(points or []):
            spots = [
                (
                    round(left + (right - left) * min((period + 0.5) * PERIOD / seconds, 1), 1),
                    round(bottom - (bottom - top) * value / most, 1),
                )
                for period, value in run
            ]
            if len(spots) == 1:
                yield f'<circle class="c{color % 4}" cx="{spots[0][0]}" cy="{spots[0][1]}" r="2.4"/>'
            else:
                path = "L".join(f"{x} {y}" for x, y in spots)
                yield f'<path class="c{color % 4} line" d="M{path}"/>'
    for number, row in enumerate(rows):
        for color, offset, label in row:
            at = height - 10 - 16 * (len(rows) - 1 - number)
            yield f'<rect class="c{color % 4}" x="{12 + offset}" y="{at - 8}" width="9" height="9" rx="2"/>'
            yield f'<text class="legend" x="{26 + offset}" y="{at}">{escape(label)}</text>'
    yield "</g>"


def legend_rows(labels, width):
    """Number, offset and text of each label, in as many rows as it takes."""
    rows, offset = [[]], 0
    for number, label in enumerate(labels):
        wide = 34 + 5.6 * len(label)
        if rows[-1] and offset + wide > width:
            rows, offset = [*rows, []], 0
        rows[-1].append((number, round(offset), label))
        offset += wide
    return rows


def scale(most):
    """The end of an axis, and the distance of its marks: 1, 2 or 5 times a power of ten."""
    most = max(most, 1)
    power = 10 ** math.floor(math.log10(most))
    step = next(power * part for part in (0.2, 0.5, 1, 2, 5) if most / (power * part) <= 5)
    step = max(step, 1)
    return math.ceil(most / step) * step, step


def runs(points):
    """Points of periods that follow one another, together."""
    together = []
    for period, value in points:
        if together and period == together[-1][-1][0] + 1:
            together[-1].append((period, value))
        else:
            together.append([(period, value)])
    return together


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="start nothing")
    parser.add_argument("--seconds", type=int, default=150, help="how long the load lasts (default: 150)")
    arguments = parser.parse_args()
    wrong = check()
    for line in wrong:
        print(line, file=sys.stderr)
    if wrong:
        return 1
    if not arguments.check:
        PICTURE.write_text(draw(measure(arguments.seconds), arguments.seconds))
        print(f"{PICTURE.relative_to(ROOT)}: {PICTURE.stat().st_size:,} bytes")
    print("the dashboard, its alarms and their pages fit together")
    return 0


if __name__ == "__main__":
    sys.exit(main())
