# A consumer waits for more records of a topic, and has pinned those that are there, when the topic is deleted. The directory is gone when
# the answer has left, not at the next start.

world seed=30
topic t1
topic v0
producer producer1 acks=1 by-id=yes
consumer consumer0 by-id=yes min-bytes=976 max-wait=384ms think=1ms
at 9ms produce v0/0
at 20ms delete v0
play
----
t=0.004 admin: create t1 partitions=1: done
t=0.005 admin: create v0 partitions=1: done
t=0.009 producer1: #1 to v0/0: offset 0
t=0.021 consumer0: reads v0/0 from 0: UNKNOWN_TOPIC_OR_PARTITION
t=0.021 admin: delete v0: done
t=1.005 heal: no more faults
t=1.197 probe: #2 to t1/0: offset 0
t=1.298 reader: reads t1/0 from 0: 0=#2, high watermark 1
held: 2 acknowledged, 1 records read, 1 starts
