"""kcat, one process a record: a key on its command line, a value in a file."""
import json
import subprocess
import sys
import tempfile
from common import cannot, main, show


def kcat(address, *args, **kw):
    done = subprocess.run(["kcat", "-b", address, "-m", "20", *args], stdout=subprocess.PIPE, timeout=60, check=False, **kw)
    assert done.returncode == 0, (args, done)
    return done.stdout


def write(address, records, targets):
    limit = ["-X", "message.max.bytes=1500000", "-X", "enable.idempotence=true"]
    for topic, partition, codec in targets:
        where = ["-P", "-t", topic, "-p", str(partition), "-z", codec, *limit]
        for key, value, headers in records:
            args = [*where]
            for name, v in headers:
                args += ["-H", name if v is None else name + "=" + v.decode()]
            if value:
                with tempfile.NamedTemporaryFile() as f:
                    f.write(value)
                    f.flush()
                    kcat(address, *args, *([] if key is None else ["-k", key.decode()]), f.name)
            else:
                # A line of a key, its delimiter and nothing: -Z makes nothing null.
                kcat(address, *args, *(["-Z"] if value is None else []), "-K", "|", input=(key or b"") + b"|\n")


def read(address, count, sources):
    for topic, partition, offset in sources:
        # The lengths tell null from empty, and where each part ends.
        out = kcat(address, "-C", "-q", "-t", topic, "-p", str(partition), "-o", str(offset), "-c", str(count),
                   "-X", "fetch.message.max.bytes=2000000", "-f", "%o %K %S %h\\n%k%s")
        for _ in range(count):
            head, out = out.split(b"\n", 1)
            o, k, s, h = head.decode().split(" ", 3)
            k, s = int(k), int(s)
            key, value = out[: max(k, 0)], out[max(k, 0): max(k, 0) + max(s, 0)]
            out = out[max(k, 0) + max(s, 0):]
            headers = []
            for one in filter(None, h.split(",")):
                name, v = one.split("=", 1)
                headers.append((name, None if v == "NULL" else v.encode()))
            show(int(o), None if k < 0 else key, None if s < 0 else value, headers)


def admin(address, topic):
    md = json.loads(kcat(address, "-L", "-J"))
    assert md["brokers"], md
    cannot("kcat has no admin commands but a list of topics")


if __name__ == "__main__":
    sys.argv[0] = "kcat"
    main(write, read, admin)
