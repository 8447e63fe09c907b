# The client that `ottla consume` drives has read to the end of a topic, which is deleted and made again under its name: what it knows of
# the old one says nothing of the new one, and it reads that from the beginning.

world faults-for=2s
topic t0
producer w by-id=yes
library r reads=all
at 20ms produce t0/0 records=3
at 100ms delete t0
at 150ms create t0
at 300ms produce t0/0
at 400ms produce t0/0 records=5
play
----
t=0.004 admin: create t0 partitions=1: done
t=0.020 w: #1 to t0/0, 3 records: offset 0
t=0.020 r: reads t0/0 from 0: 0=#1, high watermark 3
t=0.100 admin: delete t0: done
t=0.151 admin: create t0 partitions=1: done
t=0.300 w: #2 to t0/0: UNKNOWN_TOPIC_ID
t=0.400 w: #3 to t0/0, 5 records: offset 0
t=0.400 r: reads t0/0 from 0: 0=#3, high watermark 5
t=2.004 heal: no more faults
t=2.005 r: reads t0/0 from 5: 5=#4, high watermark 6
t=2.005 probe: #4 to t0/0: offset 5
t=2.106 reader: reads t0/0 from 0: 0=#3 5=#4, high watermark 6
held: 3 acknowledged, 15 records read, 1 starts
