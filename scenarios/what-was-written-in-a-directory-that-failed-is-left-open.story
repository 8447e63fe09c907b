# A new partition's directory cannot be synced and is given up, and made again. A produce that waits for it has been written already, and
# is there later: its answer leaves that open.

world faults-for=1400ms seed=525 keeps=everything keeps-names=everything call=30us..300us sync=8ms..80ms sync-covers-later=yes delay=10us..200us
topic t0 partitions=3
topic t1 partitions=2
producer producer0 acks=1 in-flight=3 batches=4 records=7 size=7 think=0ms
producer producer1 retries=no patience=13356ms
operator operator operations=14 think=86ms patience=10657ms
at 342ms stall on=any after=2
at 448ms add-partitions t1 total=1
at 448ms produce t1/1 client=producer1
at 471ms sync-dir-error on=any after=3
play
----
t=0.382 admin: create t0 partitions=3: done
t=0.461 admin: create t1 partitions=2: done
t=0.461 stall strikes
t=0.461 admin: add-partitions t1 total=1: INVALID_PARTITIONS
t=0.513 sync-dir-error strikes
t=0.535 producer1: #5 to t1/1: outcome unknown
t=0.584 producer0: #1 to t0/1, 3 records: offset 0
t=0.584 producer0: #2 to t1/0, 3 records: offset 0
t=0.584 producer0: #4 to t0/2, 2 records: offset 0
t=0.584 producer0: #6 to t0/0, 3 records: offset 0
t=1.861 heal: no more faults
t=1.932 producer0: #3 to t1/1, 5 records: outcome unknown after 31 attempts
t=6.861 node 1 loses power
t=6.861 node 1 starts, life 2
t=7.027 probe: #9 to t0/2: offset 2
t=7.050 probe: #11 to t1/1: offset 6
t=7.061 probe: #10 to t1/0: offset 3
t=7.070 probe: #8 to t0/1: offset 3
t=7.074 probe: #7 to t0/0: offset 3
t=7.178 reader: reads t0/0 from 0: 0=#6 3=#7, high watermark 4
t=7.178 reader: reads t0/1 from 0: 0=#1 3=#8, high watermark 4
t=7.178 reader: reads t0/2 from 0: 0=#4 2=#9, high watermark 3
t=7.178 reader: reads t1/0 from 0: 0=#2 3=#10, high watermark 4
t=7.178 reader: reads t1/1 from 0: 0=#5 1=#3 6=#11, high watermark 7
held: 9 acknowledged, 22 records read, 2 starts
