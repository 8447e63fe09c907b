# Records of a topic that rests on the page cache are deleted, and the process dies: the next life sees the new log start in the page
# cache, and a power loss could still bring the old one back. Until that is on the disk no recovery point rests on it.

world seed=2 config=default faults-for=1512ms sync=8ms..80ms log.flush.offset.checkpoint.interval.ms=1
topic t0 partitions=2 ottla.durability=page-cache
producer producer0
producer producer2
at 1354ms produce t0/1
at 1370ms delete-records t0/1
at 1374ms produce t0/1 client=producer2
at 1412ms crash-at-call after=4 down=126ms
play
----
t=0.299 admin: create t0 partitions=2: done
t=1.354 producer0: #1 to t0/1: offset 0
t=1.374 producer2: #2 to t0/1: offset 1
t=1.427 node 1 crashes
t=1.428 admin: delete-records t0/1: outcome unknown
t=1.553 node 1 starts, life 2
t=1.811 heal: no more faults
t=1.831 probe: #4 to t0/1: offset 2
t=1.831 probe: #3 to t0/0: offset 0
t=1.967 reader: reads t0/0 from 0: 0=#3, high watermark 1
t=1.967 reader: reads t0/1 from 0: 0=#1 1=#2 2=#4, high watermark 3
held: 4 acknowledged, 4 records read, 2 starts
