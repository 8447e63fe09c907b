# A new partition's directory cannot be synced, is given up, and is to be made again. A produce that waits for it has been written already,
# and the process is killed before the directory goes: the record is there in the next life, so its answer leaves that open.

world faults-for=1400ms seed=525 keeps=everything keeps-names=everything call=30us..300us sync=8ms..80ms sync-covers-later=yes delay=10us..200us
topic t0 partitions=1
topic t1 partitions=2
producer producer1 retries=no patience=13356ms
at 448ms produce t1/1 client=producer1
at 450ms sync-dir-error on=any in=t1/1
at 500ms crash down=100ms
play
----
t=0.382 admin: create t0 partitions=1: done
t=0.435 admin: create t1 partitions=2: done
t=0.455 sync-dir-error strikes
t=0.488 producer1: #1 to t1/1: outcome unknown
t=0.500 node 1 crashes
t=0.600 node 1 starts, life 2
t=1.835 heal: no more faults
t=6.835 node 1 loses power
t=6.835 node 1 starts, life 3
t=7.170 probe: #3 to t1/0: offset 0
t=7.178 probe: #4 to t1/1: offset 1
t=7.229 probe: #2 to t0/0: offset 0
t=7.520 reader: reads t0/0 from 0: 0=#2, high watermark 1
t=7.520 reader: reads t1/0 from 0: 0=#3, high watermark 1
t=7.520 reader: reads t1/1 from 0: 0=#1 1=#4, high watermark 2
held: 3 acknowledged, 4 records read, 3 starts
