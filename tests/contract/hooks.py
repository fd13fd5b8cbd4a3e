"""What Schemathesis needs to know to make valid requests."""

import schemathesis
from hypothesis import strategies

# Only a cursor that a list gave is one: the first page, then.
schemathesis.openapi.format("cursor", strategies.just(""))
