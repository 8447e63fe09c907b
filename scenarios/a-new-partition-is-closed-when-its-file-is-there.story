# Partitions are added while the disk is slow, and the broker ends in order: it waits until their files are there for good, though nothing is
# in them yet. The next life takes them as it finds them.

world seed=11052557 faults-for=2500ms sync=1ms..10ms sync-covers-later=yes
topic t0
topic v0 partitions=2
topic v1 partitions=2
at 20ms configure v1 max.message.bytes=600
at 40ms configure t0 min.insync.replicas=1
at 60ms configure v0 max.message.bytes=600
at 80ms shutdown down=866ms
at 348ms stall after=10
at 1019ms add-partitions t0 total=4
at 1030ms shutdown
play
----
t=0.036 admin: create t0 partitions=1: done
t=0.046 admin: create v0 partitions=2: done
t=0.053 admin: create v1 partitions=2: done
t=0.062 admin: configure v1 max.message.bytes=600: done
t=0.065 admin: configure t0 min.insync.replicas=1: done
t=0.068 admin: configure v0 max.message.bytes=600: done
t=0.119 node 1 ends: Shutdown
t=0.985 node 1 starts, life 2
t=1.022 stall strikes
t=1.022 admin: add-partitions t0 total=4: done
t=2.060 node 1 ends: Shutdown
t=2.160 node 1 starts, life 3
t=2.553 heal: no more faults
t=2.555 probe: #4 to t0/3: offset 0
t=2.556 probe: #7 to v1/0: offset 0
t=2.556 probe: #5 to v0/0: offset 0
t=2.557 probe: #1 to t0/0: offset 0
t=2.557 probe: #8 to v1/1: offset 0
t=2.559 probe: #6 to v0/1: offset 0
t=2.560 probe: #3 to t0/2: offset 0
t=2.560 probe: #2 to t0/1: offset 0
t=2.664 reader: reads t0/0 from 0: 0=#1, high watermark 1
t=2.664 reader: reads t0/1 from 0: 0=#2, high watermark 1
t=2.664 reader: reads t0/2 from 0: 0=#3, high watermark 1
t=2.664 reader: reads t0/3 from 0: 0=#4, high watermark 1
t=2.664 reader: reads v0/0 from 0: 0=#5, high watermark 1
t=2.664 reader: reads v0/1 from 0: 0=#6, high watermark 1
t=2.664 reader: reads v1/0 from 0: 0=#7, high watermark 1
t=2.664 reader: reads v1/1 from 0: 0=#8, high watermark 1
held: 8 acknowledged, 8 records read, 3 starts
