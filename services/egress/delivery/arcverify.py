"""Says what dkimpy makes of a message's ARC chain: `arcverify.py KEYNAME RECORD < MESSAGE` prints "cv=pass"."""
import sys

import dkim

name, record = sys.argv[1].encode(), sys.argv[2].encode()


def answer(asked, timeout=5):
    return record if asked.rstrip(b".") == name else None


cv, results, reason = dkim.arc_verify(sys.stdin.buffer.read(), dnsfunc=answer)
print(f"cv={(cv or b'none').decode()} sets={len(results)} {reason}")
