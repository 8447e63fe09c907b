# A new partition fills its first segment before that segment's name is on the disk. The second one waits for it: a power loss that takes one
# name and leaves the other would leave a log that begins in the middle.

world seed=30057204 config=default keeps-names=any call=100ns..1us sync=8ms..80ms metadata.log.max.record.bytes.between.snapshots=500
topic t0 partitions=2
topic t1 partitions=2 internal.segment.bytes=100000
topic v0 partitions=2 internal.segment.bytes=400
producer producer0 topics=t0,t1 in-flight=5
producer producer1 acks=1 in-flight=3 by-id=yes batches=15 size=535 think=0ms
producer producer2 acks=1 by-id=yes
consumer consumer0 topics=t0,t1
at 695ms produce t0/1
at 695ms produce v0/1 client=producer2
at 706ms produce t1/1
at 751ms power-loss
play
----
t=0.334 admin: create t0 partitions=2: done
t=0.496 admin: create t1 partitions=2: done
t=0.695 admin: create v0 partitions=2: done
t=0.696 producer1: #3 to t0/0: offset 0
t=0.696 producer1: #4 to t0/0: offset 1
t=0.696 producer1: #5 to t1/0: offset 0
t=0.696 producer1: #6 to t0/1: offset 1
t=0.696 producer1: #7 to t0/0: offset 2
t=0.696 producer1: #8 to t1/1: offset 0
t=0.696 producer1: #9 to t1/0: offset 1
t=0.696 producer1: #10 to t1/0: offset 2
t=0.696 producer1: #11 to t1/1: offset 1
t=0.696 producer1: #12 to t0/1: offset 2
t=0.696 producer1: #13 to t1/1: offset 2
t=0.696 producer1: #14 to t1/1: offset 3
t=0.696 producer1: #15 to v0/1: RECORD_LIST_TOO_LARGE
t=0.696 producer1: #16 to t1/0: offset 3
t=0.696 producer1: #17 to t0/0: offset 3
t=0.697 producer1: #19 to t0/1: offset 3
t=0.738 producer0: #1 to t0/1: offset 0
t=0.751 node 1 loses power
t=0.851 node 1 starts, life 2
t=1.188 producer1: #18 to v0/1: offset 1 after 4 attempts
t=1.188 producer2: #2 to v0/1: offset 0 after 3 attempts
t=1.188 producer1: #20 to v0/0: offset 0 after 4 attempts
t=1.254 producer0: #21 to t1/1: offset 1 after 4 attempts
t=1.409 consumer0: reads t0/1 from 0: 0=#1, high watermark 1
t=1.409 consumer0: reads t1/0 from 0: 0=#5, high watermark 1
t=1.409 consumer0: reads t1/1 from 0: 0=#8 1=#21, high watermark 2
t=1.695 heal: no more faults
t=1.814 probe: #24 to t1/0: offset 1
t=1.825 probe: #25 to t1/1: offset 2
t=1.827 probe: #27 to v0/1: offset 2
t=1.837 probe: #22 to t0/0: offset 0
t=1.841 probe: #26 to v0/0: offset 1
t=1.856 probe: #23 to t0/1: offset 1
t=1.960 reader: reads t0/0 from 0: 0=#22, high watermark 1
t=1.960 reader: reads t0/1 from 0: 0=#1 1=#23, high watermark 2
t=1.960 reader: reads t1/0 from 0: 0=#5 1=#24, high watermark 2
t=1.960 reader: reads t1/1 from 0: 0=#8 1=#21 2=#25, high watermark 3
t=1.960 reader: reads v0/0 from 0: 0=#20, high watermark 2
t=1.960 reader: reads v0/1 from 0: 0=#2, high watermark 3
t=1.960 reader: reads v0/0 from 1: 1=#26, high watermark 2
t=1.960 reader: reads v0/1 from 1: 1=#18, high watermark 3
t=1.960 reader: reads v0/1 from 2: 2=#27, high watermark 3
held: 26 acknowledged, 17 records read, 2 starts; excused: 13 power-lost-unsynced
