"""An Idempotency-Key is for one username: a key that schemathesis makes up is made that of the username beside it.

Otherwise a request in which every part is valid would be refused for another that was sent before it.
"""

import hashlib

import schemathesis

KEY = "Idempotency-Key"


@schemathesis.hook
def before_call(context, case, kwargs):
    key = (case.headers or {}).get(KEY)
    valid = isinstance(key, str) and 1 <= len(key) <= 255 and key.isascii() and key.isprintable() and key == key.strip()
    if valid and isinstance(case.body, dict) and isinstance(case.body.get("username"), str):
        case.headers[KEY] = hashlib.sha256(case.body["username"].lower().encode()).hexdigest()
