# The index says of records above the recovery point that they were durable, and cannot be read when a batch among them is damaged. It may say anything, so
# nothing is cut: the partition is offline until its files can be read. At the next start they can, and the damage is told for what it is.

node seed=3 config=tiny log.index.size.max.bytes=65536
topic orders internal.segment.bytes=100000 segment.index.bytes=65536
produce orders/0 r1 size=200
produce orders/0 r2 size=200
produce orders/0 r3 size=200
produce orders/0 r4 size=200
produce orders/0 r5 size=200
produce orders/0 r6 size=200
produce orders/0 r7 size=200
produce orders/0 r8 size=200
produce orders/0 r9 size=200
produce orders/0 r10 size=200
produce orders/0 r11 size=200
produce orders/0 r12 size=200
produce orders/0 r13 size=200
produce orders/0 r14 size=200
produce orders/0 r15 size=200
produce orders/0 r16 size=200
produce orders/0 r17 size=200
produce orders/0 r18 size=200
produce orders/0 r19 size=200
produce orders/0 r20 size=200
produce orders/0 r21 size=200
produce orders/0 r22 size=200
produce orders/0 r23 size=200
produce orders/0 r24 size=200
produce orders/0 r25 size=200
produce orders/0 r26 size=200
produce orders/0 r27 size=200
produce orders/0 r28 size=200
produce orders/0 r29 size=200
produce orders/0 r30 size=200
produce orders/0 r31 size=200
produce orders/0 r32 size=200
produce orders/0 r33 size=200
produce orders/0 r34 size=200
produce orders/0 r35 size=200
produce orders/0 r36 size=200
produce orders/0 r37 size=200
produce orders/0 r38 size=200
produce orders/0 r39 size=200
produce orders/0 r40 size=200
produce orders/0 r41 size=200
produce orders/0 r42 size=200
produce orders/0 r43 size=200
produce orders/0 r44 size=200
produce orders/0 r45 size=200
run 200ms
crash
fault bit-flip on=log in=orders/0
fault read-error on=index in=orders/0
files orders/0
start
fetch orders/0
files orders/0
crash
start
fetch orders/0
files orders/0
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
00000000000000000000.index 248
00000000000000000000.log 12150
00000000000000000000.timeindex 372
leader-epoch-checkpoint 8
partition.metadata 43
c1: orders/0 KAFKA_STORAGE_ERROR
00000000000000000000.index 248
00000000000000000000.log 12150
00000000000000000000.timeindex 372
leader-epoch-checkpoint 8
partition.metadata 43
c1: orders/0 KAFKA_STORAGE_ERROR
00000000000000000000.index 248
00000000000000000000.log 12150
00000000000000000000.timeindex 372
leader-epoch-checkpoint 8
partition.metadata 43
