# A new partition's directory cannot be synced and is given up, and made again. A produce that waits for it has been written already, and
# is there later: its answer leaves that open.

world faults-for=1400ms seed=50101838 keeps=everything keeps-names=everything call=30us..300us sync=8ms..80ms sync-covers-later=yes delay=10us..200us
topic t0 partitions=3
topic t1 partitions=2
producer producer0 acks=1 in-flight=3 batches=4 records=7 size=7 think=0ms
producer producer1 retries=no patience=13356ms
operator operator operations=14 think=86ms patience=10657ms
at 342ms stall on=any after=2
at 448ms add-partitions t1 total=1
at 448ms produce t1/1 client=producer1
at 471ms sync-dir-error on=any after=3
at 1379ms write-error on=any
play
----
t=0.378 admin: create t0 partitions=3: done
t=0.448 admin: create t1 partitions=2: done
t=0.448 stall strikes
t=0.448 admin: add-partitions t1 total=1: INVALID_PARTITIONS
t=0.469 producer0: #1 to t0/1, 4 records: offset 0
t=0.512 sync-dir-error strikes
t=0.536 producer1: #5 to t1/1: outcome unknown
t=0.556 producer0: #2 to t1/0, 5 records: offset 0
t=0.556 producer0: #4 to t0/2, 5 records: offset 0
t=0.556 producer0: #6 to t0/0, 6 records: offset 0
t=1.422 write-error strikes
t=1.422 node 1 ends: MetadataDirFailed { what: "an append to the metadata log failed: Io" }
t=1.848 heal: no more faults
t=1.848 node 1 starts, life 2
t=2.092 producer0: #3 to t1/1, 3 records: offset 1 after 26 attempts
t=6.848 node 1 loses power
t=6.848 node 1 starts, life 3
t=7.153 probe: #9 to t0/2: offset 5
t=7.162 probe: #7 to t0/0: offset 6
t=7.174 probe: #8 to t0/1: offset 4
t=7.191 probe: #10 to t1/0: offset 5
t=7.215 probe: #11 to t1/1: offset 4
t=7.318 reader: reads t0/0 from 0: 0=#6 6=#7, high watermark 7
t=7.318 reader: reads t0/1 from 0: 0=#1 4=#8, high watermark 5
t=7.318 reader: reads t0/2 from 0: 0=#4 5=#9, high watermark 6
t=7.318 reader: reads t1/0 from 0: 0=#2 5=#10, high watermark 6
t=7.318 reader: reads t1/1 from 0: 0=#5 1=#3 4=#11, high watermark 5
held: 10 acknowledged, 29 records read, 3 starts
