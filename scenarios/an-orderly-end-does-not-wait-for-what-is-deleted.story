# A topic is deleted, and the broker is asked to end before the deletion is done. It closes every log, and does not wait for one that is
# gone.

world seed=20100668 keeps=everything call=30us..300us sync=8ms..80ms delay=250us..5ms metadata.log.max.record.bytes.between.snapshots=500
topic t0 partitions=3
topic t1 partitions=2 flush.messages=1 index.interval.bytes=0
topic v0 ottla.durability=page-cache
producer producer0 topics=t0,t1 acks=0
consumer consumer0 topics=t0,t1
inspector inspector0 think=175ms patience=13843ms
at 270ms reset-all
at 649ms delete v0
at 649ms produce t0/2
at 660ms power-off down=1556ms keeps=prefix+garbage+shorn keeps-names=prefix
play
----
t=0.380 admin: create t0 partitions=3: done
t=0.562 admin: create t1 partitions=2: done
t=0.649 reset-all: node 1
t=0.649 producer0: #1 to t0/2: outcome unknown
t=0.649 admin: create v0 partitions=1: done
t=0.651 admin: delete v0: outcome unknown
t=1.269 node 1 ends: Shutdown
t=1.269 node 1 loses power
t=1.649 heal: no more faults
t=1.649 node 1 starts, life 2
t=1.958 probe: #3 to t0/1: offset 0
t=1.961 probe: #5 to t1/0: offset 0
t=1.967 probe: #6 to t1/1: offset 0
t=1.977 probe: #2 to t0/0: offset 0
t=2.014 probe: #4 to t0/2: offset 1
t=2.323 reader: reads t0/0 from 0: 0=#2, high watermark 1
t=2.323 reader: reads t0/1 from 0: 0=#3, high watermark 1
t=2.323 reader: reads t0/2 from 0: 0=#1 1=#4, high watermark 2
t=2.323 reader: reads t1/0 from 0: 0=#5, high watermark 1
t=2.323 reader: reads t1/1 from 0: 0=#6, high watermark 1
held: 5 acknowledged, 6 records read, 2 starts
