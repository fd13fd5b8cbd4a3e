

import email
import sys

head, _, body = sys.stdin.buffer.read().partition(b"\n\n")
secret, token, lines = head.decode("latin-1").split("\n", 2)
headers = email.message_from_string(lines)
print(str(verify(headers, body, secret, token)).lower())
