"""What the Python clients share: records in, lines out. The contract is in ../README.md."""
import json
import sys
import time
import zlib


def pattern(n):
    return bytes((i * 131 + i // 251 + n) & 255 for i in range(n))


def text(s):
    return None if s is None else s.encode()


def records(path):
    with open(path, encoding="utf-8") as f:
        for line in f:
            r = json.loads(line)
            value = pattern(r["value_size"]) if "value_size" in r else text(r["value"])
            yield text(r["key"]), value, [(k, text(v)) for k, v in r["headers"]]


def show(offset, key, value, headers):
    k = "-" if key is None else "x" + key.hex()
    v = "-" if value is None else "%d:%08x" % (len(value), zlib.crc32(value))
    h = ",".join(n + "=" + ("-" if b is None else "x" + b.hex()) for n, b in headers or []) or "-"
    print(offset, k, v, h)


def split(spec):
    topic, partition, third = spec.rsplit(":", 2)
    return topic, int(partition), third


def until(condition):
    """Apache Kafka's brokers learn of a topic some time after its creation was answered."""
    end = time.monotonic() + 20
    while True:
        try:
            if condition():
                return
            why = "it does not come about"
        except Exception as e:
            why = e
        assert time.monotonic() < end, why
        time.sleep(0.02)


def cannot(what):
    print(what)
    sys.exit(3)


def main(write, read, admin):
    address, command, args = sys.argv[1], sys.argv[2], sys.argv[3:]
    if command == "write":
        write(address, list(records(args[0])), [split(s) for s in args[1:]])
        print("ok")
    elif command == "read":
        read(address, int(args[0]), [(t, p, int(o)) for t, p, o in map(split, args[1:])])
    elif command == "admin":
        admin(address, args[0])
        print("ok")
    else:
        sys.exit("unknown command " + command)
