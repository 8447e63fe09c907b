# The sync of the marker of an orderly end fails: the node ends, and the next start looks at everything.

world
topic t0
topic v1 partitions=3
at 20ms sync-dir-error on=any after=9
at 40ms shutdown
play
----
t=0.004 admin: create t0 partitions=1: done
t=0.005 admin: create v1 partitions=3: done
t=0.044 sync-dir-error strikes
t=0.044 node 1 ends: Unclean { what: "the clean-shutdown marker cannot be written: Io" }
t=0.144 node 1 starts, life 2
t=1.005 heal: no more faults
t=6.005 node 1 loses power
t=6.005 node 1 starts, life 3
t=6.009 probe: #2 to v1/0: offset 0
t=6.009 probe: #3 to v1/1: offset 0
t=6.009 probe: #1 to t0/0: offset 0
t=6.009 probe: #4 to v1/2: offset 0
t=6.112 reader: reads t0/0 from 0: 0=#1, high watermark 1
t=6.112 reader: reads v1/0 from 0: 0=#2, high watermark 1
t=6.112 reader: reads v1/1 from 0: 0=#3, high watermark 1
t=6.112 reader: reads v1/2 from 0: 0=#4, high watermark 1
held: 4 acknowledged, 4 records read, 3 starts; excused: 1 disk-failed
