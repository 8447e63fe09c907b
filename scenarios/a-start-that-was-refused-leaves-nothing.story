# A start is refused twice; the next process knows nothing of the directories of the one before.

world faults-for=4700ms delay=250us..5ms log.flush.offset.checkpoint.interval.ms=1
topic t0 partitions=3
topic v0
topic v1 ottla.durability=page-cache
producer producer0
producer producer1
producer producer2 topics=t0 acks=1
at 17ms bit-flip
at 30ms produce t0/0 client=producer2
at 50ms produce t0/0 client=producer2
at 62ms produce v0/2 v1/0
at 77ms produce t0/1 client=producer1
at 90ms produce t0/1 client=producer1
at 110ms power-loss-at-call after=2 down=37ms keeps=everything+garbage+shorn keeps-names=prefix
at 123ms produce t0/2 t0/1 client=producer2
at 4621ms latent-error on=any
play
----
t=0.006 admin: create t0 partitions=3: done
t=0.011 admin: create v0 partitions=1: done
t=0.020 bit-flip: __cluster_metadata-0/00000000000000000000.log
t=0.020 admin: create v1 partitions=1: done
t=0.039 producer2: #1 to t0/0: offset 0
t=0.053 producer2: #2 to t0/0: offset 1
t=0.067 producer0: #4 to v1/0: offset 0
t=0.083 producer1: #5 to t0/1: offset 0
t=0.094 producer1: #6 to t0/1: offset 1
t=0.124 node 1 loses power
t=0.161 node 1 will not start: __cluster_metadata-0/00000000000000000000.log: the checksum of the batch at offset 3 is wrong
t=4.621 latent-error: t0-0/partition.metadata
t=4.720 heal: no more faults
t=4.720 node 1 will not start: __cluster_metadata-0/00000000000000000000.log: the checksum of the batch at offset 3 is wrong
t=9.720 node 1 will not start: __cluster_metadata-0/00000000000000000000.log: the checksum of the batch at offset 3 is wrong
t=9.720 producer0: #3 to v0/2: outcome unknown after 3383 attempts
t=9.720 producer2: #7 to t0/2: outcome unknown after 3472 attempts
t=9.720 producer2: #8 to t0/1: outcome unknown
held: 5 acknowledged, 0 records read, 4 starts; excused: 3 start-refused, 1 disk-failed-halted
