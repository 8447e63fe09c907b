# A bit of a batch turns over, and a sector of the segment behind it cannot be read any more. What promised records were on it may be read by
# somebody yet: the partition is offline, and nothing is removed.

world seed=150100543 faults-for=4527ms delay=2500us..50ms log.flush.offset.checkpoint.interval.ms=100
topic t0 internal.segment.bytes=400
producer producer0 acks=0 batches=9 size=8 think=46ms
at 126ms no-space on=any after=12
at 563ms shutdown down=1074ms
at 1116ms bit-flip
at 2008ms crash-at-call after=7 down=265ms
at 2725ms latent-error
play
----
t=0.072 producer0: #1 to t0/0: outcome unknown
t=0.072 admin: create t0 partitions=1: done
t=0.140 producer0: #2 to t0/0: outcome unknown
t=0.189 producer0: #3 to t0/0: outcome unknown
t=0.266 producer0: #4 to t0/0: outcome unknown
t=0.304 producer0: #5 to t0/0: outcome unknown
t=0.314 no-space strikes
t=0.368 producer0: #6 to t0/0: outcome unknown
t=0.434 producer0: #7 to t0/0: outcome unknown
t=0.497 producer0: #8 to t0/0: outcome unknown
t=0.518 producer0: #9 to t0/0: outcome unknown
t=0.568 node 1 ends: Shutdown
t=1.116 bit-flip: t0-0/00000000000000000000.log
t=1.642 node 1 starts, life 2
t=2.645 node 1 crashes
t=2.725 latent-error: t0-0/00000000000000000004.log
t=2.910 node 1 starts, life 3
t=4.599 heal: no more faults
t=9.599 node 1 loses power
t=9.599 node 1 starts, life 4
t=9.599 probe: #10 to t0/0: outcome unknown after 3497 attempts
held: 0 acknowledged, 0 records read, 4 starts; excused: 2 damaged
