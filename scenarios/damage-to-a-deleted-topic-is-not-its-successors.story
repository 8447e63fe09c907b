# A bit turns over in a log whose topic is deleted. The topic that is made under its name has nothing of that: what is told of it is judged
# as if no disk had ever failed.

world seed=3 keeps=nothing keeps-names=nothing
topic t0
admin
producer a by-id=yes
consumer c by-id=yes max-wait=10ms
at 10ms produce t0/0
at 20ms bit-flip on=log in=t0/0
at 30ms delete t0
at 100ms create t0
at 150ms produce t0/0
at 160ms produce t0/0
at 170ms produce t0/0
at 250ms delete-records t0/0
at 400ms power-loss down=20ms
play
----
t=0.004 admin: create t0 partitions=1: done
t=0.010 a: #1 to t0/0: offset 0
t=0.020 bit-flip: t0-0/00000000000000000000.log
t=0.030 admin: delete t0: done
t=0.075 c: reads t0/0 from 0: UNKNOWN_TOPIC_ID
t=0.100 admin: create t0 partitions=1: done
t=0.150 a: #2 to t0/0: UNKNOWN_TOPIC_ID
t=0.202 a: #3 to t0/0: offset 0
t=0.203 a: #4 to t0/0: offset 1
t=0.251 admin: delete-records t0/0: done
t=0.287 c: reads t0/0 from 0: OFFSET_OUT_OF_RANGE
t=0.400 node 1 loses power
t=0.420 node 1 starts, life 2
t=1.004 heal: no more faults
t=6.004 node 1 loses power
t=6.004 node 1 starts, life 3
t=6.010 probe: #5 to t0/0: offset 2
t=6.111 reader: reads t0/0 from 2: 2=#5, high watermark 3
held: 4 acknowledged, 1 records read, 3 starts; excused: 2 deleted
