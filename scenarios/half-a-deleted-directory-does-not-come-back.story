# A topic is deleted, and power is lost when its directory has another name and before that name is on the disk. A directory is emptied only
# after that: what is back under the old name is whole, known by its topic id for a deleted one, and in nobody's way.

world seed=6 keeps=any keeps-names=any log.flush.offset.checkpoint.interval.ms=20
topic orders
producer p by-id=yes
at 20ms produce orders/0
at 200ms delete orders
at 200ms power-loss-at-call after=8 down=10ms
at 220ms create orders
play
----
t=0.003 admin: create orders partitions=1: done
t=0.020 p: #1 to orders/0: offset 0
t=0.201 admin: delete orders: done
t=0.202 node 1 loses power
t=0.212 node 1 starts, life 2
t=0.221 admin: create orders partitions=1: done
t=1.003 heal: no more faults
t=1.004 probe: #2 to orders/0: offset 0
t=1.105 reader: reads orders/0 from 0: 0=#2, high watermark 1
held: 2 acknowledged, 1 records read, 2 starts
