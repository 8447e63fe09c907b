# As in `a-read-whose-segment-was-deleted-meanwhile`, but nobody asks for a deletion: retention alone takes the segment.

node seed=1 config=tiny log.retention.check.interval.ms=1000
topic orders retention.bytes=700
produce orders/0 a
produce orders/0 b
produce orders/0 c
fault stall on=log after=1 for=2s
produce orders/0 x0 acks=1
produce orders/0 x1 acks=1 wait=no
produce orders/0 x2 acks=1 wait=no
produce orders/0 x3 acks=1 wait=no
produce orders/0 x4 acks=1 wait=no
produce orders/0 x5 acks=1 wait=no
produce orders/0 x6 acks=1 wait=no
produce orders/0 x7 acks=1 wait=no
produce orders/0 x8 acks=1 wait=no
produce orders/0 x9 acks=1 wait=no
produce orders/0 x10 acks=1 wait=no
produce orders/0 x11 acks=1 wait=no
produce orders/0 x12 acks=1 wait=no
produce orders/0 x13 acks=1 wait=no
produce orders/0 x14 acks=1 wait=no
produce orders/0 x15 acks=1 wait=no
produce orders/0 x16 acks=1 wait=no
produce orders/0 x17 acks=1 wait=no
produce orders/0 x18 acks=1 wait=no
produce orders/0 x19 acks=1 wait=no
produce orders/0 x20 acks=1 wait=no
produce orders/0 x21 acks=1 wait=no
produce orders/0 x22 acks=1 wait=no
produce orders/0 x23 acks=1 wait=no
produce orders/0 x24 acks=1 wait=no
produce orders/0 x25 acks=1 wait=no
produce orders/0 x26 acks=1 wait=no
produce orders/0 x27 acks=1 wait=no
produce orders/0 x28 acks=1 wait=no
produce orders/0 x29 acks=1 wait=no
produce orders/0 x30 acks=1 wait=no
produce orders/0 x31 acks=1 wait=no
produce orders/0 x32 acks=1 wait=no
produce orders/0 x33 acks=1 wait=no
produce orders/0 x34 acks=1 wait=no
produce orders/0 x35 acks=1 wait=no
produce orders/0 x36 acks=1 wait=no
produce orders/0 x37 acks=1 wait=no
produce orders/0 x38 acks=1 wait=no
produce orders/0 x39 acks=1 wait=no
produce orders/0 x40 acks=1 wait=no
produce orders/0 x41 acks=1 wait=no
produce orders/0 x42 acks=1 wait=no
produce orders/0 x43 acks=1 wait=no
produce orders/0 x44 acks=1 wait=no
produce orders/0 x45 acks=1 wait=no
run 500ms
ends orders/0
----
c1: created orders partitions=1
c1: orders/0 offset=0
c1: orders/0 offset=1
c1: orders/0 offset=2
c1: orders/0 offset=3
c1: orders/0 offset=4
c1: orders/0 offset=5
c1: orders/0 offset=6
c1: orders/0 offset=7
c1: orders/0 offset=8
c1: orders/0 offset=9
c1: orders/0 offset=10
c1: orders/0 offset=11
c1: orders/0 offset=12
c1: orders/0 offset=13
c1: orders/0 offset=14
c1: orders/0 offset=15
c1: orders/0 offset=16
c1: orders/0 offset=17
c1: orders/0 offset=18
c1: orders/0 offset=19
c1: orders/0 offset=20
c1: orders/0 offset=21
c1: orders/0 offset=22
c1: orders/0 offset=23
c1: orders/0 offset=24
c1: orders/0 offset=25
c1: orders/0 offset=26
c1: orders/0 offset=27
c1: orders/0 offset=28
c1: orders/0 offset=29
c1: orders/0 offset=30
c1: orders/0 offset=31
c1: orders/0 offset=32
c1: orders/0 offset=33
c1: orders/0 offset=34
c1: orders/0 offset=35
c1: orders/0 offset=36
c1: orders/0 offset=37
c1: orders/0 offset=38
c1: orders/0 offset=39
c1: orders/0 offset=40
c1: orders/0 offset=41
c1: orders/0 offset=42
c1: orders/0 offset=43
c1: orders/0 offset=44
c1: orders/0 offset=45
c1: orders/0 offset=46
c1: orders/0 offset=47
c1: orders/0 offset=48
orders/0 start=0 hw=3 durable=3 written=49 end=49

fault stall on=log for=2s
run 2s
fetch orders/0 client=c2 wait=no
fault stall on=log after=1 for=10s
run 20s
ends orders/0
----
c2: orders/0 OFFSET_OUT_OF_RANGE
orders/0 start=28 hw=49 durable=49 written=49 end=49
