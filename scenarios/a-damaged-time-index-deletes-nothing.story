# A drive writes a sector over another one, into a time index: it says that the records of a segment are ancient. No batch bears that out,
# so retention looks at the batches.

world seed=4 faults-for=1570ms log.flush.offset.checkpoint.interval.ms=100
topic t0 partitions=2 index.interval.bytes=1
producer producer0
at 20ms produce t0/1
at 212ms produce t0/1
at 584ms produce t0/1
at 1059ms produce t0/1
at 1245ms produce t0/1
at 1456ms misdirected-write on=any after=1
at 1470ms produce t0/1
play
----
t=0.004 admin: create t0 partitions=2: done
t=0.021 producer0: #1 to t0/1: offset 0
t=0.212 producer0: #2 to t0/1: offset 1
t=0.584 producer0: #3 to t0/1: offset 2
t=1.059 producer0: #4 to t0/1: offset 3
t=1.246 producer0: #5 to t0/1: offset 4
t=1.470 misdirected-write strikes
t=1.470 producer0: #6 to t0/1: offset 5
t=1.574 heal: no more faults
t=6.574 node 1 loses power
t=6.574 node 1 starts, life 2
t=6.579 probe: #8 to t0/1: offset 6
t=6.579 probe: #7 to t0/0: offset 0
t=6.681 reader: reads t0/0 from 0: 0=#7, high watermark 1
t=6.681 reader: reads t0/1 from 0: 0=#1 1=#2 2=#3 3=#4 4=#5, high watermark 7
t=6.681 reader: reads t0/1 from 5: 5=#6 6=#8, high watermark 7
held: 8 acknowledged, 8 records read, 2 starts
